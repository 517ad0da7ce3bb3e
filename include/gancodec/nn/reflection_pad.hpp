#pragma once

#include <utility>

#include "gancodec/kernels/pad.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Adds the mirror image of the picture around it, the border pixel itself not repeated; sides in PyTorch's order.
/// Shapes  in [n,C,h,w] · out [n,C,h+Top+Bottom,w+Left+Right]
template <int Left, int Right = Left, int Top = Left, int Bottom = Left, class T = float>
struct ReflectionPad : StatelessLayer<T> {
    template <class U>
    using Rebind = ReflectionPad<Left, Right, Top, Bottom, U>;
    static constexpr int out_channels(int in) { return in; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return reflection_pad(context, std::move(x), PadSides{Left, Right, Top, Bottom});
    }
};

template <class T>
Pooled<T> reflection_pad(Inference<T>& context, Pooled<T> x, const PadSides& sides) {
    auto out = context.make(sides.padded(x.shape()));
    pad<T>(x.constant(), sides, PadMode::reflect, out.view(), context.scratch());
    return out;
}

}  // namespace gancodec
