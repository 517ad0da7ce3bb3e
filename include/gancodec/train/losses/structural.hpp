#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "gancodec/autograd/ops.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/metrics/ssim.hpp"

namespace gancodec {

namespace detail {

/// A plane of numbers without lanes, for window sums.
struct WindowPlane {
    int height, width;
    std::vector<double> value;
    WindowPlane(int h, int w) : height(h), width(w), value(static_cast<std::size_t>(h) * static_cast<std::size_t>(w)) {}
    [[nodiscard]] double& at(int y, int x) {
        return value[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
    }
};

/// Means over all whole 11x11 windows, rows first.
inline WindowPlane window_means(WindowPlane& in, const std::array<double, kSsimWindow>& window) {
    WindowPlane rows(in.height, in.width - kSsimWindow + 1), out(in.height - kSsimWindow + 1, rows.width);
    for (int y = 0; y < rows.height; ++y)
        for (int x = 0; x < rows.width; ++x)
            for (int k = 0; k < kSsimWindow; ++k)
                rows.at(y, x) = std::fma(window[static_cast<std::size_t>(k)], in.at(y, x + k), rows.at(y, x));
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x)
            for (int k = 0; k < kSsimWindow; ++k)
                out.at(y, x) = std::fma(window[static_cast<std::size_t>(k)], rows.at(y + k, x), out.at(y, x));
    return out;
}
/// The adjoint of window_means().
inline WindowPlane window_means_backward(WindowPlane& d_out, const std::array<double, kSsimWindow>& window) {
    WindowPlane rows(d_out.height + kSsimWindow - 1, d_out.width), in(rows.height, d_out.width + kSsimWindow - 1);
    for (int y = 0; y < d_out.height; ++y)
        for (int x = 0; x < d_out.width; ++x)
            for (int k = 0; k < kSsimWindow; ++k)
                rows.at(y + k, x) = std::fma(window[static_cast<std::size_t>(k)], d_out.at(y, x), rows.at(y + k, x));
    for (int y = 0; y < rows.height; ++y)
        for (int x = 0; x < rows.width; ++x)
            for (int k = 0; k < kSsimWindow; ++k)
                in.at(y, x + k) = std::fma(window[static_cast<std::size_t>(k)], rows.at(y, x), in.at(y, x + k));
    return in;
}

/// Mean SSIM of two planes in [0, 1], or of its contrast-structure part; x and y become its gradients to them.
inline double window_similarity(WindowPlane& x, WindowPlane& y, bool luminance) {
    constexpr double kC1 = 0.01 * 0.01, kC2 = 0.03 * 0.03;
    const auto window = ssim_window();
    std::vector<WindowPlane> moment;  // x, y, x², y², xy
    for (int i = 0; i < 5; ++i) {
        WindowPlane product(x.height, x.width);
        for (std::size_t p = 0; p < product.value.size(); ++p) {
            const double a = x.value[p], b = y.value[p];
            product.value[p] = i == 0 ? a : i == 1 ? b : i == 2 ? a * a : i == 3 ? b * b : a * b;
        }
        moment.push_back(window_means(product, window));
    }
    const double share = 1.0 / static_cast<double>(moment[0].value.size());
    double total = 0;
    for (std::size_t p = 0; p < moment[0].value.size(); ++p) {
        std::array<double*, 5> m{};
        for (std::size_t i = 0; i < m.size(); ++i) m[i] = &moment[i].value[p];
        const double mx = *m[0], my = *m[1];
        const double variances = std::fma(-mx, mx, *m[2]) + std::fma(-my, my, *m[3]) + kC2;
        const double contrast = std::fma(2.0, std::fma(-mx, my, *m[4]), kC2) / variances;
        const double squares = std::fma(mx, mx, my * my) + kC1;
        const double light = luminance ? std::fma(2 * mx, my, kC1) / squares : 1;
        const double to_light = luminance ? contrast * 2 / squares : 0;
        total = std::fma(light, contrast, total);
        *m[0] = share * (light * 2 * (contrast * mx - my) / variances + to_light * (my - light * mx));
        *m[1] = share * (light * 2 * (contrast * my - mx) / variances + to_light * (mx - light * my));
        *m[2] = *m[3] = -share * light * contrast / variances;
        *m[4] = share * light * 2 / variances;
    }
    for (WindowPlane& m : moment) m = window_means_backward(m, window);
    for (std::size_t p = 0; p < x.value.size(); ++p) {
        const double a = x.value[p], b = y.value[p];
        x.value[p] = std::fma(2 * a, moment[2].value[p], std::fma(b, moment[4].value[p], moment[0].value[p]));
        y.value[p] = std::fma(2 * b, moment[3].value[p], std::fma(a, moment[4].value[p], moment[1].value[p]));
    }
    return share * total;
}

/// window_similarity() of every channel of every image. Shapes  x, y [n,c,h,w] · result [n,c,1,1]
template <class T>
Variable<T> structural_similarity(Tape<T>& tape, Variable<T> x, Variable<T> y, bool luminance) {
    const Shape s = x.shape();
    auto out = tape.scratch().template zeros<T>({s.n, s.c, 1, 1});
    auto d_x = tape.scratch().template zeros<T>(s), d_y = tape.scratch().template zeros<T>(s);
    parallel_for(static_cast<std::int64_t>(s.n) * s.c, [&](std::int64_t i, int) {
        const int n = static_cast<int>(i / s.c), c = static_cast<int>(i % s.c);
        WindowPlane a(s.h, s.w), b(s.h, s.w);
        for (int row = 0; row < s.h; ++row)
            for (int column = 0; column < s.w; ++column) {
                a.at(row, column) = static_cast<double>(x.constant().at(n, c, row, column));
                b.at(row, column) = static_cast<double>(y.constant().at(n, c, row, column));
            }
        out.at(n, c, 0, 0) = static_cast<T>(window_similarity(a, b, luminance));
        for (int row = 0; row < s.h; ++row)
            for (int column = 0; column < s.w; ++column) {
                d_x.at(n, c, row, column) = static_cast<T>(a.at(row, column));
                d_y.at(n, c, row, column) = static_cast<T>(b.at(row, column));
            }
    });
    return tape.record(out, {x, y}, false, [&tape, x, y, d_x, d_y](TensorView<const T> d_out) {
        const auto pass = [&](TensorView<const T> slope) {
            return [&d_out, slope](TensorView<T> d) {
                const std::size_t plane = d.shape.plane();
                for (int n = 0; n < d.shape.n; ++n)
                    for (int block = 0; block < d.shape.blocks(); ++block)
                        for (std::size_t i = 0; i < plane * kChannelBlock; ++i)
                            d.block(n, block)[i] = d_out.block(n, block)[i % kChannelBlock] * slope.block(n, block)[i];
            };
        };
        tape.accumulate(x, pass(d_x));
        tape.accumulate(y, pass(d_y));
    });
}

/// 1 − the mean over images and channels of Π_i max(factor_i, 0)^weight_i.
template <class T>
Variable<T> one_minus_product(Tape<T>& tape, const std::vector<Variable<T>>& factors, std::span<const double> weights) {
    std::vector<std::pair<Variable<T>, TensorView<T>>> slopes;
    const Shape s = factors.front().shape();
    for (const auto& factor : factors) slopes.emplace_back(factor, tape.scratch().template zeros<T>(s));
    const double share = 1.0 / static_cast<double>(s.logical_size());
    double total = 0;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c) {
            double product = 1;
            for (std::size_t i = 0; i < factors.size(); ++i)
                product *= std::pow(std::max(0.0, double(factors[i].constant().at(n, c, 0, 0))), weights[i]);
            for (std::size_t i = 0; i < factors.size() && product > 0; ++i)
                slopes[i].second.at(n, c, 0, 0) =
                    static_cast<T>(-share * weights[i] * product / double(factors[i].constant().at(n, c, 0, 0)));
            total += product;
        }
    // One recorded value per factor, which carries its gradient; the first carries the loss as well, the others 0.
    Variable<T> loss;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
        auto part = tape.scratch().template zeros<T>({1, 1, 1, 1});
        if (i == 0) part.data[0] = static_cast<T>(1 - share * total);
        const Variable<T> factor = slopes[i].first;
        const TensorView<T> slope = slopes[i].second;
        const auto recorded = tape.record(part, {factor}, false, [&tape, factor, slope](TensorView<const T> d_out) {
            tape.accumulate(factor, [&](TensorView<T> d) { scale(TensorView<const T>(slope), d_out.data[0], d); });
        });
        loss = i == 0 ? recorded : add(tape, loss, recorded);
    }
    return loss;
}

}  // namespace detail

