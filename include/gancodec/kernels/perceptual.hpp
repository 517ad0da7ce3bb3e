#pragma once

#include <algorithm>
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

inline constexpr int kFeatureTile = 32;  ///< pixels handled together, so that every channel block is read in runs
inline constexpr double kFeatureNormEpsilon = 1e-10;

/// A run of pixels of one image: `count` of them from pixel `first` of the plane on.
struct FeatureTile {
    int n;
    std::size_t first, count;
};

inline std::size_t feature_tiles(const Shape& shape) {
    return static_cast<std::size_t>(shape.n) * ((shape.plane() + kFeatureTile - 1) / kFeatureTile);
}
inline FeatureTile feature_tile(const Shape& shape, std::size_t index) {
    const std::size_t tiles = (shape.plane() + kFeatureTile - 1) / kFeatureTile;
    const std::size_t first = index % tiles * kFeatureTile;
    return {static_cast<int>(index / tiles), first, std::min<std::size_t>(kFeatureTile, shape.plane() - first)};
}

/// Lengths over the channels of the pixels of a tile.
template <class T>
void feature_lengths(TensorView<const T> f, const FeatureTile& tile, T (&length)[kFeatureTile]) {
    T sums[kFeatureTile][kChannelBlock] = {};
    for (int block = 0; block < f.shape.blocks(); ++block) {
        const T* x = f.block(tile.n, block) + tile.first * kChannelBlock;
        for (std::size_t p = 0; p < tile.count; ++p, x += kChannelBlock)
            for (int lane = 0; lane < kChannelBlock; ++lane) sums[p][lane] = std::fma(x[lane], x[lane], sums[p][lane]);
    }
    for (std::size_t p = 0; p < tile.count; ++p) length[p] = std::sqrt(fold_lanes(sums[p]));
}

/// The two factors that normalise a pixel of x and y: u − v = inverse_x · (x − ratio · y), exactly 0 for x == y.
template <class T>
struct FeatureScale {
    T inverse_x[kFeatureTile], ratio[kFeatureTile];

    FeatureScale(const T (&length_x)[kFeatureTile], const T (&length_y)[kFeatureTile], std::size_t count) {
        constexpr T kEpsilon = static_cast<T>(kFeatureNormEpsilon);
        for (std::size_t p = 0; p < count; ++p) {
            inverse_x[p] = T(1) / (length_x[p] + kEpsilon);
            ratio[p] = (length_x[p] + kEpsilon) / (length_y[p] + kEpsilon);
        }
    }
};

}  // namespace detail

/// Weighted squared distance of two feature maps whose pixels are scaled to length 1: one layer of LPIPS.
///   d = 1/(n·h·w) · Σ_{n,y,x} Σ_c weight[c] · (u_c − v_c)²,  u = x/(|x| + 1e-10),  v = y/(|y| + 1e-10)
///   with |·| over the channels of one pixel
/// Shapes   x, y [n,c,h,w] · weight [c]
/// Exact    Blocks are summed by lane, lanes folded in halves, pixels added in order in double: equal on every FMA
///          machine and for every thread count; 0 for equal maps.
/// Paper    Zhang, Isola, Efros, Shechtman, Wang: The Unreasonable Effectiveness of Deep Features, 2018.
template <class T>
[[nodiscard]] T feature_distance(TensorView<const T> x, TensorView<const T> y, const T* weight, Workspace& ws) {
    GANCODEC_ASSERT(x.shape == y.shape);
    const Workspace::Scope scope(ws);
    const std::size_t tiles = detail::feature_tiles(x.shape);
    auto* partial = ws.take<double>(tiles);
    parallel_for(static_cast<std::int64_t>(tiles), [&](std::int64_t i, int) {
        const auto tile = detail::feature_tile(x.shape, static_cast<std::size_t>(i));
        T length_x[detail::kFeatureTile], length_y[detail::kFeatureTile];
        detail::feature_lengths(x, tile, length_x);
        detail::feature_lengths(y, tile, length_y);
        const detail::FeatureScale<T> scale(length_x, length_y, tile.count);
        T sums[detail::kFeatureTile][kChannelBlock] = {};
        for (int block = 0; block < x.shape.blocks(); ++block) {
            T w[kChannelBlock];
            detail::load_lanes(weight, x.shape, block, T(0), w);
            const T* px = x.block(tile.n, block) + tile.first * kChannelBlock;
            const T* py = y.block(tile.n, block) + tile.first * kChannelBlock;
            for (std::size_t p = 0; p < tile.count; ++p, px += kChannelBlock, py += kChannelBlock)
                for (int lane = 0; lane < kChannelBlock; ++lane) {
                    const T d = scale.inverse_x[p] * std::fma(-scale.ratio[p], py[lane], px[lane]);
                    sums[p][lane] = std::fma(w[lane] * d, d, sums[p][lane]);
                }
        }
        double total = 0;
        for (std::size_t p = 0; p < tile.count; ++p) total += static_cast<double>(detail::fold_lanes(sums[p]));
        partial[i] = total;
    });
    double total = 0;
    for (std::size_t i = 0; i < tiles; ++i) total += partial[i];
    return static_cast<T>(total / (static_cast<double>(x.shape.n) * static_cast<double>(x.shape.plane())));
}

