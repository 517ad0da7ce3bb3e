#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/latents/scale_table.hpp"

// Rates in bits, differentiable. Rounding is replaced by uniform noise before these are called (Ballé et al. 2017,
// "End-to-end optimized image compression", section 3), so that the probability of an integer becomes that of an interval.

namespace gancodec {

namespace detail {

inline constexpr double kBitsPerNat = 1.4426950408889634;
/// Below this the difference of two tails is numerical dust; the density's own logarithm takes over.
inline constexpr double kSmallestProbability = 1e-9;

struct BitsGradient {
    double bits, d_value, d_log_scale;
};

/// Bits of an interval of width 1 around `value` under a Gaussian of mean 0, with derivatives.
inline BitsGradient gaussian_interval_bits(double value, double sigma) {
    const double x = std::abs(value);  // symmetric: the far tail keeps its precision
    const double upper = (0.5 - x) / sigma, lower = (-0.5 - x) / sigma;
    const double p = 0.5 * (std::erfc(-upper * M_SQRT1_2) - std::erfc(-lower * M_SQRT1_2));
    const double sign = value < 0 ? -1 : 1;
    if (p < kSmallestProbability) {
        const double u = x / sigma;
        const double nats = 0.5 * u * u + std::log(sigma) + 0.9189385332046727;
        return {nats * kBitsPerNat, sign * u / sigma * kBitsPerNat, (1 - u * u) * kBitsPerNat};
    }
    constexpr double kInverseSqrtTau = 0.3989422804014327;
    const double density_upper = kInverseSqrtTau * std::exp(-0.5 * upper * upper);
    const double density_lower = kInverseSqrtTau * std::exp(-0.5 * lower * lower);
    const double d_x = (density_upper - density_lower) / (sigma * p);
    const double d_log_sigma = (density_upper * upper - density_lower * lower) / p;
    return {-std::log(p) * kBitsPerNat, sign * d_x * kBitsPerNat, d_log_sigma * kBitsPerNat};
}

}  // namespace detail

/// What a rate operation tells beside its differentiable sum.
struct BitsPerImage {
    std::vector<double> bits;
};

/// Bits of the residuals under zero-mean Gaussians whose scales are chosen by `scale_index`.
///   loss = Σ_n weight[n] · Σ_i −log2( Φ((r_i + ½)/σ_i) − Φ((r_i − ½)/σ_i) ),  σ_i = 0.11·(64/0.11)^(clamp(t_i, 0, 63)/63)
/// Shapes  residual, scale_index [n,c,h,w] · weight [n] · result: one number; bits per image into `measured`
/// Outside 0..63 the gradient of t passes only when it leads back inside.
template <class T>
Variable<T> gaussian_bits(Tape<T>& tape, Variable<T> residual, Variable<T> scale_index, std::span<const double> weight,
                          BitsPerImage& measured) {
    const Shape s = residual.shape();
    const std::size_t pixels = s.plane();
    auto d_residual = tape.make(s);
    auto d_index = tape.make(s);
    const auto r = residual.constant();
    const auto t = scale_index.constant();
    const auto rows = static_cast<std::size_t>(s.n) * static_cast<std::size_t>(s.blocks());
    std::vector<double> row_bits(rows);
    constexpr double kLogStep = static_cast<double>(kScaleStepLog2) / detail::kBitsPerNat;
    parallel_for(static_cast<std::int64_t>(rows), [&](std::int64_t row, int) {
        const auto index = static_cast<std::size_t>(row);
        const int channel = static_cast<int>(index % static_cast<std::size_t>(s.blocks())) * kChannelBlock;
        const int used = std::min(kChannelBlock, s.c - channel);
        const double w = weight[index / static_cast<std::size_t>(s.blocks())];
        double total = 0;
        for (std::size_t i = index * pixels * kChannelBlock, end = i + pixels * kChannelBlock; i < end; ++i) {
            if (static_cast<int>(i % kChannelBlock) >= used) {
                d_residual.data[i] = d_index.data[i] = T(0);
                continue;
            }
            const double position = std::clamp(static_cast<double>(t.data[i]), 0.0, kScales - 1.0);
            const auto g = detail::gaussian_interval_bits(r.data[i], kScaleSigmaMin * std::exp(kLogStep * position));
            total += g.bits;
            d_residual.data[i] = static_cast<T>(w * g.d_value);
            const double d = g.d_log_scale * kLogStep;
            const bool blocked = (t.data[i] < T(0) && d > 0) || (t.data[i] > T(kScales - 1) && d < 0);
            d_index.data[i] = blocked ? T(0) : static_cast<T>(w * d);
        }
        row_bits[index] = total;
    });
    measured.bits.assign(static_cast<std::size_t>(s.n), 0.0);
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    double sum = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t n = row / static_cast<std::size_t>(s.blocks());
        measured.bits[n] += row_bits[row];
        sum += weight[n] * row_bits[row];
    }
    out.data[0] = static_cast<T>(sum);
    return tape.record(out, {residual, scale_index}, false,
                       [&tape, residual, scale_index, d_residual, d_index](TensorView<const T> d_out) {
                           const T factor = d_out.data[0];
                           const auto pass = [&](TensorView<const T> from) {
                               return [from, factor](TensorView<T> d) { scale(from, factor, d); };
                           };
                           tape.accumulate(residual, pass(d_residual));
                           tape.accumulate(scale_index, pass(d_index));
                       });
}

