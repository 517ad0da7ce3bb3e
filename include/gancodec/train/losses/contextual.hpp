#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/core/parallel.hpp"

namespace gancodec {

namespace detail {

/// The features of an image as rows, one for each position, moved by −mean and of length 1.
struct FeatureRows {
    int count, channels;
    std::vector<double> value, length;  ///< length: what each row had before

    template <class T>
    FeatureRows(TensorView<const T> x, int n, const std::vector<double>& mean)
        : count(x.shape.h * x.shape.w),
          channels(x.shape.c),
          value(static_cast<std::size_t>(count) * static_cast<std::size_t>(channels)),
          length(static_cast<std::size_t>(count)) {
        constexpr double kEpsilon = 1e-12;  // keeps an empty row's direction a number
        for (int i = 0; i < count; ++i) {
            double square = kEpsilon;
            for (int c = 0; c < channels; ++c) {
                const double v =
                    static_cast<double>(x.at(n, c, i / x.shape.w, i % x.shape.w)) - mean[static_cast<std::size_t>(c)];
                row(i)[c] = v;
                square = std::fma(v, v, square);
            }
            length[static_cast<std::size_t>(i)] = std::sqrt(square);
            for (int c = 0; c < channels; ++c) row(i)[c] /= length[static_cast<std::size_t>(i)];
        }
    }
    [[nodiscard]] double* row(int i) {
        return value.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(channels);
    }
    [[nodiscard]] double dot(int i, const double* other) {
        double total = 0;
        for (int c = 0; c < channels; ++c) total = std::fma(row(i)[c], other[c], total);
        return total;
    }
};

/// −log CX of image n; the slope to x's image n is written to d_x.
template <class T>
double contextual_of_image(TensorView<const T> x, TensorView<const T> y, int n, TensorView<T> d_x) {
    constexpr double kEpsilon = 1e-5, kBandwidth = 0.5;
    const Shape s = x.shape;
    const int count = s.h * s.w;
    const auto size = static_cast<std::size_t>(count);
    std::vector<double> mean(static_cast<std::size_t>(s.c));
    for (int c = 0; c < s.c; ++c) {
        double total = 0;
        for (int i = 0; i < count; ++i) total += static_cast<double>(y.at(n, c, i / s.w, i % s.w));
        mean[static_cast<std::size_t>(c)] = total / count;
    }
    FeatureRows of_x(x, n, mean), of_y(y, n, mean);

    // distance[i][j] and affinity CX[i][j]
    std::vector<double> distance(size * size), affinity(size * size), nearest(size);
    std::vector<int> nearest_at(size);
    for (int i = 0; i < count; ++i) {
        const std::size_t at = static_cast<std::size_t>(i) * size;
        double* d = &distance[at];
        for (int j = 0; j < count; ++j) d[j] = 1 - of_x.dot(i, of_y.row(j));
        const double* least = std::min_element(d, d + count);
        nearest_at[static_cast<std::size_t>(i)] = static_cast<int>(least - d);
        const double scale = nearest[static_cast<std::size_t>(i)] = *least + kEpsilon;
        double total = 0;
        for (int j = 0; j < count; ++j)
            total += affinity[at + static_cast<std::size_t>(j)] = std::exp((*least - d[j]) / (scale * kBandwidth));
        for (int j = 0; j < count; ++j) affinity[at + static_cast<std::size_t>(j)] /= total;
    }
    double similarity = 0;
    std::vector<int> best(size);
    for (int j = 0; j < count; ++j) {
        const auto at = [&](int i) {
            return affinity[static_cast<std::size_t>(i) * size + static_cast<std::size_t>(j)];
        };
        for (int i = 1; i < count; ++i)
            if (at(i) > at(best[static_cast<std::size_t>(j)])) best[static_cast<std::size_t>(j)] = i;
        similarity += at(best[static_cast<std::size_t>(j)]) / count;
    }

    // Back: through the logarithm, the softmax of row i, the division by its least distance, and the direction of x_i.
    const double slope = -1 / (similarity * count);
    std::vector<double> toward(static_cast<std::size_t>(s.c));
    for (int i = 0; i < count; ++i) {
        const double* cx = &affinity[static_cast<std::size_t>(i) * size];
        const double* d = &distance[static_cast<std::size_t>(i) * size];
        const double scale = nearest[static_cast<std::size_t>(i)];
        double mixed = 0;
        for (int j = 0; j < count; ++j) mixed += best[static_cast<std::size_t>(j)] == i ? slope * cx[j] : 0;
        std::fill(toward.begin(), toward.end(), 0.0);
        double to_nearest = 0;
        const auto follow = [&](int j, double to_distance) {
            for (int c = 0; c < s.c; ++c)
                toward[static_cast<std::size_t>(c)] =
                    std::fma(-to_distance, of_y.row(j)[c], toward[static_cast<std::size_t>(c)]);
        };
        for (int j = 0; j < count; ++j) {
            const double own = best[static_cast<std::size_t>(j)] == i ? slope : 0;
            const double to_ratio = -cx[j] * (own - mixed) / kBandwidth;
            to_nearest -= to_ratio * d[j] / (scale * scale);
            follow(j, to_ratio / scale);
        }
        follow(nearest_at[static_cast<std::size_t>(i)], to_nearest);
        const double along = of_x.dot(i, toward.data());
        for (int c = 0; c < s.c; ++c)
            d_x.at(n, c, i / s.w, i % s.w) =
                static_cast<T>((toward[static_cast<std::size_t>(c)] - along * of_x.row(i)[c]) /
                               of_x.length[static_cast<std::size_t>(i)]);
    }
    return -std::log(similarity);
}

}  // namespace detail

/// Contextual loss: how many of the features of y have a feature of x that is near, wherever it stands. Tolerates shifts
/// that a comparison place by place punishes (CLGAN's content loss).
///   d_ij = 1 − cos(x_i − μ, y_j − μ), μ the mean of y;  CX_ij = softmax_j( −d_ij / ((min_k d_ik + 1e-5)·½) );
///   loss = mean over images of −log( mean_j max_i CX_ij )
/// Shapes   x, y [n,c,h,w], features of a network; memory and time grow with (h·w)² · one number
/// Requires y has no gradient: it is what is wanted.
/// Paper    Mechrez, Talmi, Zelnik-Manor: The Contextual Loss for Image Transformation with Non-Aligned Data, 2018.
template <class T>
Variable<T> contextual_loss(Tape<T>& tape, Variable<T> x, Variable<T> y) {
    const Shape s = x.shape();
    auto slope = tape.scratch().template zeros<T>(s);
    std::vector<double> of_image(static_cast<std::size_t>(s.n));
    parallel_for(s.n, [&](std::int64_t n, int) {
        of_image[static_cast<std::size_t>(n)] =
            detail::contextual_of_image(x.constant(), y.constant(), static_cast<int>(n), slope);
    });
    double total = 0;
    for (const double value : of_image) total += value / s.n;
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    out.data[0] = static_cast<T>(total);
    return tape.record(out, {x}, false, [&tape, x, slope](TensorView<const T> d_out) {
        const T factor = d_out.data[0] / static_cast<T>(x.shape().n);
        tape.accumulate(x, [&](TensorView<T> d) { scale(TensorView<const T>(slope), factor, d); });
    });
}

}  // namespace gancodec
