#pragma once

#include <utility>

#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/kernels/shuffle.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Channels to space: [n, C·R², h, w] → [n, C, h·R, w·R], channel order of PyTorch (c·R² + dy·R + dx; Shi et al. 2016).
template <int R, class T = float>
struct PixelShuffle : StatelessLayer<T> {
    template <class U>
    using Rebind = PixelShuffle<R, U>;
    static constexpr int kFactor = R;
    static constexpr int out_channels(int in) { return in % (R * R) == 0 ? in / (R * R) : kChannelMismatch; }
    static constexpr Interval reads(Interval outputs) {
        return {round_down(outputs.first, R) / R, round_up(outputs.end, R) / R};
    }
    static constexpr int window_start(int, int output) { return round_down(output, R) / R; }
    static constexpr int window_origin(int input) { return input * R; }
    static constexpr int out_extent(int in) { return in * R; }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return pixel_shuffle(context, std::move(x), R);
    }
};

/// Space to channels: [n, C, h·R, w·R] → [n, C·R², h, w]; undoes PixelShuffle. Requires extents that R divides.
template <int R, class T = float>
struct PixelUnshuffle : StatelessLayer<T> {
    template <class U>
    using Rebind = PixelUnshuffle<R, U>;
    static constexpr int kFactor = R;
    static constexpr int out_channels(int in) { return in * R * R; }
    static constexpr Interval reads(Interval outputs) { return {outputs.first * R, outputs.end * R}; }
    static constexpr int window_start(int, int output) { return output * R; }
    static constexpr int window_origin(int input) { return input / R; }
    static constexpr int out_extent(int in) { return in / R; }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return pixel_unshuffle(context, std::move(x), R);
    }
};

template <class T>
Pooled<T> pixel_shuffle(Inference<T>& context, Pooled<T> x, int r) {
    const Shape s = x.shape();
    auto out = context.make({s.n, s.c / (r * r), s.h * r, s.w * r});
    context.compute([&] { pixel_shuffle(x.constant(), r, out.view()); });
    return out;
}
template <class T>
Pooled<T> pixel_unshuffle(Inference<T>& context, Pooled<T> x, int r) {
    const Shape s = x.shape();
    auto out = context.make({s.n, s.c * r * r, s.h / r, s.w / r});
    context.compute([&] { pixel_unshuffle(x.constant(), r, out.view()); });
    return out;
}
template <class T>
Pooled<T> add(Inference<T>& context, Pooled<T> a, Pooled<T> b) {
    auto out = a.unique() ? a : context.make(a.shape());
    context.compute([&] { add(a.constant(), b.constant(), out.view()); });
    return out;
}

}  // namespace gancodec
