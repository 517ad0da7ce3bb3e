#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "gancodec/train/losses/pointwise.hpp"

namespace gancodec {

/// What discriminator D and generator G minimise, per logit (sp is softplus, t the label of real images):
///   saturating      D sp(real) − t·real + sp(fake)         G −sp(fake)         Goodfellow et al. 2014, the minimax game
///   non_saturating  D the same                             G sp(−fake)         Goodfellow et al. 2014
///   least_squares   D ½(real − t)² + ½·fake²               G ½(fake − 1)²      Mao et al. 2017
///   hinge           D max(0, 1 − real) + max(0, 1 + fake)  G −fake             Lim, Ye 2017; Miyato et al. 2018
///   wasserstein     D fake − real                          G −fake             Arjovsky, Chintala, Bottou 2017
/// wasserstein needs a Lipschitz discriminator: spectral norm or a gradient penalty.
enum class AdversarialLoss { saturating, non_saturating, least_squares, hinge, wasserstein };

struct AdversarialOptions {
    AdversarialLoss loss = AdversarialLoss::non_saturating;
    /// Judge logits against the mean logit of the other side, D(real) − mean D(fake) and D(fake) − mean D(real), where G
    /// minimises D's loss with the sides exchanged (Jolicoeur-Martineau 2018, relativistic average).
    bool relativistic = false;
    /// One-sided label smoothing: t below 1 keeps D from growing sure (Salimans et al. 2016). Read by the first three.
    double real_label = 1;

    friend bool operator==(const AdversarialOptions&, const AdversarialOptions&) = default;
};

namespace detail {

inline ValueAndSlope softplus_at(double x) {
    return {std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0), sigmoid(x)};
}
inline ValueAndSlope adversarial_real_cost(const AdversarialOptions& options, double x) {
    const double t = options.real_label;
    switch (options.loss) {
        case AdversarialLoss::saturating:
        case AdversarialLoss::non_saturating: {
            const ValueAndSlope at = softplus_at(x);
            return {at.value - t * x, at.slope - t};
        }
        case AdversarialLoss::least_squares:
            return {0.5 * (x - t) * (x - t), x - t};
        case AdversarialLoss::hinge:
            return {std::max(0.0, 1 - x), x < 1 ? -1.0 : 0.0};
        case AdversarialLoss::wasserstein:
            break;
    }
    return {-x, -1};
}
inline ValueAndSlope adversarial_fake_cost(const AdversarialOptions& options, double x) {
    switch (options.loss) {
        case AdversarialLoss::saturating:
        case AdversarialLoss::non_saturating:
            return softplus_at(x);
        case AdversarialLoss::least_squares:
            return {0.5 * x * x, x};
        case AdversarialLoss::hinge:
            return {std::max(0.0, 1 + x), x > -1 ? 1.0 : 0.0};
        case AdversarialLoss::wasserstein:
            break;
    }
    return {x, 1};
}
inline ValueAndSlope adversarial_generator_cost(const AdversarialOptions& options, double x) {
    switch (options.loss) {
        case AdversarialLoss::saturating: {
            const ValueAndSlope at = softplus_at(x);
            return {-at.value, -at.slope};
        }
        case AdversarialLoss::non_saturating: {
            const ValueAndSlope at = softplus_at(-x);
            return {at.value, -at.slope};
        }
        case AdversarialLoss::least_squares:
            return {0.5 * (x - 1) * (x - 1), x - 1};
        case AdversarialLoss::hinge:
        case AdversarialLoss::wasserstein:
            break;
    }
    return {-x, -1};
}

/// a − mean(b), the mean over all logits.
template <class T>
Variable<T> relative_to_mean(Tape<T>& tape, Variable<T> a, Variable<T> b) {
    const auto mean = scale(tape, sum(tape, b), T(1) / static_cast<T>(b.shape().logical_size()));
    auto out = tape.make(a.shape());
    const T by = mean.scalar();
    for (std::size_t i = 0; i < out.size(); ++i) out.data[i] = a.constant().data[i] - by;
    clear_padding(out);
    return tape.record(out, {a, mean}, false, [&tape, a, mean](TensorView<const T> d_out) {
        tape.accumulate(a, d_out);
        tape.accumulate(mean, [&](TensorView<T> d) {
            std::fill_n(d.data, d.size(), T(0));
            d.data[0] = -static_cast<T>(sum(d_out, tape.scratch()));
        });
    });
}

/// What a discriminator pays that should take `high` for real and `low` for fake.
template <class T>
Variable<T> adversarial_pair(Tape<T>& tape, const AdversarialOptions& options, Variable<T> high, Variable<T> low) {
    const auto real_cost = [options](double x) { return adversarial_real_cost(options, x); };
    const auto fake_cost = [options](double x) { return adversarial_fake_cost(options, x); };
    if (!options.relativistic) return add(tape, mean_of(tape, high, real_cost), mean_of(tape, low, fake_cost));
    return add(tape, mean_of(tape, relative_to_mean(tape, high, low), real_cost),
               mean_of(tape, relative_to_mean(tape, low, high), fake_cost));
}

/// Mean of `one(scale)` over the scales of a discriminator.
template <class T, class One>
Variable<T> mean_over_scales(Tape<T>& tape, std::size_t scales, const One& one) {
    std::vector<std::pair<Variable<T>, T>> terms;
    for (std::size_t i = 0; i < scales; ++i) terms.emplace_back(one(i), T(1) / static_cast<T>(scales));
    return weighted_sum(tape, terms);
}

}  // namespace detail

/// The discriminator's loss. Shapes  real, fake: logits, one map per scale · result: one number
template <class T>
Variable<T> discriminator_loss(Tape<T>& tape, const AdversarialOptions& options, const std::vector<Variable<T>>& real,
                               const std::vector<Variable<T>>& fake) {
    return detail::mean_over_scales(
        tape, real.size(), [&](std::size_t i) { return detail::adversarial_pair(tape, options, real[i], fake[i]); });
}

/// The generator's loss; `real` is read when relativistic, and may be empty else.
template <class T>
Variable<T> generator_loss(Tape<T>& tape, const AdversarialOptions& options, const std::vector<Variable<T>>& real,
                           const std::vector<Variable<T>>& fake) {
    return detail::mean_over_scales(tape, fake.size(), [&](std::size_t i) {
        if (options.relativistic) return detail::adversarial_pair(tape, options, fake[i], real[i]);
        return mean_of(tape, fake[i], [options](double x) { return detail::adversarial_generator_cost(options, x); });
    });
}

}  // namespace gancodec
