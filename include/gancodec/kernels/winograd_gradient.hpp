#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/weight_gradient.hpp"
#include "gancodec/kernels/winograd.hpp"

namespace gancodec::detail {

/// Keeps transformed tiles for products over tiles: cell k of tile t goes to v + k·cell + t·16 or, two tiles in a word,
/// + t/2·16, where the first of two waits as it is for the second.
template <class Arch, Precision P>
struct TileWords {
    float* v;
    std::ptrdiff_t cell;

    GANCODEC_INLINE void operator()(int tile, int lane, const simd::Floats<Arch> (&d)[kWinogradCells]) const {
        float* p = v + static_cast<std::ptrdiff_t>(tile / simd::kPacked<P>) * kChannelBlock + lane;
        GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k) {
            if (tile % simd::kPacked<P> == 0)
                simd::store<Arch>(p + k * cell, d[k]);
            else
                simd::store<Arch>(p + k * cell, simd::pair_bf16(simd::load<Arch>(p + k * cell), d[k]));
        }
    }
    /// After `count` tiles: a last one without a second gets zeros.
    void finish(int count) const {
        if (count % simd::kPacked<P> == 0) return;
        simd::Floats<Arch> zeros[kWinogradCells];
        for (auto& zero : zeros) zero = simd::broadcast<Arch>(0.0f);
        for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>) (*this)(count, lane, zeros);
    }
};

/// A y Aᵀ for `count` tiles of one block of output channels, from `place` on, handed to `keep`.
template <class Arch, Precision P>
void winograd_d_out(TensorView<const float> d_out, int block, const WinogradGrid& grid, WinogradGrid::Place place,
                    int count, const TileWords<Arch, P>& keep) {
    alignas(kAlignmentBytes) float buffer[kWinogradTile * kWinogradTile * kChannelBlock];
    for (int tile = 0; tile < count; ++tile, place = grid.next(place)) {
        const SquarePixels<kWinogradTile> pixels(d_out.block(place.n, block), d_out.shape, {}, place.y, place.x,
                                                 buffer);
        for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>) {
            simd::Floats<Arch> y[kWinogradTile * kWinogradTile], m[kWinogradCells];
            GANCODEC_UNROLL for (int k = 0; k < kWinogradTile * kWinogradTile; ++k) y[k] = simd::load<Arch>(
                pixels.data + k / kWinogradTile * pixels.row + k % kWinogradTile * kChannelBlock + lane);
            WinogradFor<P>::output_adjoint_tile(y, m);
            keep(tile, lane, m);
        }
    }
}

/// Adds the weight gradient of a 3x3 convolution by Winograd's algorithm:
///   d_weight += Gᵀ [ Σ_tiles (A y Aᵀ) ⊙ (Bᵀ d B) ] G,   y the 4x4 output gradients, d the 6x6 inputs of a tile
/// Tiles are summed in chunks of kWinogradChunk. For each chunk the threads share the transforms, then the 36 cells.
/// With Precision::bf16 the factors of the products are bf16.
template <class Arch, Precision P>
class WinogradGradient {
public:
    WinogradGradient(TensorView<const float> in, TensorView<const float> d_out, const ConvGeometry& g, Workspace& ws)
        : in_(in), d_out_(d_out), g_(g), grid_{d_out.shape} {
        chunk_ = std::min(kWinogradChunk, grid_.tiles());
        block_ = static_cast<std::ptrdiff_t>(divide_up(chunk_, kPacked)) * kChannelBlock;
        // An odd number of cache lines between cells keeps them in different sets.
        v_cell_ = block_ * in.shape.blocks() + kChannelBlock;
        y_cell_ = block_ * d_out.shape.blocks() + kChannelBlock;
        out_tiles_ = (d_out.shape.blocks() + kGroups - 1) / kGroups;
        in_tiles_ = (g.in_channels + kInputs - 1) / kInputs;
        v_ = ws.take<float>(static_cast<std::size_t>(v_cell_) * kWinogradCells);
        y_ = ws.take<float>(static_cast<std::size_t>(y_cell_) * kWinogradCells);
        const std::size_t totals = static_cast<std::size_t>(total_cell()) * kWinogradCells;
        totals_ = ws.take<float>(totals);
        std::fill_n(totals_, totals, 0.0f);
    }

    void run(float* d_weight) const {
        for (int first = 0; first < grid_.tiles(); first += chunk_) {
            const int count = std::min(chunk_, grid_.tiles() - first);
            transform(first, count);
            parallel_for(kWinogradCells, [&](std::int64_t cell, int) { multiply(static_cast<int>(cell), count); });
        }
        parallel_for(d_out_.shape.blocks(),
                     [&](std::int64_t group, int) { add_weights(static_cast<int>(group), d_weight); });
    }

private:
    static constexpr int kGroups = GradientTile<Arch>::groups, kInputs = GradientTile<Arch>::inputs;
    static constexpr int kPacked = simd::kPacked<P>;
    static constexpr int kTotal = kGroups * kInputs * kChannelBlock;  ///< sums of one tile of channels

