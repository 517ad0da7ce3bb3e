#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/lanes.hpp"

namespace gancodec {

namespace detail {

/// Pixels normalised together, so that every channel block is read in runs.
inline constexpr std::size_t kChannelNormTile = 64;

/// Mean and 1/sqrt(variance + eps) over the channels of `count` pixels of image n, from pixel `first` on.
template <class T>
void channel_moments(TensorView<const T> in, int n, std::size_t first, std::size_t count, T eps, T* mean, T* inverse) {
    const T share = T(1) / static_cast<T>(in.shape.c);
    T sums[kChannelNormTile][kChannelBlock] = {};
    for (int block = 0; block < in.shape.blocks(); ++block) {
        const T* x = in.block(n, block) + first * kChannelBlock;
        for (std::size_t p = 0; p < count; ++p)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) sums[p][lane] += x[p * kChannelBlock + lane];
    }
    for (std::size_t p = 0; p < count; ++p) {
        mean[p] = fold_lanes(sums[p]) * share;
        std::fill_n(sums[p], kChannelBlock, T{});
    }
    for (int block = 0; block < in.shape.blocks(); ++block) {
        const T* x = in.block(n, block) + first * kChannelBlock;
        T real[kChannelBlock];  // 0 for padded channels, which deviate from the mean but do not count
        for (int lane = 0; lane < kChannelBlock; ++lane) real[lane] = lane < used_lanes(in.shape, block) ? T(1) : T(0);
        for (std::size_t p = 0; p < count; ++p)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                const T d = (x[p * kChannelBlock + lane] - mean[p]) * real[lane];
                sums[p][lane] = std::fma(d, d, sums[p][lane]);
            }
    }
    for (std::size_t p = 0; p < count; ++p) inverse[p] = T(1) / std::sqrt(std::fma(fold_lanes(sums[p]), share, eps));
}

/// Calls `body(n, first, count)` for the pixel tiles of every image, in parallel.
template <class Body>
void parallel_tiles(const Shape& shape, const Body& body) {
    const std::size_t tiles = (shape.plane() + kChannelNormTile - 1) / kChannelNormTile;
    parallel_for(static_cast<std::int64_t>(tiles) * shape.n, [&](std::int64_t i, int) {
        const std::size_t first = static_cast<std::size_t>(i) % tiles * kChannelNormTile;
        body(static_cast<int>(static_cast<std::size_t>(i) / tiles), first,
             std::min(kChannelNormTile, shape.plane() - first));
    });
}

}  // namespace detail

/// Normalises every pixel over its channels.
///   out[c] = gamma[c]·(in[c] − mean)/sqrt(variance + eps) + beta[c], mean and variance over the c of one pixel
/// Shapes   in, out [n,c,h,w] · gamma, beta [c]; out may be in
/// Exact    Sums run over blocks, then lanes are folded in halves: equal on every FMA machine and thread count.
/// Paper    Mentzer, Toderici, Tschannen, Agustsson: High-Fidelity Generative Image Compression, 2020 (eps 1e-3).
template <class T>
void channel_norm(TensorView<const T> in, const T* gamma, const T* beta, T eps, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::parallel_tiles(in.shape, [&](int n, std::size_t first, std::size_t count) {
        T mean[detail::kChannelNormTile], inverse[detail::kChannelNormTile];
        detail::channel_moments<T>(in, n, first, count, eps, mean, inverse);
        for (int block = 0; block < in.shape.blocks(); ++block) {
            T gain[kChannelBlock], bias[kChannelBlock];
            detail::load_lanes(gamma, in.shape, block, T(0), gain);
            detail::load_lanes(beta, in.shape, block, T(0), bias);
            const T* x = in.block(n, block) + first * kChannelBlock;
            T* y = out.block(n, block) + first * kChannelBlock;
            for (std::size_t p = 0; p < count; ++p) {
                T result[kChannelBlock];
                for (std::size_t lane = 0; lane < kChannelBlock; ++lane)
                    result[lane] =
                        std::fma((x[p * kChannelBlock + lane] - mean[p]) * inverse[p], gain[lane], bias[lane]);
                std::copy_n(result, kChannelBlock, y + p * kChannelBlock);
            }
        }
    });
}

