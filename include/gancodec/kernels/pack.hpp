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
// stride² phases: output pixels that see the same taps. And where there are few output channels, the outputs of several
// neighbouring pixels share the 16 lanes of a group: they see the union of their taps, with zero weights for those that
// are not theirs (adding a zero product does not change a sum).

namespace gancodec::detail {

/// Input pixel (q·in_step + dy, r·in_step + dx) for the grid point (q, r).
struct Tap {
    int dy, dx;
};

/// Output pixel (q·out_step + y, r·out_step + x) for the grid point (q, r).
struct TapPlace {
    int y, x;
};

/// Outputs that are computed together: lane l is channel l % out_channels of place l / out_channels.
struct TapPhase {
    std::vector<TapPlace> places;
    std::vector<Tap> taps;
    int groups = 0;           ///< of 16 lanes
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
    /// The inverse of tap(); outside [0, kernel) where there is no weight.
    [[nodiscard]] int weight(int place, int d) const {
        return adjoint ? place + pad - d * stride : d + pad - place * stride;
    }
    /// All taps of `count` places from `first` on, in the canonical order of rising k.
    [[nodiscard]] std::vector<int> taps(int first, int count) const {
        std::vector<int> list;
        for (int place = first; place < first + count; ++place)
            for (int k = 0; k < kernel; ++k)
                if (connected(place, k)) list.push_back(tap(place, k));
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
        if (adjoint) std::reverse(list.begin(), list.end());
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

    /// Floats from one group of 16 lanes to the next.
    [[nodiscard]] std::size_t group_size(const TapPhase& phase) const {
        return phase.taps.size() * static_cast<std::size_t>(in_channels) * kChannelBlock;
    }
    [[nodiscard]] const float* weights(const TapPhase& phase, int group) const {
        return weights_.data() + phase.weights + static_cast<std::size_t>(group) * group_size(phase);
    }
    /// The bias of a group's lanes, the same in all phases.
    [[nodiscard]] const float* bias(int group) const { return bias_.data() + group * kChannelBlock; }

    /// out[oy,ox] = bias + Σ weight[co,ci,ky,kx] · in[oy·s+ky−p, ox·s+kx−p].
    void pack_convolution(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.in_channels;
        out_channels = g.out_channels;
        const TapAxis axis{g.kernel, g.stride, g.pad, false};
        out_step = shared_side(axis, 1);
        in_step = g.stride * out_step;
        plan_phases(axis, out_step);
        fill(axis, weight, bias, g.in_channels * g.kernel * g.kernel, g.kernel * g.kernel);
    }
    /// The adjoint, from g.out_channels to g.in_channels, of the same weight array: what conv2d_backward_input() and
    /// conv_transpose2d_forward() need.
    void pack_adjoint(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.out_channels;
        out_channels = g.in_channels;
        const TapAxis axis{g.kernel, g.stride, g.pad, true};
        const int side = shared_side(axis, g.stride);
        out_step = std::max(side, g.stride);
        in_step = out_step / g.stride;
        plan_phases(axis, side);
        fill(axis, weight, bias, g.kernel * g.kernel, g.in_channels * g.kernel * g.kernel);
    }

private:
    /// Side of the squares of output pixels that should share lanes, a multiple of `step` or 1 for none: what costs
    /// fewest multiply-adds. A gain under a quarter is not worth the copying.
    [[nodiscard]] int shared_side(const TapAxis& axis, int step) const {
        const auto cost = [&](int side, int count) {  // of side² outputs, in squares of `count`
            double taps = 0;
            for (int place = 0; place < side; place += count)
                taps += static_cast<double>(axis.taps(place, count).size());
            return taps * taps * groups_of(count * count) / (side * side);
        };
        if (out_channels > kChannelBlock) return 1;
        int best = 1;
        double least = 0.75 * cost(step, 1);
        for (int side = step == 1 ? 2 : step; side <= 4; side += step)
            if (cost(side, side) < least) {
                best = side;
                least = cost(side, side);
            }
        return best;
    }
    /// Groups of 16 lanes for the outputs of `places` pixels.
    [[nodiscard]] int groups_of(int places) const {
        return (places * out_channels + kChannelBlock - 1) / kChannelBlock;
    }

    void plan_phases(const TapAxis& axis, int side) {
        phases.clear();
        for (int y = 0; y < out_step; y += side)
            for (int x = 0; x < out_step; x += side) {
                TapPhase phase;
                for (int i = 0; i < side * side; ++i) phase.places.push_back({y + i / side, x + i % side});
                for (const int dy : axis.taps(y, side))
                    for (const int dx : axis.taps(x, side)) phase.taps.push_back({dy, dx});
                phase.groups = groups_of(side * side);
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
            size += static_cast<std::size_t>(phase.groups) * group_size(phase);
        }
        const int groups = phases[0].groups;
        if (weights_.size() != size) weights_ = AlignedArray<float>(size);
        bias_ = AlignedArray<float>(static_cast<std::size_t>(groups) * kChannelBlock);
        const int lanes = static_cast<int>(phases[0].places.size()) * out_channels;
        for (int lane = 0; bias != nullptr && lane < lanes; ++lane) bias_.data()[lane] = bias[lane % out_channels];
        parallel_for(static_cast<std::int64_t>(groups), [&](std::int64_t group, int) {
            for (const TapPhase& phase : phases)
                fill_group(axis, phase, static_cast<int>(group), weight, out_pitch, in_pitch);
        });
    }

    void fill_group(const TapAxis& axis, const TapPhase& phase, int group, const float* weight, int out_pitch,
                    int in_pitch) {
        float* p = weights_.data() + phase.weights + static_cast<std::size_t>(group) * group_size(phase);
        for (int block = 0; block < in_channels; block += kChannelBlock)
            for (const Tap& tap : phase.taps) {
                const float* sources[kChannelBlock];  // of input channel 0; null where a lane has no such tap
                for (int i = 0; i < kChannelBlock; ++i) {
                    const int lane = group * kChannelBlock + i, place = lane / out_channels;
                    sources[i] = nullptr;
                    if (place >= static_cast<int>(phase.places.size())) continue;
                    const TapPlace& at = phase.places[static_cast<std::size_t>(place)];
                    const int ky = axis.weight(at.y, tap.dy), kx = axis.weight(at.x, tap.dx);
                    if (ky < 0 || ky >= axis.kernel || kx < 0 || kx >= axis.kernel) continue;
                    sources[i] =
                        weight + static_cast<std::ptrdiff_t>(lane % out_channels) * out_pitch + ky * axis.kernel + kx;
                }
                for (int ci = block; ci < std::min(in_channels, block + kChannelBlock); ++ci, p += kChannelBlock)
                    for (int i = 0; i < kChannelBlock; ++i)
                        p[i] = sources[i] == nullptr ? 0.0f : sources[i][static_cast<std::ptrdiff_t>(ci) * in_pitch];
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