/// 1 − MS-SSIM over `scales` scales of the five, their weights made to sum to 1; with one scale 1 − SSIM.
/// Shapes   x, y [n,c,h,w] in [0, 1] with extents of at least 11·2^(scales − 1), even but at the last scale · one number
/// Paper    Wang, Simoncelli, Bovik: Multiscale Structural Similarity, 2003; metrics/ms_ssim.hpp measures it.
template <class T>
Variable<T> ms_ssim_loss(Tape<T>& tape, Variable<T> x, Variable<T> y, int scales = 4) {
    constexpr std::array<double, 5> kWeights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
    GANCODEC_ASSERT(scales >= 1 && scales <= 5);
    const auto count = static_cast<std::size_t>(scales);
    std::vector<double> weights(kWeights.begin(), kWeights.begin() + scales);
    double sum_of_weights = 0;
    for (const double w : weights) sum_of_weights += w;
    for (double& w : weights) w /= sum_of_weights;
    std::vector<Variable<T>> factors;
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) {
            x = avg_pool(tape, x, PoolGeometry{2, 2, 0, false});
            y = avg_pool(tape, y, PoolGeometry{2, 2, 0, false});
        }
        factors.push_back(detail::structural_similarity(tape, x, y, i + 1 == count));
    }
    return detail::one_minus_product(tape, factors, std::span<const double>(weights));
}

}  // namespace gancodec
