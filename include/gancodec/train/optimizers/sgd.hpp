#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "gancodec/core/parallel.hpp"
#include "gancodec/train/optimizer.hpp"

namespace gancodec {

/// Gradient descent with momentum: a heavy ball.
///   m ← momentum·m + g,  value ← value − rate·m
/// Paper    Polyak: Some methods of speeding up the convergence of iteration methods, 1964.
struct SgdOptions {
    double momentum = 0.9;
};

/// The momentum is kept in first_moment.
inline void sgd_update(std::span<TrainedParameter> parameters, const SgdOptions& options, double learning_rate,
                       double gradient_factor) {
    const auto momentum = static_cast<float>(options.momentum), factor = static_cast<float>(gradient_factor);
    parallel_for(static_cast<std::int64_t>(parameters.size()), [&](std::int64_t index, int) {
        TrainedParameter& p = parameters[static_cast<std::size_t>(index)];
        if (!p.parameter->trained()) return;
        const auto rate = static_cast<float>(learning_rate * p.learning_rate_factor);
        for (std::size_t i = 0; i < p.parameter->value.size(); ++i) {
            p.first_moment[i] = std::fma(momentum, p.first_moment[i], p.parameter->grad[i] * factor);
            p.parameter->value[i] = std::fma(-rate, p.first_moment[i], p.parameter->value[i]);
        }
    });
}

}  // namespace gancodec
