#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gancodec {

/// Learning rate over a run: linear warm-up, constant, then half a cosine down to `final_factor`.
struct LearningRateSchedule {
    double peak = 2e-4;
    std::int64_t warm_up_steps = 200;
    double decay_from = 0.5;  ///< share of the run after which the cosine begins; 0 is the plain warm-up and cosine
    double final_factor = 0.02;

    [[nodiscard]] double at(std::int64_t step, std::int64_t total_steps) const {
        const double warm = std::min(
            1.0, static_cast<double>(step + 1) / static_cast<double>(std::max<std::int64_t>(1, warm_up_steps)));
        const double begin = decay_from * static_cast<double>(total_steps);
        const double length = std::max(1.0, static_cast<double>(total_steps) - begin);
        const double t = std::clamp((static_cast<double>(step) - begin) / length, 0.0, 1.0);
        constexpr double kPi = 3.141592653589793;
        return peak * warm * (final_factor + (1 - final_factor) * 0.5 * (1 + std::cos(kPi * t)));
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
