#pragma once

#include <string>

#include "gancodec/codec/codec.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/train/export.hpp"

/// Networks of the extents that streams fix (128 latents, 64 hyper latents) and little else: under 1 kMAC a pixel, so that
/// whole pictures are decoded thousands of times.
template <class T = float>
struct SmallModel {
    using Scalar = T;
    using Encoder = gancodec::Sequential<gancodec::PixelUnshuffle<4>, gancodec::Conv2d<48, 16, 3, gancodec::Stride<2>>,
                                         gancodec::Conv2d<16, gancodec::kLatentChannels, 3, gancodec::Stride<2>>>;
    using HyperEncoder = gancodec::Sequential<gancodec::Conv2d<gancodec::kLatentChannels, 16, 3, gancodec::Stride<2>>,
                                              gancodec::LeakyRelu<>,
                                              gancodec::Conv2d<16, gancodec::kHyperChannels, 3, gancodec::Stride<2>>>;
    using ScaleNetwork =
        gancodec::HyperScale<gancodec::kHyperChannels, 16, gancodec::kLatentChannels, gancodec::kQualityLevels>;
    using HyperMean =
        gancodec::Sequential<gancodec::Conv2d<gancodec::kHyperChannels, 128, 3>, gancodec::PixelShuffle<2>,
                             gancodec::LeakyRelu<>, gancodec::Conv2d<32, 4 * gancodec::kLatentChannels, 1>,
                             gancodec::PixelShuffle<2>>;
    using Generator =
        gancodec::Sequential<gancodec::Conv2d<gancodec::kLatentChannels, 64, 3>, gancodec::PixelShuffle<4>,
                             gancodec::ResidualBlock<4>, gancodec::Conv2d<4, 48, 3>, gancodec::PixelShuffle<4>>;

    Encoder::template Rebind<T> encoder;
    HyperEncoder::template Rebind<T> hyper_encoder;
    ScaleNetwork::template Rebind<T> hyper_scale;
    HyperMean::template Rebind<T> hyper_mean;
    Generator::template Rebind<T> generator;
    gancodec::Gain<gancodec::kQualityLevels, gancodec::kLatentChannels, T> gain;

    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        encoder.each_parameter(prefix + "encoder.", f);
        hyper_encoder.each_parameter(prefix + "hyper_encoder.", f);
        hyper_scale.each_parameter(prefix + "hyper_scale.", f);
        hyper_mean.each_parameter(prefix + "hyper_mean.", f);
        generator.each_parameter(prefix + "generator.", f);
        gain.each_parameter(prefix + "gain.", f);
    }
};

using SmallCodec = gancodec::BasicCodec<SmallModel<float>>;

/// Weights of it, random.
inline SmallCodec small_codec(std::uint64_t seed = 1) {
    gancodec::Random random(seed);
    SmallModel<float> model;
    gancodec::init_keep_variance(model.encoder, random);
    gancodec::init_keep_variance(model.hyper_encoder, random);
    gancodec::init_keep_variance(model.hyper_scale, random, 0.0);
    gancodec::init_keep_variance(model.hyper_mean, random);
    gancodec::init_keep_variance(model.generator, random);
    for (float& offset : model.hyper_scale.level_offset.value) offset = static_cast<float>(random.uniform(-9, 9));
    return SmallCodec(
        gancodec::export_weights(std::move(model), gancodec::LogisticMixture<float>(gancodec::kHyperChannels)));
}
