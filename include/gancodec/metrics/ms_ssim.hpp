#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "gancodec/image/image.hpp"
#include "gancodec/metrics/image_pair.hpp"
#include "gancodec/metrics/ssim.hpp"

namespace gancodec {

/// Multi-scale SSIM: per channel the product over five scales, each half the one before, of
///   contrast_1^w1 · … · contrast_4^w4 · ssim_5^w5,  negative means counted as 0; then the mean over R, G, B.
/// Requires images of at least 161x161.
/// Errors   Error{Errc::invalid_argument} when they are smaller or differ in size.
/// Paper    Wang, Simoncelli, Bovik: Multiscale Structural Similarity, 2003; as in pytorch-msssim, data range 255.
[[nodiscard]] inline double ms_ssim(const Image& a, const Image& b) {
    constexpr std::array<double, 5> kWeights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
    check_image_pair(a, b, (detail::kSsimWindow - 1) * 16 + 1, "ms_ssim");
    double sum = 0;
    for (int c = 0; c < 3; ++c) {
        detail::SsimPlane x = detail::ssim_plane(a, c), y = detail::ssim_plane(b, c);
        double product = 1;
        for (std::size_t scale = 0; scale < kWeights.size(); ++scale) {
            const detail::SsimMeans means = detail::ssim_means(x, y);
            const bool last = scale + 1 == kWeights.size();
            product *= std::pow(std::max(last ? means.ssim : means.contrast, 0.0), kWeights[scale]);
            if (last) break;
            x = detail::ssim_halve(x);
            y = detail::ssim_halve(y);
        }
        sum += product;
    }
    return sum / 3;
}

}  // namespace gancodec
