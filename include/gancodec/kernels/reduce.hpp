#pragma once

#include <cmath>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/kernels/lanes.hpp"

// Read first: sums run in double, one per lane and channel block, over the pixels in order; then lanes, blocks and
// images are added in order. They do not depend on the number of threads.

namespace gancodec {

namespace detail {

/// sums[lane] = Σ_pixels f(in[pixel][lane]...).
template <class Function, class... In>
void sum_plane(std::size_t pixels, const Function& f, double (&sums)[kChannelBlock], const In*... in) {
    double total[kChannelBlock] = {};
    for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock)
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane)
            total[lane] = f(total[lane], static_cast<double>(in[i + lane])...);
    std::copy(total, total + kChannelBlock, sums);
}

/// sums[lane] = Σ_pixels (in[pixel][lane] − centre[lane])².
template <class T>
void sum_square_deviations(std::size_t pixels, const T* in, const double (&centre)[kChannelBlock],
                           double (&sums)[kChannelBlock]) {
    double total[kChannelBlock] = {};
    for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock)
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
            const double d = static_cast<double>(in[i + lane]) - centre[lane];
            total[lane] = std::fma(d, d, total[lane]);
        }
    std::copy(total, total + kChannelBlock, sums);
}

/// Σ f over every number of tensors of one shape.
template <class Function, class View, class... Views>
double sum_all(Workspace& ws, const Function& f, View first, Views... rest) {
    const Workspace::Scope scope(ws);
    const Shape& shape = first.shape;
    const auto planes = static_cast<std::size_t>(shape.n) * static_cast<std::size_t>(shape.blocks());
    auto* partial = ws.take<double>(planes);
    parallel_planes(shape, [&](int n, int block) {
        double sums[kChannelBlock];
        sum_plane(shape.plane(), f, sums, first.block(n, block), rest.block(n, block)...);
        partial[static_cast<std::size_t>(n) * static_cast<std::size_t>(shape.blocks()) +
                static_cast<std::size_t>(block)] = fold_lanes(sums);
    });
    double total = 0;
    for (std::size_t i = 0; i < planes; ++i) total += partial[i];
    return total;
}

}  // namespace detail

/// Σ in, over every element.
template <class T>
[[nodiscard]] double sum(TensorView<const T> in, Workspace& ws) {
    return detail::sum_all(ws, [](double acc, double x) { return acc + x; }, in);
}

/// Σ a · b, over every element.
template <class T>
[[nodiscard]] double dot(TensorView<const T> a, TensorView<const T> b, Workspace& ws) {
    GANCODEC_ASSERT(a.shape == b.shape);
    return detail::sum_all(ws, [](double acc, double x, double y) { return std::fma(x, y, acc); }, a, b);
}

/// Σ in², over every element: the squared norm of a gradient.
template <class T>
[[nodiscard]] double sum_squares(TensorView<const T> in, Workspace& ws) {
    return detail::sum_all(ws, [](double acc, double x) { return std::fma(x, x, acc); }, in);
}

/// sums[c] += Σ_{y,x} in[n,c,y,x], over all images (shared) or each into its own row (per_image): a bias's gradient.
/// Shapes   in [n,c,h,w] · sums [c] or [n][c], ADDED to
template <class T>
void sum_per_channel(TensorView<const T> in, PerChannel which, T* sums) {
    parallel_for(in.shape.blocks(), [&](std::int64_t b, int) {
        const int block = static_cast<int>(b);
        for (int n = 0; n < in.shape.n; ++n) {
            double plane[kChannelBlock];
            detail::sum_plane(
                in.shape.plane(), [](double acc, double x) { return acc + x; }, plane, in.block(n, block));
            detail::add_lanes(plane, in.shape, block, detail::channel_row(sums, in.shape, which, n));
        }
    });
}

/// Gradient of multiply_per_channel().
///   d_in = d_out · gain[c];  d_gain[c] += Σ_{y,x} d_out · in
/// Shapes   in, d_out, d_in [n,c,h,w] · gain, d_gain [c] or [n][c]; d_in is written, d_gain ADDED to (null: skipped)
template <class T>
void multiply_per_channel_backward(TensorView<const T> in, TensorView<const T> d_out, const T* gain, PerChannel which,
                                   TensorView<T> d_in, T* d_gain) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    if (d_gain != nullptr) {
        parallel_for(in.shape.blocks(), [&](std::int64_t b, int) {
            const int block = static_cast<int>(b);
            for (int n = 0; n < in.shape.n; ++n) {
                double plane[kChannelBlock];
                detail::sum_plane(
                    in.shape.plane(), [](double acc, double x, double d) { return std::fma(x, d, acc); }, plane,
                    in.block(n, block), d_out.block(n, block));
                detail::add_lanes(plane, in.shape, block, detail::channel_row(d_gain, in.shape, which, n));
            }
        });
    }
    multiply_per_channel<T>(d_out, gain, which, d_in);
}

