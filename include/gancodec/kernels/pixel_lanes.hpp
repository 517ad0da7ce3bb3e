#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/epilogue.hpp"
#include "gancodec/kernels/pack.hpp"
#include "gancodec/simd/batch.hpp"

// Tap convolutions with few outputs, such as the last layer of a generator: with channels as lanes most lanes would be
// empty, so here neighbouring pixels of a row are the lanes. The input of a task is first turned into planes.

namespace gancodec::detail {

/// Up to so many output channels pixels are the lanes. Either way gives the same numbers.
inline constexpr int kFewOutputs = 8;

/// What pixel_tile() computes: neighbouring pixels of a row, for one to four output channels.
struct PixelTile {
    const float* in;                ///< the first pixel, tap (0, 0), channel 0
    std::ptrdiff_t in_plane;        ///< floats between channels
    const std::ptrdiff_t* offsets;  ///< floats from `in` to the pixel of each tap
    int taps, channels;
    const float* weights;  ///< [ci/16][tap][ci%16][16], of which the first outputs are used
    const float* bias;
    float* out;  ///< [output][pixel]
    std::ptrdiff_t out_plane;
};

/// Vectors of pixels in a tile: with the weights of all outputs and an input they fill the registers.
template <class Arch>
constexpr int pixel_vectors(int outputs) {
    return simd::kRegisters<Arch> == 32 ? 6 : outputs == 4 ? 2 : 3;
}

/// Each output is one lane of one accumulator, and sums in the order of tap_tile().
template <class Arch, int Outputs, int Vectors>
void pixel_tile(const PixelTile& t) {
    using Vector = simd::Floats<Arch>;
    constexpr int kLanes = simd::kLanes<Arch>;
    Vector sum[Outputs][Vectors];
    GANCODEC_UNROLL for (int o = 0; o < Outputs; ++o) GANCODEC_UNROLL for (int v = 0; v < Vectors; ++v) sum[o][v] =
        simd::broadcast<Arch>(t.bias[o]);
    const float *weights = t.weights, *block = t.in;
    const std::ptrdiff_t plane = t.in_plane;
    for (int left = t.channels; left > 0; left -= kChannelBlock, block += kChannelBlock * plane) {
        const int channels = left < kChannelBlock ? left : kChannelBlock;
        for (int tap = 0; tap < t.taps; ++tap) {
            const float* in = block + t.offsets[tap];
            for (int c = 0; c < channels; ++c, in += plane, weights += kChannelBlock) {
                Vector w[Outputs];
                GANCODEC_UNROLL for (int o = 0; o < Outputs; ++o) w[o] = simd::broadcast<Arch>(weights[o]);
                GANCODEC_UNROLL for (int v = 0; v < Vectors; ++v) {
                    const Vector x = simd::in_register(simd::load_anywhere<Arch>(in + v * kLanes));
                    GANCODEC_UNROLL for (int o = 0; o < Outputs; ++o) sum[o][v] = simd::fma(w[o], x, sum[o][v]);
                }
            }
        }
    }
    GANCODEC_UNROLL for (int o = 0; o < Outputs; ++o) GANCODEC_UNROLL for (int v = 0; v < Vectors; ++v)
        simd::store<Arch>(t.out + o * t.out_plane + v * kLanes, sum[o][v]);
}

/// Computes a row of pixels by full tiles, then by single vectors.
template <class Arch, int Outputs>
void pixel_row(PixelTile t, int width) {
    constexpr int kVectors = pixel_vectors<Arch>(Outputs), kLanes = simd::kLanes<Arch>;
    while (width > 0) {
        const bool full = width > (kVectors - 1) * kLanes;
        if (full)
            pixel_tile<Arch, Outputs, kVectors>(t);
        else
            pixel_tile<Arch, Outputs, 1>(t);
        const int pixels = full ? kVectors * kLanes : kLanes;
        width -= pixels;
        t.in += pixels;
        t.out += pixels;
    }
}

/// Runs a tap convolution with few outputs. A task is a band of rows in a segment of columns.
template <class Arch>
class PixelLaneConvolution {
public:
    PixelLaneConvolution(TensorView<const float> in, const PackedTaps& taps, TensorView<float> out,
                         const Epilogue<float>& epilogue, Workspace& ws)
        : in_(in), taps_(taps), out_(out), epilogue_(epilogue) {
        constexpr int kPatchFloats = 96 * 1024, kTallest = 32;  // a patch stays in the second-level cache
        const int step = taps.in_step, grid_h = divide_up(out.shape.h, taps.out_step);
        grid_w_ = divide_up(out.shape.w, taps.out_step);
        width_ = std::min(kWidest, round_up(grid_w_, simd::kLanes<Arch>));
        columns_ = width_ + (taps.max_dx - taps.min_dx) / step;
        const int halo = taps.max_dy - taps.min_dy + 1 - step;
        const int rows = kPatchFloats / (in.shape.c * columns_ * step);
        band_ = std::clamp((rows - halo) / step, 1, std::min(kTallest, grid_h));
        segments_ = divide_up(grid_w_, width_);
        while (band_ > 1 && out.shape.n * segments_ * divide_up(grid_h, band_) < 2 * threads())
            band_ = divide_up(band_, 2);
        bands_ = divide_up(grid_h, band_);
        row_ = static_cast<std::ptrdiff_t>(columns_) * step;
        // An odd number of cache lines between planes keeps them in different sets.
        plane_ = round_up(static_cast<int>(row_) * (band_ * step + halo), 2 * kChannelBlock) + kChannelBlock;
        for (const TapPhase& phase : taps.phases) offset_count_ = std::max(offset_count_, phase.taps.size());
        patch_size_ = static_cast<std::size_t>(plane_) * static_cast<std::size_t>(in.shape.c);
        const auto workers = static_cast<std::size_t>(threads());
        patches_ = ws.take<float>(workers * patch_size_);
        offsets_ = ws.take<std::ptrdiff_t>(workers * offset_count_);
    }

