#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "gancodec/core/tensor.hpp"
#include "gancodec/train/checkpoint.hpp"

namespace gancodec {

/// The last good state of a run, to which it returns when its loss explodes.
class Snapshot {
public:
    void take(std::span<const TrainedParameter> parameters, const TrainingState& state) {
        checkpoint_ = Checkpoint::take(parameters, state);
    }
    /// Whether `loss` is no number, or `factor` times its running mean.
    [[nodiscard]] static bool exploded(double loss, const TrainingState& state, double factor) {
        constexpr std::int64_t kPatience = 100;  // the first steps fall by themselves
        return !std::isfinite(loss) ||
               (state.step > kPatience && loss > factor * std::max(std::abs(state.running_loss), 1e-6));
    }
    /// Goes back, halves the learning rate, and leaves the batch that failed behind.
    void restore(std::span<TrainedParameter> parameters, TrainingState& state) const {
        const double factor = state.learning_rate_factor * 0.5;
        const std::int64_t failed = state.step;
        checkpoint_.restore(parameters, state);
        state.learning_rate_factor = factor;
        state.step = failed + 1;
    }

private:
    Checkpoint checkpoint_;
};

/// Whether every number of a batch is one. Requires padding lanes of zeros.
[[nodiscard]] inline bool all_finite(TensorView<const float> batch) {
    return std::all_of(batch.data, batch.data + batch.size(), [](float x) { return std::isfinite(x); });
}

/// Counts a step that went well.
inline void finish_step(TrainingState& state, double loss, double pixels) {
    state.running_loss = state.step == 0 ? loss : std::fma(0.01, loss - state.running_loss, state.running_loss);
    state.pixel_steps += pixels;
    ++state.step;
}

}  // namespace gancodec
