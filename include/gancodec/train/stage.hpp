#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gancodec/codec/codec_weights.hpp"
#include "gancodec/metrics/dists.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/train/checkpoint.hpp"

namespace gancodec {

/// Numbers with names, in the order in which they are shown.
using Figures = std::vector<std::pair<std::string, double>>;

/// One step of training in numbers; means over the batch.
struct StepReport {
    std::int64_t step = 0;
    double loss = 0, seconds = 0;
    Figures figures;        ///< what the loss was made of
    bool restored = false;  ///< the loss exploded and the run went back to its last snapshot
    std::string
        skipped;  ///< what held a number that is none, so that the step changed nothing; empty when all went well
    std::string symptom;  ///< what seems to go wrong, and the usual cure; empty when nothing does

    /// Requires a figure of that name.
    [[nodiscard]] double at(std::string_view name) const {
        for (const auto& [key, value] : figures)
            if (key == name) return value;
        throw Error(Errc::invalid_argument, "step report: expected a figure of another name than " + std::string(name));
    }
};

/// A stage of training, as a run sees it: what is trained, by which losses, is the stage's own. Stages are equal bit for
/// bit for equal recipe, data and seed, for any number of threads and however often they are saved and resumed.
/// The networks that a loss compares pictures by; what a recipe gives no weight may be null.
struct PerceptualLosses {
    const Lpips<AlexNet>* lpips = nullptr;
    const Dists<>* dists = nullptr;
};

class Stage {
public:
    Stage() = default;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    virtual ~Stage() = default;

    virtual StepReport step() = 0;
    /// Figures that cost more than those of every step, of the last step's batch.
    [[nodiscard]] virtual Figures examine() = 0;
    [[nodiscard]] virtual const TrainingState& state() const = 0;
    [[nodiscard]] virtual std::int64_t steps() const = 0;
    [[nodiscard]] virtual std::int64_t checkpoint_steps() const = 0;
    virtual void save(const std::filesystem::path& path) const = 0;
    virtual void resume(const std::filesystem::path& path) = 0;
    /// What a codec loads: the averaged weights, exported.
    [[nodiscard]] virtual CodecWeights weights() const = 0;

    [[nodiscard]] bool finished() const { return state().step >= steps(); }
};

}  // namespace gancodec
