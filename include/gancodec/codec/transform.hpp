#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "gancodec/codec/codec_weights.hpp"
#include "gancodec/codec/symbol_order.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/latents/contextual_prior.hpp"
#include "gancodec/nn/inference.hpp"

namespace gancodec {

/// The integers of a stream, ẑ in the order [c][h/64][w/64] and r in [c][h/16][w/16].
struct Symbols {
    std::vector<std::int32_t> z, residuals;
};

/// Extents of the hyper latents, which lie at 1/64 of the padded image.
struct HyperExtent {
    int h = 0, w = 0;

    [[nodiscard]] static HyperExtent of(int width, int height) {
        return {round_up(height, kImageMultiple) / kImageMultiple, round_up(width, kImageMultiple) / kImageMultiple};
    }
    [[nodiscard]] std::size_t places() const { return static_cast<std::size_t>(h) * static_cast<std::size_t>(w); }
    [[nodiscard]] std::size_t hyper_latents() const { return kHyperChannels * places(); }
    [[nodiscard]] std::size_t latents() const {
        constexpr std::size_t kUpsampling = IntegerHyperScale::kUpsampling;
        return kLatentChannels * kUpsampling * kUpsampling * places();
    }
};

/// The networks between pixels and symbols, step by step. Each step takes its context as an argument: on one whose memory
/// is only counted it computes nothing, and the steps of an image, run so, are the plan of its memory.
template <class Networks>
class BasicTransform {
public:
    using Context = Inference<float>;
    using Value = Context::Value;

    /// A view: the weights outlive it.
    explicit BasicTransform(const BasicCodecWeights<Networks>& weights) : weights_(weights) {}

    /// Image → y. Counted memory has no image.
    [[nodiscard]] Value analyse(Context& context, const Image* image, HyperExtent extent) const {
        constexpr int r = Encoder::First::kFactor, side = kImageMultiple / r;
        Value x = context.make({1, 3 * r * r, extent.h * side, extent.w * side});
        context.compute([&] { from_image(*image, x.view()); });
        return weights_.networks.encoder.all_but_first(context, std::move(x));
    }
    /// y → ẑ, rounded, and v − mu, which is still to be rounded.
    [[nodiscard]] Value predict(Context& context, const Value& y, int step, std::vector<std::int32_t>& z) const {
        const double at = position(step);
        const Value v = apply_gain(context, y, weights_.networks.gain, std::span(&at, 1), GainDirection::multiply);
        Value z_value = weights_.networks.hyper_encoder(context, v);
        const HyperExtent extent{z_value.shape().h, z_value.shape().w};
        context.compute([&] {
            z.resize(extent.hyper_latents());
            each_in_symbol_order(z_value.constant(), [&](std::size_t i, float value) { z[i] = round_hyper(value); });
        });
        Value residual = hyper_mean(context, z, extent);
        context.compute([&] { sub(v.constant(), residual.constant(), residual.view()); });
        return residual;
    }
    static void round_residuals(TensorView<const float> residual, std::vector<std::int32_t>& rounded) {
        rounded.resize(residual.shape.logical_size());
        each_in_symbol_order(residual, [&](std::size_t i, float value) { rounded[i] = round_residual(value); });
    }
    /// y → symbols, and the table of each residual, in scratch.
    [[nodiscard]] std::span<const std::uint8_t> quantise(Context& context, const Value& y, int step,
                                                         Symbols& symbols) const {
        const Value residual = predict(context, y, step, symbols.z);
        context.compute([&] { round_residuals(residual.constant(), symbols.residuals); });
        return scale_indices(context.scratch(), symbols.z, {y.shape().h / kUpsampling, y.shape().w / kUpsampling},
                             step);
    }
    /// In scratch, which the caller scopes.
    [[nodiscard]] std::span<const std::uint8_t> scale_indices(Workspace& ws, std::span<const std::int32_t> z,
                                                              HyperExtent extent, int step) const {
        const std::span index(ws.take<std::uint8_t>(extent.latents()), extent.latents());
        const std::span clamped(ws.take<std::int16_t>(extent.hyper_latents()), extent.hyper_latents());
        if (!ws.counts_only())
            std::transform(z.begin(), z.end(), clamped.begin(),
                           [](std::int32_t value) { return static_cast<std::int16_t>(clamp_hyper(value)); });
        weights_.hyper_scale.run(clamped, extent.h, extent.w, step, index, ws);
        return index;
    }
    /// Symbols → what the pixel shuffle at the end of the generator makes a picture of; `precision` is the generator's.
    [[nodiscard]] Value synthesise(Context& context, const Symbols& symbols, HyperExtent extent, int step,
                                   Precision precision = Precision::fp32) const {
        Value v = hyper_mean(context, symbols.z, extent);
        context.compute([&] {
            each_in_symbol_order(
                v.view(), [&](std::size_t i, float& element) { element += static_cast<float>(symbols.residuals[i]); });
        });
        const double at = position(step);
        v = apply_gain(context, std::move(v), weights_.networks.gain, std::span(&at, 1), GainDirection::divide);
        const PrecisionScope scope(context, precision);
        return weights_.networks.generator.all_but_last(context, std::move(v));
    }
    /// What the pixel unshuffle at the beginning of the encoder makes of a picture.
    static void from_image(const Image& image, TensorView<float> x) {
        image_to_tensor(image, x, 0, kPixels<Encoder::First>);
    }
    [[nodiscard]] static Image to_image(const Value& x, int width, int height) {
        return tensor_to_image(x.constant(), width, height, kPixels<Generator::Last>);
    }

