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

inline constexpr int kMaxShuffleFactor = 8;

// The r x r pixels of a block of 16 channels and the r² blocks of channels they become hold the same 16·r² numbers:
// number lane·r²+k of the blocks, taken in a line, is lane `lane` of pixel k. Of the blocks only `blocks` exist.

/// One row of pixel_shuffle(): blocks that lie `in_step` apart become r rows of r pixels each.
template <class T>
void shuffle_row(const T* in, std::size_t in_step, int blocks, int pixels, int r, T* out, std::size_t out_row) {
    T line[kChannelBlock * kMaxShuffleFactor * kMaxShuffleFactor] = {};
    const int r2 = r * r, lanes = std::min(kChannelBlock, (blocks * kChannelBlock + r2 - 1) / r2);
    for (int x = 0; x < pixels; ++x, in += kChannelBlock, out += r * kChannelBlock) {
        for (int b = 0; b < blocks; ++b)
            std::copy_n(in + static_cast<std::size_t>(b) * in_step, kChannelBlock, line + b * kChannelBlock);
        for (int k = 0; k < r2; ++k) {
            T pixel[kChannelBlock] = {};
            for (int lane = 0; lane < lanes; ++lane) pixel[lane] = line[lane * r2 + k];
            std::copy_n(pixel, kChannelBlock, out + static_cast<std::size_t>(k / r) * out_row + k % r * kChannelBlock);
        }
    }
}

/// shuffle_row() for r = 2, written so that compilers make permutations of it.
template <class T>
void shuffle_row_by_2(const T* in, std::size_t in_step, int blocks, int pixels, int, T* out, std::size_t out_row) {
    T line[4 * kChannelBlock] = {};
    for (int x = 0; x < pixels; ++x, in += kChannelBlock, out += 2 * kChannelBlock) {
        for (int b = 0; b < blocks; ++b)
            std::copy_n(in + static_cast<std::size_t>(b) * in_step, kChannelBlock, line + b * kChannelBlock);
        T above[2 * kChannelBlock], below[2 * kChannelBlock];
        for (int lane = 0; lane < kChannelBlock; ++lane) {
            above[lane] = line[4 * lane];
            above[kChannelBlock + lane] = line[4 * lane + 1];
            below[lane] = line[4 * lane + 2];
            below[kChannelBlock + lane] = line[4 * lane + 3];
        }
        std::copy_n(above, 2 * kChannelBlock, out);
        std::copy_n(below, 2 * kChannelBlock, out + out_row);
    }
}

/// One row of pixel_unshuffle(), the other way.
template <class T>
void unshuffle_row(const T* in, std::size_t in_row, int blocks, int pixels, int r, T* out, std::size_t out_step) {
    T line[kChannelBlock * kMaxShuffleFactor * kMaxShuffleFactor] = {};
    const int r2 = r * r, lanes = std::min(kChannelBlock, (blocks * kChannelBlock + r2 - 1) / r2);
    for (int x = 0; x < pixels; ++x, out += kChannelBlock, in += r * kChannelBlock) {
        for (int k = 0; k < r2; ++k) {
            const T* pixel = in + static_cast<std::size_t>(k / r) * in_row + k % r * kChannelBlock;
            for (int lane = 0; lane < lanes; ++lane) line[lane * r2 + k] = pixel[lane];
        }
        for (int b = 0; b < blocks; ++b)
            std::copy_n(line + b * kChannelBlock, kChannelBlock, out + static_cast<std::size_t>(b) * out_step);
    }
}

/// unshuffle_row() for r = 2, written so that compilers make permutations of it.
template <class T>
void unshuffle_row_by_2(const T* in, std::size_t in_row, int blocks, int pixels, int, T* out, std::size_t out_step) {
    for (int x = 0; x < pixels; ++x, out += kChannelBlock, in += 2 * kChannelBlock) {
        const T *above = in, *below = in + in_row;
        T line[4 * kChannelBlock];
        for (int lane = 0; lane < kChannelBlock; ++lane) {
            line[4 * lane] = above[lane];
            line[4 * lane + 1] = above[kChannelBlock + lane];
            line[4 * lane + 2] = below[lane];
            line[4 * lane + 3] = below[kChannelBlock + lane];
        }
        for (int b = 0; b < blocks; ++b)
            std::copy_n(line + b * kChannelBlock, kChannelBlock, out + static_cast<std::size_t>(b) * out_step);
    }
}

/// Calls `body(n, block, y, first, blocks)` for the rows and channel blocks of the side with few channels, in
/// parallel; `first` and `blocks` say which blocks of the side with many channels belong to it.
template <class Body>
void parallel_shuffle(const Shape& few, const Shape& many, int r, const Body& body) {
    GANCODEC_ASSERT((few == Shape{many.n, many.c / (r * r), many.h * r, many.w * r}) && many.c % (r * r) == 0);
    GANCODEC_ASSERT(r >= 1 && r <= kMaxShuffleFactor);
    parallel_rows({few.n, few.c, many.h, many.w}, [&](int n, int block, int y) {
        const int first = block * r * r;
        body(n, block, y, first, std::min(r * r, many.blocks() - first));
    });
}

}  // namespace detail

/// Moves groups of r² channels into r x r pixels (Shi et al. 2016), channels in PyTorch's order.
///   out[n, c, y·r+dy, x·r+dx] = in[n, c·r²+dy·r+dx, y, x]
/// Shapes   in [n,c·r²,h,w] · out [n,c,h·r,w·r], r <= 8; they do not overlap. Its gradient is pixel_unshuffle(d_out).
template <class T>
void pixel_shuffle(TensorView<const T> in, int r, TensorView<T> out) {
    detail::parallel_shuffle(out.shape, in.shape, r, [&](int n, int block, int y, int first, int blocks) {
        const auto row = r == 2 ? detail::shuffle_row_by_2<T> : detail::shuffle_row<T>;
        row(in.data + in.shape.offset(n, first * kChannelBlock, y, 0), in.shape.plane() * kChannelBlock, blocks,
            in.shape.w, r, out.data + out.shape.offset(n, block * kChannelBlock, y * r, 0),
            static_cast<std::size_t>(out.shape.w) * kChannelBlock);
    });
}

/// Moves r x r pixels into groups of r² channels, the inverse of pixel_shuffle().
///   out[n, c·r²+dy·r+dx, y, x] = in[n, c, y·r+dy, x·r+dx]
/// Shapes   in [n,c,h·r,w·r] · out [n,c·r²,h,w], r <= 8; they do not overlap. Its gradient is pixel_shuffle(d_out).
template <class T>
void pixel_unshuffle(TensorView<const T> in, int r, TensorView<T> out) {
    detail::parallel_shuffle(in.shape, out.shape, r, [&](int n, int block, int y, int first, int blocks) {
        const auto row = r == 2 ? detail::unshuffle_row_by_2<T> : detail::unshuffle_row<T>;
        row(in.data + in.shape.offset(n, block * kChannelBlock, y * r, 0),
            static_cast<std::size_t>(in.shape.w) * kChannelBlock, blocks, out.shape.w, r,
            out.data + out.shape.offset(n, first * kChannelBlock, y, 0), out.shape.plane() * kChannelBlock);
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
