#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/lanes.hpp"
#include "gancodec/kernels/reference/gdn.hpp"
#include "gancodec/kernels/tap_tile.hpp"
#include "gancodec/simd/batch.hpp"

// GDN in float, by the convolution's micro-kernel: a 1x1 convolution of |x| whose result stays in the cache until x is
// divided by it. Pixels are taken in runs of kGdnRun, so long that weights are read seldom; a worker's runs lie in its
// scratch as [block][kGdnPitch][16].

namespace gancodec::detail {

inline constexpr std::size_t kGdnRun = 96;
inline constexpr std::size_t kGdnPitch = kGdnRun + 16;  // the last tile of a run may read beyond it
inline constexpr std::size_t kGdnBlock = kGdnPitch * kChannelBlock;

/// gamma in the order of tap_tile(), [i/16][j][i%16]; `transposed` swaps the roles of i and j.
inline const float* pack_gdn_gamma(const float* gamma, const Shape& shape, bool transposed, Workspace& ws) {
    const auto c = static_cast<std::ptrdiff_t>(shape.c);
    float* packed = ws.take<float>(static_cast<std::size_t>(shape.padded_c()) * static_cast<std::size_t>(c));
    if (ws.counts_only()) return packed;
    parallel_for(shape.blocks(), [&](std::int64_t group, int) {
        float* p = packed + group * c * kChannelBlock;
        const std::ptrdiff_t first = group * kChannelBlock;
        for (std::ptrdiff_t j = 0; j < c; ++j)
            for (std::ptrdiff_t i = first; i < first + kChannelBlock; ++i)
                *p++ = i >= c ? 0.0f : transposed ? gamma[j * c + i] : gamma[i * c + j];
    });
    return packed;
}

/// out[i] = bias[i] + Σ_j weights[i,j]·in[j] for one run of `pixels` pixels, scratch to scratch.
template <class Arch>
void gdn_product(const float* in, const float* weights, const float* bias, const Shape& shape, std::size_t pixels,
                 float* out) {
    constexpr std::ptrdiff_t kNoOffset = 0;
    constexpr int kGroups = TileSizes<Arch>::groups;
    TapTile tile{};
    tile.in = in;
    tile.in_block = kGdnBlock;
    tile.offsets = &kNoOffset;
    tile.taps = 1;
    tile.channels = shape.c;
    tile.weight_group = static_cast<std::ptrdiff_t>(shape.c) * kChannelBlock;
    tile.out_group = kGdnBlock;
    tile.out_pixel = kChannelBlock;
    for (int group = 0; group < shape.blocks();) {
        tile.weights = weights + group * tile.weight_group;
        tile.bias = bias + group * kChannelBlock;
        tile.out = out + group * tile.out_group;
        if (shape.blocks() - group >= kGroups) {
            tap_row<Arch, kGroups, Precision::fp32, Operands::far>(tile, static_cast<int>(pixels));
            group += kGroups;
        } else {
            tap_row<Arch, 1, Precision::fp32, Operands::far>(tile, static_cast<int>(pixels));
            ++group;
        }
    }
}

/// Calls `body(tensor offset, scratch offset)` for the 16 lanes of every block of every pixel of a run. Of the tensors `read`
/// and `written`, where not null, the lines of the next block and of this one are asked for.
template <class Body>
void for_each_gdn_pixel(const Shape& shape, int n, std::size_t first, std::size_t pixels, const float* read,
                        const float* written, const Body& body) {
    const std::size_t size = pixels * kChannelBlock;
    for (int block = 0; block < shape.blocks(); ++block) {
        const std::size_t from = shape.offset(n, block * kChannelBlock, 0, 0) + first * kChannelBlock;
        const std::size_t next = from + (block + 1 < shape.blocks() ? shape.plane() * kChannelBlock : 0);
        const std::size_t scratch = static_cast<std::size_t>(block) * kGdnBlock;
        for (std::size_t i = 0; read != nullptr && i < size; i += kChannelBlock) simd::prefetch(read + next + i);
        for (std::size_t i = 0; written != nullptr && i < size; i += kChannelBlock)
            simd::prefetch_to_write(written + from + i);
        for (std::size_t i = 0; i < size; i += kChannelBlock) body(from + i, scratch + i);
    }
}

/// out = |in| for the 16 lanes of a pixel.
template <class Arch>
void magnitude_of_pixel(const float* in, float* out) {
    GANCODEC_UNROLL for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>)
        simd::store<Arch>(out + lane, simd::abs(simd::load<Arch>(in + lane)));
}

/// Calls `body(n, first, pixels, worker)` for the runs of every image, in parallel.
template <class Body>
void parallel_gdn_runs(const Shape& shape, const Body& body) {
    const std::size_t runs = (shape.plane() + kGdnRun - 1) / kGdnRun;
    parallel_for(static_cast<std::int64_t>(runs) * shape.n, [&](std::int64_t i, int worker) {
        const std::size_t first = static_cast<std::size_t>(i) % runs * kGdnRun;
        body(static_cast<int>(static_cast<std::size_t>(i) / runs), first, std::min(kGdnRun, shape.plane() - first),
             static_cast<std::size_t>(worker));
    });
}