    void run() const {
        const std::int64_t tasks = static_cast<std::int64_t>(in_.shape.n) * bands_ * segments_;
        parallel_for(tasks, [this](std::int64_t task, int worker) {
            const int segment = static_cast<int>(task % segments_), band = static_cast<int>(task / segments_ % bands_);
            run_task(static_cast<int>(task / segments_ / bands_), band * band_, segment * width_,
                     static_cast<std::size_t>(worker));
        });
    }

private:
    static constexpr int kWidest = 96;  ///< a multiple of all tiles; columns of a task
    struct Rows {                       ///< outputs of one row, channel by channel; of padded channels zeros
        alignas(kAlignmentBytes) float of[kChannelBlock][kWidest] = {};
    };

    void run_task(int n, int q0, int r0, std::size_t worker) const {
        float* patch = patches_ + worker * patch_size_;
        Rows out;
        fill_patch(n, q0, r0, patch);
        std::ptrdiff_t* offsets = offsets_ + worker * offset_count_;
        for (const TapPhase& phase : taps_.phases) {
            for (std::size_t i = 0; i < phase.taps.size(); ++i) {
                const int dx = phase.taps[i].dx - taps_.min_dx;
                offsets[i] =
                    (phase.taps[i].dy - taps_.min_dy) * row_ + dx % taps_.in_step * columns_ + dx / taps_.in_step;
            }
            const int columns = std::min(width_, divide_up(out_.shape.w - phase.place.x, taps_.out_step) - r0);
            for (int q = 0; q < band_ && columns > 0; ++q) {
                const int oy = (q0 + q) * taps_.out_step + phase.place.y;
                if (oy >= out_.shape.h) break;
                run_row(phase, patch + q * taps_.in_step * row_, offsets, columns,
                        static_cast<std::ptrdiff_t>(out_.shape.offset(n, 0, oy, r0 * taps_.out_step + phase.place.x)),
                        out);
            }
        }
    }

    /// One row of outputs by way of `rows`; `at` of the first pixel in the output's memory.
    void run_row(const TapPhase& phase, const float* in, const std::ptrdiff_t* offsets, int columns, std::ptrdiff_t at,
                 Rows& rows) const {
        const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(taps_.out_step) * kChannelBlock;
        for (int r = 0; r < columns; ++r) simd::prefetch_to_write(out_.data + at + r * step);
        for (int co = 0; co < taps_.out_channels; co += 4) {
            const PixelTile tile{in,
                                 plane_,
                                 offsets,
                                 static_cast<int>(phase.taps.size()),
                                 taps_.in_channels,
                                 taps_.weights(phase, 0) + co,
                                 taps_.bias(0) + co,
                                 rows.of[co],
                                 kWidest};
            switch (std::min(4, taps_.out_channels - co)) {
                case 1:
                    pixel_row<Arch, 1>(tile, columns);
                    break;
                case 2:
                    pixel_row<Arch, 2>(tile, columns);
                    break;
                case 3:
                    pixel_row<Arch, 3>(tile, columns);
                    break;
                default:
                    pixel_row<Arch, 4>(tile, columns);
            }
        }
        gather_pixels(rows, columns, out_.data + at, step);
        if (!epilogue_.empty()) finish_pixels<Arch>(epilogue_, out_.data + at, at, columns, step);
    }

