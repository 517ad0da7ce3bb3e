#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gancodec {

/// How a learning rate falls.
enum class ScheduleShape { cosine, constant, step, plateau };

/// Learning rate over a run: a linear warm-up, then one of four shapes.
///   cosine    constant, then half a cosine down to `final_factor` (Loshchilov and Hutter 2017, without restarts)
///   constant  stays at the peak
///   step      times `step_factor` after every `step_every` steps
///   plateau   times `step_factor` whenever the loss has not fallen for `patience_steps`: train/plateau.hpp
struct LearningRateSchedule {
    double peak = 2e-4;
    std::int64_t warm_up_steps = 200;
    double decay_from = 0.5;  ///< share of the run after which the cosine begins; 0 is the plain warm-up and cosine
    double final_factor = 0.02;
    ScheduleShape shape = ScheduleShape::cosine;
    double step_factor = 0.5;
    std::int64_t step_every = 10000, patience_steps = 2000;

    /// Without what a plateau adds to it.
    [[nodiscard]] double at(std::int64_t step, std::int64_t total_steps) const {
        const double warm = std::min(
            1.0, static_cast<double>(step + 1) / static_cast<double>(std::max<std::int64_t>(1, warm_up_steps)));
        switch (shape) {
            case ScheduleShape::cosine:
                return peak * warm * cosine(step, total_steps);
            case ScheduleShape::step:
                return peak * warm * std::pow(step_factor, static_cast<double>(step / step_every));
            case ScheduleShape::constant:
            case ScheduleShape::plateau:
                break;
        }
        return peak * warm;
    }

private:
    [[nodiscard]] double cosine(std::int64_t step, std::int64_t total_steps) const {
        const double begin = decay_from * static_cast<double>(total_steps);
        const double length = std::max(1.0, static_cast<double>(total_steps) - begin);
        const double t = std::clamp((static_cast<double>(step) - begin) / length, 0.0, 1.0);
        constexpr double kPi = 3.141592653589793;
        return final_factor + (1 - final_factor) * 0.5 * (1 + std::cos(kPi * t));
    }
};

/// Factor on every lambda: bits are cheap at first, so that the auto-encoder becomes good before they are squeezed
/// (with full strength from the start, a third of the latent channels was seen to die).
struct LambdaRamp {
    double start_factor = 0.3;
    std::int64_t hold_steps = 500;   ///< steps at start_factor
    std::int64_t ramp_steps = 4000;  ///< then geometrically up to 1

    [[nodiscard]] double at(std::int64_t step) const {
        const double t = std::clamp(
            static_cast<double>(step - hold_steps) / static_cast<double>(std::max<std::int64_t>(1, ramp_steps)), 0.0,
            1.0);
        return std::pow(start_factor, 1 - t);
    }
};

}  // namespace gancodec