/// Gradient of channel_norm(). With x̂ the normalised input and e = gamma·d_out,
///   d_in = (e − mean(e) − x̂·mean(e·x̂))/sqrt(variance + eps);  d_gamma[c] += Σ d_out·x̂;  d_beta[c] += Σ d_out
/// Shapes   in, d_out, d_in [n,c,h,w] · gamma, d_gamma, d_beta [c]; d_in overlaps neither
template <class T>
void channel_norm_backward(TensorView<const T> in, TensorView<const T> d_out, const T* gamma, T eps, TensorView<T> d_in,
                           T* d_gamma, T* d_beta, Workspace& ws) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    const Workspace::Scope scope(ws);
    const std::size_t plane = in.shape.plane();
    const auto pixels = static_cast<std::size_t>(in.shape.n) * plane;
    T* means = ws.take<T>(pixels);
    T* inverses = ws.take<T>(pixels);
    const T share = T(1) / static_cast<T>(in.shape.c);
    detail::parallel_tiles(in.shape, [&](int n, std::size_t first, std::size_t count) {
        T* mean = means + static_cast<std::size_t>(n) * plane + first;
        T* inverse = inverses + static_cast<std::size_t>(n) * plane + first;
        detail::channel_moments<T>(in, n, first, count, eps, mean, inverse);
        T sum_e[detail::kChannelNormTile][kChannelBlock] = {}, sum_ex[detail::kChannelNormTile][kChannelBlock] = {};
        const auto each = [&](const auto& body) {
            for (int block = 0; block < in.shape.blocks(); ++block) {
                T gain[kChannelBlock];
                detail::load_lanes(gamma, in.shape, block, T(0), gain);
                const std::size_t begin =
                    static_cast<std::size_t>(in.block(n, block) - in.data) + first * kChannelBlock;
                for (std::size_t p = 0; p < count; ++p) body(p, begin + p * kChannelBlock, gain);
            }
        };
        each([&](std::size_t p, std::size_t i, const T(&gain)[kChannelBlock]) {
            T e[kChannelBlock], ex[kChannelBlock];
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                e[lane] = gain[lane] * d_out.data[i + lane];
                ex[lane] = std::fma(e[lane], (in.data[i + lane] - mean[p]) * inverse[p], sum_ex[p][lane]);
            }
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) sum_e[p][lane] += e[lane];
            std::copy_n(ex, kChannelBlock, sum_ex[p]);
        });
        T mean_e[detail::kChannelNormTile], mean_ex[detail::kChannelNormTile];
        for (std::size_t p = 0; p < count; ++p) {
            mean_e[p] = detail::fold_lanes(sum_e[p]) * share;
            mean_ex[p] = detail::fold_lanes(sum_ex[p]) * share;
        }
        each([&](std::size_t p, std::size_t i, const T(&gain)[kChannelBlock]) {
            T result[kChannelBlock];
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                const T x_hat = (in.data[i + lane] - mean[p]) * inverse[p];
                const T centred = std::fma(gain[lane], d_out.data[i + lane], -mean_e[p]);
                result[lane] = inverse[p] * std::fma(-x_hat, mean_ex[p], centred);
            }
            std::copy_n(result, kChannelBlock, d_in.data + i);
        });
    });
    clear_padding(d_in);
    parallel_for(in.shape.blocks(), [&](std::int64_t b, int) {
        const int block = static_cast<int>(b);
        double gamma_sums[kChannelBlock] = {}, beta_sums[kChannelBlock] = {};
        for (int n = 0; n < in.shape.n; ++n) {
            const T *x = in.block(n, block), *d = d_out.block(n, block);
            const T *mean = means + static_cast<std::size_t>(n) * plane, *inverse = inverses + (mean - means);
            for (std::size_t p = 0; p < plane; ++p, x += kChannelBlock, d += kChannelBlock)
                for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                    const auto x_hat = static_cast<double>((x[lane] - mean[p]) * inverse[p]);
                    gamma_sums[lane] = std::fma(static_cast<double>(d[lane]), x_hat, gamma_sums[lane]);
                    beta_sums[lane] += static_cast<double>(d[lane]);
                }
        }
        detail::add_lanes(gamma_sums, in.shape, block, d_gamma);
        detail::add_lanes(beta_sums, in.shape, block, d_beta);
    });
}

}  // namespace gancodec
