#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/epilogue.hpp"
#include "gancodec/kernels/tap_tile.hpp"
#include "gancodec/kernels/winograd_tiles.hpp"
#include "gancodec/kernels/winograd_weights.hpp"

namespace gancodec::detail {

/// A convolution on phases by Winograd's algorithm. Tasks are blocks of tiles: transform the inputs, multiply (one matrix
/// product for each of the 36 cells and each phase of the outputs, a chunk of outputs at a time), transform back. With Precision::bf16 the factors of
/// the products are bf16; transforms and sums are fp32.
template <class Arch, Precision P>
class WinogradConvolution {
public:
    WinogradConvolution(TensorView<const float> in, const WinogradWeights& weights, TensorView<float> out,
                        const Epilogue<float>& epilogue, Workspace& ws)
        : in_(in),
          weights_(weights),
          out_(out),
          epilogue_(epilogue),
          grid_{{out.shape.n, out.shape.c, divide_up(out.shape.h, weights.out_step),
                 divide_up(out.shape.w, weights.out_step)}},
          in_phases_(weights.in_step * weights.in_step),
          out_phases_(weights.out_step * weights.out_step),
          folds_(in_phases_ > 1 && in_phases_ * in.shape.c <= kChannelBlock),
          vectors_(folds_ ? 1 : in_phases_) {
        if (folds_) folded_ = ws.tensor<float>(folded_shape(in.shape, weights.in_step));
        // What is multiplied with all weights one after another should stay in the second-level cache: the transformed inputs of
        // a block or, where few tiles would fill it, those of one cell, whose products then go to memory. Any block and any
        // chunk give the same numbers.
        constexpr int kCacheFloats = 128 * 1024, kWide = 256;
        const int tiles = grid_.tiles(), channels = in.shape.padded_c() * vectors_;
        const bool by_cell = in.shape.c >= kWide;
        const int kept = by_cell ? channels : kWinogradCells * channels;
        const int most = std::clamp(kCacheFloats / kept / 12 * 12, 12, 96);
        chunk_ = by_cell ? weights.groups() : kGroups;
        const int wanted = round_up((tiles + most - 1) / most, threads());
        block_ = round_up(std::max(1, (tiles + wanted - 1) / wanted), 4);
        blocks_ = (tiles + block_ - 1) / block_;
        const int width = tiled_width<Arch>(block_);
        // An odd number of cache lines between cells keeps them in different sets.
        const std::ptrdiff_t v_vector = static_cast<std::ptrdiff_t>(width) * (kChannelBlock / kPacked);
        v_phase_ = folds_ ? in.shape.c : v_vector;
        v_block_ = v_vector * vectors_;
        v_cell_ = v_block_ * in.shape.blocks() + kChannelBlock;
        m_group_ = static_cast<std::ptrdiff_t>(width) * kChannelBlock;
        m_cell_ = m_group_ * chunk_ + kChannelBlock;
        const auto workers = static_cast<std::size_t>(threads());
        v_ = ws.take<float>(workers * static_cast<std::size_t>(v_cell_) * kWinogradCells);
        m_ = ws.take<float>(workers * static_cast<std::size_t>(m_cell_) * kWinogradCells);
        u_cell_ = static_cast<std::ptrdiff_t>(divide_up(weights.in_channels, kPacked) * in_phases_ + 1) * kChannelBlock;
        u_group_ = u_cell_ * kWinogradCells;
        u_ = ws.take<float>(static_cast<std::size_t>(u_group_ * weights.groups() * out_phases_));
        for (int phase = 0; phase < weights.phases(); ++phase)
            for (int cell = 0; cell < kWinogradCells; ++cell)
                filled_[phase] |= std::uint64_t{weights.fills(phase, cell)} << cell;
        for (int cell = 0; cell < kWinogradCells; ++cell)
            for (int phase = 0; phase < in_phases_; ++phase)
                if (in_phases_ == 1 || fills(phase, cell)) taps_[cell].offsets[taps_[cell].count++] = phase * v_phase_;
    }

