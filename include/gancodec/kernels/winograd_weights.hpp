#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/pack.hpp"
#include "gancodec/kernels/winograd_transform.hpp"

// A convolution of stride 2 is one of stride 1 over an image of half the size whose channels are the four phases of the
// pixels, and a transposed one delivers such phases: three taps reach every phase, and where the kernel ends some are 0.

namespace gancodec::detail {

/// Rows (or columns) of a convolution of stride 1 or 2, or of its adjoint, as three taps on each of `stride` phases.
struct WinogradAxis {
    int kernel = 3, stride = 1, pad = 0;
    bool adjoint = false;

    /// Zeros before the first pixel of a phase.
    [[nodiscard]] int phase_pad() const { return adjoint ? 2 - divide_up(pad, stride) : divide_up(pad, stride); }
    /// Which weight is the tap (0, 1 or 2) of a phase: −1 for none.
    [[nodiscard]] int weight(int phase, int tap) const {
        const int k = stride * ((adjoint ? 2 - tap : tap) - divide_up(pad, stride)) + phase + pad;
        return k < kernel ? k : -1;
    }
    /// Whether row (column) 0 to 5 of transformed weights G g can be other than zero: the first sees tap 0 alone, the
    /// last tap 2.
    [[nodiscard]] bool fills(int phase, int row) const {
        return !(row == 0 && weight(phase, 0) < 0) && !(row == kWinogradPatch - 1 && weight(phase, 2) < 0);
    }
};

/// Weights of a convolution that uses_winograd(), or of an adjoint that does, as 3x3 weights of phases in the order in which they
/// are transformed, [phase][co/16][ci][9][co%16], and the bias. The transformed ones are four times as many: they are
/// made when a convolution runs, and last as long as it does. Packing the same geometry again allocates nothing.
class WinogradWeights {
public:
    int in_channels = 0, out_channels = 0;
    int in_step = 1, out_step = 1;  ///< pixels from one of a phase to the next
    WinogradAxis axis;

    /// Of the convolution itself.
    void pack_convolution(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.in_channels;
        out_channels = g.out_channels;
        in_step = g.stride;
        out_step = 1;
        axis = {g.kernel, g.stride, g.pad, false};
        fill(weight, bias, g.in_channels * g.kernel * g.kernel, g.kernel * g.kernel);
    }
    /// Of the adjoint of the same weight array, from g.out_channels to g.in_channels: what conv2d_backward_input() and
    /// conv_transpose2d_forward() need.
    void pack_adjoint(const ConvGeometry& g, const float* weight, const float* bias) {
        in_channels = g.out_channels;
        out_channels = g.in_channels;
        in_step = 1;
        out_step = g.stride;
        axis = {g.kernel, g.stride, g.pad, true};
        fill(weight, bias, g.kernel * g.kernel, g.in_channels * g.kernel * g.kernel);
    }
    [[nodiscard]] int groups() const { return (out_channels + kChannelBlock - 1) / kChannelBlock; }
    [[nodiscard]] int phases() const { return axis.stride * axis.stride; }
    /// Whether a cell of transformed weights can be other than zero.
    [[nodiscard]] bool fills(int phase, int cell) const {
        return axis.fills(phase / axis.stride, cell / kWinogradPatch) &&
               axis.fills(phase % axis.stride, cell % kWinogradPatch);
    }
    /// The 3x3 weights of a phase, of 16 outputs and one input, [9][16].
    [[nodiscard]] const float* weights(int phase, int group, int in) const {
        return weights_.data() + at(phase, group) + static_cast<std::ptrdiff_t>(in) * (9 * kChannelBlock);
    }
    [[nodiscard]] const float* bias(int group) const { return bias_.data() + group * kChannelBlock; }

private:
    [[nodiscard]] std::ptrdiff_t at(int phase, int group) const {
        return (static_cast<std::ptrdiff_t>(phase) * groups() + group) * in_channels * (9 * kChannelBlock);
    }
    /// `out_pitch` and `in_pitch`: steps in `weight` from one output (input) channel to the next.
    void fill(const float* weight, const float* bias, int out_pitch, int in_pitch) {
        const auto size = static_cast<std::size_t>(at(phases(), 0));
        if (weights_.size() != size) weights_ = AlignedArray<float>::uninitialised(size);
        bias_ = AlignedArray<float>(static_cast<std::size_t>(groups()) * kChannelBlock);
        if (bias != nullptr) std::copy_n(bias, out_channels, bias_.data());
        parallel_for(static_cast<std::int64_t>(phases()) * groups(), [&](std::int64_t task, int) {
            const int phase = static_cast<int>(task / groups()), group = static_cast<int>(task % groups());
            const int first = group * kChannelBlock, lanes = std::min(kChannelBlock, out_channels - first);
            float* p = weights_.data() + at(phase, group);
            for (int in = 0; in < in_channels; ++in)
                for (int k = 0; k < 9; ++k, p += kChannelBlock) {
                    const int ky = axis.weight(phase / axis.stride, k / 3),
                              kx = axis.weight(phase % axis.stride, k % 3);
                    std::fill_n(p, kChannelBlock, 0.0f);
                    if (ky < 0 || kx < 0) continue;
                    const float* source = weight + static_cast<std::ptrdiff_t>(first) * out_pitch +
                                          static_cast<std::ptrdiff_t>(in) * in_pitch + ky * axis.kernel + kx;
                    for (int lane = 0; lane < lanes; ++lane)
                        p[lane] = source[static_cast<std::ptrdiff_t>(lane) * out_pitch];
                }
        });
    }

    AlignedArray<float> weights_, bias_;
};

}  // namespace gancodec::detail