    /// out[r·step + co] = rows[co][r].
    static void gather_pixels(const Rows& rows, int columns, float* out, std::ptrdiff_t step) {
        constexpr int kSquare = simd::kSquare;
        int r = 0;
        for (; r + kSquare <= columns; r += kSquare)
            for (int co = 0; co < kChannelBlock; co += kSquare)
                simd::transpose_square<Arch>(&rows.of[co][r], kWidest, out + r * step + co, step);
        for (; r < columns; ++r)
            for (int co = 0; co < kChannelBlock; ++co) out[r * step + co] = rows.of[co][r];
    }

    /// The input of a task as planes, [ci][row][x mod in_step][x div in_step], with zeros around the image.
    void fill_patch(int n, int q0, int r0, float* patch) const {
        const Shape& s = in_.shape;
        const int step = taps_.in_step, y0 = q0 * step + taps_.min_dy, x0 = r0 * step + taps_.min_dx;
        const int rows = (band_ - 1) * step + taps_.max_dy - taps_.min_dy + 1;
        for (int block = 0; block < s.blocks(); ++block) {
            const int channels = std::min(kChannelBlock, s.c - block * kChannelBlock);
            for (int row = 0; row < rows; ++row)
                for (int m = 0; m < step; ++m) {
                    float* to = patch + block * kChannelBlock * plane_ + row * row_ + m * columns_;
                    const int y = y0 + row;
                    const bool inside = y >= 0 && y < s.h;
                    const float* from =
                        inside ? in_.block(n, block) + static_cast<std::ptrdiff_t>(y) * s.w * kChannelBlock : nullptr;
                    copy_columns(from, x0 + m, channels, to);
                }
        }
    }
    /// to[c][j] = channel c of pixel x + j·in_step of a row (null: a row outside), zero outside the image.
    void copy_columns(const float* row, int x, int channels, float* to) const {
        constexpr int kSquare = simd::kSquare;
        const int step = taps_.in_step;
        const int first = row == nullptr ? columns_ : std::clamp(divide_up(-x, step), 0, columns_);
        const int last = row == nullptr ? columns_ : std::clamp(divide_up(in_.shape.w - x, step), first, columns_);
        const auto pixel = [&](int j) { return row + static_cast<std::ptrdiff_t>(x + j * step) * kChannelBlock; };
        int j = first;
        for (; channels % kSquare == 0 && j + kSquare <= last; j += kSquare)
            for (int c = 0; c < channels; c += kSquare)
                simd::transpose_square<Arch>(pixel(j) + c, static_cast<std::ptrdiff_t>(step) * kChannelBlock,
                                             to + c * plane_ + j, plane_);
        for (int c = 0; c < channels; ++c) {
            float* plane = to + c * plane_;
            std::fill_n(plane, first, 0.0f);
            for (int k = j; k < last; ++k) plane[k] = pixel(k)[c];
            std::fill_n(plane + last, columns_ - last, 0.0f);
        }
    }

    TensorView<const float> in_;
    const PackedTaps& taps_;
    TensorView<float> out_;
    Epilogue<float> epilogue_;
    int grid_w_ = 0, width_ = 0, columns_ = 0;  ///< columns of the grid, of a task, of its patch
    int band_ = 0, bands_ = 0, segments_ = 0;   ///< rows of a task; bands and segments of an image
    std::ptrdiff_t row_ = 0, plane_ = 0;        ///< floats between rows and planes of a patch
    std::size_t patch_size_ = 0, offset_count_ = 0;
    float* patches_ = nullptr;  ///< one for each worker, as all below
    std::ptrdiff_t* offsets_ = nullptr;
};

}  // namespace gancodec::detail
