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
#include "gancodec/kernels/winograd_transform.hpp"

namespace gancodec::detail {

/// Weights of a 3x3 convolution in the order in which they are transformed, [co/16][ci][9][co%16], and its bias. The
/// transformed ones are four times as many: they are made when a convolution runs, and last as long as it does.
/// Packing the same geometry again allocates nothing.
class WinogradWeights {
public:
    int in_channels = 0, out_channels = 0, pad = 0;

    /// Of the convolution itself.
    void pack_convolution(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.in_channels;
        out_channels = g.out_channels;
        pad = g.pad;
        fill(bias, [&](int out, int in, int k) { return weight[(out * g.in_channels + in) * 9 + k]; });
    }
    /// Of its input gradient, a convolution too: weights turned by half a circle, channels exchanged.
    void pack_adjoint(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.out_channels;
        out_channels = g.in_channels;
        pad = 2 - g.pad;
        fill(bias, [&](int out, int in, int k) { return weight[(in * g.in_channels + out) * 9 + 8 - k]; });
    }
    [[nodiscard]] int groups() const { return (out_channels + kChannelBlock - 1) / kChannelBlock; }
    /// The 3x3 weights of 16 outputs and one input, [9][16].
    [[nodiscard]] const float* weights(int group, int in) const {
        return weights_.data() + (static_cast<std::ptrdiff_t>(group) * in_channels + in) * (9 * kChannelBlock);
    }
    [[nodiscard]] const float* bias(int group) const { return bias_.data() + group * kChannelBlock; }

private:
    template <class Weight>
    void fill(const float* bias, const Weight& weight) {
        const std::size_t size = static_cast<std::size_t>(groups() * in_channels) * 9 * kChannelBlock;
        if (weights_.size() != size) weights_ = AlignedArray<float>(size);
        bias_ = AlignedArray<float>(static_cast<std::size_t>(groups()) * kChannelBlock);
        if (bias != nullptr) std::copy_n(bias, out_channels, bias_.data());
        parallel_for(static_cast<std::int64_t>(groups()), [&](std::int64_t group, int) {
            const int first = static_cast<int>(group) * kChannelBlock;
            const int lanes = std::min(kChannelBlock, out_channels - first);
            float* p = weights_.data() + static_cast<std::ptrdiff_t>(first) * in_channels * 9;
            for (int in = 0; in < in_channels; ++in)
                for (int k = 0; k < 9; ++k, p += kChannelBlock)
                    for (int lane = 0; lane < lanes; ++lane) p[lane] = weight(first + lane, in, k);
        });
    }

    AlignedArray<float> weights_, bias_;
};

/// The grid of 4x4 tiles over all images of a batch, in one line.
struct WinogradGrid {
    Shape out;

    [[nodiscard]] int columns() const { return (out.w + kWinogradTile - 1) / kWinogradTile; }
    [[nodiscard]] int rows() const { return (out.h + kWinogradTile - 1) / kWinogradTile; }
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

/// Pixels of a square with zeros where it leaves the image: in place if it does not, or copied to `buffer`.
template <int Side>
struct SquarePixels {
    const float* data;
    std::ptrdiff_t row;

    SquarePixels(const float* block, const Shape& s, int y0, int x0, float* buffer) {
        const auto pitch = static_cast<std::ptrdiff_t>(s.w) * kChannelBlock;
        data = block + y0 * pitch + static_cast<std::ptrdiff_t>(x0) * kChannelBlock;
        row = pitch;
        if (y0 >= 0 && x0 >= 0 && y0 + Side <= s.h && x0 + Side <= s.w) return;
        for (int i = 0; i < Side; ++i)
            for (int j = 0; j < Side; ++j) {
                const int y = y0 + i, x = x0 + j;
                float* p = buffer + (i * Side + j) * kChannelBlock;
                if (y >= 0 && y < s.h && x >= 0 && x < s.w)
                    std::copy_n(block + y * pitch + static_cast<std::ptrdiff_t>(x) * kChannelBlock, kChannelBlock, p);
                else
                    std::fill_n(p, kChannelBlock, 0.0f);
            }
        data = buffer;
        row = Side * kChannelBlock;
    }
};

/// Bᵀ d B for `count` tiles of one channel block, from `p` on: cell k of tile t goes to v + k·cell + t·16.
template <class Arch>
void winograd_input(TensorView<const float> in, int pad, int block, const WinogradGrid& grid, WinogradGrid::Place p,
                    int count, float* v, std::ptrdiff_t cell) {
    alignas(kAlignmentBytes) float buffer[kWinogradCells * kChannelBlock];
    for (; count > 0; --count, p = grid.next(p), v += kChannelBlock) {
        const SquarePixels<kWinogradPatch> pixels(in.block(p.n, block), in.shape, p.y - pad, p.x - pad, buffer);
        for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>) {
            simd::Floats<Arch> d[kWinogradCells];
            GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k) d[k] = simd::load<Arch>(
                pixels.data + k / kWinogradPatch * pixels.row + k % kWinogradPatch * kChannelBlock + lane);
            Winograd::input_tile(d);
            GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k) simd::store<Arch>(v + k * cell + lane, d[k]);
        }
    }
}

