#pragma once

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
///   1x1, ReLU, 3x3, ReLU, 1x1, pixel shuffle by 4, clamp to 0..63
class IntegerHyperScale {
public:
    static constexpr int kUpsampling = 4;

    IntegerHyperScale() = default;
    /// Errors  Error{corrupt_weights} when a number breaks a bound that exactness needs, or the layers do not fit.
    IntegerHyperScale(IntConv2dParameters reduce, IntConv2dParameters inner, IntConv2dParameters expand)
        : reduce_(std::move(reduce), "hyper_scale.reduce"),
          inner_(std::move(inner), "hyper_scale.inner"),
          expand_(std::move(expand), "hyper_scale.expand") {
        if (reduce_.parameters().out_channels != inner_.parameters().in_channels ||
            inner_.parameters().out_channels != expand_.parameters().in_channels ||
            expand_.parameters().out_channels % (kUpsampling * kUpsampling) != 0)
            throw Error(Errc::corrupt_weights, "hyper_scale: expected layers that fit each other, found others");
    }
    [[nodiscard]] int hyper_channels() const { return reduce_.parameters().in_channels; }
    [[nodiscard]] int latent_channels() const {
        return expand_.parameters().out_channels / (kUpsampling * kUpsampling);
    }
    [[nodiscard]] const IntConv2dParameters& layer(std::size_t i) const {
        return (i == 0 ? reduce_ : i == 1 ? inner_ : expand_).parameters();
    }

    /// Shapes  z [Z][h][w], each in −127..127 · result [Y][4h][4w], each in 0..63
    [[nodiscard]] std::vector<std::uint8_t> run(std::span<const std::int16_t> z, int h, int w, Workspace& ws) const {
        const Workspace::Scope scope(ws);
        const auto plane = static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
        const auto layer = [&](std::span<const std::int16_t> in, const PreparedIntConv2d& conv) {
            const std::size_t size = static_cast<std::size_t>(conv.parameters().out_channels) * plane;
            const std::span<std::int16_t> out(ws.take<std::int16_t>(size), size);
            conv2d_int(in, h, w, conv, out, ws);
            return out;
        };
        const auto expanded = layer(layer(layer(z, reduce_), inner_), expand_);
        std::vector<std::uint8_t> index(expanded.size());
        pixel_shuffle_int<std::uint8_t>(expanded, latent_channels(), h, w, kUpsampling, index);
        return index;
    }

private:
    PreparedIntConv2d reduce_, inner_, expand_;
};

}  // namespace gancodec
