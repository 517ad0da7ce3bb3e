#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/lanes.hpp"

// Kernels that only move numbers between channels and pixels.

namespace gancodec {

namespace detail {

/// Writes `pixels` pixels of 16 lanes: out[p·out_step + lane] = in[p·in_step + offset[lane]], zero from lane `used` on.
template <class T>
void gather_lanes(int pixels, const T* in, std::ptrdiff_t in_step, const std::ptrdiff_t (&offset)[kChannelBlock],
                  int used, T* out, std::ptrdiff_t out_step) {
    for (int p = 0; p < pixels; ++p, in += in_step, out += out_step) {
        T lanes[kChannelBlock] = {};
        for (int lane = 0; lane < used; ++lane) lanes[lane] = in[offset[lane]];
        for (int lane = 0; lane < kChannelBlock; ++lane) out[lane] = lanes[lane];
    }
}

}  // namespace detail

/// Moves groups of r² channels into r x r pixels (Shi et al. 2016), channels in PyTorch's order.
///   out[n, c, y·r+dy, x·r+dx] = in[n, c·r²+dy·r+dx, y, x]
/// Shapes   in [n,c·r²,h,w] · out [n,c,h·r,w·r]; they do not overlap. Its gradient is pixel_unshuffle(d_out).
template <class T>
void pixel_shuffle(TensorView<const T> in, int r, TensorView<T> out) {
    GANCODEC_ASSERT((in.shape == Shape{out.shape.n, out.shape.c * r * r, out.shape.h / r, out.shape.w / r}) &&
                    out.shape.h % r == 0 && out.shape.w % r == 0);
    detail::parallel_rows(out.shape, [&](int n, int block, int oy) {
        const int y = oy / r, dy = oy % r;
        const int used = detail::used_lanes(out.shape, block);
        for (int dx = 0; dx < r; ++dx) {
            std::ptrdiff_t offset[kChannelBlock] = {};
            for (int lane = 0; lane < used; ++lane) {
                const int channel = (block * kChannelBlock + lane) * r * r + dy * r + dx;
                offset[lane] = static_cast<std::ptrdiff_t>(in.shape.offset(n, channel, y, 0));
            }
            detail::gather_lanes<T>(in.shape.w, in.data, kChannelBlock, offset, used,
                                    out.data + out.shape.offset(n, block * kChannelBlock, oy, dx), r * kChannelBlock);
        }
    });
}

/// Moves r x r pixels into groups of r² channels, the inverse of pixel_shuffle().
///   out[n, c·r²+dy·r+dx, y, x] = in[n, c, y·r+dy, x·r+dx]
/// Shapes   in [n,c,h·r,w·r] · out [n,c·r²,h,w]; they do not overlap. Its gradient is pixel_shuffle(d_out).
template <class T>
void pixel_unshuffle(TensorView<const T> in, int r, TensorView<T> out) {
    GANCODEC_ASSERT((out.shape == Shape{in.shape.n, in.shape.c * r * r, in.shape.h / r, in.shape.w / r}) &&
                    in.shape.h % r == 0 && in.shape.w % r == 0);
    detail::parallel_rows(out.shape, [&](int n, int block, int y) {
        const int used = detail::used_lanes(out.shape, block);
        std::ptrdiff_t offset[kChannelBlock] = {};
        for (int lane = 0; lane < used; ++lane) {
            const int channel = block * kChannelBlock + lane;
            const int position = channel % (r * r);
            offset[lane] = static_cast<std::ptrdiff_t>(
                in.shape.offset(n, channel / (r * r), y * r + position / r, position % r));
        }
        detail::gather_lanes<T>(out.shape.w, in.data, r * kChannelBlock, offset, used,
                                out.data + out.shape.offset(n, block * kChannelBlock, y, 0), kChannelBlock);
    });
}

namespace detail {

/// out[:, out_first + i] = in[:, in_first + i] for i < count; other channels of `out` are left as they are.
template <class T>
void copy_channels(TensorView<const T> in, int in_first, TensorView<T> out, int out_first, int count) {
    GANCODEC_ASSERT(in.shape.n == out.shape.n && in.shape.h == out.shape.h && in.shape.w == out.shape.w);
    GANCODEC_ASSERT(in_first + count <= in.shape.c && out_first + count <= out.shape.c);
    const std::size_t row = static_cast<std::size_t>(out.shape.w) * kChannelBlock;
    parallel_rows(out.shape, [&](int n, int block, int y) {
        const int base = block * kChannelBlock;
        const int end = std::min(base + kChannelBlock, out_first + count);
        // At most two runs: a block of `out` meets two blocks of `in` when the firsts differ modulo 16.
        for (int c = std::max(base, out_first); c < end;) {
            const int from = c - out_first + in_first;
            const int run = std::min(end - c, kChannelBlock - from % kChannelBlock);
            const T* source = in.data + in.shape.offset(n, from, y, 0);
            T* target = out.data + out.shape.offset(n, c, y, 0);
            if (run == kChannelBlock)
                std::copy_n(source, row, target);
            else
                for (std::size_t i = 0; i < row; i += kChannelBlock) std::copy_n(source + i, run, target + i);
            c += run;
        }
    });
}

}  // namespace detail

/// Stacks tensors along the channels: the channels of `inputs[0]`, then those of `inputs[1]`, and so on.
/// Shapes   inputs[i] [n,c_i,h,w] · out [n,Σ c_i,h,w]; nothing overlaps. Its gradient is split_channels(d_out).
template <class T>
void concat_channels(std::span<const TensorView<const T>> inputs, TensorView<T> out) {
    int first = 0;
    for (const auto& in : inputs) {
        detail::copy_channels<T>(in, 0, out, first, in.shape.c);
        first += in.shape.c;
    }
    GANCODEC_ASSERT(first == out.shape.c);
    clear_padding(out);
}

/// Copies channels [first, first + out.c) of `in`.
/// Shapes   in [n,ci,h,w] · out [n,co,h,w], first + co <= ci; they do not overlap.
template <class T>
void slice_channels(TensorView<const T> in, int first, TensorView<T> out) {
    detail::copy_channels<T>(in, first, out, 0, out.shape.c);
    clear_padding(out);
}

/// Gradient of slice_channels(): d_out in channels [first, first + d_out.c), zero in the others.
/// Shapes   d_out [n,co,h,w] · d_in [n,ci,h,w]; they do not overlap.
template <class T>
void slice_channels_backward(TensorView<const T> d_out, int first, TensorView<T> d_in) {
    std::fill_n(d_in.data, d_in.size(), T{});
    detail::copy_channels<T>(d_out, 0, d_in, first, d_out.shape.c);
}

/// Cuts a tensor along the channels, the inverse of concat_channels() and its gradient.
/// Shapes   in [n,Σ c_i,h,w] · outputs[i] [n,c_i,h,w]; nothing overlaps.
template <class T>
void split_channels(TensorView<const T> in, std::span<const TensorView<T>> outputs) {
    int first = 0;
    for (const auto& out : outputs) {
        slice_channels<T>(in, first, out);
        first += out.shape.c;
    }
    GANCODEC_ASSERT(first == in.shape.c);
}

}  // namespace gancodec