/// A 3x3 convolution by Winograd's algorithm. Tasks are blocks of tiles: transform the inputs, multiply (one matrix
/// product for each of the 36 cells), transform back.
template <class Arch>
class WinogradConvolution {
public:
    WinogradConvolution(TensorView<const float> in, const WinogradWeights& weights, TensorView<float> out,
                        const Epilogue<float>& epilogue, Workspace& ws)
        : in_(in), weights_(weights), out_(out), epilogue_(epilogue), grid_{out.shape} {
        // The transformed inputs of a block should stay in the second-level cache. Any block gives the same numbers.
        constexpr int kCacheFloats = 128 * 1024;
        const int tiles = grid_.tiles(), channels = in.shape.padded_c();
        const int most = std::clamp(kCacheFloats / (kWinogradCells * channels) / 12 * 12, 12, 96);
        const int wanted = round_up((tiles + most - 1) / most, threads());
        block_ = round_up(std::max(1, (tiles + wanted - 1) / wanted), 4);
        blocks_ = (tiles + block_ - 1) / block_;
        const int width = tiled_width<Arch>(block_);
        // An odd number of cache lines between cells keeps them in different sets.
        v_block_ = static_cast<std::ptrdiff_t>(width) * kChannelBlock;
        v_cell_ = v_block_ * in.shape.blocks() + kChannelBlock;
        m_group_ = static_cast<std::ptrdiff_t>(width) * kChannelBlock;
        m_cell_ = m_group_ * kGroups + kChannelBlock;
        const auto workers = static_cast<std::size_t>(threads());
        v_ = ws.take<float>(workers * static_cast<std::size_t>(v_cell_) * kWinogradCells);
        m_ = ws.take<float>(workers * static_cast<std::size_t>(m_cell_) * kWinogradCells);
        u_cell_ = static_cast<std::ptrdiff_t>(weights.in_channels + 1) * kChannelBlock;
        u_group_ = u_cell_ * kWinogradCells;
        u_ = ws.take<float>(static_cast<std::size_t>(u_group_ * weights.groups()));
    }

    void run() const {
        transform_weights();
        parallel_for(blocks_, [this](std::int64_t task, int worker) {
            const int first = static_cast<int>(task) * block_, count = std::min(block_, grid_.tiles() - first);
            float* v = v_ + worker * v_cell_ * kWinogradCells;
            float* m = m_ + worker * m_cell_ * kWinogradCells;
            const WinogradGrid::Place place = grid_.first(first);
            for (int block = 0; block < in_.shape.blocks(); ++block)
                winograd_input<Arch>(in_, weights_.pad, block, grid_, place, count, v + block * v_block_, v_cell_);
            for (int group = 0; group < weights_.groups(); group += kGroups) {
                const int groups = std::min(kGroups, weights_.groups() - group);
                multiply(v, m, group, groups, count);
                for (int g = 0; g < groups; ++g) {
                    WinogradGrid::Place p = place;
                    for (int t = 0; t < count; ++t, p = grid_.next(p))
                        finish_tile(m + g * m_group_ + static_cast<std::ptrdiff_t>(t) * kChannelBlock, group + g, p);
                }
            }
        });
    }

private:
    static constexpr int kGroups = TileSizes<Arch>::groups;