/// What both directions need: packed weights, and for every worker `buffers` runs of scratch.
struct GdnScratch {
    const float *gamma, *beta;
    float* runs;
    std::size_t run_size;
    int buffers;

    GdnScratch(const float* beta_values, const float* gamma_values, const Shape& shape, int buffer_count, Workspace& ws)
        : gamma(pack_gdn_gamma(gamma_values, shape, false, ws)),
          run_size(static_cast<std::size_t>(shape.blocks()) * kGdnBlock),
          buffers(buffer_count) {
        float* padded = ws.take<float>(static_cast<std::size_t>(shape.padded_c()));
        beta = padded;
        const std::size_t size = static_cast<std::size_t>(threads()) * static_cast<std::size_t>(buffers) * run_size;
        runs = ws.take<float>(size);
        if (ws.counts_only()) return;
        std::fill(std::copy_n(beta_values, shape.c, padded), padded + shape.padded_c(), 1.0f);  // 0/1 = 0
        std::fill_n(runs, size, 0.0f);
    }
    [[nodiscard]] float* buffer(std::size_t worker, std::size_t index) const {
        return runs + (worker * static_cast<std::size_t>(buffers) + index) * run_size;
    }
};

template <class Arch>
void gdn_forward_tiles(TensorView<const float> in, const float* beta, const float* gamma, bool inverse,
                       TensorView<float> out, Workspace& ws) {
    using simd::kLanes;
    const Shape& shape = in.shape;
    const Workspace::Scope scope(ws);
    const GdnScratch scratch(beta, gamma, shape, 2, ws);
    if (ws.counts_only()) return;
    parallel_gdn_runs(shape, [&](int n, std::size_t first, std::size_t pixels, std::size_t worker) {
        float *magnitude = scratch.buffer(worker, 0), *norm = scratch.buffer(worker, 1);
        for_each_gdn_pixel(shape, n, first, pixels, in.data, nullptr, [&](std::size_t from, std::size_t to) {
            magnitude_of_pixel<Arch>(in.data + from, magnitude + to);
        });
        gdn_product<Arch>(magnitude, scratch.gamma, scratch.beta, shape, pixels, norm);
        for_each_gdn_pixel(shape, n, first, pixels, nullptr, out.data, [&](std::size_t at, std::size_t run_at) {
            GANCODEC_UNROLL for (int lane = 0; lane < kChannelBlock; lane += kLanes<Arch>) {
                const auto x = simd::load<Arch>(in.data + at + lane), d = simd::load<Arch>(norm + run_at + lane);
                simd::store<Arch>(out.data + at + lane, inverse ? x * d : simd::divide(x, d));
            }
        });
    });
}

/// d_gamma[i,j] += Σ_p d_norm[p][i]·|x[p][j]| over one chunk of pixels, for 16 x 16 entries. Lanes are j.
template <class Arch>
void gdn_outer_product(const float* d_norm, const float* x, std::size_t pixels, int rows, int columns, float* d_gamma,
                       std::ptrdiff_t pitch) {
    constexpr int kV = simd::kVectors<Arch>, kLanes = simd::kLanes<Arch>;
    constexpr int kRows = kLanes == 16 ? 16 : 4;  // kRows·kV accumulators, kV magnitudes, one factor
    for (int row = 0; row < rows; row += kRows) {
        simd::Floats<Arch> sum[kRows][kV];
        GANCODEC_UNROLL for (int r = 0; r < kRows; ++r) GANCODEC_UNROLL for (int v = 0; v < kV; ++v) sum[r][v] =
            simd::broadcast<Arch>(0.0f);
        for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock) {
            simd::Floats<Arch> magnitude[kV];
            GANCODEC_UNROLL for (int v = 0; v < kV; ++v) magnitude[v] = simd::abs(simd::load<Arch>(x + i + v * kLanes));
            const float* factors = d_norm + i + row;
            GANCODEC_UNROLL for (int r = 0; r < kRows; ++r) {
                const auto factor = simd::broadcast<Arch>(factors[r]);
                GANCODEC_UNROLL for (int v = 0; v < kV; ++v) sum[r][v] = simd::fma(factor, magnitude[v], sum[r][v]);
            }
        }
        alignas(kAlignmentBytes) float sums[kRows][kChannelBlock];
        GANCODEC_UNROLL for (int r = 0; r < kRows; ++r) GANCODEC_UNROLL for (int v = 0; v < kV; ++v)
            simd::store<Arch>(sums[r] + v * kLanes, sum[r][v]);
        for (int r = 0; r < std::min(kRows, rows - row); ++r)
            for (int lane = 0; lane < columns; ++lane) d_gamma[(row + r) * pitch + lane] += sums[r][lane];
    }
}