    void run() const {
        transform_weights();
        if (folds_) fold_phases(in_, weights_.in_step, folded_);
        const TensorView<const float> source = folds_ ? folded_ : in_;
        const int step = folds_ ? 1 : weights_.in_step;
        parallel_for(blocks_, [this, source, step](std::int64_t task, int worker) {
            const int first = static_cast<int>(task) * block_, count = std::min(block_, grid_.tiles() - first);
            float* v = v_ + worker * v_cell_ * kWinogradCells;
            float* m = m_ + worker * m_cell_ * kWinogradCells;
            const WinogradGrid::Place place = grid_.first(first);
            for (int block = 0; block < in_.shape.blocks(); ++block)
                for (int phase = 0; phase < vectors_; ++phase)
                    winograd_input<Arch, P>(source, PixelPhase::at(step, phase), weights_.axis.phase_pad(), block,
                                            grid_, place, count,
                                            ChannelWords<Arch, P>{v + block * v_block_ + phase * v_phase_, v_cell_});
            for (int phase = 0; phase < out_phases_; ++phase)
                for (int group = 0; group < weights_.groups(); group += chunk_) {
                    const int groups = std::min(chunk_, weights_.groups() - group);
                    multiply(v, m, phase, group, groups, count);
                    for (int g = 0; g < groups; ++g) {
                        WinogradGrid::Place p = place;
                        for (int t = 0; t < count; ++t, p = grid_.next(p))
                            finish_tile(m + g * m_group_ + static_cast<std::ptrdiff_t>(t) * kChannelBlock,
                                        PixelPhase::at(weights_.out_step, phase), group + g, p);
                    }
                }
        });
    }

private:
    using Transforms = WinogradFor<P>;
    static constexpr int kGroups = TileSizes<Arch>::groups, kPacked = simd::kPacked<P>;
    static constexpr int kMostPhases = 4;

    /// The phases of the inputs whose weights a cell has. With phases of outputs there is one of inputs, and multiply()
    /// asks for each.
    struct CellTaps {
        int count = 0;
        std::ptrdiff_t offsets[kMostPhases] = {};
    };

    /// WinogradWeights::fills(), found once.
    [[nodiscard]] bool fills(int phase, int cell) const { return (filled_[phase] >> cell & 1) != 0; }
    /// Transformed weights of an output phase and a group of 16 outputs.
    [[nodiscard]] float* transformed(int out_phase, int group) const {
        return u_ + (static_cast<std::ptrdiff_t>(out_phase) * weights_.groups() + group) * u_group_;
    }

