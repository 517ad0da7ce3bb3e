#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/kernels/reference/conv2d.hpp"
#include "gancodec/kernels/winograd_transform.hpp"

// Plain twins of the Winograd kernels: one tile, one pair of channels at a time, in the same order of operations.

namespace gancodec::reference {

namespace detail {

using gancodec::detail::kWinogradCells;
using gancodec::detail::kWinogradTile;
using gancodec::detail::Winograd;

/// The 36 transformed inputs Bᵀ d B of one channel of the tile whose first output is (y, x).
inline void winograd_input_cells(TensorView<const float> in, int n, int c, int y, int x, int pad,
                                 float (&d)[kWinogradCells]) {
    for (int k = 0; k < kWinogradCells; ++k) d[k] = value_or_zero(in, n, c, y - pad + k / 6, x - pad + k % 6);
    Winograd::input_tile(d);
}

/// Convolves with `weight(co, ci, k)`, k = 3·ky + kx. Products are summed over ci, from zero; the bias joins at the end.
template <class Weight>
void winograd_convolution(TensorView<const float> in, int pad, const Weight& weight, const float* bias,
                          TensorView<float> out, const Epilogue<float>& epilogue) {
    const int inputs = in.shape.c, outputs = out.shape.c;
    std::vector<float> weights(static_cast<std::size_t>(outputs * inputs * kWinogradCells));
    for (int i = 0; i < outputs * inputs; ++i) {
        float g[9], u[kWinogradCells];
        for (int k = 0; k < 9; ++k) g[k] = weight(i / inputs, i % inputs, k);
        Winograd::weight_tile(g, u);
        std::copy_n(u, kWinogradCells, weights.begin() + static_cast<std::ptrdiff_t>(i) * kWinogradCells);
    }
    std::fill_n(out.data, out.size(), 0.0f);
    const auto tile = [&](int n, int y, int x) {
        std::vector<float> cells(static_cast<std::size_t>(inputs * kWinogradCells));
        for (int ci = 0; ci < inputs; ++ci) {
            float d[kWinogradCells];
            winograd_input_cells(in, n, ci, y, x, pad, d);
            std::copy_n(d, kWinogradCells, cells.begin() + static_cast<std::ptrdiff_t>(ci) * kWinogradCells);
        }
        for (int co = 0; co < outputs; ++co) {
            float products[kWinogradCells] = {}, sums[kWinogradTile * kWinogradTile];
            for (int ci = 0; ci < inputs; ++ci)
                for (int k = 0; k < kWinogradCells; ++k)
                    products[k] = std::fma(weights[static_cast<std::size_t>((co * inputs + ci) * kWinogradCells + k)],
                                           cells[static_cast<std::size_t>(ci * kWinogradCells + k)], products[k]);
            Winograd::output_tile(products, sums);
            for (int k = 0; k < kWinogradTile * kWinogradTile; ++k) {
                const int oy = y + k / kWinogradTile, ox = x + k % kWinogradTile;
                if (oy >= out.shape.h || ox >= out.shape.w) continue;
                const std::size_t at = out.shape.offset(n, co, oy, ox);
                out.data[at] = epilogue.apply(sums[k] + (bias == nullptr ? 0.0f : bias[co]),
                                              epilogue.skip == nullptr ? 0.0f : epilogue.skip[at]);
            }
        }
    };
    parallel_for(out.shape.n, [&](std::int64_t n, int) {
        for (int y = 0; y < out.shape.h; y += kWinogradTile)
            for (int x = 0; x < out.shape.w; x += kWinogradTile) tile(static_cast<int>(n), y, x);
    });
}

}  // namespace detail

/// The plain twin of gancodec::conv2d_forward() where uses_winograd().
inline void winograd_forward(TensorView<const float> in, const ConvGeometry& g, const float* weight, const float* bias,
                             TensorView<float> out, const Epilogue<float>& epilogue = {}) {
    GANCODEC_ASSERT(in.shape.c == g.in_channels && out.shape.c == g.out_channels && g.kernel == 3 && g.stride == 1);
    detail::winograd_convolution(
        in, g.pad, [&](int co, int ci, int k) { return weight[detail::weight_index(g, co, ci, k / 3, k % 3)]; }, bias,
        out, epilogue);
}

/// The plain twin of gancodec::conv2d_backward_input() where uses_winograd(): a convolution with the weights turned by
/// half a circle.
inline void winograd_backward_input(TensorView<const float> d_out, const ConvGeometry& g, const float* weight,
                                    TensorView<float> d_in) {
    GANCODEC_ASSERT(d_in.shape.c == g.in_channels && d_out.shape.c == g.out_channels && g.kernel == 3);
    detail::winograd_convolution(
        d_out, 2 - g.pad,
        [&](int ci, int co, int k) { return weight[detail::weight_index(g, co, ci, 2 - k / 3, 2 - k % 3)]; }, nullptr,
        d_in, {});
}

/// The plain twin of gancodec::conv2d_backward_weight() where uses_winograd(). Tiles are summed in chunks.
inline void winograd_backward_weight(TensorView<const float> in, TensorView<const float> d_out, const ConvGeometry& g,
                                     float* d_weight, float* d_bias) {
    using detail::kWinogradCells;
    using detail::kWinogradTile;
    using detail::Winograd;
    const Shape& s = d_out.shape;
    const int columns = (s.w + kWinogradTile - 1) / kWinogradTile, rows = (s.h + kWinogradTile - 1) / kWinogradTile;
    const int tiles = s.n * rows * columns;
    const auto place = [&](int tile, const auto& body) {
        body(tile / (rows * columns), tile / columns % rows * kWinogradTile, tile % columns * kWinogradTile);
    };
    // All transforms first: cells[(tile·channels + channel)·36 + k].
    std::vector<float> inputs(static_cast<std::size_t>(tiles * g.in_channels * kWinogradCells));
    std::vector<float> outputs(static_cast<std::size_t>(tiles * g.out_channels * kWinogradCells));
    for (int tile = 0; tile < tiles; ++tile)
        place(tile, [&](int n, int y, int x) {
            for (int ci = 0; ci < g.in_channels; ++ci) {
                float d[kWinogradCells];
                detail::winograd_input_cells(in, n, ci, y, x, g.pad, d);
                std::copy_n(d, kWinogradCells,
                            &inputs[static_cast<std::size_t>((tile * g.in_channels + ci) * kWinogradCells)]);
            }
            for (int co = 0; co < g.out_channels; ++co) {
                float pixels[kWinogradTile * kWinogradTile], m[kWinogradCells];
                for (int k = 0; k < kWinogradTile * kWinogradTile; ++k)
                    pixels[k] = detail::value_or_zero(d_out, n, co, y + k / kWinogradTile, x + k % kWinogradTile);
                Winograd::output_adjoint_tile(pixels, m);
                std::copy_n(m, kWinogradCells,
                            &outputs[static_cast<std::size_t>((tile * g.out_channels + co) * kWinogradCells)]);
            }
        });
    parallel_for(static_cast<std::int64_t>(g.out_channels) * g.in_channels, [&](std::int64_t i, int) {
        const int co = static_cast<int>(i / g.in_channels), ci = static_cast<int>(i % g.in_channels);
        float total[kWinogradCells] = {}, gradient[9];
        for (int first = 0; first < tiles; first += kWinogradChunk)
            for (int k = 0; k < kWinogradCells; ++k) {
                float sum = 0;
                for (int tile = first; tile < std::min(tiles, first + kWinogradChunk); ++tile)
                    sum = std::fma(outputs[static_cast<std::size_t>((tile * g.out_channels + co) * kWinogradCells + k)],
                                   inputs[static_cast<std::size_t>((tile * g.in_channels + ci) * kWinogradCells + k)],
                                   sum);
                total[k] += sum;
            }
        Winograd::weight_adjoint_tile(total, gradient);
        for (int k = 0; k < 9; ++k) d_weight[i * 9 + k] += gradient[k];
    });
    if (d_bias != nullptr) bias_gradient(d_out, d_bias);
}

}  // namespace gancodec::reference