/// The factorised prior of the hyper latents while it is learnt: per channel a mixture of kParts logistics.
///   p_c(z) = Σ_k softmax(weight_c)_k · [ S((z + ½ − mean_ck)/e^log_scale_ck) − S((z − ½ − mean_ck)/e^log_scale_ck) ],
/// S the logistic function. Shapes  mean, log_scale, weight [C, kParts]
template <class T>
struct LogisticMixture {
    static constexpr int kParts = 3;
    using Scalar = T;

    explicit LogisticMixture(int channels)
        : mean({channels, kParts}), log_scale({channels, kParts}), weight({channels, kParts}) {
        for (std::size_t i = 0; i < mean.value.size(); ++i) {
            const auto part = static_cast<int>(i % kParts);
            mean.value[i] = T(part - 1);
            log_scale.value[i] = T(0.3) * T(part);
        }
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "mean", mean);
        f(prefix + "log_scale", log_scale);
        f(prefix + "weight", weight);
    }
    /// exp(log_scale) ≥ 0.08: a narrower logistic than that is a spike no integer needs.
    void project() {
        for (T& s : log_scale.value) s = std::clamp(s, T(-2.5), T(5));
    }

    /// Probability of the interval of width 1 around z, with its derivatives: [0] by z, then mean, log_scale, weight.
    double probability(int channel, double z, double* d_z, double (*d_parts)[kParts]) const {
        const std::size_t base = static_cast<std::size_t>(channel) * kParts;
        double share[kParts], total = 0, p[kParts], sum = 0;
        for (int k = 0; k < kParts; ++k) total += share[k] = std::exp(double(weight.value[base + std::size_t(k)]));
        if (d_z) *d_z = 0;
        for (int k = 0; k < kParts; ++k) {
            share[k] /= total;
            const double inverse = std::exp(-double(log_scale.value[base + std::size_t(k)]));
            const double centre = (z - double(mean.value[base + std::size_t(k)])) * inverse;
            // Both ends on the side where the logistic is small, where it keeps its precision.
            const double side = centre > 0 ? -1 : 1;
            const double upper = side * centre + 0.5 * inverse, lower = side * centre - 0.5 * inverse;
            const double s_upper = 1 / (1 + std::exp(-upper)), s_lower = 1 / (1 + std::exp(-lower));
            p[k] = s_upper - s_lower;
            sum += share[k] * p[k];
            if (!d_parts) continue;
            const double slope_upper = s_upper * (1 - s_upper), slope_lower = s_lower * (1 - s_lower);
            const double d_centre = side * (slope_upper - slope_lower);
            *d_z += share[k] * d_centre * inverse;
            d_parts[0][k] = -share[k] * d_centre * inverse;
            d_parts[1][k] = -share[k] * (slope_upper * upper - slope_lower * lower);
        }
        if (d_parts)
            for (int k = 0; k < kParts; ++k) d_parts[2][k] = share[k] * (p[k] - sum);
        return sum;
    }

    Parameter<T> mean, log_scale, weight;
};

/// Bits of the hyper latents under the mixture: Σ_n weight[n] · Σ_i −log2 p_c(z_i).
template <class T>
Variable<T> factorized_bits(Tape<T>& tape, Variable<T> z, LogisticMixture<T>& prior, std::span<const double> weight,
                            BitsPerImage& measured) {
    constexpr int kParts = LogisticMixture<T>::kParts;
    const Shape s = z.shape();
    auto d_z = tape.scratch().template zeros<T>(s);
    // Gradients of the parameters are summed over pixels by one worker per channel, in a fixed order.
    const auto channels = static_cast<std::size_t>(s.c);
    std::vector<double> d_parameters(channels * 3 * kParts), bits(channels * static_cast<std::size_t>(s.n));
    parallel_for(s.c, [&](std::int64_t c, int) {
        const auto channel = static_cast<std::size_t>(c);
        for (int n = 0; n < s.n; ++n)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x) {
                    double by_z = 0, by_part[3][kParts];
                    const double value = z.constant().at(n, int(c), y, x);
                    const double p = prior.probability(int(c), value, &by_z, by_part) + detail::kSmallestProbability;
                    const double factor = -weight[static_cast<std::size_t>(n)] * detail::kBitsPerNat / p;
                    bits[static_cast<std::size_t>(n) * channels + channel] -= std::log2(p);
                    d_z.at(n, int(c), y, x) = static_cast<T>(factor * by_z);
                    for (std::size_t j = 0; j < 3 * kParts; ++j)
                        d_parameters[channel * 3 * kParts + j] += factor * by_part[j / kParts][j % kParts];
                }
    });
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    measured.bits.assign(static_cast<std::size_t>(s.n), 0.0);
    double sum = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) {
        measured.bits[i / channels] += bits[i];
        sum += weight[i / channels] * bits[i];
    }
    out.data[0] = static_cast<T>(sum);
    return tape.record(out, {z}, prior.mean.trained(),
                       [&tape, z, d_z, &prior, d_parameters, channels](TensorView<const T> d_out) {
                           const T factor = d_out.data[0];
                           tape.accumulate(z, [&](TensorView<T> d) { scale(TensorView<const T>(d_z), factor, d); });
                           if (!prior.mean.trained()) return;
                           Parameter<T>* target[3] = {&prior.mean, &prior.log_scale, &prior.weight};
                           for (std::size_t c = 0; c < channels; ++c)
                               for (std::size_t j = 0; j < 3 * kParts; ++j)
                                   target[j / kParts]->grad[c * kParts + j % kParts] +=
                                       factor * static_cast<T>(d_parameters[c * 3 * kParts + j]);
                       });
}

}  // namespace gancodec
