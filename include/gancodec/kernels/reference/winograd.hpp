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

/// A convolution (or its adjoint) as stride 1 on phases: outputs (y·out_step + phase) see inputs (x·in_step + phase).
struct WinogradPhases {
    int in_step = 1, out_step = 1;
    int pad = 0;  ///< zeros before the first pixel of a phase
};

/// The 36 transformed inputs Bᵀ d B of one channel of the tile whose first output is (y, x), for the phase (py, px).
inline void winograd_input_cells(TensorView<const float> in, int n, int c, int y, int x, const WinogradPhases& phases,
                                 int py, int px, float (&d)[kWinogradCells]) {
    for (int k = 0; k < kWinogradCells; ++k)
        d[k] = value_or_zero(in, n, c, (y - phases.pad + k / 6) * phases.in_step + py,
                             (x - phases.pad + k % 6) * phases.in_step + px);
    Winograd::input_tile(d);
}

/// Convolves with `weight(co, ci, py, px, ky, kx)`: 3x3 for each phase (py, px) of inputs or outputs. Products are summed
/// over blocks of 16 ci, phases, ci, from zero; the bias joins at the end.
template <class Weight>
void winograd_convolution(TensorView<const float> in, const WinogradPhases& phases, const Weight& weight,
                          const float* bias, TensorView<float> out, const Epilogue<float>& epilogue) {
    struct Input {
        int c, py, px;
    };
    std::vector<Input> inputs;
    for (int first = 0; first < in.shape.c; first += kChannelBlock)
        for (int py = 0; py < phases.in_step; ++py)
            for (int px = 0; px < phases.in_step; ++px)
                for (int c = first; c < std::min(first + kChannelBlock, in.shape.c); ++c) inputs.push_back({c, py, px});
    std::fill_n(out.data, out.size(), 0.0f);
    parallel_for(static_cast<std::int64_t>(out.shape.n) * out.shape.c, [&](std::int64_t task, int) {
        const int n = static_cast<int>(task / out.shape.c), co = static_cast<int>(task % out.shape.c);
        for (int phase = 0; phase < phases.out_step * phases.out_step; ++phase) {
            const int out_y = phase / phases.out_step, out_x = phase % phases.out_step;
            std::vector<float> weights;
            for (const Input& i : inputs) {
                float g[9], u[kWinogradCells];
                for (int k = 0; k < 9; ++k) g[k] = weight(co, i.c, i.py + out_y, i.px + out_x, k / 3, k % 3);
                Winograd::weight_tile(g, u);
                weights.insert(weights.end(), u, u + kWinogradCells);
            }
            for (int y = 0; y * phases.out_step + out_y < out.shape.h; y += kWinogradTile)
                for (int x = 0; x * phases.out_step + out_x < out.shape.w; x += kWinogradTile) {
                    float products[kWinogradCells] = {}, sums[kWinogradTile * kWinogradTile];
                    const float* u = weights.data();
                    for (const Input& i : inputs) {
                        float d[kWinogradCells];
                        winograd_input_cells(in, n, i.c, y, x, phases, i.py, i.px, d);
                        for (int k = 0; k < kWinogradCells; ++k) products[k] = std::fma(*u++, d[k], products[k]);
                    }
                    Winograd::output_tile(products, sums);
                    for (int k = 0; k < kWinogradTile * kWinogradTile; ++k) {
                        const int oy = (y + k / kWinogradTile) * phases.out_step + out_y;
                        const int ox = (x + k % kWinogradTile) * phases.out_step + out_x;
                        if (oy >= out.shape.h || ox >= out.shape.w) continue;
                        const std::size_t at = out.shape.offset(n, co, oy, ox);
                        out.data[at] = epilogue.apply(sums[k] + (bias == nullptr ? 0.0f : bias[co]),
                                                      epilogue.skip == nullptr ? 0.0f : epilogue.skip[at]);
                    }
                }
        }
    });
}

/// weight[co,ci,ky,kx] where the kernel has it, or 0.
inline float weight_or_zero(const ConvGeometry& g, const float* weight, int co, int ci, int ky, int kx) {
    const bool inside = ky >= 0 && ky < g.kernel && kx >= 0 && kx < g.kernel;
    return inside ? weight[weight_index(g, co, ci, ky, kx)] : 0.0f;
}

}  // namespace detail

/// The plain twin of gancodec::conv2d_forward() where uses_winograd(). Tap t of a phase is the weight
/// stride·(t − pad of the phase) + phase + pad.
inline void winograd_forward(TensorView<const float> in, const ConvGeometry& g, const float* weight, const float* bias,
                             TensorView<float> out, const Epilogue<float>& epilogue = {}) {
    GANCODEC_ASSERT(in.shape.c == g.in_channels && out.shape.c == g.out_channels && uses_winograd(g));
    const int pad = g.stride == 1 ? g.pad : 1, first = g.pad - g.stride * pad;
    detail::winograd_convolution(
        in, {g.stride, 1, pad},
        [&](int co, int ci, int py, int px, int ky, int kx) {
            return detail::weight_or_zero(g, weight, co, ci, g.stride * ky + py + first, g.stride * kx + px + first);
        },
        bias, out, epilogue);
}

/// The plain twin of gancodec::conv2d_backward_input() where uses_winograd_adjoint(), and with a bias (length g.in_channels) of
/// conv_transpose2d_forward(): a convolution with the weights turned by half a circle.
inline void winograd_backward_input(TensorView<const float> d_out, const ConvGeometry& g, const float* weight,
                                    const float* bias, TensorView<float> d_in, const Epilogue<float>& epilogue = {}) {
    GANCODEC_ASSERT(d_in.shape.c == g.in_channels && d_out.shape.c == g.out_channels && uses_winograd_adjoint(g));
    const int pad = g.stride == 1 ? g.pad : 1, first = g.pad - g.stride * pad;
    detail::winograd_convolution(
        d_out, {1, g.stride, 2 - pad},
        [&](int ci, int co, int py, int px, int ky, int kx) {
            return detail::weight_or_zero(g, weight, co, ci, g.stride * (2 - ky) + py + first,
                                          g.stride * (2 - kx) + px + first);
        },
        bias, d_in, epilogue);
}

/// The plain twin of gancodec::conv2d_backward_weight() where uses_winograd_gradient(). Tiles are summed in chunks.
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
                detail::winograd_input_cells(in, n, ci, y, x, {1, 1, g.pad}, 0, 0, d);
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
