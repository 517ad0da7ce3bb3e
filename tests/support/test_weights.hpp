#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/nn/init.hpp"
#include "gancodec/train/export.hpp"

/// Weights of the shipped architecture with random numbers: they paint noise, but every path of the codec runs.
inline gancodec::CodecWeights random_codec_weights(std::uint64_t seed) {
    gancodec::Random random(seed);
    gancodec::Model<float> model;
    gancodec::init_keep_variance(model.encoder, random);
    gancodec::init_keep_variance(model.hyper_encoder, random);
    gancodec::init_keep_variance(model.hyper_scale, random, 0.0);
    gancodec::init_keep_variance(model.hyper_mean, random);
    gancodec::init_keep_variance(model.generator, random);
    for (float& offset : model.hyper_scale.level_offset.value) offset = static_cast<float>(random.uniform(-9, 9));
    auto weights =
        gancodec::export_weights(std::move(model), gancodec::LogisticMixture<float>(gancodec::kHyperChannels));
    std::vector<std::int32_t> offsets(std::size_t{gancodec::ScaleContext::kRatios} *
                                      gancodec::ScaleContext::kIndexGroups);
    for (std::int32_t& offset : offsets) offset = static_cast<std::int32_t>(random.below(9)) - 4;
    weights.scale_context = gancodec::ScaleContext(offsets);
    return gancodec::seal_weights(std::move(weights));
}

/// Smooth colours with some noise.
inline gancodec::Image test_picture(int width, int height, std::uint64_t seed = 7) {
    gancodec::Image image = gancodec::make_image(width, height);
    gancodec::Random random(seed);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] =
                    static_cast<std::uint8_t>((3 * x + 2 * y * (c + 1) + static_cast<int>(random.below(24))) & 0xFF);
    return image;
}
