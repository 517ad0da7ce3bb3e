#pragma once

// Operations for Tape<T> that look across the images of a batch.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "gancodec/autograd/linear_ops.hpp"
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

}  // namespace gancodec
