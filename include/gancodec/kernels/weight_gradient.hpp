#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/simd/bf16.hpp"

namespace gancodec::detail {

/// The pixels that one tap meets in a chunk of rows: rows of `columns` pixels each.
struct GradientRows {
    const float* in;  ///< null where the tap lies outside the image
    const float* d_out;
};

/// Output groups of 16 and input channels of one tile of a weight gradient, as registers allow.
template <class Arch>
struct GradientTile {
    static constexpr int groups = 1, inputs = 4;
};
template <class Arch>
    requires(simd::kLanes<Arch> == 16)
struct GradientTile<Arch> {
    static constexpr int groups = 2, inputs = 8;
};

/// total[input][group][16] += Σ over the pixels of a chunk of d_out[lane] · in[input]; each sum starts at zero. With
/// Precision::bf16 a pixel is a word of two.
template <class Arch, int Groups, int Inputs, Precision P = Precision::fp32>
void gradient_tile(const GradientRows* rows, int count, int columns, std::ptrdiff_t in_pixel,
                   std::ptrdiff_t d_out_group, float* total) {
    using Vector = simd::Floats<Arch>;
    constexpr int kV = simd::kVectors<Arch>, kLanes = simd::kLanes<Arch>;
    Vector sum[Inputs][Groups * kV];
    GANCODEC_UNROLL for (int i = 0; i < Inputs; ++i) GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v) sum[i][v] =
        simd::broadcast<Arch>(0.0f);
    for (int row = 0; row < count; ++row) {
        const float* in = rows[row].in;
        const float* d_out = rows[row].d_out;
        for (int x = 0; x < columns; ++x, in += in_pixel, d_out += kChannelBlock) {
            Vector d[Groups * kV];
            GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v) d[v] =
                simd::load<Arch>(d_out + v / kV * d_out_group + v % kV * kLanes);
            GANCODEC_UNROLL for (int i = 0; i < Inputs; ++i) {
                const Vector value = simd::broadcast<Arch>(in[i]);
                GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v) sum[i][v] =
                    simd::multiply_add<P>(d[v], value, sum[i][v]);
            }
        }
    }
    GANCODEC_UNROLL for (int i = 0; i < Inputs; ++i) GANCODEC_UNROLL for (int v = 0; v < Groups * kV; ++v) {
        float* p = total + (i * Groups * kV + v) * kLanes;
        simd::store<Arch>(p, simd::load<Arch>(p) + sum[i][v]);
    }
}

/// Adds the weight gradient of a convolution. Tasks are tiles of (output, input) channels and one row ky of taps, so
/// that every sum belongs to one thread.
template <class Arch>
class WeightGradient {
public:
    WeightGradient(TensorView<const float> in, TensorView<const float> d_out, const ConvGeometry& g, float* d_weight,
                   Workspace& ws)
        : in_(in), d_out_(d_out), g_(g), d_weight_(d_weight) {
        rows_ = d_out.shape.n * d_out.shape.h;
        chunk_ = std::min(rows_, gradient_chunk_rows(d_out.shape.w));
        const auto workers = static_cast<std::size_t>(threads());
        lists_ = ws.take<GradientRows>(workers * static_cast<std::size_t>(chunk_));
        totals_ = ws.take<float>(workers * total_size());
    }
    void run() const {
        const int out_tiles = (d_out_.shape.blocks() + kGroups - 1) / kGroups;
        const int in_tiles = (g_.in_channels + kInputs - 1) / kInputs;
        parallel_for(static_cast<std::int64_t>(out_tiles) * in_tiles * g_.kernel, [&](std::int64_t task, int worker) {
            const int ky = static_cast<int>(task % g_.kernel);
            const int tile = static_cast<int>(task / g_.kernel);
            run_task(tile / in_tiles * kGroups, tile % in_tiles * kInputs, ky, worker);
        });
    }

private:
    static constexpr int kGroups = GradientTile<Arch>::groups, kInputs = GradientTile<Arch>::inputs;

    [[nodiscard]] std::size_t total_size() const {
        return static_cast<std::size_t>(g_.kernel) * kInputs * kGroups * kChannelBlock;
    }

