#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/epilogue.hpp"
#include "gancodec/kernels/pack.hpp"
#include "gancodec/kernels/pixel_lanes.hpp"
#include "gancodec/kernels/tap_tile.hpp"

namespace gancodec::detail {

/// How the grid of output pixels (of one phase) is cut into tasks: bands of rows, segments of columns.
struct TapTasks {
    int grid_h, grid_w;  ///< rows and columns of the largest phase
    int band, segment;   ///< rows and columns of a task
    int bands, segments;

    [[nodiscard]] std::int64_t count(int images) const { return static_cast<std::int64_t>(images) * bands * segments; }
};

/// Tasks large enough to use the packed weights many times, small enough to keep their input in the cache and all
/// threads busy. Any choice gives the same numbers.
inline TapTasks plan_tap_tasks(const PackedTaps& taps, const Shape& out) {
    constexpr int kWidest = 192, kPixels = 384;
    TapTasks t{};
    t.grid_h = divide_up(out.h, taps.out_step);
    t.grid_w = divide_up(out.w, taps.out_step);
    t.segments = divide_up(t.grid_w, kWidest);
    t.segment = round_up(divide_up(t.grid_w, t.segments), 12);
    t.segments = divide_up(t.grid_w, t.segment);
    t.band = std::clamp(kPixels / std::max(1, std::min(t.segment, t.grid_w)), 1, std::max(1, t.grid_h));
    const std::int64_t wanted = 2 * threads();
    while (t.band > 1 && static_cast<std::int64_t>(out.n) * t.segments * divide_up(t.grid_h, t.band) < wanted)
        t.band = divide_up(t.band, 2);
    t.bands = divide_up(t.grid_h, t.band);
    return t;
}

/// Runs the tasks of one tap convolution: reads the input in place, or through a patch where zeros surround the image
/// or the step is not 1. In a patch the columns of each remainder modulo in_step lie together, so that neighbouring
/// outputs always read neighbouring pixels.
template <class Arch>
class TapConvolution {
public:
    TapConvolution(TensorView<const float> in, const PackedTaps& taps, TensorView<float> out,
                   const Epilogue<float>& epilogue, Workspace& ws)
        : in_(in), taps_(taps), out_(out), epilogue_(epilogue), tasks_(plan_tap_tasks(taps, out.shape)) {
        const int step = taps.in_step;
        columns_ = tiled_width<Arch>(std::min(tasks_.segment, tasks_.grid_w)) + (taps.max_dx - taps.min_dx) / step;
        patch_rows_ = (tasks_.band - 1) * step + taps.max_dy - taps.min_dy + 1;
        for (const TapPhase& phase : taps.phases) offset_count_ = std::max(offset_count_, phase.taps.size());
        patch_size_ = static_cast<std::size_t>(in.shape.blocks()) * static_cast<std::size_t>(patch_rows_) *
                      static_cast<std::size_t>(columns_) * static_cast<std::size_t>(step) * kChannelBlock;
        const auto workers = static_cast<std::size_t>(threads());
        patches_ = ws.take<float>(workers * patch_size_);
        offsets_ = ws.take<std::ptrdiff_t>(workers * offset_count_);
    }

    void run() const {
        parallel_for(tasks_.count(in_.shape.n), [this](std::int64_t task, int worker) {
            const int segment = static_cast<int>(task % tasks_.segments);
            const std::int64_t rest = task / tasks_.segments;
            run_task(static_cast<int>(rest / tasks_.bands), static_cast<int>(rest % tasks_.bands) * tasks_.band,
                     segment * tasks_.segment, worker);
        });
    }

private:
    /// Where a task reads: the pixel of tap (min_dy, min_dx) for its first output, and the distances from there.
    struct Source {
        const float* origin;
        std::ptrdiff_t block, row;  ///< floats between channel blocks, and between input rows
        std::ptrdiff_t remainder;   ///< floats between the columns of different remainders modulo in_step
    };

