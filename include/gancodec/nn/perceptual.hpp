#pragma once

// Operations that networks for comparing images need, for a context that does not record.

#include <algorithm>
#include <array>

#include "gancodec/core/check.hpp"
#include "gancodec/kernels/perceptual.hpp"
#include "gancodec/kernels/shuffle.hpp"
#include "gancodec/kernels/texture.hpp"
#include "gancodec/nn/inference.hpp"

namespace gancodec {

/// The channels of `a`, then those of `b`.
template <class T>
Pooled<T> concat_channels(Inference<T>& context, Pooled<T> a, Pooled<T> b) {
    const Shape s = a.shape();
    auto out = context.make({s.n, s.c + b.shape().c, s.h, s.w});
    const std::array<TensorView<const T>, 2> inputs{a.constant(), b.constant()};
    context.compute([&] { concat_channels<T>(inputs, out.view()); });
    return out;
}

/// feature_distance() as one number; `weight` [c] stays where it is as long as the result is used.
template <class T>
Pooled<T> feature_distance(Inference<T>& context, Pooled<T> x, Pooled<T> y, const T* weight) {
    auto out = context.make({1, 1, 1, 1});
    std::fill_n(out.view().data, out.view().size(), T(0));
    out.view().data[0] = feature_distance(x.constant(), y.constant(), weight, context.scratch());
    return out;
}
/// texture_distance() as one number; alpha and beta [c].
template <class T>
Pooled<T> texture_distance(Inference<T>& context, const Pooled<T>& x, const Pooled<T>& y, const T* alpha,
                           const T* beta) {
    auto out = context.make({1, 1, 1, 1});
    std::fill_n(out.view().data, out.view().size(), T(0));
    out.view().data[0] = static_cast<T>(texture_distance(x.constant(), y.constant(), alpha, beta, context.scratch()));
    return out;
}

}  // namespace gancodec
