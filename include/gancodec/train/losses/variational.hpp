#pragma once

#include <cmath>
#include <cstddef>

#include "gancodec/autograd/ops.hpp"
#include "gancodec/train/losses/pointwise.hpp"

// Latents that are drawn instead of rounded: the variational auto-encoder, and with a discriminator the VAE-GAN.

namespace gancodec {

/// A draw from N(mean, exp(log_deviation)²): z = mean + exp(log_deviation)·noise, noise from N(0, 1).
/// Shapes   mean, log_deviation, noise, result [n,c,h,w]; noise must stay alive as leaves must
/// Paper    Kingma, Welling: Auto-Encoding Variational Bayes, 2014, section 2.4.
template <class T>
Variable<T> sample_gaussian(Tape<T>& tape, Variable<T> mean, Variable<T> log_deviation, TensorView<const T> noise) {
    auto out = tape.make(mean.shape()), slope = tape.make(mean.shape());
    for (std::size_t i = 0; i < out.size(); ++i) {
        slope.data[i] = std::exp(log_deviation.constant().data[i]) * noise.data[i];
        out.data[i] = mean.constant().data[i] + slope.data[i];
    }
    return tape.record(out, {mean, log_deviation}, false,
                       [&tape, mean, log_deviation, slope](TensorView<const T> d_out) {
                           tape.accumulate(mean, d_out);
                           tape.accumulate(log_deviation, [&](TensorView<T> d) {
                               for (std::size_t i = 0; i < d.size(); ++i) d.data[i] = d_out.data[i] * slope.data[i];
                           });
                       });
}

/// The divergence of N(mean, exp(log_deviation)²) from N(0, 1), in nats, mean over all elements:
///   ½·(mean² + exp(2·log_deviation) − 1) − log_deviation
/// Paper    the same, appendix B; Larsen, Sønderby, Larochelle, Winther: Autoencoding beyond pixels using a learned
///          similarity metric (VAE-GAN), 2016, equation 1.
template <class T>
Variable<T> divergence_from_standard(Tape<T>& tape, Variable<T> mean, Variable<T> log_deviation) {
    const auto of_mean = mean_of(tape, mean, [](double m) { return ValueAndSlope{0.5 * m * m, m}; });
    const auto of_deviation = mean_of(tape, log_deviation, [](double s) {
        const double square = std::exp(2 * s);
        return ValueAndSlope{0.5 * (square - 1) - s, square - 1};
    });
    return add(tape, of_mean, of_deviation);
}

}  // namespace gancodec
