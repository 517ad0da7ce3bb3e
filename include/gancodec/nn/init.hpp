#pragma once

#include <cmath>
#include <cstddef>
#include <string_view>

#include "gancodec/core/random.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Draws the weights of every convolution so that the variance of a signal is kept through it (He et al. 2015):
///   weight ~ N(0, gain² / fan_in), gain² = 2 / (1 + slope²) for the leaky ReLU that follows; biases stay as they are.
/// The second convolution of a residual block starts smaller by `residual_scale`: a deep stack then begins near the
/// identity. Which one it is, the name says ("conv2.weight").
template <class Network>
void init_keep_variance(Network& network, Random& random, double slope = 0.2, double residual_scale = 0.3) {
    using T = typename Network::Scalar;
    network.each_parameter("", [&](std::string_view name, Parameter<T>& parameter) {
        if (parameter.shape.size() != 4) return;
        const double fan_in = static_cast<double>(parameter.shape[1] * parameter.shape[2] * parameter.shape[3]);
        double deviation = std::sqrt(2.0 / ((1.0 + slope * slope) * fan_in));
        if (name.ends_with("conv2.weight")) deviation *= residual_scale;
        for (T& w : parameter.value) w = static_cast<T>(deviation * random.normal());
    });
}

/// Multiplies the weights of the last convolution of a network, the one whose output nothing follows.
template <class Network>
void scale_last_convolution(Network& network, double factor) {
    using T = typename Network::Scalar;
    Parameter<T>* last = nullptr;
    network.each_parameter("", [&](std::string_view, Parameter<T>& parameter) {
        if (parameter.shape.size() == 4) last = &parameter;
    });
    if (last)
        for (T& w : last->value) w = static_cast<T>(static_cast<double>(w) * factor);
}

}  // namespace gancodec