/// mean[n,c] = Σ_{y,x} in[n,c,y,x] / (h·w).
/// Shapes   in [n,c,h,w] · mean [n,c,1,1]
template <class T>
void spatial_mean(TensorView<const T> in, TensorView<T> mean) {
    GANCODEC_ASSERT((mean.shape == Shape{in.shape.n, in.shape.c, 1, 1}));
    detail::parallel_planes(in.shape, [&](int n, int block) {
        double sums[kChannelBlock];
        detail::sum_plane(in.shape.plane(), [](double acc, double x) { return acc + x; }, sums, in.block(n, block));
        for (int lane = 0; lane < kChannelBlock; ++lane)
            mean.block(n, block)[lane] = static_cast<T>(sums[lane] / static_cast<double>(in.shape.plane()));
    });
}

/// d_in[n,c,y,x] = d_mean[n,c] / (h·w).
template <class T>
void spatial_mean_backward(TensorView<const T> d_mean, TensorView<T> d_in) {
    GANCODEC_ASSERT((d_mean.shape == Shape{d_in.shape.n, d_in.shape.c, 1, 1}));
    const T share = T(1) / static_cast<T>(d_in.shape.plane());
    detail::parallel_planes(d_in.shape, [&](int n, int block) {
        const T* d = d_mean.block(n, block);
        T lanes[kChannelBlock];
        for (int lane = 0; lane < kChannelBlock; ++lane) lanes[lane] = d[lane] * share;
        T* out = d_in.block(n, block);
        detail::map_row(d_in.shape.plane(), [](T, T value) { return value; }, out, out, lanes);
    });
}

/// Mean and variance of every channel of every image.
///   variance[n,c] = Σ_{y,x} (in[n,c,y,x] − mean[n,c])² / (h·w)
/// Shapes   in [n,c,h,w] · mean, variance [n,c,1,1]
template <class T>
void spatial_moments(TensorView<const T> in, TensorView<T> mean, TensorView<T> variance) {
    GANCODEC_ASSERT((variance.shape == Shape{in.shape.n, in.shape.c, 1, 1}));
    spatial_mean<T>(in, mean);
    detail::parallel_planes(in.shape, [&](int n, int block) {
        double centre[kChannelBlock], total[kChannelBlock];
        for (int lane = 0; lane < kChannelBlock; ++lane) centre[lane] = static_cast<double>(mean.block(n, block)[lane]);
        detail::sum_square_deviations(in.shape.plane(), in.block(n, block), centre, total);
        for (int lane = 0; lane < kChannelBlock; ++lane)
            variance.block(n, block)[lane] = static_cast<T>(total[lane] / static_cast<double>(in.shape.plane()));
    });
}

/// d_in = (d_mean + 2·(in − mean)·d_variance) / (h·w).
/// Shapes   in, d_in [n,c,h,w] · mean, d_mean, d_variance [n,c,1,1]
template <class T>
void spatial_moments_backward(TensorView<const T> in, TensorView<const T> mean, TensorView<const T> d_mean,
                              TensorView<const T> d_variance, TensorView<T> d_in) {
    GANCODEC_ASSERT(in.shape == d_in.shape && mean.shape == d_mean.shape && mean.shape == d_variance.shape);
    const T share = T(1) / static_cast<T>(in.shape.plane());
    detail::parallel_planes(in.shape, [&](int n, int block) {
        const T* m = mean.block(n, block);
        T constant[kChannelBlock], slope[kChannelBlock];
        for (int lane = 0; lane < kChannelBlock; ++lane) {
            constant[lane] = d_mean.block(n, block)[lane] * share;
            slope[lane] = T(2) * d_variance.block(n, block)[lane] * share;
        }
        const T* x = in.block(n, block);
        T* out = d_in.block(n, block);
        for (std::size_t i = 0; i < in.shape.plane() * kChannelBlock; i += kChannelBlock) {
            T result[kChannelBlock];
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane)
                result[lane] = std::fma(x[i + lane] - m[lane], slope[lane], constant[lane]);
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) out[i + lane] = result[lane];
        }
    });
}

}  // namespace gancodec
