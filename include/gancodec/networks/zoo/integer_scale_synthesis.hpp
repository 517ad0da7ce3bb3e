#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/kernels/conv2d_int.hpp"

namespace gancodec::zoo {

/// Chooses the scale table of every latent of a scale hyperprior: h_s in integers from end to end, the same choice on
/// every machine. tools/convert_weights.py makes it from the float network.
///   in = clamp(unit · z + offset[channel], −255, 255), ẑ in 1/unit: borders are zeros of ẑ, as they are in h_s
///   3x3, clamp, pixel shuffle by 2; twice: what a transposed 5x5 of stride 2 computes, one phase after another
///   3x3; index = how many thresholds are at most its outputs
class IntegerScaleSynthesis {
public:
    static constexpr int kUpsampling = 4;

    IntegerScaleSynthesis() = default;
    /// Errors  Error{corrupt_weights} when a number breaks a bound that exactness needs, or the layers do not fit.
    IntegerScaleSynthesis(int unit, std::vector<std::int32_t> offset, IntConv2dParameters first,
                          IntConv2dParameters second, IntConv2dParameters last, std::vector<std::int32_t> thresholds)
        : unit_(unit),
          offset_(std::move(offset)),
          first_(std::move(first), "scale_synthesis.0"),
          second_(std::move(second), "scale_synthesis.2"),
          last_(std::move(last), "scale_synthesis.4"),
          thresholds_(std::move(thresholds)) {
        const auto require = [](bool good, const char* what) {
            if (!good) raise_error(Errc::corrupt_weights, std::string("scale_synthesis") + what);
        };
        require(first_.parameters().in_channels == static_cast<int>(offset_.size()) &&
                    first_.parameters().out_channels == 4 * second_.parameters().in_channels &&
                    second_.parameters().out_channels == 4 * last_.parameters().in_channels,
                ": expected layers that fit each other, found others");
        require(unit_ >= 1 && unit_ <= kIntConvMaxActivation, ".unit: expected 1 to 255, found another number");
        require(std::all_of(offset_.begin(), offset_.end(),
                            [](std::int32_t o) { return o >= -kLargestOffset && o <= kLargestOffset; }),
                ".offset: expected at most 32767, found more");
        require(thresholds_.size() == kThresholds && std::is_sorted(thresholds_.begin(), thresholds_.end()),
                ".thresholds: expected 63 that do not fall, found others");
    }
    [[nodiscard]] int hyper_channels() const { return first_.parameters().in_channels; }
    [[nodiscard]] int latent_channels() const { return last_.parameters().out_channels; }
    [[nodiscard]] int unit() const { return unit_; }
    [[nodiscard]] std::span<const std::int32_t> offset() const { return offset_; }
    [[nodiscard]] std::span<const std::int32_t> thresholds() const { return thresholds_; }
    [[nodiscard]] const IntConv2dParameters& layer(std::size_t i) const {
        return (i == 0 ? first_ : i == 1 ? second_ : last_).parameters();
    }

    /// Shapes  z [N][h][w] symbols, not more than 2^20 in magnitude · index [M][4h][4w], each in 0..63
    /// Where memory is only counted, z is empty and nothing is computed.
    void run(std::span<const std::int32_t> z, int h, int w, std::span<std::uint8_t> index, Workspace& ws) const {
        const Workspace::Scope scope(ws);
        const std::size_t plane = static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
        const std::span<std::int16_t> in = take(ws, offset_.size() * plane);
        if (!ws.counts_only())
            for (std::size_t i = 0; i < in.size(); ++i)
                in[i] = static_cast<std::int16_t>(
                    std::clamp(unit_ * z[i] + offset_[i / plane], -kIntConvMaxActivation, kIntConvMaxActivation));
        const auto twice = upsample(in, h, w, first_, ws);
        const auto four_times = upsample(twice, 2 * h, 2 * w, second_, ws);
        conv2d_int_index(four_times, 4 * h, 4 * w, last_, thresholds_, index, ws);
    }

    /// Gives every number that selects a table to a TableHash.
    template <class Hash>
    void hash(Hash& hash) const {
        const auto all = [&](const auto& values) { hash.update(std::span(values)); };
        hash.update(unit_);
        all(offset_);
        all(thresholds_);
        for (std::size_t i = 0; i < 3; ++i) {
            const IntConv2dParameters& p = layer(i);
            for (const int number : {p.in_channels, p.out_channels, p.kernel, p.low, p.high}) hash.update(number);
            all(p.weight);
            all(p.bias);
            all(p.multiplier);
            all(p.shift);
        }
    }

private:
    static constexpr int kThresholds = 63;
    static constexpr std::int32_t kLargestOffset = 32767;

    static std::span<std::int16_t> take(Workspace& ws, std::size_t count) {
        return {ws.take<std::int16_t>(count), count};
    }
    static std::span<std::int16_t> upsample(std::span<const std::int16_t> in, int h, int w,
                                            const PreparedIntConv2d& conv, Workspace& ws) {
        const int channels = conv.parameters().out_channels;
        const std::size_t size =
            static_cast<std::size_t>(channels) * static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
        const std::span<std::int16_t> phases = take(ws, size), out = take(ws, size);
        conv2d_int(in, h, w, conv, phases, ws);
        if (!ws.counts_only()) pixel_shuffle_int(phases, channels / 4, h, w, 2, out);
        return out;
    }

    int unit_ = 1;
    std::vector<std::int32_t> offset_;
    PreparedIntConv2d first_, second_, last_;
    std::vector<std::int32_t> thresholds_;
};

}  // namespace gancodec::zoo