    void run_task(int n, int q0, int r0, int worker) const {
        const int rows = std::min(tasks_.band, tasks_.grid_h - q0);
        const int columns = std::min(tasks_.segment, tasks_.grid_w - r0);
        const Source source = find_source(n, q0, r0, rows, columns, worker);
        std::ptrdiff_t* offsets = offsets_ + static_cast<std::size_t>(worker) * offset_count_;
        for (const TapPhase& phase : taps_.phases) {
            for (std::size_t i = 0; i < phase.taps.size(); ++i) {
                const int dx = phase.taps[i].dx - taps_.min_dx;
                offsets[i] = (phase.taps[i].dy - taps_.min_dy) * source.row + dx % taps_.in_step * source.remainder +
                             dx / taps_.in_step * kChannelBlock;
            }
            run_phase(phase, source, offsets, n, q0, r0, rows, columns);
        }
    }

    /// The row of tiles for grid row q of a task; the caller fills in where its outputs go.
    [[nodiscard]] TapTile row_tile(const TapPhase& phase, const Source& source, const std::ptrdiff_t* offsets, int q,
                                   int group) const {
        TapTile tile{};
        tile.in = source.origin + q * taps_.in_step * source.row;
        tile.in_block = source.block;
        tile.offsets = offsets;
        tile.taps = static_cast<int>(phase.taps.size());
        tile.channels = taps_.in_channels;
        tile.weights = taps_.weights(phase, group);
        tile.weight_group = static_cast<std::ptrdiff_t>(taps_.group_size(phase));
        tile.bias = taps_.bias(group);
        return tile;
    }
    /// Computes a row for as many groups of lanes as one pass holds; returns how many.
    int run_row(const TapTile& tile, int group, int columns) const {
        constexpr int kGroups = TileSizes<Arch>::groups;
        if (taps_.groups() - group >= kGroups) {
            tap_row<Arch, kGroups, Precision::fp32, Operands::near>(tile, columns);
            return kGroups;
        }
        tap_row<Arch, 1, Precision::fp32, Operands::near>(tile, columns);
        return 1;
    }

    void run_phase(const TapPhase& phase, const Source& source, const std::ptrdiff_t* offsets, int n, int q0, int r0,
                   int rows, int columns) const {
        const TapPlace place = phase.place;
        rows = std::min(rows, divide_up(out_.shape.h - place.y, taps_.out_step) - q0);
        columns = std::min(columns, divide_up(out_.shape.w - place.x, taps_.out_step) - r0);
        const auto plane = static_cast<std::ptrdiff_t>(out_.shape.plane()) * kChannelBlock;
        constexpr int kGroups = TileSizes<Arch>::groups;
        for (int group = 0; group < taps_.groups(); group += taps_.groups() - group >= kGroups ? kGroups : 1)
            for (int q = 0; q < rows; ++q) {
                const int oy = place.y + (q0 + q) * taps_.out_step, ox = place.x + r0 * taps_.out_step;
                const auto at = static_cast<std::ptrdiff_t>(out_.shape.offset(n, group * kChannelBlock, oy, ox));
                TapTile tile = row_tile(phase, source, offsets, q, group);
                tile.out = out_.data + at;
                tile.out_group = plane;
                tile.out_pixel = static_cast<std::ptrdiff_t>(taps_.out_step) * kChannelBlock;
                const int done = run_row(tile, group, columns);
                if (!epilogue_.empty())
                    for (int g = 0; g < done; ++g)
                        finish_pixels<Arch>(epilogue_, out_.data + at + g * plane, at + g * plane, columns,
                                            tile.out_pixel);
            }
    }

