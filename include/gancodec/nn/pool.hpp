#pragma once

#include <utility>

#include "gancodec/kernels/pool.hpp"
#include "gancodec/kernels/reduce.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// The largest value of each window of Kernel x Kernel, Step apart, without padding; CeilMode as in PyTorch.
template <int Kernel, int Step, bool CeilMode = false, class T = float>
struct MaxPool : StatelessLayer<T> {
    template <class U>
    using Rebind = MaxPool<Kernel, Step, CeilMode, U>;
    static constexpr PoolGeometry kGeometry{Kernel, Step, 0, CeilMode};
    static constexpr int out_channels(int in) { return in; }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return max_pool(context, std::move(x), kGeometry);
    }
};

/// The mean of each window, padding counted as zeros: avg_pool() of kernels/pool.hpp.
template <int Kernel, int Step, int Pad = 0, class T = float>
struct AvgPool : StatelessLayer<T> {
    template <class U>
    using Rebind = AvgPool<Kernel, Step, Pad, U>;
    static constexpr PoolGeometry kGeometry{Kernel, Step, Pad, false};
    static constexpr int out_channels(int in) { return in; }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return avg_pool(context, std::move(x), kGeometry);
    }
};

/// Root of a blurred square, half as large: l2_pool() of kernels/pool.hpp.
template <class T = float>
struct L2Pool : StatelessLayer<T> {
    template <class U>
    using Rebind = L2Pool<U>;
    static constexpr int out_channels(int in) { return in; }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return l2_pool(context, std::move(x));
    }
};

template <class T>
Pooled<T> max_pool(Inference<T>& context, Pooled<T> x, const PoolGeometry& geometry) {
    auto out = context.make(geometry.out_shape(x.shape()));
    context.compute([&] { max_pool(x.constant(), geometry, out.view()); });
    return out;
}
template <class T>
Pooled<T> avg_pool(Inference<T>& context, Pooled<T> x, const PoolGeometry& geometry) {
    auto out = context.make(geometry.out_shape(x.shape()));
    context.compute([&] { avg_pool(x.constant(), geometry, out.view()); });
    return out;
}
template <class T>
Pooled<T> spatial_mean(Inference<T>& context, Pooled<T> x) {
    auto out = context.make({x.shape().n, x.shape().c, 1, 1});
    context.compute([&] { spatial_mean(x.constant(), out.view()); });
    return out;
}
template <class T>
Pooled<T> l2_pool(Inference<T>& context, Pooled<T> x) {
    auto out = context.make(l2_pool_shape(x.shape()));
    context.compute([&] { l2_pool(x.constant(), out.view()); });
    return out;
}

}  // namespace gancodec
