#pragma once

#include <cstddef>

#include "gancodec/core/config.hpp"
#include "gancodec/simd/bf16.hpp"

namespace gancodec::detail {

/// What tap_tile() computes: some neighbouring pixels of a row, for one or two groups of 16 output channels. With
/// Precision::bf16 inputs and weights are words of two channels, the last one filled up with a zero.
struct TapTile {
    const float* in;                ///< the first pixel, tap (0, 0), channel block 0
    std::ptrdiff_t in_block;        ///< words between channel blocks
    const std::ptrdiff_t* offsets;  ///< words from `in` to the pixel of each tap
    int taps, channels;             ///< taps, and input channels without padding
    const float* weights;           ///< of the first group: PackedTaps
    std::ptrdiff_t weight_group;    ///< words between the groups of weights
    const float* bias;              ///< 16 for each group
    float* out;                     ///< the first pixel of the first group
    std::ptrdiff_t out_group, out_pixel;
    int pixels;  ///< how many of the tile's pixels to store
};

/// How many groups and pixels fit the registers, with two or more left for weights and one for an input.
/// `large` and `small` are the two tile widths; a row is cut into them.
template <class Arch>
struct TileSizes {
    static constexpr int groups = 1, large = 6, small = 4;
};
template <class Arch>
    requires(simd::kLanes<Arch> == 16)
struct TileSizes<Arch> {
    static constexpr int groups = 2, large = 12, small = 4;
};

/// Where the operands of a tile come from. Far ones, which the first-level cache does not hold, are asked for ahead; near ones
/// would be slowed down by that.
enum class Operands { near, far };

/// The direct micro-kernel. Each output is one lane of one accumulator, and sums in the canonical order: bias, channel
/// blocks, taps, channels of the block, all by simd::multiply_add().
template <class Arch, int Groups, int Pixels, Precision P, Operands From>
void tap_tile(const TapTile& t) {
    using Vector = simd::Floats<Arch>;
    constexpr int kV = simd::kVectors<Arch>, kLanes = simd::kLanes<Arch>;
    constexpr int kPacked = simd::kPacked<P>, kPixel = kChannelBlock / kPacked;
    constexpr std::ptrdiff_t kAhead = 64 * kChannelBlock;  // four channel blocks of weights
    Vector sum[Groups * kV][Pixels];
    GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v) {
        const Vector bias = simd::load<Arch>(t.bias + v * kLanes);
        GANCODEC_UNROLL for (int p = 0; p < Pixels; ++p) sum[v][p] = bias;
    }
    const float* weights = t.weights;
    const std::ptrdiff_t weight_group = t.weight_group;
    const float* block = t.in;
    for (int left = t.channels; left > 0; left -= kChannelBlock, block += t.in_block) {
        const int words = left < kChannelBlock ? (left + kPacked - 1) / kPacked : kPixel;
        for (int tap = 0; tap < t.taps; ++tap) {
            const float* in = block + t.offsets[tap];
            if constexpr (From == Operands::far)
                GANCODEC_UNROLL for (int p = 0; p < Pixels; ++p) simd::prefetch(in + t.in_block + p * kPixel);
            for (int c = 0; c < words; ++c, ++in, weights += kChannelBlock) {
                if constexpr (From == Operands::far)
                    GANCODEC_UNROLL for (int g = 0; g < Groups; ++g)
                        simd::prefetch(weights + g * weight_group + kAhead);
                Vector w[Groups * kV];
                GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v) w[v] =
                    simd::load<Arch>(weights + v / kV * weight_group + v % kV * kLanes);
                GANCODEC_UNROLL for (int p = 0; p < Pixels; ++p) {
                    const Vector x = simd::broadcast<Arch>(in[p * kPixel]);
                    GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v) sum[v][p] =
                        simd::multiply_add<P>(w[v], x, sum[v][p]);
                }
            }
        }
    }
    GANCODEC_UNROLL for (int p = 0; p < Pixels; ++p) {
        if (p < t.pixels) {
            GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v)
                simd::store<Arch>(t.out + v / kV * t.out_group + p * t.out_pixel + v % kV * kLanes, sum[v][p]);
        }
    }
}

/// Width of the next tile of a row with `left` pixels to go: large ones, then what wastes least.
template <class Arch>
constexpr int next_tile(int left) {
    using S = TileSizes<Arch>;
    if (left <= S::small) return S::small;
    if (left <= 2 * S::small) return S::large == 3 * S::small ? 2 * S::small : (left <= S::large ? S::large : S::small);
    return S::large;
}

/// Pixels that the tiles of a row of `width` pixels read: at least `width`.
template <class Arch>
constexpr int tiled_width(int width) {
    int total = 0;
    while (total < width) total += next_tile<Arch>(width - total);
    return total;
}

template <class Arch, int Groups, Precision P, Operands From>
void tap_row(TapTile t, int width) {
    using S = TileSizes<Arch>;
    for (int left = width; left > 0;) {
        const int pixels = next_tile<Arch>(left);
        t.pixels = left < pixels ? left : pixels;
        if (pixels == S::large)
            tap_tile<Arch, Groups, S::large, P, From>(t);
        else if (pixels == S::small)
            tap_tile<Arch, Groups, S::small, P, From>(t);
        else
            tap_tile<Arch, Groups, 2 * S::small, P, From>(t);
        left -= pixels;
        t.in += pixels * (kChannelBlock / simd::kPacked<P>);
        t.out += pixels * t.out_pixel;
    }
}

}  // namespace gancodec::detail