    [[nodiscard]] std::ptrdiff_t total_cell() const {
        return static_cast<std::ptrdiff_t>(out_tiles_) * in_tiles_ * kTotal + kChannelBlock;
    }

    void transform(int first, int count) const {
        constexpr int kPart = 24;  // even
        const int blocks = in_.shape.blocks(), all = blocks + d_out_.shape.blocks();
        const int parts = (count + kPart - 1) / kPart;
        parallel_for(static_cast<std::int64_t>(all) * parts, [&](std::int64_t task, int) {
            const int block = static_cast<int>(task / parts), begin = static_cast<int>(task % parts) * kPart;
            const int tiles = std::min(kPart, count - begin);
            const WinogradGrid::Place place = grid_.first(first + begin);
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(begin / kPacked) * kChannelBlock;
            const bool input = block < blocks;
            const TileWords<Arch, P> keep{(input ? v_ + block * block_ : y_ + (block - blocks) * block_) + at,
                                          input ? v_cell_ : y_cell_};
            if (input)
                winograd_input<Arch, P>(in_, {}, g_.pad, block, grid_, place, tiles, keep);
            else
                winograd_d_out<Arch, P>(d_out_, block - blocks, grid_, place, tiles, keep);
            keep.finish(tiles);
        });
    }

    void multiply(int cell, int count) const {
        const int words = divide_up(count, kPacked);
        for (int out_tile = 0; out_tile < out_tiles_; ++out_tile) {
            const int groups = std::min(kGroups, d_out_.shape.blocks() - out_tile * kGroups);
            for (int in_tile = 0; in_tile < in_tiles_; ++in_tile) {
                const int ci = in_tile * kInputs;
                const GradientRows row{v_ + cell * v_cell_ + ci / kChannelBlock * block_ + ci % kChannelBlock,
                                       y_ + cell * y_cell_ + static_cast<std::ptrdiff_t>(out_tile) * kGroups * block_};
                float* total = totals_ + cell * total_cell() +
                               (static_cast<std::ptrdiff_t>(out_tile) * in_tiles_ + in_tile) * kTotal;
                if (groups == kGroups)
                    gradient_tile<Arch, kGroups, kInputs, P>(&row, 1, words, kChannelBlock, block_, total);
                else
                    gradient_tile<Arch, 1, kInputs, P>(&row, 1, words, kChannelBlock, block_, total);
            }
        }
    }

    void add_weights(int group, float* d_weight) const {
        const int groups = std::min(kGroups, d_out_.shape.blocks() - group / kGroups * kGroups);
        const int lanes = std::min(kChannelBlock, g_.out_channels - group * kChannelBlock);
        alignas(kAlignmentBytes) float plain[9][kChannelBlock];
        for (int ci = 0; ci < g_.in_channels; ++ci) {
            const float* total = totals_ +
                                 (static_cast<std::ptrdiff_t>(group / kGroups) * in_tiles_ + ci / kInputs) * kTotal +
                                 static_cast<std::ptrdiff_t>(ci % kInputs * groups + group % kGroups) * kChannelBlock;
            for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>) {
                simd::Floats<Arch> u[kWinogradCells], g[9];
                GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k) u[k] =
                    simd::load<Arch>(total + k * total_cell() + lane);
                WinogradFor<P>::weight_adjoint_tile(u, g);
                GANCODEC_UNROLL for (int k = 0; k < 9; ++k) simd::store<Arch>(plain[k] + lane, g[k]);
            }
            for (int lane = 0; lane < lanes; ++lane) {
                float* p =
                    d_weight + (static_cast<std::ptrdiff_t>(group * kChannelBlock + lane) * g_.in_channels + ci) * 9;
                for (int k = 0; k < 9; ++k) p[k] += plain[k][lane];
            }
        }
    }

    TensorView<const float> in_, d_out_;
    ConvGeometry g_;
    WinogradGrid grid_;
    int chunk_ = 0, out_tiles_ = 0, in_tiles_ = 0;
    std::ptrdiff_t block_ = 0, v_cell_ = 0, y_cell_ = 0;  ///< words between channel blocks, and between cells
    float *v_ = nullptr, *y_ = nullptr;  ///< transformed inputs, output gradients: [36][block][tile word][16]
    float* totals_ = nullptr;            ///< [36][co tile][ci tile][ci][co]
};

template <class Arch>
void add_winograd_gradient(TensorView<const float> in, TensorView<const float> d_out, const ConvGeometry& g,
                           float* d_weight, Workspace& ws, Precision precision = Precision::fp32) {
    GANCODEC_ASSERT(in.shape.c == g.in_channels && d_out.shape.c == g.out_channels && in.shape.n == d_out.shape.n);
    if (d_out.size() == 0) return;
    const Workspace::Scope scope(ws);
    if (precision == Precision::bf16)
        WinogradGradient<Arch, Precision::bf16>(in, d_out, g, ws).run(d_weight);
    else
        WinogradGradient<Arch, Precision::fp32>(in, d_out, g, ws).run(d_weight);
}

}  // namespace gancodec::detail
