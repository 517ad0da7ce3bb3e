#pragma once

// Operations for Tape<T> that look across the images of a batch.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/autograd/linear_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Appends one channel that holds, everywhere, how much the images of the batch differ:
///   s = mean over c,y,x of √( Var_n x[n,c,y,x] + 1e-8 )
/// A discriminator that sees it notices a generator that always paints the same.
/// Shapes  x [n,c,h,w] · result [n,c+1,h,w]
/// Paper   Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs, 2018, section 3 (one group: the batch).
template <class T>
Variable<T> append_batch_deviation(Tape<T>& tape, Variable<T> x) {
    constexpr double kEpsilon = 1e-8;
    const Shape s = x.shape();
    const auto images = static_cast<std::size_t>(s.n);
    const std::size_t per_image = s.size() / images;
    const double features = static_cast<double>(s.logical_size() / images);
    const TensorView<const T> in = x.constant();
    std::vector<double> mean(per_image), deviation(per_image);
    double total = 0;
    for (std::size_t i = 0; i < per_image; ++i) {
        for (std::size_t n = 0; n < images; ++n) mean[i] += static_cast<double>(in.data[n * per_image + i]) / s.n;
        double variance = 0;
        for (std::size_t n = 0; n < images; ++n) {
            const double d = static_cast<double>(in.data[n * per_image + i]) - mean[i];
            variance = std::fma(d, d / s.n, variance);
        }
        deviation[i] = std::sqrt(variance + kEpsilon);
        total += deviation[i];
    }
    // Padded channels are 0 in every image: each added √ε.
    total -= std::sqrt(kEpsilon) * (static_cast<double>(per_image) - features);
    auto number = tape.make({s.n, 1, s.h, s.w});
    fill(number, static_cast<T>(total / features));
    const auto channel =
        tape.record(number, {x}, false, [&tape, x, mean, deviation, features](TensorView<const T> d_out) {
            const double d = sum(d_out, tape.scratch()) / (features * static_cast<double>(x.shape().n));
            tape.accumulate(x, [&](TensorView<T> d_x) {
                for (std::size_t i = 0; i < d_x.size(); ++i) {
                    const std::size_t at = i % mean.size();
                    d_x.data[i] =
                        static_cast<T>(d * (static_cast<double>(x.constant().data[i]) - mean[at]) / deviation[at]);
                }
            });
        });
    return concat_channels(tape, x, channel);
}

/// append_batch_deviation() as a layer, before the last convolutions of a discriminator.
template <class T = float>
struct BatchDeviation : StatelessLayer<T> {
    template <class U>
    using Rebind = BatchDeviation<U>;
    static constexpr int out_channels(int in) { return in + 1; }
    [[nodiscard]] Variable<T> operator()(Tape<T>& tape, Variable<T> x) const {
        return append_batch_deviation(tape, std::move(x));
    }
};

/// How near each image of a batch is to the others, in several measures of several numbers each:
///   o[n,b] = Σ_m exp( −Σ_c |x[n, b·Numbers + c] − x[m, b·Numbers + c]| ), m over all images, n itself counts 1
/// Shapes  x [n,measures·numbers,1,1] · result [n,measures,1,1]
/// Paper   Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen: Improved Techniques for Training GANs, 2016, section 3.2.
template <class T>
Variable<T> batch_nearness(Tape<T>& tape, Variable<T> x, int numbers) {
    const Shape s = x.shape();
    GANCODEC_ASSERT(s.h == 1 && s.w == 1 && s.c % numbers == 0);
    const int measures = s.c / numbers;
    const auto images = static_cast<std::size_t>(s.n), count = static_cast<std::size_t>(numbers);
    std::vector<double> value(static_cast<std::size_t>(s.c) * images);  // [measure][image][number]
    for (int c = 0; c < s.c; ++c)
        for (int n = 0; n < s.n; ++n)
            value[(static_cast<std::size_t>(c / numbers) * images + static_cast<std::size_t>(n)) * count +
                  static_cast<std::size_t>(c % numbers)] = static_cast<double>(x.constant().at(n, c, 0, 0));
    std::vector<double> nearness(static_cast<std::size_t>(measures) * images * images);  // [measure][n][m]
    auto out = tape.scratch().template zeros<T>({s.n, measures, 1, 1});
    parallel_for(measures, [&](std::int64_t b, int) {
        const double* first = &value[static_cast<std::size_t>(b) * images * count];
        double* near = &nearness[static_cast<std::size_t>(b) * images * images];
        for (std::size_t n = 0; n < images; ++n) {
            double total = 0;
            for (std::size_t m = 0; m < images; ++m) {
                double distance = 0;
                for (std::size_t c = 0; c < count; ++c)
                    distance += std::abs(first[n * count + c] - first[m * count + c]);
                total += near[n * images + m] = std::exp(-distance);
            }
            out.at(static_cast<int>(n), static_cast<int>(b), 0, 0) = static_cast<T>(total);
        }
    });
    return tape.record(out, {x}, false,
                       [=, &tape, value = std::move(value), nearness = std::move(nearness)](TensorView<const T> d_out) {
                           tape.accumulate(x, [&](TensorView<T> d) {
                               std::fill_n(d.data, d.size(), T(0));
                               parallel_for(measures, [&](std::int64_t measure, int) {
                                   const int b = static_cast<int>(measure);
                                   const double* first = &value[static_cast<std::size_t>(b) * images * count];
                                   const double* near = &nearness[static_cast<std::size_t>(b) * images * images];
                                   std::vector<double> total(count);
                                   for (std::size_t n = 0; n < images; ++n) {
                                       std::fill(total.begin(), total.end(), 0.0);
                                       for (std::size_t m = 0; m < images; ++m) {
                                           const double weight =
                                               near[n * images + m] *
                                               (static_cast<double>(d_out.at(static_cast<int>(n), b, 0, 0)) +
                                                static_cast<double>(d_out.at(static_cast<int>(m), b, 0, 0)));
                                           for (std::size_t c = 0; c < count; ++c) {
                                               const double apart = first[n * count + c] - first[m * count + c];
                                               total[c] -= apart > 0 ? weight : apart < 0 ? -weight : 0;
                                           }
                                       }
                                       for (int c = 0; c < numbers; ++c)
                                           d.at(static_cast<int>(n), b * numbers + c, 0, 0) =
                                               static_cast<T>(total[static_cast<std::size_t>(c)]);
                                   }
                               });
                           });
                       });
}

/// Minibatch discrimination: appends batch_nearness() of learnt measures to features without extent, before the last
/// layer of a discriminator.
template <int In, int Measures, int Numbers, class T = float>
struct MinibatchDiscrimination {
    using Scalar = T;
    template <class U>
    using Rebind = MinibatchDiscrimination<In, Measures, Numbers, U>;
    static constexpr int out_channels(int in) { return in == In ? In + Measures : kChannelMismatch; }

    Conv2d<In, Measures * Numbers, 1, Stride<1>, Padding<0>, T> measure;

    [[nodiscard]] Variable<T> operator()(Tape<T>& tape, Variable<T> x) const {
        return concat_channels(tape, x, batch_nearness(tape, measure(tape, x), Numbers));
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        measure.each_parameter(prefix + "measure.", f);
    }
    void prepare(bool for_backward) { measure.prepare(for_backward); }
    void project() { measure.project(); }
};

}  // namespace gancodec