/// Gradient of feature_distance() to x; it is symmetric, so the one to y is found by exchanging them.
///   g_c = 2·d_out/(n·h·w) · weight[c] · (u_c − v_c);  d_x = (g − (Σ_c g_c u_c) · x/|x|) / (|x| + 1e-10),  0 where x = 0
/// Shapes   x, y, d_x [n,c,h,w] · weight [c]; d_x overlaps neither
template <class T>
void feature_distance_backward(TensorView<const T> x, TensorView<const T> y, const T* weight, T d_out,
                               TensorView<T> d_x) {
    GANCODEC_ASSERT(x.shape == y.shape && x.shape == d_x.shape);
    const T factor = T(2) * d_out / (static_cast<T>(x.shape.n) * static_cast<T>(x.shape.plane()));
    parallel_for(static_cast<std::int64_t>(detail::feature_tiles(x.shape)), [&](std::int64_t i, int) {
        const auto tile = detail::feature_tile(x.shape, static_cast<std::size_t>(i));
        T length_x[detail::kFeatureTile], length_y[detail::kFeatureTile];
        detail::feature_lengths(x, tile, length_x);
        detail::feature_lengths(y, tile, length_y);
        detail::FeatureScale<T> scale(length_x, length_y, tile.count);
        // First g, into d_x, and Σ g·u; then what remains of g across the direction of x.
        T sums[detail::kFeatureTile][kChannelBlock] = {};
        for (int block = 0; block < x.shape.blocks(); ++block) {
            T w[kChannelBlock];
            detail::load_lanes(weight, x.shape, block, T(0), w);
            for (int lane = 0; lane < kChannelBlock; ++lane) w[lane] *= factor;
            const T* px = x.block(tile.n, block) + tile.first * kChannelBlock;
            const T* py = y.block(tile.n, block) + tile.first * kChannelBlock;
            T* d = d_x.block(tile.n, block) + tile.first * kChannelBlock;
            for (std::size_t p = 0; p < tile.count; ++p, px += kChannelBlock, py += kChannelBlock, d += kChannelBlock)
                for (int lane = 0; lane < kChannelBlock; ++lane) {
                    const T difference = scale.inverse_x[p] * std::fma(-scale.ratio[p], py[lane], px[lane]);
                    d[lane] = w[lane] * difference;
                    sums[p][lane] = std::fma(d[lane], px[lane], sums[p][lane]);
                }
        }
        T along[detail::kFeatureTile];
        for (std::size_t p = 0; p < tile.count; ++p) {
            const T inner = detail::fold_lanes(sums[p]) * scale.inverse_x[p];
            along[p] = length_x[p] > T(0) ? inner / length_x[p] : T(0);
            if (length_x[p] == T(0)) scale.inverse_x[p] = T(0);
        }
        for (int block = 0; block < x.shape.blocks(); ++block) {
            const T* px = x.block(tile.n, block) + tile.first * kChannelBlock;
            T* d = d_x.block(tile.n, block) + tile.first * kChannelBlock;
            for (std::size_t p = 0; p < tile.count; ++p, px += kChannelBlock, d += kChannelBlock)
                for (int lane = 0; lane < kChannelBlock; ++lane)
                    d[lane] = scale.inverse_x[p] * std::fma(-along[p], px[lane], d[lane]);
        }
    });
}

}  // namespace gancodec