    Source find_source(int n, int q0, int r0, int rows, int columns, int worker) const {
        const Shape& s = in_.shape;
        const int step = taps_.in_step;
        const int y0 = q0 * step + taps_.min_dy, x0 = r0 * step + taps_.min_dx;
        const int y1 = (q0 + rows - 1) * step + taps_.max_dy;  // the last row and column that are read
        const int read = tiled_width<Arch>(columns) + (taps_.max_dx - taps_.min_dx) / step;
        const int x1 = x0 + read - 1;
        const auto row = static_cast<std::ptrdiff_t>(s.w) * kChannelBlock;
        if (step == 1 && y0 >= 0 && x0 >= 0 && y1 < s.h && x1 < s.w)
            return {in_.block(n, 0) + y0 * row + static_cast<std::ptrdiff_t>(x0) * kChannelBlock, s.h * row, row, 0};
        const std::ptrdiff_t remainder = static_cast<std::ptrdiff_t>(columns_) * kChannelBlock;
        const std::ptrdiff_t patch_row = remainder * step, patch_block = patch_row * patch_rows_;
        float* patch = patches_ + static_cast<std::size_t>(worker) * patch_size_;
        for (int block = 0; block < s.blocks(); ++block)
            for (int y = y0; y <= y1; ++y)
                for (int m = 0; m < step; ++m)
                    copy_columns(y < 0 || y >= s.h ? nullptr : in_.block(n, block) + y * row, x0 + m, read,
                                 patch + block * patch_block + (y - y0) * patch_row + m * remainder);
        return {patch, patch_block, patch_row, remainder};
    }

    /// patch[j] = pixel x + j·in_step of an input row (null: a row outside), zero outside the image.
    void copy_columns(const float* row, int x, int count, float* patch) const {
        const int step = taps_.in_step, w = in_.shape.w;
        const int begin = row == nullptr ? count : std::min(count, x >= 0 ? 0 : divide_up(-x, step));
        const int end = row == nullptr ? count : std::max(begin, std::min(count, x >= w ? 0 : divide_up(w - x, step)));
        std::fill(patch, patch + static_cast<std::ptrdiff_t>(begin) * kChannelBlock, 0.0f);
        if (step == 1 && end > begin) {
            std::memcpy(patch + static_cast<std::ptrdiff_t>(begin) * kChannelBlock,
                        row + static_cast<std::ptrdiff_t>(x + begin) * kChannelBlock,
                        static_cast<std::size_t>(end - begin) * kChannelBlock * sizeof(float));
        } else {
            for (int j = begin; j < end; ++j)
                std::copy_n(row + static_cast<std::ptrdiff_t>(x + j * step) * kChannelBlock, kChannelBlock,
                            patch + static_cast<std::ptrdiff_t>(j) * kChannelBlock);
        }
        std::fill(patch + static_cast<std::ptrdiff_t>(end) * kChannelBlock,
                  patch + static_cast<std::ptrdiff_t>(count) * kChannelBlock, 0.0f);
    }

    TensorView<const float> in_;
    const PackedTaps& taps_;
    TensorView<float> out_;
    Epilogue<float> epilogue_;
    TapTasks tasks_;
    int columns_ = 0, patch_rows_ = 0;  ///< of a patch; columns of each remainder
    std::size_t patch_size_ = 0, offset_count_ = 0;
    float* patches_ = nullptr;  ///< one for each worker, as all below
    std::ptrdiff_t* offsets_ = nullptr;
};

/// Runs any tap convolution. `epilogue` sees the finished sums.
template <class Arch>
void convolve_taps(TensorView<const float> in, const PackedTaps& taps, TensorView<float> out,
                   const Epilogue<float>& epilogue, Workspace& ws) {
    GANCODEC_ASSERT(!taps.phases.empty());
    GANCODEC_ASSERT(in.shape.c == taps.in_channels && out.shape.c == taps.out_channels && in.shape.n == out.shape.n);
    if (out.size() == 0) return;
    const Workspace::Scope scope(ws);
    if (taps.out_channels <= kFewOutputs) {
        const PixelLaneConvolution<Arch> convolution(in, taps, out, epilogue, ws);
        if (!ws.counts_only()) convolution.run();
        return;
    }
    const bool pointwise = taps.out_step == 1 && taps.in_step == 1 && taps.phases[0].taps.size() == 1 &&
                           taps.min_dy == 0 && taps.min_dx == 0;
    if (pointwise) {  // rows mean nothing then: one long row wastes no tile
        in.shape.w *= in.shape.h;
        out.shape.w *= out.shape.h;
        in.shape.h = out.shape.h = 1;
    }
    const TapConvolution<Arch> convolution(in, taps, out, epilogue, ws);
    if (!ws.counts_only()) convolution.run();
}

}  // namespace gancodec::detail
