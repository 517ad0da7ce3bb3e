#pragma once

#include <cmath>
#include <cstdint>

#include "gancodec/train/checkpoint.hpp"
#include "gancodec/train/schedule.hpp"

namespace gancodec {

/// The learning rate of this step: its schedule, what explosions took away, and what plateaus did.
[[nodiscard]] inline double learning_rate(const LearningRateSchedule& schedule, const TrainingState& state,
                                          std::int64_t total_steps) {
    const double lowered = schedule.shape == ScheduleShape::plateau ? state.plateau_factor : 1;
    return schedule.at(state.step, total_steps) * state.learning_rate_factor * lowered;
}

/// After every step: lowers the rate when the running loss has not fallen by a thousandth for `patience_steps`.
inline void follow_plateau(const LearningRateSchedule& schedule, TrainingState& state) {
    constexpr double kLeastFall = 1e-3;
    if (schedule.shape != ScheduleShape::plateau) return;
    if (state.running_loss < state.lowest_loss - kLeastFall * std::abs(state.lowest_loss) ||
        std::isinf(state.lowest_loss)) {
        state.lowest_loss = state.running_loss;
        state.lowest_step = state.step;
    } else if (state.step - state.lowest_step >= schedule.patience_steps) {
        state.plateau_factor *= schedule.step_factor;
        state.lowest_step = state.step;
    }
}

}  // namespace gancodec
