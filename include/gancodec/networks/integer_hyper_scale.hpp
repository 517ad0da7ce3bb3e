#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/kernels/conv2d_int.hpp"

namespace gancodec {

/// Chooses the scale table of every latent from the hyper latents, in integers from end to end: the same choice on every
/// machine (HyperScale is its trainable shadow).
///   1x1, ReLU, 3x3, ReLU, 1x1, pixel shuffle by 4: v in halves of an index
///   index = clamp((v + offset[channel] + 1) >> 1, 0, 63), offset interpolated between quality levels in integers
class IntegerHyperScale {
public:
    static constexpr int kUpsampling = 4;

    IntegerHyperScale() = default;
    /// Errors  Error{corrupt_weights} when a number breaks a bound that exactness needs, or the layers do not fit.
    IntegerHyperScale(IntConv2dParameters reduce, IntConv2dParameters inner, IntConv2dParameters expand,
                      std::vector<std::int32_t> level_offset)
        : reduce_(std::move(reduce), "hyper_scale.reduce"),
          inner_(std::move(inner), "hyper_scale.inner"),
          expand_(std::move(expand), "hyper_scale.expand"),
          level_offset_(std::move(level_offset)) {
        if (reduce_.parameters().out_channels != inner_.parameters().in_channels ||
            inner_.parameters().out_channels != expand_.parameters().in_channels ||
            expand_.parameters().out_channels % (kUpsampling * kUpsampling) != 0)
            raise_error(Errc::corrupt_weights, "hyper_scale: expected layers that fit each other, found others");
        const auto channels = static_cast<std::size_t>(latent_channels());
        if (level_offset_.size() < 2 * channels || level_offset_.size() % channels != 0)
            raise_error(Errc::corrupt_weights, "hyper_scale.level_offset: expected two levels or more, found " +
                                                   std::to_string(level_offset_.size()) + " numbers");
        for (const std::int32_t offset : level_offset_)
            if (offset < -kMaxOffset || offset > kMaxOffset)
                raise_error(Errc::corrupt_weights, "hyper_scale.level_offset: expected at most " +
                                                       std::to_string(kMaxOffset) + ", found " +
                                                       std::to_string(offset));
    }
    [[nodiscard]] int hyper_channels() const { return reduce_.parameters().in_channels; }
    [[nodiscard]] int latent_channels() const {
        return expand_.parameters().out_channels / (kUpsampling * kUpsampling);
    }
    static constexpr std::size_t kLayers = 3;
    [[nodiscard]] const IntConv2dParameters& layer(std::size_t i) const {
        return (i == 0 ? reduce_ : i == 1 ? inner_ : expand_).parameters();
    }

    /// Largest magnitude of a level offset, in halves of an index.
    static constexpr int kMaxOffset = 1023;
    /// Quality steps of a stream, 0 to kSteps.
    static constexpr int kSteps = 255;

    /// Shapes  z [Z][h][w], each in −127..127 · index [Y][4h][4w], each in 0..63
    void run(std::span<const std::int16_t> z, int h, int w, int quality_step, std::span<std::uint8_t> index,
             Workspace& ws) const {
        const Workspace::Scope scope(ws);
        const auto plane = static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
        const auto layer = [&](std::span<const std::int16_t> in, const PreparedIntConv2d& conv) {
            const std::size_t size = static_cast<std::size_t>(conv.parameters().out_channels) * plane;
            const std::span<std::int16_t> out(ws.take<std::int16_t>(size), size);
            conv2d_int(in, h, w, conv, out, ws);
            return out;
        };
        const auto expanded = layer(layer(layer(z, reduce_), inner_), expand_);
        const std::span<std::int16_t> halves(ws.take<std::int16_t>(expanded.size()), expanded.size());
        GANCODEC_ASSERT(index.size() == expanded.size());
        if (ws.counts_only()) return;
        pixel_shuffle_int<std::int16_t>(expanded, latent_channels(), h, w, kUpsampling, halves);
        const std::size_t upsampled = plane * kUpsampling * kUpsampling;
        for (int c = 0; c < latent_channels(); ++c) {
            const int offset = level_offset(c, quality_step) + 1;
            for (std::size_t i = static_cast<std::size_t>(c) * upsampled, end = i + upsampled; i < end; ++i)
                index[i] = static_cast<std::uint8_t>(std::clamp((halves[i] + offset) >> 1, 0, 63));
        }
    }
    /// Levels are spread evenly over the steps: step s lies at s·(levels − 1)/kSteps; rounded halves up.
    [[nodiscard]] int level_offset(int channel, int quality_step) const {
        const int levels = static_cast<int>(level_offset_.size()) / latent_channels();
        const int position = quality_step * (levels - 1), level = std::min(position / kSteps, levels - 2);
        const int share = position - level * kSteps;
        const auto at = [&](int l) { return level_offset_[static_cast<std::size_t>(l * latent_channels() + channel)]; };
        // Both factors are positive after the shift by kMaxOffset, so that the division rounds the same way everywhere.
        const int low = at(level) + kMaxOffset, high = at(level + 1) + kMaxOffset;
        return (low * (kSteps - share) + high * share + kSteps / 2) / kSteps - kMaxOffset;
    }
    [[nodiscard]] std::span<const std::int32_t> level_offsets() const { return level_offset_; }

private:
    PreparedIntConv2d reduce_, inner_, expand_;
    std::vector<std::int32_t> level_offset_;
};

}  // namespace gancodec
