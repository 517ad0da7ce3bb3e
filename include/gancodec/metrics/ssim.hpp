#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/metrics/image_pair.hpp"

namespace gancodec {

namespace detail {

inline constexpr int kSsimWindow = 11;

/// One channel of an image. float holds every level of MS-SSIM exactly: 8 bits, and 2 more for each halving.
struct SsimPlane {
    int width = 0, height = 0;
    std::vector<float> value;

    [[nodiscard]] const float* row(int y) const {
        return value.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    }
};

/// The means over one plane of SSIM and of its contrast-structure part.
struct SsimMeans {
    double ssim = 0, contrast = 0;
};

inline SsimPlane ssim_plane(const Image& image, int channel) {
    SsimPlane plane{image.width, image.height, std::vector<float>(image.pixels())};
    for (std::size_t i = 0; i < plane.value.size(); ++i)
        plane.value[i] = static_cast<float>(image.rgb[3 * i + static_cast<std::size_t>(channel)]);
    return plane;
}

/// Means of 2x2 pixels. Where an extent is odd, a line of zeros stands before the first, as in pytorch-msssim.
inline SsimPlane ssim_halve(const SsimPlane& in) {
    const int pad_x = in.width % 2, pad_y = in.height % 2;
    SsimPlane out{(in.width + pad_x) / 2, (in.height + pad_y) / 2, {}};
    out.value.reserve(static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height));
    const auto at = [&](int y, int x) { return y < 0 || x < 0 ? 0.0f : in.row(y)[x]; };
    for (int y = -pad_y; y + 1 < in.height; y += 2)
        for (int x = -pad_x; x + 1 < in.width; x += 2)
            out.value.push_back(0.25f * (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1)));
    return out;
}

/// exp(−i²/(2·1.5²)) for i in −5..5, divided by the sum.
inline std::array<double, kSsimWindow> ssim_window() {
    std::array<double, kSsimWindow> window{};
    double sum = 0;
    for (int i = 0; i < kSsimWindow; ++i) {
        const double distance = i - kSsimWindow / 2;
        window[static_cast<std::size_t>(i)] = std::exp(-distance * distance / (2.0 * 1.5 * 1.5));
        sum += window[static_cast<std::size_t>(i)];
    }
    for (double& weight : window) weight /= sum;
    return window;
}

/// Moments of two planes filtered along a row: mean x, mean y, mean x², mean y², mean xy; one array of pixels each.
using SsimRow = std::array<std::vector<double>, 5>;

inline void ssim_filter_row(const float* x, const float* y, const std::array<double, kSsimWindow>& window,
                            SsimRow& out) {
    for (std::size_t i = 0; i < out[0].size(); ++i) {
        std::array<double, 5> sum{};
        for (std::size_t k = 0; k < window.size(); ++k) {
            const auto p = static_cast<double>(x[i + k]), q = static_cast<double>(y[i + k]);
            sum[0] = std::fma(window[k], p, sum[0]);
            sum[1] = std::fma(window[k], q, sum[1]);
            sum[2] = std::fma(window[k], p * p, sum[2]);
            sum[3] = std::fma(window[k], q * q, sum[3]);
            sum[4] = std::fma(window[k], p * q, sum[4]);
        }
        for (std::size_t moment = 0; moment < sum.size(); ++moment) out[moment][i] = sum[moment];
    }
}

/// Sums of SSIM and contrast over one row of windows. `rows[(first + k) % 11]` is the k-th filtered row of the window.
inline SsimMeans ssim_sum_row(const std::array<SsimRow, kSsimWindow>& rows, int first,
                              const std::array<double, kSsimWindow>& window) {
    constexpr double kC1 = (0.01 * 255) * (0.01 * 255), kC2 = (0.03 * 255) * (0.03 * 255);
    SsimMeans total;
    for (std::size_t i = 0; i < rows[0][0].size(); ++i) {
        std::array<double, 5> m{};
        for (int k = 0; k < kSsimWindow; ++k) {
            const SsimRow& row = rows[static_cast<std::size_t>((first + k) % kSsimWindow)];
            for (std::size_t moment = 0; moment < m.size(); ++moment)
                m[moment] = std::fma(window[static_cast<std::size_t>(k)], row[moment][i], m[moment]);
        }
        const double variances = std::fma(-m[0], m[0], m[2]) + std::fma(-m[1], m[1], m[3]);
        const double covariance = std::fma(-m[0], m[1], m[4]);
        const double contrast = std::fma(2.0, covariance, kC2) / (variances + kC2);
        const double luminance = std::fma(2.0 * m[0], m[1], kC1) / (std::fma(m[0], m[0], m[1] * m[1]) + kC1);
        total.contrast += contrast;
        total.ssim = std::fma(luminance, contrast, total.ssim);
    }
    return total;
}

/// Requires both planes of one size, at least 11x11.
/// Exact    Each row of windows is summed by itself, then the rows in order: the same for every number of threads.
inline SsimMeans ssim_means(const SsimPlane& x, const SsimPlane& y) {
    constexpr int kBand = 32;  // rows of windows that one call filters: bounds the memory, costs 10 rows more
    const int width = x.width - kSsimWindow + 1, height = x.height - kSsimWindow + 1;
    GANCODEC_ASSERT(width >= 1 && height >= 1 && x.width == y.width && x.height == y.height);
    const auto window = ssim_window();
    std::vector<SsimMeans> sums(static_cast<std::size_t>(height));
    parallel_for((height + kBand - 1) / kBand, [&](std::int64_t band, int) {
        std::array<SsimRow, kSsimWindow> rows;
        for (SsimRow& row : rows)
            for (auto& moment : row) moment.resize(static_cast<std::size_t>(width));
        const int begin = static_cast<int>(band) * kBand, end = std::min(begin + kBand, height);
        for (int in = begin; in < end + kSsimWindow - 1; ++in) {
            ssim_filter_row(x.row(in), y.row(in), window, rows[static_cast<std::size_t>(in % kSsimWindow)]);
            const int out = in - kSsimWindow + 1;
            if (out >= begin) sums[static_cast<std::size_t>(out)] = ssim_sum_row(rows, out, window);
        }
    });
    SsimMeans means;
    for (const SsimMeans& sum : sums) {
        means.ssim += sum.ssim;
        means.contrast += sum.contrast;
    }
    const double count = static_cast<double>(width) * static_cast<double>(height);
    return {means.ssim / count, means.contrast / count};
}

}  // namespace detail

/// Structural similarity: the mean over R, G, B and over all whole 11x11 windows (Gaussian, sigma 1.5) of
///   (2·μx·μy + C1)/(μx² + μy² + C1) · (2·σxy + C2)/(σx² + σy² + C2),  C1 = (0.01·255)², C2 = (0.03·255)²
/// Requires images of at least 11x11.
/// Errors   Error{Errc::invalid_argument} when they are smaller or differ in size.
/// Paper    Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment, 2004; as in pytorch-msssim, data range 255.
[[nodiscard]] inline double ssim(const Image& a, const Image& b) {
    check_image_pair(a, b, detail::kSsimWindow, "ssim");
    double sum = 0;
    for (int c = 0; c < 3; ++c) sum += detail::ssim_means(detail::ssim_plane(a, c), detail::ssim_plane(b, c)).ssim;
    return sum / 3;
}

}  // namespace gancodec
