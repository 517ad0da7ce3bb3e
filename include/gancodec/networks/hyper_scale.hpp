#pragma once

#include <span>
#include <string>
#include <utility>

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/quantized_conv2d.hpp"
#include "gancodec/nn/shuffle.hpp"

namespace gancodec {

/// The network that chooses a scale table for every latent from the integers ẑ, in the form in which it is trained.
/// It simulates IntegerHyperScale (latents/), which the codec runs: never this one.
///   1x1, ReLU8, 3x3, ReLU8, 1x1, pixel shuffle by 4;
///   t = kOffset + kSlope·(last convolution) + level_offset[quality level, channel], an index 0..63
/// The offset follows the gain: without it the hyper latents had to tell the quality level, and wasted bits on it.
/// Shapes  z [n,Z,h,w] integers in −127..127 · level_offset [Levels,Y] · t [n,Y,4h,4w]
/// ReLU8 rounds to multiples of kActivationStep in 0..255 steps. (Structure after JPEG AI, ISO/IEC 6048-1.)
template <int Z, int Hidden, int Y, int Levels, class T = float>
class HyperScale {
public:
    using Scalar = T;
    template <class U>
    using Rebind = HyperScale<Z, Hidden, Y, Levels, U>;
    static constexpr double kActivationStep = 1.0 / 16;
    static constexpr double kSlope = 8;
    static constexpr double kOffset = 22;

    HyperScale() : level_offset({Levels, Y}) {
        inner.set_input_step(kActivationStep);
        expand.set_input_step(kActivationStep);
    }
    static constexpr int out_channels(int in) { return in == Z ? Y : kChannelMismatch; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value z,
                                                     std::span<const double> positions) const {
        auto h = quantize(context, reduce(context, std::move(z)), kActivationStep, 0.0, 255.0);
        h = quantize(context, inner(context, std::move(h)), kActivationStep, 0.0, 255.0);
        auto t = pixel_shuffle(context, expand(context, std::move(h)), 4);
        t = scale_and_shift(context, std::move(t), T(kSlope), T(kOffset));
        return add_per_level(context, std::move(t), level_offset, positions);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        reduce.each_parameter(prefix + "reduce.", f);
        inner.each_parameter(prefix + "inner.", f);
        expand.each_parameter(prefix + "expand.", f);
        f(prefix + "level_offset", level_offset);
    }
    void prepare(bool for_backward) {
        reduce.prepare(for_backward);
        inner.prepare(for_backward);
        expand.prepare(for_backward);
    }
    void project() {}

    QuantizedConv2d<Z, Hidden, 1, T> reduce;
    QuantizedConv2d<Hidden, Hidden, 3, T> inner;
    QuantizedConv2d<Hidden, Y * 16, 1, T> expand;
    Parameter<T> level_offset;
};

}  // namespace gancodec
