#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/lanes.hpp"

namespace gancodec {

namespace detail {

inline constexpr double kTextureEpsilon = 1e-6;

/// Means of x and y over a plane, variances of x, y and x − y, for the 16 channels of a block.
struct TextureMoments {
    using Lanes = std::array<double, kChannelBlock>;
    Lanes mean_x{}, mean_y{}, variance_x{}, variance_y{}, variance_difference{};

    template <class T>
    TextureMoments(const T* x, const T* y, std::size_t pixels) {
        for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                mean_x[lane] += static_cast<double>(x[i + lane]);
                mean_y[lane] += static_cast<double>(y[i + lane]);
            }
        each_lane(pixels, mean_x, mean_y);
        for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                const double dx = static_cast<double>(x[i + lane]) - mean_x[lane];
                const double dy = static_cast<double>(y[i + lane]) - mean_y[lane];
                variance_x[lane] = std::fma(dx, dx, variance_x[lane]);
                variance_y[lane] = std::fma(dy, dy, variance_y[lane]);
                variance_difference[lane] = std::fma(dx - dy, dx - dy, variance_difference[lane]);
            }
        each_lane(pixels, variance_x, variance_y, variance_difference);
    }
    [[nodiscard]] double mean_scale(std::size_t lane) const {
        return std::fma(mean_x[lane], mean_x[lane], std::fma(mean_y[lane], mean_y[lane], kTextureEpsilon));
    }
    [[nodiscard]] double variance_scale(std::size_t lane) const {
        return variance_x[lane] + variance_y[lane] + kTextureEpsilon;
    }

private:
    template <class... Sums>
    static void each_lane(std::size_t pixels, Sums&... sums) {
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane) ((sums[lane] /= static_cast<double>(pixels)), ...);
    }
};

}  // namespace detail

/// How far the channels of two feature maps differ in their means and, place by place, in what is left: one tap of DISTS.
///   d = 1/n · Σ_n Σ_c ( alpha_c · (μx − μy)²/(μx² + μy² + C) + beta_c · σ²(x − y)/(σ²x + σ²y + C) ),  C = 1e-6
/// with moments over the plane; each quotient is 1 less the similarity of the paper, without its cancellation.
/// Shapes   x, y [n,c,h,w] · alpha, beta [c]
/// Exact    Pixels are added in order by lane, then channels, then images, in double: equal on every FMA machine and for
///          every thread count; 0 for equal maps.
/// Paper    Ding, Ma, Wang, Simoncelli: Image Quality Assessment: Unifying Structure and Texture Similarity, 2020, (2)-(4).
template <class T>
[[nodiscard]] double texture_distance(TensorView<const T> x, TensorView<const T> y, const T* alpha, const T* beta,
                                      Workspace& ws) {
    GANCODEC_ASSERT(x.shape == y.shape);
    const Workspace::Scope scope(ws);
    const std::int64_t blocks = x.shape.blocks(), parts = x.shape.n * blocks;
    auto* partial = ws.take<double>(static_cast<std::size_t>(parts));
    parallel_for(parts, [&](std::int64_t i, int) {
        const int n = static_cast<int>(i / blocks), block = static_cast<int>(i % blocks);
        const detail::TextureMoments m(x.block(n, block), y.block(n, block), x.shape.plane());
        T a[kChannelBlock], b[kChannelBlock];
        detail::load_lanes(alpha, x.shape, block, T(0), a);
        detail::load_lanes(beta, x.shape, block, T(0), b);
        double sum = 0;
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
            const double shift = m.mean_x[lane] - m.mean_y[lane];
            sum = std::fma(static_cast<double>(a[lane]), shift * shift / m.mean_scale(lane), sum);
            sum = std::fma(static_cast<double>(b[lane]), m.variance_difference[lane] / m.variance_scale(lane), sum);
        }
        partial[i] = sum;
    });
    double total = 0;
    for (std::int64_t i = 0; i < parts; ++i) total += partial[i];
    return total / x.shape.n;
}

/// Gradient of texture_distance() to x; it is symmetric, so the one to y is found by exchanging them.
///   d_x = d_out/(n·h·w) · ( 2·alpha·(δ·q − δ²·μx)/q² + 2·beta·((x̃ − ỹ)/s − σ²(x − y)·x̃/s²) )
///   with δ = μx − μy, x̃ = x − μx, ỹ = y − μy, and q, s the two denominators
/// Shapes   x, y, d_x [n,c,h,w] · alpha, beta [c]; d_x overlaps neither
template <class T>
void texture_distance_backward(TensorView<const T> x, TensorView<const T> y, const T* alpha, const T* beta, T d_out,
                               TensorView<T> d_x) {
    GANCODEC_ASSERT(x.shape == y.shape && x.shape == d_x.shape);
    const std::int64_t blocks = x.shape.blocks();
    const std::size_t pixels = x.shape.plane();
    const double factor = 2 * static_cast<double>(d_out) / (x.shape.n * static_cast<double>(pixels));
    parallel_for(x.shape.n * blocks, [&](std::int64_t i, int) {
        const int n = static_cast<int>(i / blocks), block = static_cast<int>(i % blocks);
        const T *px = x.block(n, block), *py = y.block(n, block);
        const detail::TextureMoments m(px, py, pixels);
        T a[kChannelBlock], b[kChannelBlock];
        detail::load_lanes(alpha, x.shape, block, T(0), a);
        detail::load_lanes(beta, x.shape, block, T(0), b);
        // d_x = constant + of_x·x̃ − of_y·ỹ
        T constant[kChannelBlock], of_x[kChannelBlock], of_y[kChannelBlock], mean_x[kChannelBlock],
            mean_y[kChannelBlock];
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
            const double shift = m.mean_x[lane] - m.mean_y[lane], q = m.mean_scale(lane), s = m.variance_scale(lane);
            const double weight = factor * static_cast<double>(b[lane]) / s;
            constant[lane] = static_cast<T>(factor * static_cast<double>(a[lane]) *
                                            (shift / q - shift * shift * m.mean_x[lane] / (q * q)));
            of_x[lane] = static_cast<T>(weight * (1 - m.variance_difference[lane] / s));
            of_y[lane] = static_cast<T>(weight);
            mean_x[lane] = static_cast<T>(m.mean_x[lane]);
            mean_y[lane] = static_cast<T>(m.mean_y[lane]);
        }
        T* d = d_x.block(n, block);
        for (std::size_t p = 0; p < pixels; ++p, px += kChannelBlock, py += kChannelBlock, d += kChannelBlock)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane)
                d[lane] = std::fma(of_x[lane], px[lane] - mean_x[lane],
                                   std::fma(-of_y[lane], py[lane] - mean_y[lane], constant[lane]));
    });
}

}  // namespace gancodec
