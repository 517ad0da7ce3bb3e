#include <cmath>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

TEST_CASE("gradient of the contextual loss", "[gradient]") {
    const auto wanted = random_input({2, 5, 2, 3}, 82);
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 5, 2, 3}, 81));
    operation_error(std::move(inputs),
                    [&](auto& tape, auto& x) { return contextual_loss(tape, x[0], tape.leaf(wanted.view())); });
}

TEST_CASE("the contextual loss asks what is there, not where", "[loss]") {
    const auto wanted = random_input({1, 6, 3, 4}, 83), other = random_input({1, 6, 3, 4}, 84);
    Tensor<double> turned({1, 6, 3, 4});
    for (int c = 0; c < 6; ++c)
        for (int i = 0; i < 12; ++i) turned.at(0, c, i / 4, i % 4) = wanted.at(0, c, (11 - i) / 4, (11 - i) % 4);
    Tape<double> tape;
    const auto loss = [&](const Tensor<double>& x) {
        return contextual_loss(tape, tape.leaf(x.view()), tape.leaf(wanted.view())).scalar();
    };
    CHECK(loss(wanted) < 1e-9);
    CHECK(std::abs(loss(turned) - loss(wanted)) < 1e-12);
    CHECK(loss(other) > 0.1);

    // Two positions by hand: of y (0,2) and (2,0) with mean (1,1); of x (1,3) and (1,2), which both point up.
    Tensor<double> x({1, 2, 1, 2}), y({1, 2, 1, 2});
    y.at(0, 1, 0, 0) = y.at(0, 0, 0, 1) = 2;
    x.at(0, 0, 0, 0) = x.at(0, 0, 0, 1) = 1;
    x.at(0, 1, 0, 0) = 3;
    x.at(0, 1, 0, 1) = 2;
    const double near = 1 - std::sqrt(0.5), far = 1 + std::sqrt(0.5);
    const double weight = std::exp((near - far) / ((near + 1e-5) * 0.5));
    const double expected = -std::log(0.5 * (1 / (1 + weight) + weight / (1 + weight)));
    CHECK(std::abs(contextual_loss(tape, tape.leaf(x.view()), tape.leaf(y.view())).scalar() - expected) < 1e-9);
}
