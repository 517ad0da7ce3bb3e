#pragma once

#include <string>
#include <utility>

#include "gancodec/kernels/conv_transpose2d.hpp"
#include "gancodec/nn/conv2d.hpp"

namespace gancodec {

/// Transposed convolution with bias: the adjoint of Conv2d, which enlarges by its stride.
///   out[n,co,iy·s+ky−p,ix·s+kx−p] += weight[ci,co,ky,kx] · in[n,ci,iy,ix], from bias[co]
/// Shapes  in [n,In,h,w] · weight [In,Out,Kernel,Kernel] · bias [Out] · out [n,Out,h·s,w·s] (by the default paddings)
template <int In, int Out, int Kernel, class S = Stride<2>, class T = float>
class ConvTranspose2d {
public:
    using Scalar = T;
    template <class U>
    using Rebind = ConvTranspose2d<In, Out, Kernel, S, U>;

    static constexpr int out_channels(int in) { return in == In ? Out : kChannelMismatch; }
    static constexpr ConvTransposeGeometry geometry() {
        constexpr int pad = (Kernel - S::value + 1) / 2;
        return {In, Out, Kernel, S::value, pad, S::value - Kernel + 2 * pad};
    }

    ConvTranspose2d() : weight({In, Out, Kernel, Kernel}), bias({Out}) {}

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return conv_transpose2d(context, std::move(x), *this);
    }
    template <class Context>
    [[nodiscard]] typename Context::Value activated(Context& context, typename Context::Value x, Activation kind,
                                                    T slope) const {
        return conv_transpose2d_activation(context, std::move(x), *this, kind, slope);
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
    PreparedConvTranspose2d<T> prepared;
};

template <int In, int Out, int Kernel, class S, class T>
inline constexpr bool kStoresActivated<ConvTranspose2d<In, Out, Kernel, S, T>> = true;

/// The operations behind ConvTranspose2d for a context that does not record: alone, or with an activation.
template <class T, class L>
Pooled<T> conv_transpose2d(Inference<T>& context, Pooled<T> x, const L& layer, const Epilogue<T>& epilogue = {}) {
    const ConvTransposeGeometry& g = layer.prepared.geometry();
    GANCODEC_ASSERT(x.shape().c == g.in_channels);
    auto out = context.make({x.shape().n, g.out_channels, g.out_extent(x.shape().h), g.out_extent(x.shape().w)});
    const Workspace::Scope scope(context.scratch());
    conv_transpose2d_forward(x.constant(), layer.prepared, out.view(), context.scratch(), epilogue,
                             context.precision());
    return out;
}
template <class T, class L>
Pooled<T> conv_transpose2d_activation(Inference<T>& context, Pooled<T> x, const L& layer, Activation kind, T slope) {
    Epilogue<T> epilogue;
    epilogue.activate = true;
    epilogue.activation = kind;
    epilogue.slope = slope;
    return conv_transpose2d(context, std::move(x), layer, epilogue);
}

}  // namespace gancodec
