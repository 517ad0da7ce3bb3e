#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/geometry.hpp"

// Every float convolution here is a sum over taps: offsets (dy, dx) from an output pixel to input pixels, each with a
// matrix of weights. A convolution is one list of taps. Its input gradient, or a transposed convolution, falls into
// stride² phases: output pixels that see the same taps.

namespace gancodec::detail {

constexpr int divide_up(int value, int by) { return (value + by - 1) / by; }

/// Input pixel (q·in_step + dy, r·in_step + dx) for the grid point (q, r).
struct Tap {
    int dy, dx;
};

/// Output pixel (q·out_step + y, r·out_step + x) for the grid point (q, r).
struct TapPlace {
    int y, x;
};

/// Outputs that see the same taps.
struct TapPhase {
    TapPlace place;
    std::vector<Tap> taps;
    std::size_t weights = 0;  ///< where the weights of the phase begin
};

/// How a convolution, or its adjoint, connects rows (or columns): which weight k leads from a place to a tap d.
struct TapAxis {
    int kernel, stride, pad;
    bool adjoint;

    [[nodiscard]] bool connected(int place, int k) const { return !adjoint || (place + pad - k) % stride == 0; }
    [[nodiscard]] int tap(int place, int k) const {
        return adjoint ? (place + pad - k) / stride : place * stride + k - pad;
    }
    /// The inverse of tap().
    [[nodiscard]] int weight(int place, int d) const {
        return adjoint ? place + pad - d * stride : d + pad - place * stride;
    }
    /// All taps of a place, in the canonical order of rising k.
    [[nodiscard]] std::vector<int> taps(int place) const {
        std::vector<int> list;
        for (int k = 0; k < kernel; ++k)
            if (connected(place, k)) list.push_back(tap(place, k));
        return list;
    }
};

/// Weights in the order in which tap_tile() reads them: [phase][lane/16][ci/16][tap][ci%16][lane%16].
/// The last block of input channels holds true channels only; lanes beyond the last are zero. The order does not depend
/// on the instruction set. Packing the same geometry again allocates nothing.
class PackedTaps {
public:
    int in_channels = 0, out_channels = 0;
    int in_step = 1, out_step = 1;
    int min_dy = 0, max_dy = 0, min_dx = 0, max_dx = 0;
    std::vector<TapPhase> phases;

    /// Groups of 16 output channels.
    [[nodiscard]] int groups() const { return (out_channels + kChannelBlock - 1) / kChannelBlock; }
    /// Floats from one group of 16 lanes to the next.
    [[nodiscard]] std::size_t group_size(const TapPhase& phase) const {
        return phase.taps.size() * static_cast<std::size_t>(in_channels) * kChannelBlock;
    }
    [[nodiscard]] const float* weights(const TapPhase& phase, int group) const {
        return weights_.data() + phase.weights + static_cast<std::size_t>(group) * group_size(phase);
    }
    /// The bias of a group, the same in all phases.
    [[nodiscard]] const float* bias(int group) const { return bias_.data() + group * kChannelBlock; }

