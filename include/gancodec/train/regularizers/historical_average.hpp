#pragma once

#include <cstddef>
#include <span>

#include "gancodec/train/optimizer.hpp"

namespace gancodec {

/// Adds the gradient of weight·|θ − θ̄|², θ̄ the average that TrainedParameter keeps: parameters that circle around an
/// equilibrium are drawn to its middle.
/// Paper    Salimans et al.: Improved Techniques for Training GANs, 2016, section 3.3.
inline void add_historical_average(std::span<TrainedParameter> parameters, double weight) {
    if (weight == 0) return;
    for (TrainedParameter& p : parameters)
        for (std::size_t i = 0; i < p.parameter->grad.size(); ++i)
            p.parameter->grad[i] += static_cast<float>(2 * weight) * (p.parameter->value[i] - p.average[i]);
}

}  // namespace gancodec