    /// G g Gᵀ, in shares of 16 outputs and 16 inputs.
    void transform_weights() const {
        const int shares = in_.shape.blocks(), groups = weights_.groups();
        parallel_for(static_cast<std::int64_t>(groups) * out_phases_ * shares, [&](std::int64_t task, int) {
            const int block = static_cast<int>(task % shares), group = static_cast<int>(task / shares % groups);
            const int out_phase = static_cast<int>(task / shares / groups);
            for (int in_phase = 0; in_phase < in_phases_; ++in_phase)
                transform_block(std::max(in_phase, out_phase), transformed(out_phase, group), group, block);
        });
    }
    void transform_block(int phase, float* u, int group, int block) const {
        const int first = block * kChannelBlock, inputs = std::min(kChannelBlock, weights_.in_channels - first);
        const int words = divide_up(inputs, kPacked);
        // Where the phase lies within the cells that have it: [ci/16][phase][word of ci%16][16].
        std::ptrdiff_t place[kWinogradCells];
        for (int cell = 0; cell < kWinogradCells; ++cell) {
            int before = 0;
            for (int other = 0; in_phases_ > 1 && other < phase; ++other) before += fills(other, cell);
            place[cell] =
                cell * u_cell_ +
                static_cast<std::ptrdiff_t>(first / kPacked * taps_[cell].count + before * words) * kChannelBlock;
        }
        for (int word = 0; word < words; ++word) {
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(word) * kChannelBlock;
            for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>) {
                simd::Floats<Arch> cells[kPacked][kWinogradCells];
                for (int i = 0; i < kPacked; ++i)
                    transform_input(phase, group, first + word * kPacked + i, lane, cells[i]);
                GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k) {
                    if (!fills(phase, k)) continue;
                    if constexpr (P == Precision::bf16)
                        simd::store<Arch>(u + place[k] + at + lane, simd::pair_bf16(cells[0][k], cells[1][k]));
                    else
                        simd::store<Arch>(u + place[k] + at + lane, cells[0][k]);
                }
            }
        }
    }
    /// Zeros beyond the last input.
    GANCODEC_INLINE void transform_input(int phase, int group, int in, int lane,
                                         simd::Floats<Arch> (&cells)[kWinogradCells]) const {
        simd::Floats<Arch> g[9];
        const bool exists = in < weights_.in_channels;
        const float* plain = weights_.weights(phase, group, exists ? in : 0) + lane;
        GANCODEC_UNROLL for (int k = 0; k < 9; ++k) g[k] =
            exists ? simd::load<Arch>(plain + k * kChannelBlock) : simd::broadcast<Arch>(0.0f);
        Transforms::weight_tile(g, cells);
    }

    void multiply(const float* v, float* m, int phase, int group, int groups, int count) const {
        alignas(kAlignmentBytes) static constexpr float kZeros[kGroups * kChannelBlock] = {};
        for (int cell = 0; cell < kWinogradCells; ++cell) {
            if (out_phases_ > 1 && !fills(phase, cell)) {
                std::fill_n(m + cell * m_cell_, m_group_ * groups, 0.0f);
                continue;
            }
            TapTile tile{v + cell * v_cell_,
                         v_block_,
                         taps_[cell].offsets,
                         taps_[cell].count,
                         weights_.in_channels,
                         transformed(phase, group) + cell * u_cell_,
                         u_group_,
                         kZeros,
                         m + cell * m_cell_,
                         m_group_,
                         kChannelBlock,
                         0};
            for (int left = groups; left > 0; left -= kGroups) {
                if (left >= kGroups)
                    tap_row<Arch, kGroups, P, Operands::far>(tile, count);
                else
                    tap_row<Arch, 1, P, Operands::far>(tile, count);
                tile.weights += kGroups * u_group_;
                tile.out += kGroups * m_group_;
            }
        }
    }

    void finish_tile(const float* m, PixelPhase phase, int group, WinogradGrid::Place p) const {
        constexpr int kLanes = simd::kLanes<Arch>;
        const int y = p.y * phase.step + phase.y, x = p.x * phase.step + phase.x;
        const int rows = std::min(kWinogradTile, divide_up(out_.shape.h - y, phase.step));
        const int columns = std::min(kWinogradTile, divide_up(out_.shape.w - x, phase.step));
        if (rows <= 0 || columns <= 0) return;  // the image ends before the last row or column of this phase
        const auto at = static_cast<std::ptrdiff_t>(out_.shape.offset(p.n, group * kChannelBlock, y, x));
        const auto step = static_cast<std::ptrdiff_t>(phase.step) * kChannelBlock, row = step * out_.shape.w;
        // Stores to memory that no cache holds would wait; large outputs are such.
        constexpr int kAhead = 8 * kWinogradTile;
        if (p.x + kAhead + kWinogradTile <= out_.shape.w / phase.step && rows == kWinogradTile)
            for (int i = 0; i < kWinogradTile; ++i)
                for (int j = 0; j < kWinogradTile; ++j)
                    simd::prefetch_to_write(out_.data + at + i * row + (kAhead + j) * step);
        for (int lane = 0; lane < kChannelBlock; lane += kLanes) {
            simd::Floats<Arch> products[kWinogradCells], sums[kWinogradTile * kWinogradTile];
            GANCODEC_UNROLL for (int cell = 0; cell < kWinogradCells; ++cell) products[cell] =
                simd::load<Arch>(m + cell * m_cell_ + lane);
            Transforms::output_tile(products, sums);
            const simd::Floats<Arch> bias = simd::load<Arch>(weights_.bias(group) + lane);
            float* out = out_.data + at + lane;
            // Without one never read, but a null pointer must not be moved either.
            const float* skip = (epilogue_.skip == nullptr ? out_.data : epilogue_.skip) + at + lane;
            GANCODEC_UNROLL for (int i = 0; i < kWinogradTile; ++i) {
                GANCODEC_UNROLL for (int j = 0; j < kWinogradTile; ++j) {
                    if (i >= rows || j >= columns) continue;
                    const std::ptrdiff_t pixel = i * row + j * step;
                    simd::store<Arch>(out + pixel, finish_register<Arch>(epilogue_, sums[i * kWinogradTile + j] + bias,
                                                                         skip + pixel));
                }
            }
        }
    }

    TensorView<const float> in_;
    const WinogradWeights& weights_;
    TensorView<float> out_;
    Epilogue<float> epilogue_;
    WinogradGrid grid_;
    int in_phases_, out_phases_;  ///< one of them is 1
    bool folds_;                  ///< phases of few inputs share a block of channels
    int vectors_;                 ///< blocks that the phases of 16 inputs take
    TensorView<float> folded_;
    std::uint64_t filled_[kMostPhases] = {};                 ///< bit k: cell k of the phase's weights has numbers
    CellTaps taps_[kWinogradCells];                          ///< of the inputs
    int chunk_ = 0;                                          ///< groups of outputs whose products are kept at a time
    int block_ = 0, blocks_ = 0;                             ///< tiles of a block; blocks
    std::ptrdiff_t v_phase_ = 0, v_block_ = 0, v_cell_ = 0;  ///< words between parts of V
    std::ptrdiff_t m_group_ = 0, m_cell_ = 0;                ///< of M
    std::ptrdiff_t u_cell_ = 0, u_group_ = 0;                ///< and of U
    float* u_ = nullptr;  ///< transformed weights [phase][co/16][36][ci/16][phase][word of ci%16][16], for all workers
    float* v_ = nullptr;  ///< transformed inputs [36][ci/16][phase][tile][words of 16], for each worker
    float* m_ = nullptr;  ///< products [36][group][tile][16], for each worker
};

/// Convolves by Winograd's algorithm. `epilogue` sees the finished sums. A first layer, whose few inputs are pixels, stays
/// in fp32: it has few products.
template <class Arch>
void convolve_winograd(TensorView<const float> in, const WinogradWeights& weights, TensorView<float> out,
                       const Epilogue<float>& epilogue, Workspace& ws, Precision precision = Precision::fp32) {
    GANCODEC_ASSERT(in.shape.c == weights.in_channels && out.shape.c == weights.out_channels);
    GANCODEC_ASSERT(in.shape.n == out.shape.n);
    GANCODEC_ASSERT(weights.axis.stride > 1 || out.shape.h == in.shape.h + 2 * weights.axis.phase_pad() - 2);
    if (out.size() == 0) return;
    const Workspace::Scope scope(ws);
    const auto run = [&](const auto& convolution) {
        if (!ws.counts_only()) convolution.run();
    };
    if (precision == Precision::bf16 && weights.in_channels >= kChannelBlock)
        run(WinogradConvolution<Arch, Precision::bf16>(in, weights, out, epilogue, ws));
    else
        run(WinogradConvolution<Arch, Precision::fp32>(in, weights, out, epilogue, ws));
}

}  // namespace gancodec::detail
