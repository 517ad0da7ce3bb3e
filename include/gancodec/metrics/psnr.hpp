#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "gancodec/image/image.hpp"
#include "gancodec/metrics/image_pair.hpp"

namespace gancodec {

/// Mean squared difference of the bytes of two images, all three channels together. An integer sum: exact.
[[nodiscard]] inline double mean_squared_error(const Image& a, const Image& b) {
    check_image_pair(a, b, 1, "mean_squared_error");
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) {
        const int d = static_cast<int>(a.rgb[i]) - static_cast<int>(b.rgb[i]);
        sum += static_cast<std::uint64_t>(d * d);
    }
    return static_cast<double>(sum) / static_cast<double>(a.rgb.size());
}

/// Peak signal-to-noise ratio in dB: 10·log10(255² / MSE) over RGB; infinite for equal images.
/// Errors   Error{Errc::invalid_argument} when the extents differ.
[[nodiscard]] inline double psnr(const Image& a, const Image& b) {
    const double mse = mean_squared_error(a, b);
    return mse == 0 ? std::numeric_limits<double>::infinity() : 10.0 * std::log10(255.0 * 255.0 / mse);
}

}  // namespace gancodec
