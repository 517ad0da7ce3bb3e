#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "gancodec/autograd/ops.hpp"
#include "gancodec/core/random.hpp"

namespace gancodec {

/// Mean over the images of (|gradient_n| − target)², the Euclidean norm over all elements of image n.
/// Shapes   gradient [n,c,h,w], as Tape::differentiate() answers it · result: one number
template <class T>
Variable<T> gradient_norm_penalty(Tape<T>& tape, Variable<T> gradient, double target) {
    const Shape s = gradient.shape();
    const std::size_t image = s.size() / static_cast<std::size_t>(s.n);
    std::vector<double> factor(static_cast<std::size_t>(s.n));
    double total = 0;
    for (std::size_t n = 0; n < factor.size(); ++n) {
        const T* g = gradient.constant().data + n * image;
        double squares = 0;
        for (std::size_t i = 0; i < image; ++i) squares = std::fma(double(g[i]), double(g[i]), squares);
        const double norm = std::sqrt(squares);
        total += (norm - target) * (norm - target) / s.n;
        constexpr double kSmallestNorm = 1e-12;  // at 0 the penalty to a target above 0 has no slope
        factor[n] = target == 0 ? 2.0 / s.n : 2 * (norm - target) / (std::max(norm, kSmallestNorm) * s.n);
    }
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    out.data[0] = static_cast<T>(total);
    return tape.record(out, {gradient}, false, [&tape, gradient, factor, image](TensorView<const T> d_out) {
        tape.accumulate(gradient, [&](TensorView<T> d) {
            for (std::size_t i = 0; i < d.size(); ++i)
                d.data[i] = d_out.data[0] * static_cast<T>(factor[i / image]) * gradient.constant().data[i];
        });
    });
}

/// The gradient of all logits of a discriminator, summed over patches and scales, to the images it judged.
template <class T>
Variable<T> logit_gradient(Tape<T>& tape, const std::vector<Variable<T>>& logits, Variable<T> images) {
    Variable<T> total = sum(tape, logits.front());
    for (std::size_t i = 1; i < logits.size(); ++i) total = add(tape, total, sum(tape, logits[i]));
    return tape.differentiate(total, images);
}

/// R1: mean |∇D(x)|² over real images x, ∇ to the image. Weigh it by γ/2.
/// Requires real is a leaf with gradient. Paper  Mescheder, Geiger, Nowozin: Which Training Methods for GANs do actually
///          Converge?, 2018, equation 9.
template <class T>
Variable<T> r1_penalty(Tape<T>& tape, const std::vector<Variable<T>>& logits, Variable<T> real) {
    return gradient_norm_penalty(tape, logit_gradient(tape, logits, real), 0);
}

/// WGAN-GP: mean (|∇D(x̃)| − 1)² at points x̃ between real and fake images (mix_images()). Weigh it by 10.
/// Paper    Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville: Improved Training of Wasserstein GANs, 2017, equation 3.
template <class T>
Variable<T> wgan_gradient_penalty(Tape<T>& tape, const std::vector<Variable<T>>& logits, Variable<T> mixed) {
    return gradient_norm_penalty(tape, logit_gradient(tape, logits, mixed), 1);
}

/// out_n = real_n + e_n·(fake_n − real_n), e_n uniform in [0, 1).
template <class T>
void mix_images(TensorView<const T> real, TensorView<const T> fake, Random& random, TensorView<T> out) {
    GANCODEC_ASSERT(real.shape == fake.shape && real.shape == out.shape);
    const std::size_t image = out.size() / static_cast<std::size_t>(out.shape.n);
    for (std::size_t n = 0; n < static_cast<std::size_t>(out.shape.n); ++n) {
        const T e = static_cast<T>(random.uniform());
        for (std::size_t i = n * image; i < (n + 1) * image; ++i)
            out.data[i] = std::fma(e, fake.data[i] - real.data[i], real.data[i]);
    }
}

}  // namespace gancodec