    /// out[oy,ox] = bias + Σ weight[co,ci,ky,kx] · in[oy·s+ky−p, ox·s+kx−p].
    void pack_convolution(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.in_channels;
        out_channels = g.out_channels;
        const TapAxis axis{g.kernel, g.stride, g.pad, false};
        out_step = 1;
        in_step = g.stride;
        plan_phases(axis);
        fill(axis, weight, bias, g.in_channels * g.kernel * g.kernel, g.kernel * g.kernel);
    }
    /// The adjoint, from g.out_channels to g.in_channels, of the same weight array: what conv2d_backward_input() and
    /// conv_transpose2d_forward() need.
    void pack_adjoint(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.out_channels;
        out_channels = g.in_channels;
        const TapAxis axis{g.kernel, g.stride, g.pad, true};
        out_step = g.stride;
        in_step = 1;
        plan_phases(axis);
        fill(axis, weight, bias, g.kernel * g.kernel, g.in_channels * g.kernel * g.kernel);
    }

private:
    void plan_phases(const TapAxis& axis) {
        phases.clear();
        for (int y = 0; y < out_step; ++y)
            for (int x = 0; x < out_step; ++x) {
                TapPhase phase;
                phase.place = {y, x};
                for (const int dy : axis.taps(y))
                    for (const int dx : axis.taps(x)) phase.taps.push_back({dy, dx});
                phases.push_back(std::move(phase));
            }
        bool first = true;
        for (const TapPhase& phase : phases)
            for (const Tap& tap : phase.taps) {
                min_dy = first ? tap.dy : std::min(min_dy, tap.dy);
                max_dy = first ? tap.dy : std::max(max_dy, tap.dy);
                min_dx = first ? tap.dx : std::min(min_dx, tap.dx);
                max_dx = first ? tap.dx : std::max(max_dx, tap.dx);
                first = false;
            }
    }

    /// `out_pitch` and `in_pitch`: steps in `weight` from one output (input) channel to the next.
    void fill(const TapAxis& axis, const float* weight, const float* bias, int out_pitch, int in_pitch) {
        std::size_t size = 0;
        for (TapPhase& phase : phases) {
            phase.weights = size;
            size += static_cast<std::size_t>(groups()) * group_size(phase);
        }
        if (weights_.size() != size) weights_ = AlignedArray<float>(size);
        bias_ = AlignedArray<float>(static_cast<std::size_t>(groups()) * kChannelBlock);
        if (bias != nullptr) std::copy_n(bias, out_channels, bias_.data());
        parallel_for(static_cast<std::int64_t>(groups()), [&](std::int64_t group, int) {
            for (const TapPhase& phase : phases)
                fill_group(axis, phase, static_cast<int>(group), weight, out_pitch, in_pitch);
        });
    }

    void fill_group(const TapAxis& axis, const TapPhase& phase, int group, const float* weight, int out_pitch,
                    int in_pitch) {
        float* p = weights_.data() + phase.weights + static_cast<std::size_t>(group) * group_size(phase);
        const int lanes = std::min(kChannelBlock, out_channels - group * kChannelBlock);
        for (int block = 0; block < in_channels; block += kChannelBlock)
            for (const Tap& tap : phase.taps) {
                const int ky = axis.weight(phase.place.y, tap.dy), kx = axis.weight(phase.place.x, tap.dx);
                const float* source =
                    weight + static_cast<std::ptrdiff_t>(group) * kChannelBlock * out_pitch + ky * axis.kernel + kx;
                for (int ci = block; ci < std::min(in_channels, block + kChannelBlock); ++ci, p += kChannelBlock)
                    for (int lane = 0; lane < lanes; ++lane)
                        p[lane] = source[static_cast<std::ptrdiff_t>(lane) * out_pitch +
                                         static_cast<std::ptrdiff_t>(ci) * in_pitch];
            }
    }

    AlignedArray<float> weights_, bias_;
};

/// Weights and bias as the user gave them, for the plain loops.
template <class T>
class PlainWeights {
public:
    PlainWeights() = default;
    PlainWeights(const T* weight, const ConvGeometry& g, const T* bias, int biases)
        : weight_(static_cast<std::size_t>(g.out_channels * g.in_channels) *
                  static_cast<std::size_t>(g.kernel * g.kernel)),
          bias_(static_cast<std::size_t>(biases)) {
        std::copy_n(weight, weight_.size(), weight_.data());
        if (bias != nullptr) std::copy_n(bias, bias_.size(), bias_.data());
    }
    [[nodiscard]] const T* weight() const { return weight_.data(); }
    [[nodiscard]] const T* bias() const { return bias_.data(); }

private:
    AlignedArray<T> weight_, bias_;
};

}  // namespace gancodec::detail