    void run_task(int group, int ci, int ky, int worker) const {
        float* totals = totals_ + static_cast<std::size_t>(worker) * total_size();
        std::fill_n(totals, total_size(), 0.0f);
        const int groups = std::min(kGroups, d_out_.shape.blocks() - group);
        const int inputs = std::min(kInputs, g_.in_channels - ci);
        const int tap_size = kInputs * groups * kChannelBlock;
        for (int first = 0; first < rows_; first += chunk_)
            for (int kx = 0; kx < g_.kernel; ++kx)
                add_chunk(first, group, groups, ci, inputs, ky, kx, worker, totals + kx * tap_size);
        for (int i = 0; i < inputs; ++i)
            for (int kx = 0; kx < g_.kernel; ++kx)
                for (int co = 0; co < std::min(groups * kChannelBlock, g_.out_channels - group * kChannelBlock); ++co)
                    d_weight_[((static_cast<std::ptrdiff_t>(group * kChannelBlock + co) * g_.in_channels + ci + i) *
                                   g_.kernel +
                               ky) *
                                  g_.kernel +
                              kx] += totals[kx * tap_size + i * groups * kChannelBlock + co];
    }

    void add_chunk(int first, int group, int groups, int ci, int inputs, int ky, int kx, int worker,
                   float* total) const {
        const Shape &s = d_out_.shape, &in = in_.shape;
        // Columns whose tap lies inside the image.
        const int begin = kx >= g_.pad ? 0 : (g_.pad - kx + g_.stride - 1) / g_.stride;
        const int last = in.w - 1 + g_.pad - kx;  // ox·stride must not exceed this
        const int columns = last < 0 ? 0 : std::min(s.w, last / g_.stride + 1) - begin;
        if (columns <= 0) return;
        GradientRows* list = lists_ + static_cast<std::size_t>(worker) * static_cast<std::size_t>(chunk_);
        int count = 0;
        for (int row = first; row < std::min(rows_, first + chunk_); ++row) {
            const int n = row / s.h, oy = row % s.h, iy = oy * g_.stride + ky - g_.pad;
            if (iy < 0 || iy >= in.h) continue;
            list[count++] = {in_.data + in.offset(n, ci, iy, begin * g_.stride + kx - g_.pad),
                             d_out_.data + s.offset(n, group * kChannelBlock, oy, begin)};
        }
        const auto step = static_cast<std::ptrdiff_t>(g_.stride) * kChannelBlock;
        const auto plane = static_cast<std::ptrdiff_t>(s.plane()) * kChannelBlock;
        const bool few = inputs <= kInputs / 2;
        if (groups == 2)
            (few ? gradient_tile<Arch, kGroups, kInputs / 2>
                 : gradient_tile<Arch, kGroups, kInputs>)(list, count, columns, step, plane, total);
        else
            (few ? gradient_tile<Arch, 1, kInputs / 2> : gradient_tile<Arch, 1, kInputs>)(list, count, columns, step,
                                                                                          plane, total);
    }

    TensorView<const float> in_, d_out_;
    ConvGeometry g_;
    float* d_weight_;
    int rows_ = 0, chunk_ = 0;
    GradientRows* lists_ = nullptr;  ///< one list for each worker, as are the totals
    float* totals_ = nullptr;
};

/// d_bias[c] += Σ d_out[n,c,y,x], chunk by chunk (gradient_chunk_rows).
inline void add_bias_gradient(TensorView<const float> d_out, float* d_bias) {
    const Shape& s = d_out.shape;
    const int chunk = gradient_chunk_rows(s.w), rows = s.n * s.h;
    parallel_for(static_cast<std::int64_t>(s.blocks()), [&](std::int64_t block, int) {
        const int first_channel = static_cast<int>(block) * kChannelBlock;
        float total[kChannelBlock] = {};
        for (int first = 0; first < rows; first += chunk) {
            float sum[kChannelBlock] = {};
            for (int row = first; row < std::min(rows, first + chunk); ++row) {
                const float* p = d_out.data + s.offset(row / s.h, first_channel, row % s.h, 0);
                for (int x = 0; x < s.w; ++x, p += kChannelBlock)
                    for (int lane = 0; lane < kChannelBlock; ++lane) sum[lane] += p[lane];
            }
            for (int lane = 0; lane < kChannelBlock; ++lane) total[lane] += sum[lane];
        }
        for (int lane = 0; lane < std::min(kChannelBlock, s.c - first_channel); ++lane)
            d_bias[first_channel + lane] += total[lane];
    });
}

template <class Arch>
void add_weight_gradient(TensorView<const float> in, TensorView<const float> d_out, const ConvGeometry& g,
                         float* d_weight, Workspace& ws) {
    GANCODEC_ASSERT(in.shape.c == g.in_channels && d_out.shape.c == g.out_channels && in.shape.n == d_out.shape.n);
    if (d_out.shape.logical_size() == 0) return;
    const Workspace::Scope scope(ws);
    WeightGradient<Arch>(in, d_out, g, d_weight, ws).run();
}

}  // namespace gancodec::detail
