#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/lanes.hpp"

namespace gancodec {

/// Repeats every pixel `factor` times in both directions.
///   out[n,c,y,x] = in[n,c,y/factor,x/factor]
/// Shapes   in [n,c,h,w] · out [n,c,h·factor,w·factor]; they do not overlap.
template <class T>
void upsample_nearest(TensorView<const T> in, int factor, TensorView<T> out) {
    GANCODEC_ASSERT((out.shape == Shape{in.shape.n, in.shape.c, in.shape.h * factor, in.shape.w * factor}));
    detail::parallel_rows(out.shape, [&](int n, int block, int oy) {
        const T* source = in.data + in.shape.offset(n, block * kChannelBlock, oy / factor, 0);
        T* target = out.data + out.shape.offset(n, block * kChannelBlock, oy, 0);
        for (int x = 0; x < in.shape.w; ++x, source += kChannelBlock)
            for (int i = 0; i < factor; ++i, target += kChannelBlock) std::copy_n(source, kChannelBlock, target);
    });
}

/// Gradient of upsample_nearest(): the sum over each factor x factor square, row by row.
/// Shapes   d_out [n,c,h·factor,w·factor] · d_in [n,c,h,w]; they do not overlap.
template <class T>
void upsample_nearest_backward(TensorView<const T> d_out, int factor, TensorView<T> d_in) {
    GANCODEC_ASSERT((d_out.shape == Shape{d_in.shape.n, d_in.shape.c, d_in.shape.h * factor, d_in.shape.w * factor}));
    detail::parallel_rows(d_in.shape, [&](int n, int block, int y) {
        T* target = d_in.data + d_in.shape.offset(n, block * kChannelBlock, y, 0);
        for (int x = 0; x < d_in.shape.w; ++x, target += kChannelBlock) {
            T sums[kChannelBlock] = {};
            for (int dy = 0; dy < factor; ++dy) {
                const T* source =
                    d_out.data + d_out.shape.offset(n, block * kChannelBlock, y * factor + dy, x * factor);
                for (int i = 0; i < factor; ++i, source += kChannelBlock)
                    for (int lane = 0; lane < kChannelBlock; ++lane) sums[lane] += source[lane];
            }
            std::copy_n(sums, kChannelBlock, target);
        }
    });
}

namespace detail {

/// Where an output row or column lies between two input ones: in[low]·(1 − weight) + in[high]·weight.
template <class T>
struct BilinearTap {
    int low, high;
    T weight;
};

/// The taps of one axis: pixel centres at half integers (align_corners = false), clamped at the borders.
template <class T>
const BilinearTap<T>* bilinear_taps(int in_extent, int out_extent, Workspace& ws) {
    auto* taps = ws.take<BilinearTap<T>>(static_cast<std::size_t>(out_extent));
    const double scale = static_cast<double>(in_extent) / static_cast<double>(out_extent);
    for (int o = 0; o < out_extent; ++o) {
        const double position = std::max(0.0, std::fma(o + 0.5, scale, -0.5));
        const int low = std::min(static_cast<int>(position), in_extent - 1);
        taps[o] = {low, std::min(low + 1, in_extent - 1), static_cast<T>(position - low)};
    }
    return taps;
}

}  // namespace detail

/// Resizes to the extents of `out` by bilinear interpolation without smoothing (PyTorch's interpolate, mode bilinear,
/// align_corners = false, antialias = false).
/// Shapes   in [n,c,h,w] · out [n,c,oh,ow]; they do not overlap.
template <class T>
void bilinear_resize(TensorView<const T> in, TensorView<T> out, Workspace& ws) {
    GANCODEC_ASSERT(in.shape.n == out.shape.n && in.shape.c == out.shape.c);
    const Workspace::Scope scope(ws);
    const auto* rows = detail::bilinear_taps<T>(in.shape.h, out.shape.h, ws);
    const auto* columns = detail::bilinear_taps<T>(in.shape.w, out.shape.w, ws);
    detail::parallel_rows(out.shape, [&](int n, int block, int oy) {
        const auto row = rows[oy];
        const T* top = in.data + in.shape.offset(n, block * kChannelBlock, row.low, 0);
        const T* bottom = in.data + in.shape.offset(n, block * kChannelBlock, row.high, 0);
        T* target = out.data + out.shape.offset(n, block * kChannelBlock, oy, 0);
        for (int ox = 0; ox < out.shape.w; ++ox, target += kChannelBlock) {
            const auto column = columns[ox];
            const int l = column.low * kChannelBlock, r = column.high * kChannelBlock;
            T result[kChannelBlock];
            for (int lane = 0; lane < kChannelBlock; ++lane) {
                const T above = std::fma(column.weight, top[r + lane] - top[l + lane], top[l + lane]);
                const T below = std::fma(column.weight, bottom[r + lane] - bottom[l + lane], bottom[l + lane]);
                result[lane] = std::fma(row.weight, below - above, above);
            }
            std::copy_n(result, kChannelBlock, target);
        }
    });
}

/// Gradient of bilinear_resize(): every d_out is shared among its four inputs by their weights.
/// Shapes   d_out [n,c,oh,ow] · d_in [n,c,h,w]; they do not overlap.
template <class T>
void bilinear_resize_backward(TensorView<const T> d_out, TensorView<T> d_in, Workspace& ws) {
    GANCODEC_ASSERT(d_in.shape.n == d_out.shape.n && d_in.shape.c == d_out.shape.c);
    const Workspace::Scope scope(ws);
    const auto* rows = detail::bilinear_taps<T>(d_in.shape.h, d_out.shape.h, ws);
    const auto* columns = detail::bilinear_taps<T>(d_in.shape.w, d_out.shape.w, ws);
    detail::parallel_planes(d_in.shape, [&](int n, int block) {
        T* target = d_in.block(n, block);
        const T* source = d_out.block(n, block);
        std::fill_n(target, d_in.shape.plane() * kChannelBlock, T{});
        const auto pixel = [&](int y, int x) {
            return target + (static_cast<std::ptrdiff_t>(y) * d_in.shape.w + x) * kChannelBlock;
        };
        for (int oy = 0; oy < d_out.shape.h; ++oy)
            for (int ox = 0; ox < d_out.shape.w; ++ox, source += kChannelBlock) {
                const auto row = rows[oy];
                const auto column = columns[ox];
                const auto share = [&](int y, int x, T weight) {
                    T* p = pixel(y, x);
                    T result[kChannelBlock];
                    for (int lane = 0; lane < kChannelBlock; ++lane)
                        result[lane] = std::fma(weight, source[lane], p[lane]);
                    std::copy_n(result, kChannelBlock, p);
                };
                const T above = T(1) - row.weight, left = T(1) - column.weight;
                share(row.low, column.low, above * left);
                share(row.low, column.high, above * column.weight);
                share(row.high, column.low, row.weight * left);
                share(row.high, column.high, row.weight * column.weight);
            }
    });
}

}  // namespace gancodec
