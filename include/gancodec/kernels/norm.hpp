#pragma once

#include <cmath>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/lanes.hpp"
#include "gancodec/kernels/reduce.hpp"

// Every norm here is out = gamma·x̂ + beta with x̂ = (in − mean)/sqrt(variance + eps); they differ in what mean and
// variance are taken over. Variances divide by the count. `gamma` null means 1, `beta` null means 0; d_gamma and
// d_beta are ADDED to, and skipped when null.

namespace gancodec {

namespace detail {

/// Images [first, last) of one channel block are normalised together: one image, or a whole batch.
struct NormGroup {
    int first, last, block;
};
struct NormMoments {
    double mean[kChannelBlock], variance[kChannelBlock];
};

template <class T>
NormMoments norm_moments(TensorView<const T> in, const NormGroup& g) {
    const double count = static_cast<double>(g.last - g.first) * static_cast<double>(in.shape.plane());
    NormMoments m{};
    double plane[kChannelBlock];
    for (int n = g.first; n < g.last; ++n) {
        sum_plane(in.shape.plane(), [](double acc, double x) { return acc + x; }, plane, in.block(n, g.block));
        for (int lane = 0; lane < kChannelBlock; ++lane) m.mean[lane] += plane[lane];
    }
    for (double& mean : m.mean) mean /= count;
    for (int n = g.first; n < g.last; ++n) {
        sum_square_deviations(in.shape.plane(), in.block(n, g.block), m.mean, plane);
        for (int lane = 0; lane < kChannelBlock; ++lane) m.variance[lane] += plane[lane];
    }
    for (double& variance : m.variance) variance /= count;
    return m;
}

/// out = (in − mean)·(gamma/sqrt(variance + eps)) + beta.
template <class T>
void norm_apply(TensorView<const T> in, const NormGroup& g, const NormMoments& m, const T* gamma, const T* beta,
                double eps, TensorView<T> out) {
    double gain[kChannelBlock], bias[kChannelBlock];
    load_lanes(gamma, in.shape, g.block, gamma == nullptr ? 1.0 : 0.0, gain);
    load_lanes(beta, in.shape, g.block, 0.0, bias);
    T mean_t[kChannelBlock], gain_t[kChannelBlock], bias_t[kChannelBlock];
    for (int lane = 0; lane < kChannelBlock; ++lane) {
        mean_t[lane] = static_cast<T>(m.mean[lane]);
        gain_t[lane] = static_cast<T>(gain[lane] / std::sqrt(m.variance[lane] + eps));
        bias_t[lane] = static_cast<T>(bias[lane]);
    }
    for (int n = g.first; n < g.last; ++n) {
        const T* x = in.block(n, g.block);
        T* y = out.block(n, g.block);
        for (std::size_t i = 0; i < in.shape.plane() * kChannelBlock; i += kChannelBlock) {
            T result[kChannelBlock];
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane)
                result[lane] = std::fma(x[i + lane] - mean_t[lane], gain_t[lane], bias_t[lane]);
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) y[i + lane] = result[lane];
        }
    }
}

/// d_in = gamma/sqrt(variance + eps) · (d_out − mean(d_out) − x̂·mean(d_out·x̂)), and the group's gamma and beta gradients.
template <class T>
void norm_group_backward(TensorView<const T> in, TensorView<const T> d_out, const NormGroup& g, const T* gamma,
                         double eps, TensorView<T> d_in, T* d_gamma, T* d_beta) {
    const double count = static_cast<double>(g.last - g.first) * static_cast<double>(in.shape.plane());
    const NormMoments m = norm_moments(in, g);
    double gain[kChannelBlock], inverse[kChannelBlock], sum_d[kChannelBlock] = {}, sum_dx[kChannelBlock] = {};
    load_lanes(gamma, in.shape, g.block, gamma == nullptr ? 1.0 : 0.0, gain);
    for (int lane = 0; lane < kChannelBlock; ++lane) inverse[lane] = 1.0 / std::sqrt(m.variance[lane] + eps);
    const std::size_t size = in.shape.plane() * kChannelBlock;
    for (int n = g.first; n < g.last; ++n) {
        const T* x = in.block(n, g.block);
        const T* d = d_out.block(n, g.block);
        for (std::size_t i = 0; i < size; i += kChannelBlock)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                const double x_hat = (static_cast<double>(x[i + lane]) - m.mean[lane]) * inverse[lane];
                const auto d_here = static_cast<double>(d[i + lane]);
                sum_d[lane] += d_here;
                sum_dx[lane] = std::fma(d_here, x_hat, sum_dx[lane]);
            }
    }
    add_lanes(sum_dx, in.shape, g.block, d_gamma);
    add_lanes(sum_d, in.shape, g.block, d_beta);
    for (int n = g.first; n < g.last; ++n) {
        const T* x = in.block(n, g.block);
        const T* d = d_out.block(n, g.block);
        T* target = d_in.block(n, g.block);
        for (std::size_t i = 0; i < size; i += kChannelBlock) {
            T result[kChannelBlock];
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                const double x_hat = (static_cast<double>(x[i + lane]) - m.mean[lane]) * inverse[lane];
                const double centred = static_cast<double>(d[i + lane]) - sum_d[lane] / count;
                result[lane] =
                    static_cast<T>(gain[lane] * inverse[lane] * std::fma(-x_hat, sum_dx[lane] / count, centred));
            }
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) target[i + lane] = result[lane];
        }
    }
}

}  // namespace detail

