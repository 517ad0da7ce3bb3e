#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "gancodec/core/parallel.hpp"
#include "gancodec/train/optimizer.hpp"

namespace gancodec {

/// RMSProp: steps along the gradient divided by the root of its own mean square.
///   s ← decay·s + (1 − decay)·g²,  value ← value − rate·g / (√s + epsilon)
/// Paper    Tieleman and Hinton: Lecture 6.5, Neural Networks for Machine Learning, 2012.
struct RmsPropOptions {
    double decay = 0.99, epsilon = 1e-8;
};

/// The mean square is kept in second_moment.
inline void rms_prop_update(std::span<TrainedParameter> parameters, const RmsPropOptions& options, double learning_rate,
                            double gradient_factor) {
    const auto decay = static_cast<float>(options.decay), epsilon = static_cast<float>(options.epsilon);
    const auto factor = static_cast<float>(gradient_factor);
    parallel_for(static_cast<std::int64_t>(parameters.size()), [&](std::int64_t index, int) {
        TrainedParameter& p = parameters[static_cast<std::size_t>(index)];
        if (!p.parameter->trained()) return;
        const auto rate = static_cast<float>(learning_rate * p.learning_rate_factor);
        for (std::size_t i = 0; i < p.parameter->value.size(); ++i) {
            const float g = p.parameter->grad[i] * factor;
            p.second_moment[i] = std::fma(decay, p.second_moment[i] - g * g, g * g);
            p.parameter->value[i] =
                std::fma(-rate, g / (std::sqrt(p.second_moment[i]) + epsilon), p.parameter->value[i]);
        }
    });
}

}  // namespace gancodec
