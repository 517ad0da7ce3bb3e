#pragma once

#include <utility>

#include "gancodec/kernels/resample.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Repeats every pixel Factor times in both directions.
template <int Factor, class T = float>
struct UpsampleNearest : StatelessLayer<T> {
    template <class U>
    using Rebind = UpsampleNearest<Factor, U>;
    static constexpr int out_channels(int in) { return in; }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return upsample_nearest(context, std::move(x), Factor);
    }
};

template <class T>
Pooled<T> upsample_nearest(Inference<T>& context, Pooled<T> x, int factor) {
    const Shape s = x.shape();
    auto out = context.make({s.n, s.c, s.h * factor, s.w * factor});
    context.compute([&] { upsample_nearest(x.constant(), factor, out.view()); });
    return out;
}

}  // namespace gancodec
