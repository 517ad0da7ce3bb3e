#pragma once

#include <algorithm>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/lanes.hpp"
#include "gancodec/kernels/pack.hpp"
#include "gancodec/kernels/winograd_transform.hpp"

namespace gancodec::detail {

/// Every step-th pixel of an image from (y, x) on: an image of its own.
struct PixelPhase {
    int step = 1, y = 0, x = 0;

    /// Phase `index` of step², row by row.
    static PixelPhase at(int step, int index) { return {step, index / step, index % step}; }
};

/// The shape of an image whose phases are folded: each a part of the channels.
inline Shape folded_shape(const Shape& s, int step) {
    return {s.n, s.c * step * step, divide_up(s.h, step), divide_up(s.w, step)};
}

/// out[n, phase·c + i, y, x] = in[n, i, y·step + phase / step, x·step + phase % step], zero outside the image. A pixel of few
/// channels has a cache line to itself: folded ones take fewer, and are transformed at once.
/// Requires at most 16 channels in out, so at most 4 in `in`.
inline void fold_phases(TensorView<const float> in, int step, TensorView<float> out) {
    constexpr int kCopied = 4;  // what is more than c is overwritten by the next phase, or zero
    GANCODEC_ASSERT(in.shape.c <= kCopied && out.shape.c <= kChannelBlock);
    parallel_rows(out.shape, [&](int n, int, int y) {
        float* row = out.data + out.shape.offset(n, 0, y, 0);
        std::fill_n(row, static_cast<std::size_t>(out.shape.w) * kChannelBlock, 0.0f);
        for (int py = 0; py < step && y * step + py < in.shape.h; ++py) {
            const float* from = in.data + in.shape.offset(n, 0, y * step + py, 0);
            float* to = row + py * step * in.shape.c;
            for (int left = in.shape.w; left > 0; left -= step, to += kChannelBlock)
                for (int px = 0; px < std::min(step, left); ++px, from += kChannelBlock)
                    std::copy_n(from, kCopied, to + px * in.shape.c);
        }
    });
}

/// The grid of 4x4 tiles over all images of a batch, in one line. `out` is the largest phase.
struct WinogradGrid {
    Shape out;

    [[nodiscard]] int columns() const { return divide_up(out.w, kWinogradTile); }
    [[nodiscard]] int rows() const { return divide_up(out.h, kWinogradTile); }
    [[nodiscard]] int tiles() const { return out.n * rows() * columns(); }

    /// Image, and first output row and column of a tile.
    struct Place {
        int n, y, x;
    };
    [[nodiscard]] Place first(int tile) const {
        return {tile / (rows() * columns()), tile / columns() % rows() * kWinogradTile,
                tile % columns() * kWinogradTile};
    }
    /// The tile after `p`; cheaper than first().
    [[nodiscard]] Place next(Place p) const {
        p.x += kWinogradTile;
        if (p.x < out.w) return p;
        p.x = 0;
        p.y += kWinogradTile;
        if (p.y < out.h) return p;
        return {p.n + 1, 0, 0};
    }
};

/// Pixels of a square of a phase, from its (y0, x0) on, with zeros where it leaves the image: in place if it does not, or
/// copied to `buffer`.
template <int Side>
struct SquarePixels {
    const float* data;
    std::ptrdiff_t row, pixel;  ///< floats from one to the next

    SquarePixels(const float* block, const Shape& s, PixelPhase phase, int y0, int x0, float* buffer) {
        const auto pitch = static_cast<std::ptrdiff_t>(s.w) * kChannelBlock;
        const int top = y0 * phase.step + phase.y, left = x0 * phase.step + phase.x, reach = (Side - 1) * phase.step;
        data = block + top * pitch + static_cast<std::ptrdiff_t>(left) * kChannelBlock;
        row = phase.step * pitch;
        pixel = static_cast<std::ptrdiff_t>(phase.step) * kChannelBlock;
        if (top >= 0 && left >= 0 && top + reach < s.h && left + reach < s.w) return;
        for (int i = 0; i < Side; ++i)
            for (int j = 0; j < Side; ++j) {
                const int y = top + i * phase.step, x = left + j * phase.step;
                float* p = buffer + (i * Side + j) * kChannelBlock;
                if (y >= 0 && y < s.h && x >= 0 && x < s.w)
                    std::copy_n(block + y * pitch + static_cast<std::ptrdiff_t>(x) * kChannelBlock, kChannelBlock, p);
                else
                    std::fill_n(p, kChannelBlock, 0.0f);
            }
        data = buffer;
        row = Side * kChannelBlock;
        pixel = kChannelBlock;
    }
};

/// Keeps transformed tiles for products over channels: cell k of tile t goes to v + k·cell + t·16 or, two channels in a
/// word, + t·8.
template <class Arch, Precision P>
struct ChannelWords {
    float* v;
    std::ptrdiff_t cell;

    GANCODEC_INLINE void operator()(int tile, int lane, const simd::Floats<Arch> (&d)[kWinogradCells]) const {
        constexpr int kPacked = simd::kPacked<P>;
        float* p = v + static_cast<std::ptrdiff_t>(tile) * (kChannelBlock / kPacked) + lane / kPacked;
        GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k) {
            if constexpr (P == Precision::bf16)
                simd::store_bf16(p + k * cell, d[k]);
            else
                simd::store<Arch>(p + k * cell, d[k]);
        }
    }
};

/// Bᵀ d B for `count` tiles of one channel block, from `place` on, handed to keep(tile, lane, cells).
template <class Arch, Precision P, class Keep>
void winograd_input(TensorView<const float> in, PixelPhase phase, int pad, int block, const WinogradGrid& grid,
                    WinogradGrid::Place place, int count, const Keep& keep) {
    alignas(kAlignmentBytes) float buffer[kWinogradCells * kChannelBlock];
    for (int tile = 0; tile < count; ++tile, place = grid.next(place)) {
        const SquarePixels<kWinogradPatch> pixels(in.block(place.n, block), in.shape, phase, place.y - pad,
                                                  place.x - pad, buffer);
        for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>) {
            simd::Floats<Arch> d[kWinogradCells];
            GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k) d[k] = simd::load<Arch>(
                pixels.data + k / kWinogradPatch * pixels.row + k % kWinogradPatch * pixels.pixel + lane);
            WinogradFor<P>::input_tile(d);
            keep(tile, lane, d);
        }
    }
}

}  // namespace gancodec::detail
