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
using gancodec::detail::WinogradFor;

/// A convolution (or its adjoint) as stride 1 on phases: outputs (y·out_step + phase) see inputs (x·in_step + phase).
struct WinogradPhases {
    int in_step = 1, out_step = 1;
    int pad = 0;  ///< zeros before the first pixel of a phase
};

/// sum + the products of a word: of a and b or, two factors in a word, of what lies a step on as well.
template <Precision P>
float multiply_add(const float* a, std::ptrdiff_t a_step, const float* b, std::ptrdiff_t b_step, float sum) {
    if constexpr (P == Precision::bf16)
        return simd::dot_bf16(simd::pair_bf16(a[0], a[a_step]), simd::pair_bf16(b[0], b[b_step]), sum);
    else
        return std::fma(a[0], b[0], sum);
}

/// The 36 transformed inputs Bᵀ d B of one channel of the tile whose first output is (y, x), for the phase (py, px).
template <Precision P>
void winograd_input_cells(TensorView<const float> in, int n, int c, int y, int x, const WinogradPhases& phases, int py,
                          int px, float (&d)[kWinogradCells]) {
    for (int k = 0; k < kWinogradCells; ++k)
        d[k] = value_or_zero(in, n, c, (y - phases.pad + k / 6) * phases.in_step + py,
                             (x - phases.pad + k % 6) * phases.in_step + px);
    WinogradFor<P>::input_tile(d);
}

