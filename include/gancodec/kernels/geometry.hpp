#pragma once

#include <algorithm>

#include "gancodec/core/shape.hpp"

namespace gancodec {

/// Places first to end − 1 along an axis.
struct Interval {
    int first = 0, end = 0;

    [[nodiscard]] constexpr int size() const { return end - first; }
    friend constexpr bool operator==(const Interval&, const Interval&) = default;
};

/// The numbers that fix a convolution; the sizes of its images are free.
struct ConvGeometry {
    int in_channels = 0, out_channels = 0, kernel = 1, stride = 1, pad = 0;

    /// Output height (width) for an input height (width): (in + 2·pad − kernel)/stride + 1.
    [[nodiscard]] constexpr int out_extent(int in) const { return (in + 2 * pad - kernel) / stride + 1; }
    friend constexpr bool operator==(const ConvGeometry&, const ConvGeometry&) = default;
};

/// The numbers that fix a transposed convolution. `output_pad` only settles which output size is meant.
struct ConvTransposeGeometry {
    int in_channels = 0, out_channels = 0, kernel = 1, stride = 1, pad = 0, output_pad = 0;

    /// Output height (width) for an input height (width): (in − 1)·stride − 2·pad + kernel + output_pad.
    [[nodiscard]] constexpr int out_extent(int in) const { return (in - 1) * stride - 2 * pad + kernel + output_pad; }
    /// The convolution whose gradient to its input this is; it runs from out_channels to in_channels.
    [[nodiscard]] constexpr ConvGeometry adjoint() const { return {out_channels, in_channels, kernel, stride, pad}; }
    friend constexpr bool operator==(const ConvTransposeGeometry&, const ConvTransposeGeometry&) = default;
};

/// Rows (all images in line) whose part of a weight gradient is summed by itself before it joins the whole: about 128
/// pixels. Sums over a batch would lose digits, and a chunk stays in the cache. Part of the canonical order of sums.
[[nodiscard]] constexpr int gradient_chunk_rows(int width) { return std::max(1, 128 / std::max(1, width)); }

/// Tiles of 4x4 outputs whose part of a Winograd weight gradient is summed by itself: canonical too.
inline constexpr int kWinogradChunk = 96;

/// Whether the canonical algorithm of a convolution's adjoint in float (its input gradient, or a transposed convolution)
/// is Winograd's: decided by the geometry alone, so that it is the same for every image size and machine. Stride 2 is
/// stride 1 on phases. Outputs then depend on their place in the grid of tiles of 4x4 outputs, 8x8 where the stride is 2.
[[nodiscard]] constexpr bool uses_winograd_adjoint(const ConvGeometry& g) {
    const bool plain = g.kernel == 3 && g.stride == 1 && g.pad <= 2;
    const bool phases = g.stride == 2 && ((g.kernel == 5 && g.pad == 2) || (g.kernel == 4 && g.pad == 1));
    return (plain || phases) && g.in_channels >= 16 && g.out_channels >= 16;
}

/// The same for the convolution itself; tiles have 4x4 outputs. With many outputs it wins from three channels on.
[[nodiscard]] constexpr bool uses_winograd(const ConvGeometry& g) {
    const bool first_layer = g.kernel == 5 && g.stride == 2 && g.pad == 2 && g.in_channels >= 3 && g.out_channels >= 64;
    return uses_winograd_adjoint(g) || first_layer;
}

/// Grid on which a window of an image must begin so that the convolution of the window equals that of the whole: a
/// multiple of the stride, of the tiles' inputs where the algorithm is Winograd's.
[[nodiscard]] constexpr int window_step(const ConvGeometry& g) { return g.stride * (uses_winograd(g) ? 4 : 1); }

/// Rows (columns) of the input whose numbers reach these outputs, bit by bit; outside the image they are zeros. In a tile of
/// Winograd's outputs [0, 4) the first reads the inputs d0 to d4 of its patch, the next two d1 to d4, the last d1 to d5: more than
/// the 3 of which it is a sum, because what cancels leaves its rounding.
[[nodiscard]] constexpr Interval window_inputs(const ConvGeometry& g, Interval out) {
    if (!uses_winograd(g)) return {out.first * g.stride - g.pad, (out.end - 1) * g.stride - g.pad + g.kernel};
    const int pad = (g.pad + g.stride - 1) / g.stride;  // in phases, see WinogradAxis
    const int tile = round_down(out.first, 4), last_tile = round_down(out.end - 1, 4);
    const int first = tile - pad + (out.first == tile ? 0 : 1);
    const int end = last_tile - pad + (out.end - last_tile == 4 ? 6 : 5);
    return {first * g.stride, end * g.stride};
}

/// The same for its weight gradient. Stride 2 sums pixel by pixel.
[[nodiscard]] constexpr bool uses_winograd_gradient(const ConvGeometry& g) {
    return uses_winograd(g) && g.stride == 1 && g.in_channels >= 32 && g.out_channels >= 32;
}

}  // namespace gancodec
