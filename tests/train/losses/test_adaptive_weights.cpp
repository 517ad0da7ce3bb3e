#include <cmath>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

TEST_CASE("gradients of uncertainty weights", "[gradient]") {
    Uncertainty<double> weights(2);
    weights.log_variance.value = {0.7, -0.4};
    OneLayer<Uncertainty<double>> network{weights};
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({1, 1, 1, 1}, 91, 0.5, 2));
    inputs.push_back(random_input({1, 1, 1, 1}, 92, 0.5, 2));
    const GradientError error = gradient_check(network, inputs, [&](auto& tape, auto& x) {
        return add(tape, weights(tape, x[0], 0), scale(tape, weights(tape, x[1], 1), 1.5));
    });
    INFO(error.where);
    CHECK(error.relative < kTolerance);
}

TEST_CASE("an uncertainty settles at its term", "[loss]") {
    Uncertainty<double> weights(1);
    weights.log_variance.grad = {0};
    Tape<double> tape;
    for (int i = 0; i < 400; ++i) {
        tape.clear();
        weights.log_variance.grad[0] = 0;
        tape.backward(weights(tape, tape.constant(5.0), 0));
        weights.log_variance.value[0] -= 0.1 * weights.log_variance.grad[0];
    }
    CHECK(std::abs(std::exp(weights.log_variance.value[0]) - 5) < 1e-6);
}

TEST_CASE("the balance of gradients is what central differences of the last layer say", "[gradient]") {
    const OneThread alone;
    using Network = Sequential<Conv2d<2, 4, 3>, Tanh, Conv2d<4, 2, 3>>::Rebind<double>;
    Network network;
    Random random(5);
    network.each_parameter("", [&](const std::string&, Parameter<double>& p) {
        randomise(p, random, -0.5, 0.5);
        p.grad.assign(p.value.size(), 0);
    });
    const auto x = random_input({1, 2, 3, 4}, 6), wanted = random_input({1, 2, 3, 4}, 7);
    Tape<double> tape;
    const auto record = [&] {
        tape.clear();
        network.prepare(true);
        const auto out = network(tape, tape.leaf(x.view()));
        return std::pair(weighted_square(tape, sub(tape, out, tape.leaf(wanted.view()))),
                         generator_loss<double>(tape, {}, {}, {activation(tape, out, Activation::tanh, 0.0)}));
    };
    const auto [content, adversarial] = record();
    const double balance = gradient_balance(tape, content, adversarial, [&] {
        double square = 0;
        network.each_parameter("", [&](const std::string&, Parameter<double>& p) {
            for (double& g : p.grad) square += g * g;
            p.grad.assign(p.grad.size(), 0);
        });
        return std::sqrt(square);
    });
    // What follows is undisturbed: the gradient that a tape without a balance has.
    tape.backward(content);
    std::vector<double> after, before;
    const auto keep = [&](std::vector<double>& all) {
        network.each_parameter("", [&](const std::string&, Parameter<double>& p) {
            all.insert(all.end(), p.grad.begin(), p.grad.end());
            p.grad.assign(p.grad.size(), 0);
        });
    };
    keep(after);
    tape.backward(record().first);
    keep(before);
    CHECK(after == before);

    double of_content = 0, of_adversarial = 0;
    network.each_parameter("", [&](const std::string& name, Parameter<double>& p) {
        if (name.rfind("2.", 0) != 0) return;
        for (double& v : p.value) {
            const double kept = v, step = 1e-3;
            const auto at = [&](double offset) {
                v = kept + offset;
                const auto both = record();
                return std::pair(both.first.scalar(), both.second.scalar());
            };
            const auto a = at(step), b = at(-step), c = at(2 * step), d = at(-2 * step);
            v = kept;
            const double g = (8 * (a.first - b.first) - (c.first - d.first)) / (12 * step);
            const double h = (8 * (a.second - b.second) - (c.second - d.second)) / (12 * step);
            of_content += g * g;
            of_adversarial += h * h;
        }
    });
    const double expected = std::sqrt(of_content) / (std::sqrt(of_adversarial) + 1e-6);
    CHECK(std::abs(balance - expected) < 1e-6 * expected);
}

TEST_CASE("weights adapt, and a loss that can be negative has no uncertainty", "[loss]") {
    CHECK_THROWS_AS(AdaptiveWeights(AdaptiveWeighting::uncertainty, AdversarialLoss::hinge), Error);
    Tape<float> tape;
    std::vector<LossTerm<float>> terms = {{"mse", 2, tape.constant(3)}, {"adversarial", 0.5, tape.constant(4)}};
    for (const auto kind : {AdaptiveWeighting::none, AdaptiveWeighting::uncertainty}) {
        AdaptiveWeights weights(kind, AdversarialLoss::non_saturating);  // of variance 1 at first: nothing changes
        CHECK(weights.loss(tape, terms, {}).scalar() == 8);
    }
}