    /// G g Gᵀ, in shares of 16 outputs and 16 inputs.
    void transform_weights() const {
        const int shares = (weights_.in_channels + kChannelBlock - 1) / kChannelBlock;
        parallel_for(static_cast<std::int64_t>(weights_.groups()) * shares, [&](std::int64_t task, int) {
            const int group = static_cast<int>(task / shares), first = static_cast<int>(task % shares) * kChannelBlock;
            for (int in = first; in < std::min(weights_.in_channels, first + kChannelBlock); ++in) {
                const float* plain = weights_.weights(group, in);
                float* u = u_ + group * u_group_ + static_cast<std::ptrdiff_t>(in) * kChannelBlock;
                for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>) {
                    simd::Floats<Arch> g[9], cells[kWinogradCells];
                    GANCODEC_UNROLL for (int k = 0; k < 9; ++k) g[k] =
                        simd::load<Arch>(plain + k * kChannelBlock + lane);
                    Winograd::weight_tile(g, cells);
                    GANCODEC_UNROLL for (int k = 0; k < kWinogradCells; ++k)
                        simd::store<Arch>(u + k * u_cell_ + lane, cells[k]);
                }
            }
        });
    }

    void multiply(const float* v, float* m, int group, int groups, int count) const {
        alignas(kAlignmentBytes) static constexpr float kZeros[kGroups * kChannelBlock] = {};
        static constexpr std::ptrdiff_t kNoOffset = 0;
        for (int cell = 0; cell < kWinogradCells; ++cell) {
            const TapTile tile{v + cell * v_cell_,
                               v_block_,
                               &kNoOffset,
                               1,
                               weights_.in_channels,
                               u_ + group * u_group_ + cell * u_cell_,
                               u_group_,
                               kZeros,
                               m + cell * m_cell_,
                               m_group_,
                               kChannelBlock,
                               0};
            if (groups == kGroups)
                tap_row<Arch, kGroups>(tile, count);
            else
                tap_row<Arch, 1>(tile, count);
        }
    }

    void finish_tile(const float* m, int group, WinogradGrid::Place p) const {
        constexpr int kLanes = simd::kLanes<Arch>;
        const int rows = std::min(kWinogradTile, out_.shape.h - p.y);
        const int columns = std::min(kWinogradTile, out_.shape.w - p.x);
        const auto at = static_cast<std::ptrdiff_t>(out_.shape.offset(p.n, group * kChannelBlock, p.y, p.x));
        const auto row = static_cast<std::ptrdiff_t>(out_.shape.w) * kChannelBlock;
        for (int lane = 0; lane < kChannelBlock; lane += kLanes) {
            simd::Floats<Arch> products[kWinogradCells], sums[kWinogradTile * kWinogradTile];
            GANCODEC_UNROLL for (int cell = 0; cell < kWinogradCells; ++cell) products[cell] =
                simd::load<Arch>(m + cell * m_cell_ + lane);
            Winograd::output_tile(products, sums);
            const simd::Floats<Arch> bias = simd::load<Arch>(weights_.bias(group) + lane);
            float* out = out_.data + at + lane;
            const float* skip = epilogue_.skip + (epilogue_.skip == nullptr ? 0 : at + lane);
            GANCODEC_UNROLL for (int i = 0; i < kWinogradTile; ++i) {
                GANCODEC_UNROLL for (int j = 0; j < kWinogradTile; ++j) {
                    if (i >= rows || j >= columns) continue;
                    const std::ptrdiff_t pixel = i * row + j * kChannelBlock;
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
    int block_ = 0, blocks_ = 0;                                          ///< tiles of a block; blocks
    std::ptrdiff_t v_block_ = 0, v_cell_ = 0, m_group_ = 0, m_cell_ = 0;  ///< floats between parts of V and M
    std::ptrdiff_t u_cell_ = 0, u_group_ = 0;                             ///< and of U
    float* u_ = nullptr;  ///< transformed weights [co/16][36][ci][16], for all workers
    float* v_ = nullptr;  ///< transformed inputs [36][ci/16][tile][16], for each worker
    float* m_ = nullptr;  ///< products [36][group][tile][16], for each worker
};

/// Convolves by Winograd's algorithm. `epilogue` sees the finished sums.
template <class Arch>
void convolve_winograd(TensorView<const float> in, const WinogradWeights& weights, TensorView<float> out,
                       const Epilogue<float>& epilogue, Workspace& ws) {
    GANCODEC_ASSERT(in.shape.c == weights.in_channels && out.shape.c == weights.out_channels);
    GANCODEC_ASSERT(in.shape.n == out.shape.n && out.shape.h == in.shape.h + 2 * weights.pad - 2);
    if (out.size() == 0) return;
    const Workspace::Scope scope(ws);
    const WinogradConvolution<Arch> convolution(in, weights, out, epilogue, ws);
    if (!ws.counts_only()) convolution.run();
}

}  // namespace gancodec::detail
