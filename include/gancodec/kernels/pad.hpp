#pragma once

#include <algorithm>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/lanes.hpp"

namespace gancodec {

/// What lies outside a picture: zeros, its border pixel, or its mirror image (the border pixel itself not repeated).
enum class PadMode { zero, replicate, reflect };

/// How many pixels are added on each side; none is negative.
struct PadSides {
    int left = 0, right = 0, top = 0, bottom = 0;

    [[nodiscard]] constexpr Shape padded(const Shape& in) const {
        return {in.n, in.c, in.h + top + bottom, in.w + left + right};
    }
};

namespace detail {

/// The input index that padded index `i` shows (−1: a zero). Mirrors repeat, so that any extent takes any padding.
constexpr int padded_source(int i, int extent, PadMode mode) {
    if (i >= 0 && i < extent) return i;
    if (mode == PadMode::zero) return -1;
    if (mode == PadMode::replicate || extent == 1) return i < 0 ? 0 : extent - 1;
    const int period = 2 * (extent - 1);
    const int phase = (i % period + period) % period;
    return phase < extent ? phase : period - phase;
}

inline const int* padded_sources(int before, int extent, int after, PadMode mode, Workspace& ws) {
    const int count = before + extent + after;
    auto* sources = ws.take<int>(static_cast<std::size_t>(count));
    if (ws.counts_only()) return sources;
    for (int i = 0; i < count; ++i) sources[i] = padded_source(i - before, extent, mode);
    return sources;
}

}  // namespace detail

/// Adds pixels around every plane.
/// Shapes   in [n,c,h,w] · out sides.padded(in); they do not overlap.
template <class T>
void pad(TensorView<const T> in, const PadSides& sides, PadMode mode, TensorView<T> out, Workspace& ws) {
    GANCODEC_ASSERT(out.shape == sides.padded(in.shape));
    const Workspace::Scope scope(ws);
    const int* rows = detail::padded_sources(sides.top, in.shape.h, sides.bottom, mode, ws);
    const int* columns = detail::padded_sources(sides.left, in.shape.w, sides.right, mode, ws);
    if (ws.counts_only()) return;
    const std::size_t row_size = static_cast<std::size_t>(in.shape.w) * kChannelBlock;
    detail::parallel_rows(out.shape, [&](int n, int block, int oy) {
        T* target = out.data + out.shape.offset(n, block * kChannelBlock, oy, 0);
        if (rows[oy] < 0) {
            std::fill_n(target, static_cast<std::size_t>(out.shape.w) * kChannelBlock, T{});
            return;
        }
        const T* source = in.data + in.shape.offset(n, block * kChannelBlock, rows[oy], 0);
        const auto border_pixel = [&](int ox) {
            T* pixel = target + ox * kChannelBlock;
            if (columns[ox] < 0)
                std::fill_n(pixel, kChannelBlock, T{});
            else
                std::copy_n(source + columns[ox] * kChannelBlock, kChannelBlock, pixel);
        };
        for (int ox = 0; ox < sides.left; ++ox) border_pixel(ox);
        std::copy_n(source, row_size, target + sides.left * kChannelBlock);
        for (int ox = sides.left + in.shape.w; ox < out.shape.w; ++ox) border_pixel(ox);
    });
}

/// Gradient of pad(): every d_out is added to the input pixel it showed.
/// Shapes   d_out sides.padded(d_in) · d_in [n,c,h,w]; they do not overlap.
template <class T>
void pad_backward(TensorView<const T> d_out, const PadSides& sides, PadMode mode, TensorView<T> d_in, Workspace& ws) {
    GANCODEC_ASSERT(d_out.shape == sides.padded(d_in.shape));
    const Workspace::Scope scope(ws);
    const int* rows = detail::padded_sources(sides.top, d_in.shape.h, sides.bottom, mode, ws);
    const int* columns = detail::padded_sources(sides.left, d_in.shape.w, sides.right, mode, ws);
    detail::parallel_planes(d_in.shape, [&](int n, int block) {
        const T* source = d_out.block(n, block);
        std::fill_n(d_in.block(n, block), d_in.shape.plane() * kChannelBlock, T{});
        for (int oy = 0; oy < d_out.shape.h; ++oy)
            for (int ox = 0; ox < d_out.shape.w; ++ox, source += kChannelBlock) {
                if (rows[oy] < 0 || columns[ox] < 0) continue;
                T* target = d_in.data + d_in.shape.offset(n, block * kChannelBlock, rows[oy], columns[ox]);
                for (int lane = 0; lane < kChannelBlock; ++lane) target[lane] += source[lane];
            }
    });
}

/// Cuts out the rectangle whose first pixel is (top, left) and whose extents are those of `out`.
/// Shapes   in [n,c,h,w] · out [n,c,oh,ow], top + oh <= h, left + ow <= w; they do not overlap.
template <class T>
void crop(TensorView<const T> in, int top, int left, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape.n == out.shape.n && in.shape.c == out.shape.c && top >= 0 && left >= 0 &&
                    top + out.shape.h <= in.shape.h && left + out.shape.w <= in.shape.w);
    detail::parallel_rows(out.shape, [&](int n, int block, int y) {
        std::copy_n(in.data + in.shape.offset(n, block * kChannelBlock, top + y, left),
                    static_cast<std::size_t>(out.shape.w) * kChannelBlock,
                    out.data + out.shape.offset(n, block * kChannelBlock, y, 0));
    });
}

/// Gradient of crop(): d_out inside the rectangle, zero outside.
/// Shapes   d_out [n,c,oh,ow] · d_in [n,c,h,w]; they do not overlap.
template <class T>
void crop_backward(TensorView<const T> d_out, int top, int left, TensorView<T> d_in, Workspace& ws) {
    pad<T>(d_out, {left, d_in.shape.w - left - d_out.shape.w, top, d_in.shape.h - top - d_out.shape.h}, PadMode::zero,
           d_in, ws);
}

}  // namespace gancodec
