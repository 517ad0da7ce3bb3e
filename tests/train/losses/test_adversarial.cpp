#include <cmath>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

namespace {

constexpr AdversarialLoss kLosses[] = {AdversarialLoss::saturating, AdversarialLoss::non_saturating,
                                       AdversarialLoss::least_squares, AdversarialLoss::hinge,
                                       AdversarialLoss::wasserstein};

std::vector<Tensor<double>> logits(std::uint64_t seed) {
    std::vector<Tensor<double>> inputs;  // two scales of real logits, then two of fake ones
    inputs.push_back(random_input({2, 1, 3, 2}, seed, -3, 3));
    inputs.push_back(random_input({2, 1, 1, 1}, seed + 1, -3, 3));
    inputs.push_back(random_input({2, 1, 3, 2}, seed + 2, -3, 3));
    inputs.push_back(random_input({2, 1, 1, 1}, seed + 3, -3, 3));
    return inputs;
}

/// Value of the discriminator's and the generator's loss for one real and one fake logit.
std::pair<double, double> at(const AdversarialOptions& options, double real, double fake) {
    Tape<double> tape;
    const std::vector<Variable<double>> r = {tape.constant(real)}, f = {tape.constant(fake)};
    return {discriminator_loss(tape, options, r, f).scalar(), generator_loss(tape, options, r, f).scalar()};
}

}  // namespace

TEST_CASE("gradients of the adversarial losses", "[gradient]") {
    for (const AdversarialLoss loss : kLosses)
        for (const bool relativistic : {false, true}) {
            const AdversarialOptions options{loss, relativistic, 0.9};
            operation_error(logits(31), [&](auto& tape, auto& x) {
                return discriminator_loss(tape, options, {x[0], x[1]}, {x[2], x[3]});
            });
            operation_error(logits(41), [&](auto& tape, auto& x) {
                return generator_loss(tape, options, {x[0], x[1]}, {x[2], x[3]});
            });
        }
}

TEST_CASE("adversarial losses have the values of their papers", "[loss]") {
    const auto log1pexp = [](double x) { return std::log1p(std::exp(x)); };
    const double real = 0.7, fake = -0.4;
    const auto check = [&](AdversarialOptions options, double discriminator, double generator) {
        const auto [d, g] = at(options, real, fake);
        CHECK(std::abs(d - discriminator) < 1e-12);
        CHECK(std::abs(g - generator) < 1e-12);
    };
    check({AdversarialLoss::saturating}, log1pexp(-real) + log1pexp(fake), -log1pexp(fake));
    check({AdversarialLoss::non_saturating}, log1pexp(-real) + log1pexp(fake), log1pexp(-fake));
    check({AdversarialLoss::least_squares}, 0.5 * 0.09 + 0.5 * 0.16, 0.5 * 1.96);
    check({AdversarialLoss::hinge}, 0.3 + 0.6, 0.4);
    check({AdversarialLoss::wasserstein}, -1.1, 0.4);
    check({AdversarialLoss::non_saturating, true}, 2 * log1pexp(-1.1), 2 * log1pexp(1.1));
    // A label of 0.9: cross-entropy of 0.9 and σ(real).
    check({AdversarialLoss::non_saturating, false, 0.9}, 0.9 * log1pexp(-real) + 0.1 * log1pexp(real) + log1pexp(fake),
          log1pexp(-fake));
}

TEST_CASE("gradients of pixel losses", "[gradient]") {
    const auto images = [] {
        std::vector<Tensor<double>> two;
        two.push_back(random_input({2, 3, 4, 5}, 51));
        two.push_back(random_input({2, 3, 4, 5}, 52));
        return two;
    };
    operation_error(images(), [](auto& tape, auto& x) { return mean_absolute_error(tape, x[0], x[1]); });
    operation_error(images(), [](auto& tape, auto& x) { return charbonnier(tape, x[0], x[1], 0.05); });
    operation_error(images(), [](auto& tape, auto& x) {
        return add(tape, total_variation(tape, x[0]), scale(tape, total_variation(tape, x[1]), 0.3));
    });
    operation_error(images(), [](auto& tape, auto& x) {
        using Features = std::vector<Variable<double>>;
        return feature_matching(tape, Features{x[0], scale(tape, x[1], 2.0)}, Features{x[1], x[0]});
    });
}

TEST_CASE("pixel losses of known pictures", "[loss]") {
    Tensor<double> ramp({1, 1, 2, 3}), zero({1, 1, 2, 3});
    for (int y = 0; y < 2; ++y)
        for (int x = 0; x < 3; ++x) ramp.at(0, 0, y, x) = 2 * x + 5 * y;
    Tape<double> tape;
    const auto a = tape.leaf(ramp.view()), b = tape.leaf(zero.view());
    CHECK(total_variation(tape, a).scalar() == 7.0);
    CHECK(std::abs(mean_absolute_error(tape, a, b).scalar() - 4.5) < 1e-12);
    CHECK(std::abs(charbonnier(tape, b, b, 0.25).scalar() - 0.25) < 1e-12);
}
