#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/train/optimizer.hpp"
#include "gancodec/weights/safetensors.hpp"
#include "gancodec/weights/safetensors_writer.hpp"

namespace gancodec {

/// Counters of a run that are not tensors.
struct TrainingState {
    std::int64_t step = 0;
    double learning_rate_factor = 1;  ///< halved at every return to a snapshot
    double running_loss = 0;          ///< mean over the last hundred steps or so, 0 before the first
    double pixel_steps = 0;           ///< crop pixels seen so far
    double seconds = 0;               ///< time spent in steps
    double lowest_loss = std::numeric_limits<double>::infinity();  ///< of running_loss, and the step that had it:
    std::int64_t lowest_step = 0;                                  ///< for schedules that wait for a plateau, …
    double plateau_factor = 1;                                     ///< … and what they did to the learning rate
};

/// A run at rest: parameters, moments, average, counters. Kept in memory as the snapshot to return to, and on disk.
class Checkpoint {
public:
    [[nodiscard]] static Checkpoint take(std::span<const TrainedParameter> parameters, const TrainingState& state) {
        Checkpoint checkpoint;
        checkpoint.state_ = state;
        for (const TrainedParameter& p : parameters)
            checkpoint.tensors_.push_back(
                {p.name, p.parameter->shape, {p.parameter->value, p.first_moment, p.second_moment, p.average}});
        return checkpoint;
    }
    void restore(std::span<TrainedParameter> parameters, TrainingState& state) const {
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            TrainedParameter& p = parameters[i];
            const auto& saved = tensors_[i].values;
            p.parameter->value = saved[0];
            p.first_moment = saved[1];
            p.second_moment = saved[2];
            p.average = saved[3];
        }
        state = state_;
    }

    /// Whatever happens meanwhile, `path` is the old checkpoint or the whole new one.
    /// Errors  Error{io}.
    void save(const std::filesystem::path& path) const {
        SafetensorsWriter writer;
        for (const Saved& tensor : tensors_)
            for (std::size_t part = 0; part < kParts.size(); ++part)
                writer.add_float(kParts[part] + tensor.name, tensor.shape, tensor.values[part]);
        writer.metadata("format", kFormat);
        writer.metadata("step", std::to_string(state_.step));
        const auto exact = [](double value) {
            char text[40];
            std::snprintf(text, sizeof text, "%a", value);
            return std::string(text);
        };
        writer.metadata("learning_rate_factor", exact(state_.learning_rate_factor));
        writer.metadata("running_loss", exact(state_.running_loss));
        writer.metadata("pixel_steps", exact(state_.pixel_steps));
        writer.metadata("seconds", exact(state_.seconds));
        writer.metadata("lowest_loss", exact(state_.lowest_loss));
        writer.metadata("lowest_step", std::to_string(state_.lowest_step));
        writer.metadata("plateau_factor", exact(state_.plateau_factor));
        writer.save(path);
    }
    [[nodiscard]] static bool is_one(const SafetensorsFile& file) {
        const auto found = file.metadata().find("format");
        return found != file.metadata().end() && found->second == kFormat;
    }
    /// Reads a checkpoint for exactly these parameters; Error{wrong_weights} lists what does not fit.
    [[nodiscard]] static Checkpoint load(const std::filesystem::path& path,
                                         std::span<const TrainedParameter> parameters) {
        const auto file = SafetensorsFile::load(path);
        const auto number = [&](const char* key) {
            const auto found = file.metadata().find(key);
            if (found == file.metadata().end())
                throw Error(Errc::wrong_weights,
                            path.string() + ": expected a checkpoint with " + key + ", found none");
            return std::strtod(found->second.c_str(), nullptr);
        };
        std::vector<TensorRequest> requests;
        for (const TrainedParameter& p : parameters)
            for (const std::string& part : kParts) requests.push_back({part + p.name, p.parameter->shape});
        require_tensors(file, requests);
        Checkpoint checkpoint;
        checkpoint.state_ = {static_cast<std::int64_t>(number("step")), number("learning_rate_factor"),
                             number("running_loss"), number("pixel_steps"), number("seconds")};
        if (file.metadata().contains("plateau_factor")) {  // not in files of earlier versions and of the PyTorch twin
            checkpoint.state_.lowest_loss = number("lowest_loss");
            checkpoint.state_.lowest_step = static_cast<std::int64_t>(number("lowest_step"));
            checkpoint.state_.plateau_factor = number("plateau_factor");
        }
        for (const TrainedParameter& p : parameters) {
            Saved saved{p.name, p.parameter->shape, {}};
            for (const std::string& part : kParts) saved.values.push_back(file.read_float(part + p.name));
            checkpoint.tensors_.push_back(std::move(saved));
        }
        return checkpoint;
    }

private:
    struct Saved {
        std::string name;
        std::vector<int> shape;
        std::vector<std::vector<float>> values;
    };
    static inline const std::string kFormat = "gancodec checkpoint 1";
    static inline const std::vector<std::string> kParts = {"value.", "first_moment.", "second_moment.", "average."};

    TrainingState state_;
    std::vector<Saved> tensors_;
};

}  // namespace gancodec
