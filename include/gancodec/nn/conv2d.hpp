#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "gancodec/kernels/conv2d.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// How far a kernel moves between outputs, as a type, for reading: Conv2d<3, 48, 5, Stride<2>>.
template <int Step>
struct Stride {
    static constexpr int value = Step;
};
/// Zeros around the input, as a type; without it a layer pads by kernel/2.
template <int Pixels>
struct Padding {
    static constexpr int value = Pixels;
};

/// Convolution with bias, zero padding.
///   out[n,co,oy,ox] = bias[co] + Σ_{ci,ky,kx} weight[co,ci,ky,kx] · in[n,ci,oy·s+ky−p,ox·s+kx−p]
/// Shapes  in [n,In,h,w] · weight [Out,In,Kernel,Kernel] · bias [Out] · out [n,Out,(h+2p−Kernel)/s+1,…]
template <int In, int Out, int Kernel, class S = Stride<1>, class P = Padding<Kernel / 2>, class T = float>
class Conv2d {
public:
    using Scalar = T;
    template <class U>
    using Rebind = Conv2d<In, Out, Kernel, S, P, U>;

    static constexpr int out_channels(int in) { return in == In ? Out : kChannelMismatch; }
    static constexpr ConvGeometry geometry() { return {In, Out, Kernel, S::value, P::value}; }
    static constexpr Interval reads(Interval outputs) { return window_inputs(geometry(), outputs); }
    static constexpr int window_start(int read, int output) {
        return round_down(std::min(read, output * S::value), window_step(geometry()));
    }
    static constexpr int window_origin(int input) { return input / S::value; }
    static constexpr int out_extent(int in) { return geometry().out_extent(in); }

    Conv2d() : weight({Out, In, Kernel, Kernel}), bias({Out}) {}

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return conv2d(context, std::move(x), *this);
    }
    template <class Context>
    [[nodiscard]] typename Context::Value activated(Context& context, typename Context::Value x, Activation kind,
                                                    T slope) const {
        return conv2d_activation(context, std::move(x), *this, kind, slope);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "weight", weight);
        f(prefix + "bias", bias);
    }
    void prepare(bool for_backward) {
        prepared.prepare(geometry(), weight.value.data(), bias.value.data(), for_backward);
    }
    void project() {}

    Parameter<T> weight, bias;
    PreparedConv2d<T> prepared;
};

template <int In, int Out, int Kernel, class S, class P, class T>
inline constexpr bool kStoresActivated<Conv2d<In, Out, Kernel, S, P, T>> = true;

/// The operations behind Conv2d for a context that does not record: alone, with an activation, with a sum; what follows
/// the convolution is applied as it stores, which gives the same numbers as separate operations.
template <class T, class L>
Pooled<T> conv2d(Inference<T>& context, Pooled<T> x, const L& layer, const Epilogue<T>& epilogue = {}) {
    const ConvGeometry& g = layer.prepared.geometry();
    GANCODEC_ASSERT(x.shape().c == g.in_channels);
    auto out = context.make({x.shape().n, g.out_channels, g.out_extent(x.shape().h), g.out_extent(x.shape().w)});
    const Workspace::Scope scope(context.scratch());
    conv2d_forward(x.constant(), layer.prepared, out.view(), context.scratch(), epilogue, context.precision());
    return out;
}
template <class T, class L>
Pooled<T> conv2d_activation(Inference<T>& context, Pooled<T> x, const L& layer, Activation kind, T slope) {
    Epilogue<T> epilogue;
    epilogue.activate = true;
    epilogue.activation = kind;
    epilogue.slope = slope;
    return conv2d(context, std::move(x), layer, epilogue);
}
template <class T, class L>
Pooled<T> conv2d_add(Inference<T>& context, Pooled<T> x, const L& layer, Pooled<T> skip) {
    Epilogue<T> epilogue;
    epilogue.skip = skip.constant().data;
    return conv2d(context, std::move(x), layer, epilogue);
}

}  // namespace gancodec
