#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/core/parallel.hpp"

namespace gancodec {

/// Mean squared error over the logical elements of each image, weighted and summed.
///   loss = Σ_n weight[n] · (1 / (c·h·w)) Σ_i (a_i − b_i)²
/// Shapes  a, b [n,c,h,w] · weight [n] · result: one number; the unweighted errors go to `measured`
template <class T>
Variable<T> mean_squared_error(Tape<T>& tape, Variable<T> a, Variable<T> b, std::span<const double> weight,
                               std::vector<double>& measured) {
    const Shape s = a.shape();
    const auto images = static_cast<std::size_t>(s.n);
    const std::size_t per_image = s.size() / images;
    const double count = static_cast<double>(s.logical_size() / images);
    measured.assign(images, 0.0);
    parallel_for(s.n, [&](std::int64_t n, int) {
        const T* pa = a.constant().data + static_cast<std::size_t>(n) * per_image;
        const T* pb = b.constant().data + static_cast<std::size_t>(n) * per_image;
        double sum = 0;
        for (std::size_t i = 0; i < per_image; ++i) {
            const double d = static_cast<double>(pa[i]) - static_cast<double>(pb[i]);
            sum = std::fma(d, d, sum);
        }
        measured[static_cast<std::size_t>(n)] = sum / count;
    });
    double loss = 0;
    for (std::size_t n = 0; n < images; ++n) loss = std::fma(weight[n], measured[n], loss);
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    out.data[0] = static_cast<T>(loss);
    std::vector<double> weights(weight.begin(), weight.end());
    return tape.record(out, {a, b}, false, [&tape, a, b, weights, per_image, count](TensorView<const T> d_out) {
        const auto gradient = [&](const Variable<T>& plus, const Variable<T>& minus) {
            return [&, pa = plus.constant(), pb = minus.constant()](TensorView<T> d) {
                parallel_for(d.shape.n, [&](std::int64_t n, int) {
                    const auto image = static_cast<std::size_t>(n);
                    const T factor = d_out.data[0] * static_cast<T>(2 * weights[image] / count);
                    for (std::size_t i = image * per_image, end = i + per_image; i < end; ++i)
                        d.data[i] = factor * (pa.data[i] - pb.data[i]);
                });
            };
        };
        tape.accumulate(a, gradient(a, b));
        tape.accumulate(b, gradient(b, a));
    });
}

}  // namespace gancodec
