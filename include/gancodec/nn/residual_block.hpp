#pragma once

#include <string>
#include <utility>

#include "gancodec/nn/conv2d.hpp"

namespace gancodec {

/// x + conv2(act(conv1(x))), both convolutions 3x3, act a leaky ReLU (He et al. 2016, without normalisation).
template <int C, int SlopePercent = 20, class T = float>
class ResidualBlock {
    using Conv = Conv2d<C, C, 3, Stride<1>, Padding<1>, T>;

public:
    using Scalar = T;
    template <class U>
    using Rebind = ResidualBlock<C, SlopePercent, U>;

    static constexpr int out_channels(int in) { return in == C ? C : kChannelMismatch; }
    static constexpr Interval reads(Interval outputs) { return Conv::reads(Conv::reads(outputs)); }
    static constexpr int window_start(int read, int output) { return Conv::window_start(read, output); }
    static constexpr int window_origin(int input) { return input; }
    static constexpr int out_extent(int in) { return in; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        auto inner = conv2d_activation(context, x, conv1, Activation::leaky_relu, T(SlopePercent) / T(100));
        return conv2d_add(context, std::move(inner), conv2, std::move(x));
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        conv1.each_parameter(prefix + "conv1.", f);
        conv2.each_parameter(prefix + "conv2.", f);
    }
    void prepare(bool for_backward) {
        conv1.prepare(for_backward);
        conv2.prepare(for_backward);
    }
    void project() {}

    Conv conv1, conv2;
};

}  // namespace gancodec