/// Adds the gradients of beta and gamma. Workers share the 16 x 16 pieces of gamma; each passes over the picture chunk
/// by chunk, so that a chunk is read from the cache by all its pieces.
template <class Arch>
void gdn_parameter_gradients(TensorView<const float> in, const float* d_norm, float* d_beta, float* d_gamma) {
    const Shape& shape = in.shape;
    constexpr auto kChunk = static_cast<std::size_t>(reference::kGdnChunk);
    const std::int64_t blocks = shape.blocks(), pieces = blocks * blocks;
    const std::int64_t shares = std::min<std::int64_t>(threads(), pieces);
    const auto piece_of_chunk = [&](int n, std::size_t first, std::size_t pixels, std::int64_t piece) {
        const int row = static_cast<int>(piece / blocks), column = static_cast<int>(piece % blocks);
        const float* d = d_norm + shape.offset(n, row * kChannelBlock, 0, 0) + first * kChannelBlock;
        gdn_outer_product<Arch>(
            d, in.block(n, column) + first * kChannelBlock, pixels, used_lanes(shape, row), used_lanes(shape, column),
            d_gamma + (static_cast<std::ptrdiff_t>(row) * shape.c + column) * kChannelBlock, shape.c);
        if (column != 0) return;
        float sums[kChannelBlock] = {};
        for (std::size_t p = 0; p < pixels; ++p, d += kChannelBlock)
            for (int lane = 0; lane < kChannelBlock; ++lane) sums[lane] += d[lane];
        for (int lane = 0; lane < used_lanes(shape, row); ++lane) d_beta[row * kChannelBlock + lane] += sums[lane];
    };
    parallel_for(shares, [&](std::int64_t share, int) {
        for (int n = 0; n < shape.n; ++n)
            for (std::size_t first = 0; first < shape.plane(); first += kChunk)
                for (std::int64_t piece = pieces * share / shares; piece < pieces * (share + 1) / shares; ++piece)
                    piece_of_chunk(n, first, std::min(kChunk, shape.plane() - first), piece);
    });
}

template <class Arch>
void gdn_backward_tiles(TensorView<const float> in, TensorView<const float> d_out, const float* beta,
                        const float* gamma, bool inverse, TensorView<float> d_in, float* d_beta, float* d_gamma,
                        Workspace& ws) {
    using simd::kLanes;
    const Shape& shape = in.shape;
    const Workspace::Scope scope(ws);
    const GdnScratch scratch(beta, gamma, shape, 4, ws);
    const float* transposed = pack_gdn_gamma(gamma, shape, true, ws);
    float* no_bias = ws.take<float>(static_cast<std::size_t>(shape.padded_c()));
    std::fill_n(no_bias, shape.padded_c(), 0.0f);
    float* d_norm = ws.take<float>(shape.size());
    const auto minus_one = simd::broadcast<Arch>(-1.0f);
    parallel_gdn_runs(shape, [&](int n, std::size_t first, std::size_t pixels, std::size_t worker) {
        float *magnitude = scratch.buffer(worker, 0), *norm = scratch.buffer(worker, 1);
        float *d_norm_run = scratch.buffer(worker, 2), *d_magnitude = scratch.buffer(worker, 3);
        for_each_gdn_pixel(shape, n, first, pixels, in.data, nullptr, [&](std::size_t from, std::size_t to) {
            magnitude_of_pixel<Arch>(in.data + from, magnitude + to);
        });
        gdn_product<Arch>(magnitude, scratch.gamma, scratch.beta, shape, pixels, norm);
        for_each_gdn_pixel(shape, n, first, pixels, d_out.data, d_norm, [&](std::size_t at, std::size_t run_at) {
            GANCODEC_UNROLL for (int lane = 0; lane < kChannelBlock; lane += kLanes<Arch>) {
                const auto x = simd::load<Arch>(in.data + at + lane), d = simd::load<Arch>(d_out.data + at + lane);
                const auto by = simd::load<Arch>(norm + run_at + lane);
                const auto result = inverse ? d * x : minus_one * simd::divide(d, by) * simd::divide(x, by);
                simd::store<Arch>(d_norm_run + run_at + lane, result);
                simd::store<Arch>(d_norm + at + lane, result);
            }
        });
        gdn_product<Arch>(d_norm_run, transposed, no_bias, shape, pixels, d_magnitude);
        for_each_gdn_pixel(shape, n, first, pixels, nullptr, d_in.data, [&](std::size_t at, std::size_t run_at) {
            GANCODEC_UNROLL for (int lane = 0; lane < kChannelBlock; lane += kLanes<Arch>) {
                const auto x = simd::load<Arch>(in.data + at + lane), d = simd::load<Arch>(d_out.data + at + lane);
                const auto by = simd::load<Arch>(norm + run_at + lane);
                const auto through_norm = simd::signed_like(simd::load<Arch>(d_magnitude + run_at + lane), x);
                simd::store<Arch>(d_in.data + at + lane,
                                  inverse ? simd::fma(d, by, through_norm) : simd::divide(d, by) + through_norm);
            }
        });
    });
    gdn_parameter_gradients<Arch>(in, d_norm, d_beta, d_gamma);
}

}  // namespace gancodec::detail
