#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/geometry.hpp"

// Every float convolution here is a sum over taps: offsets (dy, dx) from an output pixel to input pixels, each with a
// matrix of weights. A convolution is one list of taps; its input gradient, or a transposed convolution, falls into
// stride² phases (output pixels that see the same taps), each with its own list.

namespace gancodec::detail {

/// Input pixel (oy·in_step + dy, ox·in_step + dx) for the output pixel (oy, ox) of a phase; `ky`, `kx` name its weight.
struct Tap {
    int dy, dx, ky, kx;
};

/// The output pixels (first_y + q·out_step, first_x + r·out_step), their taps, and where their weights begin.
struct TapPhase {
    int first_y = 0, first_x = 0;
    std::vector<Tap> taps;
    std::size_t weights = 0;
};

/// Weights in the order in which tap_tile() reads them: [phase][co/16][ci/16][tap][ci%16][co%16].
/// The last block of input channels holds true channels only; outputs beyond out_channels are zero. The order does not
/// depend on the instruction set.
class PackedTaps {
public:
    int in_channels = 0, out_channels = 0;
    int in_step = 1, out_step = 1;
    int min_dy = 0, max_dy = 0, min_dx = 0, max_dx = 0;
    std::vector<TapPhase> phases;

    [[nodiscard]] bool empty() const { return weights_.empty(); }
    [[nodiscard]] int groups() const { return (out_channels + kChannelBlock - 1) / kChannelBlock; }
    /// Floats from one group of 16 outputs to the next, in a phase of `taps` taps.
    [[nodiscard]] std::size_t group_size(std::size_t taps) const {
        return taps * static_cast<std::size_t>(in_channels) * kChannelBlock;
    }
    [[nodiscard]] const float* weights(const TapPhase& phase, int group) const {
        return weights_.data() + phase.weights + static_cast<std::size_t>(group) * group_size(phase.taps.size());
    }
    [[nodiscard]] const float* bias(int group) const { return bias_.data() + group * kChannelBlock; }

    /// out[oy,ox] = bias + Σ weight[co,ci,ky,kx] · in[oy·s+ky−p, ox·s+kx−p].
    static PackedTaps convolution(const ConvGeometry& g, const float* weight, const float* bias) {
        PackedTaps packed;
        packed.in_channels = g.in_channels;
        packed.out_channels = g.out_channels;
        packed.in_step = g.stride;
        TapPhase phase;
        for (int ky = 0; ky < g.kernel; ++ky)
            for (int kx = 0; kx < g.kernel; ++kx) phase.taps.push_back({ky - g.pad, kx - g.pad, ky, kx});
        packed.phases.push_back(std::move(phase));
        packed.fill(weight, bias, g.kernel, g.in_channels * g.kernel * g.kernel, g.kernel * g.kernel);
        return packed;
    }
    /// The adjoint, from g.out_channels to g.in_channels, of the same weight array: what conv2d_backward_input() and
    /// conv_transpose2d_forward() need.
    static PackedTaps adjoint(const ConvGeometry& g, const float* weight, const float* bias) {
        PackedTaps packed;
        packed.in_channels = g.out_channels;
        packed.out_channels = g.in_channels;
        packed.out_step = g.stride;
        for (int y = 0; y < g.stride; ++y)
            for (int x = 0; x < g.stride; ++x) {
                TapPhase phase;
                phase.first_y = y;
                phase.first_x = x;
                // Exact divisions: y + pad − ky is a multiple of the stride by the choice of ky.
                for (int ky = (y + g.pad) % g.stride; ky < g.kernel; ky += g.stride)
                    for (int kx = (x + g.pad) % g.stride; kx < g.kernel; kx += g.stride)
                        phase.taps.push_back({(y + g.pad - ky) / g.stride, (x + g.pad - kx) / g.stride, ky, kx});
                packed.phases.push_back(std::move(phase));
            }
        packed.fill(weight, bias, g.kernel, g.kernel * g.kernel, g.in_channels * g.kernel * g.kernel);
        return packed;
    }

private:
    /// `out_pitch` and `in_pitch`: steps in `weight` from one output (input) channel to the next.
    void fill(const float* weight, const float* bias, int kernel, int out_pitch, int in_pitch) {
        std::size_t size = 0;
        bool first = true;
        for (TapPhase& phase : phases) {
            phase.weights = size;
            size += static_cast<std::size_t>(groups()) * group_size(phase.taps.size());
            for (const Tap& tap : phase.taps) {
                min_dy = first ? tap.dy : std::min(min_dy, tap.dy);
                max_dy = first ? tap.dy : std::max(max_dy, tap.dy);
                min_dx = first ? tap.dx : std::min(min_dx, tap.dx);
                max_dx = first ? tap.dx : std::max(max_dx, tap.dx);
                first = false;
            }
        }
        weights_ = AlignedArray<float>(size);
        bias_ = AlignedArray<float>(static_cast<std::size_t>(groups()) * kChannelBlock);
        if (bias != nullptr) std::copy_n(bias, out_channels, bias_.data());
        parallel_for(static_cast<std::int64_t>(groups()), [&](std::int64_t group, int) {
            const int first_out = static_cast<int>(group) * kChannelBlock;
            const int lanes = std::min(kChannelBlock, out_channels - first_out);
            for (const TapPhase& phase : phases) {
                float* p = weights_.data() + phase.weights +
                           static_cast<std::size_t>(group) * group_size(phase.taps.size());
                for (int block = 0; block < in_channels; block += kChannelBlock)
                    for (const Tap& tap : phase.taps) {
                        const float* source = weight + tap.ky * kernel + tap.kx;
                        for (int i = block; i < std::min(in_channels, block + kChannelBlock); ++i, p += kChannelBlock)
                            for (int lane = 0; lane < lanes; ++lane)
                                p[lane] = source[static_cast<std::ptrdiff_t>(first_out + lane) * out_pitch +
                                                 static_cast<std::ptrdiff_t>(i) * in_pitch];
                    }
            }
        });
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
