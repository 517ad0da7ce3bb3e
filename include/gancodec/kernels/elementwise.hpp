#pragma once

#include <cmath>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/lanes.hpp"

// Read first: in every kernel here all tensors have one shape, and `out` may be one of the inputs. Products that feed
// a sum are fused, so results are equal on every FMA machine and for every thread count.

namespace gancodec {

/// out = value in every real channel, 0 in the padding.
template <class T>
void fill(TensorView<T> out, T value) {
    detail::map_lanes(out.size(), [value](T) { return value; }, out.data, out.data);
    clear_padding(out);
}

/// out = in.
template <class T>
void copy(TensorView<const T> in, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::map_lanes(in.size(), [](T x) { return x; }, out.data, in.data);
}

/// out = a + b.
template <class T>
void add(TensorView<const T> a, TensorView<const T> b, TensorView<T> out) {
    GANCODEC_ASSERT(a.shape == b.shape && a.shape == out.shape);
    detail::map_lanes(a.size(), [](T x, T y) { return x + y; }, out.data, a.data, b.data);
}

/// out = a − b.
template <class T>
void sub(TensorView<const T> a, TensorView<const T> b, TensorView<T> out) {
    GANCODEC_ASSERT(a.shape == b.shape && a.shape == out.shape);
    detail::map_lanes(a.size(), [](T x, T y) { return x - y; }, out.data, a.data, b.data);
}

/// out = a · b, element by element.
template <class T>
void mul(TensorView<const T> a, TensorView<const T> b, TensorView<T> out) {
    GANCODEC_ASSERT(a.shape == b.shape && a.shape == out.shape);
    detail::map_lanes(a.size(), [](T x, T y) { return x * y; }, out.data, a.data, b.data);
}

/// out = factor · in.
template <class T>
void scale(TensorView<const T> in, T factor, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::map_lanes(in.size(), [factor](T x) { return factor * x; }, out.data, in.data);
}

/// y += a · x.
template <class T>
void axpy(T a, TensorView<const T> x, TensorView<T> y) {
    GANCODEC_ASSERT(x.shape == y.shape);
    detail::map_lanes(
        x.size(), [a](T u, T v) { return std::fma(a, u, v); }, y.data, x.data, static_cast<const T*>(y.data));
}

/// out = in².
template <class T>
void square(TensorView<const T> in, TensorView<T> out) {
    mul<T>(in, in, out);
}

/// d_in = 2 · in · d_out.
template <class T>
void square_backward(TensorView<const T> in, TensorView<const T> d_out, TensorView<T> d_in) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    detail::map_lanes(in.size(), [](T x, T d) { return T(2) * x * d; }, d_in.data, in.data, d_out.data);
}

/// out = |in|.
template <class T>
void absolute(TensorView<const T> in, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::map_lanes(in.size(), [](T x) { return std::abs(x); }, out.data, in.data);
}

/// d_in = sign(in) · d_out, with sign(0) = 0.
template <class T>
void absolute_backward(TensorView<const T> in, TensorView<const T> d_out, TensorView<T> d_in) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    detail::map_lanes(
        in.size(), [](T x, T d) { return x > T(0) ? d : (x < T(0) ? -d : T(0)); }, d_in.data, in.data, d_out.data);
}

/// out = min(max(in, low), high).
template <class T>
void clamp(TensorView<const T> in, T low, T high, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape && low <= high);
    detail::map_lanes(
        in.size(),
        [low, high](T x) {
            const T raised = x > low ? x : low;
            return raised < high ? raised : high;
        },
        out.data, in.data);
    clear_padding(out);
}

/// d_in = d_out where low <= in <= high, else 0.
template <class T>
void clamp_backward(TensorView<const T> in, TensorView<const T> d_out, T low, T high, TensorView<T> d_in) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    detail::map_lanes(
        in.size(), [low, high](T x, T d) { return (low <= x && x <= high) ? d : T(0); }, d_in.data, in.data,
        d_out.data);
}

/// Whether an array of per-channel numbers is [c], the same for all images, or [n][c], one row for each.
enum class PerChannel { shared, per_image };

namespace detail {

template <class T>
T* channel_row(T* values, const Shape& shape, PerChannel which, int n) {
    return which == PerChannel::per_image ? values + static_cast<std::ptrdiff_t>(n) * shape.c : values;
}

}  // namespace detail

/// out[n,c,y,x] = in[n,c,y,x] + bias[c].
/// Shapes   in, out [n,c,h,w] · bias [c] or [n][c]; its gradient is sum_per_channel(d_out)
template <class T>
void add_bias(TensorView<const T> in, const T* bias, PerChannel which, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::parallel_rows(in.shape, [&](int n, int block, int y) {
        T lanes[kChannelBlock];
        detail::load_lanes(detail::channel_row(bias, in.shape, which, n), in.shape, block, T(0), lanes);
        const auto begin = static_cast<std::size_t>(y) * static_cast<std::size_t>(in.shape.w) * kChannelBlock;
        detail::map_row(
            static_cast<std::size_t>(in.shape.w), [](T x, T b) { return x + b; }, out.block(n, block) + begin,
            in.block(n, block) + begin, lanes);
    });
}

/// out[n,c,y,x] = in[n,c,y,x] · gain[c].
/// Shapes   in, out [n,c,h,w] · gain [c] or [n][c]
template <class T>
void multiply_per_channel(TensorView<const T> in, const T* gain, PerChannel which, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::parallel_rows(in.shape, [&](int n, int block, int y) {
        T lanes[kChannelBlock];
        detail::load_lanes(detail::channel_row(gain, in.shape, which, n), in.shape, block, T(0), lanes);
        const auto begin = static_cast<std::size_t>(y) * static_cast<std::size_t>(in.shape.w) * kChannelBlock;
        detail::map_row(
            static_cast<std::size_t>(in.shape.w), [](T x, T g) { return x * g; }, out.block(n, block) + begin,
            in.block(n, block) + begin, lanes);
    });
}

}  // namespace gancodec