    /// All that encoding an image takes, and all that decoding takes, for plans.
    void run_encoder(Context& context, HyperExtent extent) const {
        const Value y = analyse(context, nullptr, extent);
        const Workspace::Scope scope(context.scratch());
        Symbols none;
        static_cast<void>(quantise(context, y, 0, none));
        plan_coding(context.scratch(), extent);
    }
    void run_decoder(Context& context, HyperExtent extent) const {
        {
            const Workspace::Scope scope(context.scratch());
            static_cast<void>(scale_indices(context.scratch(), {}, extent, 0));
            plan_coding(context.scratch(), extent);
        }
        static_cast<void>(synthesise(context, {}, extent, 0));
    }

    [[nodiscard]] static std::int32_t round_hyper(float value) { return round_to_int(value, kLargestHyper); }
    [[nodiscard]] static std::int32_t round_residual(float value) { return round_to_int(value, kMaxSymbol); }
    /// A hyper latent as the networks take it: a hostile stream may hold larger ones.
    [[nodiscard]] static std::int32_t clamp_hyper(std::int32_t value) {
        return std::clamp(value, -kLargestHyper, kLargestHyper);
    }
    /// Where a quality step lies between the trained levels, 0 … kQualityLevels − 1.
    [[nodiscard]] static double position(int step) { return step * (kQualityLevels - 1) / 255.0; }
    [[nodiscard]] Value hyper_mean(Context& context, std::span<const std::int32_t> z, HyperExtent extent) const {
        Value z_hat = context.make({1, kHyperChannels, extent.h, extent.w});
        context.compute([&] {
            fill_in_symbol_order(z_hat.view(), [&](std::size_t i) { return static_cast<float>(clamp_hyper(z[i])); });
        });
        return weights_.networks.hyper_mean(context, std::move(z_hat));
    }

private:
    static constexpr int kLargestHyper = 127;
    static constexpr int kUpsampling = IntegerHyperScale::kUpsampling;
    /// Networks see x − ½. The pixel (un)shuffle at their outer end and the way from or to bytes are one pass: pictures
    /// never lie in memory as floats, which take 21 times their bytes.
    template <class Shuffle>
    static constexpr PixelLayout<float> kPixels{.shuffle = Shuffle::kFactor, .offset = -0.5f};

    void plan_coding(Workspace& ws, HyperExtent extent) const {
        if (!weights_.scale_context.empty())
            ContextualPrior::plan(extent.latents(), kLatentChannels, extent.w * kUpsampling, ws);
    }
    /// Nearest integer, ties to even, within ±largest; NaN becomes 0.
    static std::int32_t round_to_int(float value, std::int32_t largest) {
        const auto limit = static_cast<float>(largest);
        return std::isnan(value) ? 0 : static_cast<std::int32_t>(std::nearbyint(std::clamp(value, -limit, limit)));
    }

    const BasicCodecWeights<Networks>& weights_;
};
using Transform = BasicTransform<Model<float>>;

}  // namespace gancodec
