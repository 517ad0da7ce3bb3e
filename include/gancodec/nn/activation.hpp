#pragma once

#include <utility>

#include "gancodec/kernels/activation.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// A function of each element: kind from kernels/activation.hpp; SlopePercent is the slope of leaky_relu below zero, ·100.
template <Activation Kind, int SlopePercent = 0, class T = float>
struct ActivationLayer : StatelessLayer<T> {
    template <class U>
    using Rebind = ActivationLayer<Kind, SlopePercent, U>;
    static constexpr Activation kKind = Kind;
    static constexpr T kSlope = T(SlopePercent) / T(100);
    /// Whether a convolution before this layer can do its work: see Epilogue.
    static constexpr bool kInEpilogue = Kind == Activation::relu || Kind == Activation::leaky_relu;
    static constexpr int out_channels(int in) { return in; }
    static constexpr Interval reads(Interval outputs) { return outputs; }
    static constexpr int window_start(int, int output) { return output; }
    static constexpr int window_origin(int input) { return input; }
    static constexpr int out_extent(int in) { return in; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return activation(context, std::move(x), Kind, kSlope);
    }
};
using Relu = ActivationLayer<Activation::relu>;
template <int SlopePercent = 20>
using LeakyRelu = ActivationLayer<Activation::leaky_relu, SlopePercent>;
using Sigmoid = ActivationLayer<Activation::sigmoid>;
using Tanh = ActivationLayer<Activation::tanh>;

template <class T>
Pooled<T> activation(Inference<T>& context, Pooled<T> x, Activation kind, T slope) {
    auto out = x.unique() ? x : context.make(x.shape());
    context.compute([&] { activation_forward(x.constant(), kind, slope, out.view()); });
    return out;
}

}  // namespace gancodec