/// Normalises every channel of every image over its pixels.
/// Shapes   in, out [n,c,h,w] · gamma, beta [c]; out may be in
/// Paper    Ulyanov, Vedaldi, Lempitsky: Instance Normalization, 2016.
template <class T>
void instance_norm(TensorView<const T> in, const T* gamma, const T* beta, double eps, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::parallel_planes(in.shape, [&](int n, int block) {
        const detail::NormGroup group{n, n + 1, block};
        detail::norm_apply<T>(in, group, detail::norm_moments<T>(in, group), gamma, beta, eps, out);
    });
}

/// Gradient of instance_norm().
/// Shapes   in, d_out, d_in [n,c,h,w] · gamma, d_gamma, d_beta [c]; d_in may be d_out
template <class T>
void instance_norm_backward(TensorView<const T> in, TensorView<const T> d_out, const T* gamma, double eps,
                            TensorView<T> d_in, T* d_gamma, T* d_beta) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    parallel_for(in.shape.blocks(), [&](std::int64_t block, int) {
        for (int n = 0; n < in.shape.n; ++n)  // one worker per block: d_gamma is summed over n in order
            detail::norm_group_backward<T>(in, d_out, {n, n + 1, static_cast<int>(block)}, gamma, eps, d_in, d_gamma,
                                           d_beta);
    });
}

/// Normalises every channel over the pixels of all images, and says with what.
/// Shapes   in, out [n,c,h,w] · gamma, beta, mean, variance [c]; out may be in. `mean` and `variance` are written:
///          the caller keeps running means of them and calls batch_norm_fixed() outside training.
/// Paper    Ioffe, Szegedy: Batch Normalization, 2015.
template <class T>
void batch_norm(TensorView<const T> in, const T* gamma, const T* beta, double eps, TensorView<T> out, T* mean,
                T* variance) {
    GANCODEC_ASSERT(in.shape == out.shape);
    parallel_for(in.shape.blocks(), [&](std::int64_t b, int) {
        const int block = static_cast<int>(b);
        const detail::NormGroup group{0, in.shape.n, block};
        const auto moments = detail::norm_moments<T>(in, group);
        for (int lane = 0; lane < detail::used_lanes(in.shape, block); ++lane) {
            mean[block * kChannelBlock + lane] = static_cast<T>(moments.mean[lane]);
            variance[block * kChannelBlock + lane] = static_cast<T>(moments.variance[lane]);
        }
        detail::norm_apply<T>(in, group, moments, gamma, beta, eps, out);
    });
}

/// batch_norm() with given mean and variance instead of the batch's own.
/// Shapes   in, out [n,c,h,w] · gamma, beta, mean, variance [c]; out may be in
template <class T>
void batch_norm_fixed(TensorView<const T> in, const T* gamma, const T* beta, const T* mean, const T* variance,
                      double eps, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    detail::parallel_planes(in.shape, [&](int n, int block) {
        detail::NormMoments moments;
        detail::load_lanes(mean, in.shape, block, 0.0, moments.mean);
        detail::load_lanes(variance, in.shape, block, 1.0, moments.variance);
        detail::norm_apply<T>(in, {n, n + 1, block}, moments, gamma, beta, eps, out);
    });
}

/// Gradient of batch_norm(), through the batch's mean and variance too.
/// Shapes   in, d_out, d_in [n,c,h,w] · gamma, d_gamma, d_beta [c]; d_in may be d_out
template <class T>
void batch_norm_backward(TensorView<const T> in, TensorView<const T> d_out, const T* gamma, double eps,
                         TensorView<T> d_in, T* d_gamma, T* d_beta) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    parallel_for(in.shape.blocks(), [&](std::int64_t block, int) {
        detail::norm_group_backward<T>(in, d_out, {0, in.shape.n, static_cast<int>(block)}, gamma, eps, d_in, d_gamma,
                                       d_beta);
    });
}

}  // namespace gancodec
