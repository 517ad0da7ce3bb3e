#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "gancodec/core/random.hpp"
#include "gancodec/image/image.hpp"

// What is done to a crop before a network learns from it. All are functions of the state of `random`.

namespace gancodec {

/// Contrast, then saturation, then brightness, each times a factor drawn from [1 − amount, 1 + amount].
/// Requires 0 ≤ amount ≤ 1. Paper  after Howard: Some Improvements on Deep Convolutional Neural Network Based Image
///          Classification, 2013.
inline void jitter_colours(Image& image, double amount, Random& random) {
    const double contrast = 1 + random.uniform(-amount, amount), saturation = 1 + random.uniform(-amount, amount),
                 brightness = 1 + random.uniform(-amount, amount);
    std::uint64_t sum = 0;
    for (const std::uint8_t value : image.rgb) sum += value;
    const double mean = static_cast<double>(sum) / static_cast<double>(image.rgb.size());
    for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
        const double grey = (image.rgb[i] + image.rgb[i + 1] + image.rgb[i + 2]) / 3.0;
        for (std::size_t c = 0; c < 3; ++c) {
            const double coloured = std::fma(saturation, image.rgb[i + c] - grey, grey);
            const double value = brightness * std::fma(contrast, coloured - mean, mean);
            image.rgb[i + c] = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
        }
    }
}

/// Paints a square of half the shorter side grey, its centre anywhere, so that a part may lie outside.
/// Paper    DeVries, Taylor: Improved Regularization of Convolutional Neural Networks with Cutout, 2017.
inline void cut_out(Image& image, Random& random) {
    constexpr std::uint8_t kGrey = 128;
    const int half = std::min(image.width, image.height) / 4;
    const int centre_x = static_cast<int>(random.below(static_cast<std::uint64_t>(image.width))),
              centre_y = static_cast<int>(random.below(static_cast<std::uint64_t>(image.height)));
    for (int y = std::max(0, centre_y - half); y < std::min(image.height, centre_y + half); ++y)
        for (int x = std::max(0, centre_x - half); x < std::min(image.width, centre_x + half); ++x)
            std::fill_n(image.at(x, y), 3, kGrey);
}

/// How hard a crop is: the mean difference of green between neighbours to the right and below.
[[nodiscard]] inline double difficulty(const Image& image) {
    std::uint64_t total = 0;
    for (int y = 0; y + 1 < image.height; ++y)
        for (int x = 0; x + 1 < image.width; ++x) {
            const int here = image.at(x, y)[1];
            total += static_cast<std::uint64_t>(std::abs(image.at(x + 1, y)[1] - here) +
                                                std::abs(image.at(x, y + 1)[1] - here));
        }
    return static_cast<double>(total) / static_cast<double>(image.pixels());
}

}  // namespace gancodec