/// Convolves with `weight(co, ci, py, px, ky, kx)`: 3x3 for each phase (py, px) of inputs or outputs. Products are summed
/// over blocks of 16 ci, phases, words of ci, from zero; the bias joins at the end.
template <Precision P, class Weight>
void winograd_convolution(TensorView<const float> in, const WinogradPhases& phases, const Weight& weight,
                          const float* bias, TensorView<float> out, const Epilogue<float>& epilogue) {
    constexpr int kPacked = simd::kPacked<P>;
    struct Input {
        int c, py, px;  // a channel that does not exist fills the last word
    };
    std::vector<Input> inputs;
    for (int first = 0; first < in.shape.c; first += kChannelBlock)
        for (int py = 0; py < phases.in_step; ++py)
            for (int px = 0; px < phases.in_step; ++px)
                for (int c = first; c < std::min(first + kChannelBlock, in.shape.c + in.shape.c % kPacked); ++c)
                    inputs.push_back({c, py, px});
    std::fill_n(out.data, out.size(), 0.0f);
    parallel_for(static_cast<std::int64_t>(out.shape.n) * out.shape.c, [&](std::int64_t task, int) {
        const int n = static_cast<int>(task / out.shape.c), co = static_cast<int>(task % out.shape.c);
        for (int phase = 0; phase < phases.out_step * phases.out_step; ++phase) {
            const int out_y = phase / phases.out_step, out_x = phase % phases.out_step;
            std::vector<float> weights;
            for (const Input& i : inputs) {
                float g[9], u[kWinogradCells];
                for (int k = 0; k < 9; ++k)
                    g[k] = i.c < in.shape.c ? weight(co, i.c, i.py + out_y, i.px + out_x, k / 3, k % 3) : 0.0f;
                WinogradFor<P>::weight_tile(g, u);
                weights.insert(weights.end(), u, u + kWinogradCells);
            }
            for (int y = 0; y * phases.out_step + out_y < out.shape.h; y += kWinogradTile)
                for (int x = 0; x * phases.out_step + out_x < out.shape.w; x += kWinogradTile) {
                    float products[kWinogradCells] = {}, sums[kWinogradTile * kWinogradTile];
                    const float* u = weights.data();
                    for (std::size_t i = 0; i < inputs.size(); i += kPacked, u += kPacked * kWinogradCells) {
                        float d[kPacked][kWinogradCells] = {};
                        for (std::size_t j = 0; j < kPacked; ++j) {
                            const Input& input = inputs[i + j];
                            if (input.c < in.shape.c)
                                winograd_input_cells<P>(in, n, input.c, y, x, phases, input.py, input.px, d[j]);
                        }
                        for (int k = 0; k < kWinogradCells; ++k)
                            products[k] = multiply_add<P>(u + k, kWinogradCells, d[0] + k, kWinogradCells, products[k]);
                    }
                    WinogradFor<P>::output_tile(products, sums);
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
template <Precision P = Precision::fp32>
void winograd_forward(TensorView<const float> in, const ConvGeometry& g, const float* weight, const float* bias,
                      TensorView<float> out, const Epilogue<float>& epilogue = {}) {
    GANCODEC_ASSERT(in.shape.c == g.in_channels && out.shape.c == g.out_channels && uses_winograd(g));
    const int pad = g.stride == 1 ? g.pad : 1, first = g.pad - g.stride * pad;
    detail::winograd_convolution<P>(
        in, {g.stride, 1, pad},
        [&](int co, int ci, int py, int px, int ky, int kx) {
            return detail::weight_or_zero(g, weight, co, ci, g.stride * ky + py + first, g.stride * kx + px + first);
        },
        bias, out, epilogue);
}

/// The plain twin of gancodec::conv2d_backward_input() where uses_winograd_adjoint(), and with a bias (length g.in_channels) of
/// conv_transpose2d_forward(): a convolution with the weights turned by half a circle.
template <Precision P = Precision::fp32>
void winograd_backward_input(TensorView<const float> d_out, const ConvGeometry& g, const float* weight,
                             const float* bias, TensorView<float> d_in, const Epilogue<float>& epilogue = {}) {
    GANCODEC_ASSERT(d_in.shape.c == g.in_channels && d_out.shape.c == g.out_channels && uses_winograd_adjoint(g));
    const int pad = g.stride == 1 ? g.pad : 1, first = g.pad - g.stride * pad;
    detail::winograd_convolution<P>(
        d_out, {1, g.stride, 2 - pad},
        [&](int ci, int co, int py, int px, int ky, int kx) {
            return detail::weight_or_zero(g, weight, co, ci, g.stride * (2 - ky) + py + first,
                                          g.stride * (2 - kx) + px + first);
        },
        bias, d_in, epilogue);
}

/// The plain twin of gancodec::conv2d_backward_weight() where uses_winograd_gradient(). Tiles are summed in chunks.
template <Precision P = Precision::fp32>
void winograd_backward_weight(TensorView<const float> in, TensorView<const float> d_out, const ConvGeometry& g,
                              float* d_weight, float* d_bias) {
    using detail::kWinogradCells;
    using detail::kWinogradTile;
    using Transforms = detail::WinogradFor<P>;
    const Shape& s = d_out.shape;
    const int columns = (s.w + kWinogradTile - 1) / kWinogradTile, rows = (s.h + kWinogradTile - 1) / kWinogradTile;
    const int tiles = s.n * rows * columns;
    const auto place = [&](int tile, const auto& body) {
        body(tile / (rows * columns), tile / columns % rows * kWinogradTile, tile % columns * kWinogradTile);
    };
    // All transforms first: cells[(tile·channels + channel)·36 + k]. A tile of zeros fills the last word.
    constexpr int kPacked = simd::kPacked<P>;
    const int in_step = g.in_channels * kWinogradCells, out_step = g.out_channels * kWinogradCells;
    std::vector<float> inputs(static_cast<std::size_t>((tiles + kPacked - 1) * in_step));
    std::vector<float> outputs(static_cast<std::size_t>((tiles + kPacked - 1) * out_step));
    for (int tile = 0; tile < tiles; ++tile)
        place(tile, [&](int n, int y, int x) {
            for (int ci = 0; ci < g.in_channels; ++ci) {
                float d[kWinogradCells];
                detail::winograd_input_cells<P>(in, n, ci, y, x, {1, 1, g.pad}, 0, 0, d);
                std::copy_n(d, kWinogradCells, inputs.data() + tile * in_step + ci * kWinogradCells);
            }
            for (int co = 0; co < g.out_channels; ++co) {
                float pixels[kWinogradTile * kWinogradTile], m[kWinogradCells];
                for (int k = 0; k < kWinogradTile * kWinogradTile; ++k)
                    pixels[k] = detail::value_or_zero(d_out, n, co, y + k / kWinogradTile, x + k % kWinogradTile);
                Transforms::output_adjoint_tile(pixels, m);
                std::copy_n(m, kWinogradCells, outputs.data() + tile * out_step + co * kWinogradCells);
            }
        });
    parallel_for(static_cast<std::int64_t>(g.out_channels) * g.in_channels, [&](std::int64_t i, int) {
        const int co = static_cast<int>(i / g.in_channels), ci = static_cast<int>(i % g.in_channels);
        float total[kWinogradCells] = {}, gradient[9];
        for (int first = 0; first < tiles; first += kWinogradChunk)
            for (int k = 0; k < kWinogradCells; ++k) {
                float sum = 0;
                for (int tile = first; tile < std::min(tiles, first + kWinogradChunk); tile += kPacked)
                    sum =
                        detail::multiply_add<P>(outputs.data() + tile * out_step + co * kWinogradCells + k, out_step,
                                                inputs.data() + tile * in_step + ci * kWinogradCells + k, in_step, sum);
                total[k] += sum;
            }
        Transforms::weight_adjoint_tile(total, gradient);
        for (int k = 0; k < 9; ++k) d_weight[i * 9 + k] += gradient[k];
    });
    if (d_bias != nullptr) bias_gradient(d_out, d_bias);
}

}  // namespace gancodec::reference
