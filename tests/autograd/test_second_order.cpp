// Double backpropagation: the gradient of a gradient's penalty against central differences.
#include <cmath>
#include <vector>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

namespace {

/// Checks d(penalty)/d(parameters), where the penalty is made of d(Σ logits)/d(image).
template <class Discriminator, class Penalty>
void check_penalty(Discriminator& network, Shape image, const Penalty& penalty, std::uint64_t seed) {
    const OneThread alone;
    Random random(seed);
    network.each_parameter("", [&](const std::string&, Parameter<double>& p) {
        if (!p.buffer) randomise(p, random, -0.5, 0.5);
    });
    network.project();
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input(image, seed + 1));
    const GradientError error = gradient_check(network, inputs, [&](auto& tape, auto& x) {
        return penalty(tape, std::vector<Variable<double>>{network(tape, x[0])}, x[0]);
    });
    INFO(error.where);
    CHECK(error.relative < 1e-6);
}

const auto kR1 = [](auto& tape, const auto& logits, auto x) { return r1_penalty(tape, logits, x); };
const auto kGradientPenalty = [](auto& tape, const auto& logits, auto x) {
    return wgan_gradient_penalty(tape, logits, x);
};

}  // namespace

TEST_CASE("second order through convolutions, leaky ReLU, sums and linear maps", "[gradient]") {
    // Seeds whose pre-activations stay clear of the kink.
    Sequential<Conv2d<2, 5, 3>, LeakyRelu<>, Conv2d<5, 1, 1>>::Rebind<double> plain;
    check_penalty(plain, {2, 2, 3, 3}, kR1, 11);
    check_penalty(plain, {2, 2, 3, 3}, kGradientPenalty, 14);
    Sequential<Conv2d<3, 4, 4, Stride<2>, Padding<1>>, LeakyRelu<>, PixelShuffle<2>, Conv2d<1, 3, 3>, LeakyRelu<>,
               AvgPool<2, 2>, UpsampleNearest<2>, Conv2d<3, 1, 1>>::Rebind<double>
        maps;
    check_penalty(maps, {1, 3, 4, 4}, kR1, 24);
    ResidualBlock<3>::Rebind<double> block;
    check_penalty(block, {1, 3, 2, 2}, kR1, 8);
}

TEST_CASE("second order through spectral norm", "[gradient]") {
    Sequential<SpectralNorm<Conv2d<2, 4, 3>>, LeakyRelu<>, SpectralNorm<Conv2d<4, 1, 1>>>::Rebind<double> network;
    check_penalty(network, {2, 2, 3, 3}, kGradientPenalty, 12);
}

TEST_CASE("a recorded gradient equals the one of backward()", "[gradient]") {
    Sequential<Conv2d<2, 5, 3>, LeakyRelu<>, Conv2d<5, 3, 3, Stride<2>>>::Rebind<double> network;
    Random random(3);
    network.each_parameter("", [&](const std::string&, Parameter<double>& p) { randomise(p, random, -1, 1); });
    network.prepare(true);
    const auto image = random_input({2, 2, 5, 4}, 4);
    Tape<double> tape;
    const auto x = tape.leaf(image.view(), true);
    const auto y = sum(tape, network(tape, x));
    const auto recorded = tape.differentiate(y, x);
    tape.backward(y);
    const auto direct = tape.gradient(x);
    for (std::size_t i = 0; i < direct.size(); ++i)
        CHECK(std::abs(direct.data[i] - recorded.constant().data[i]) < 1e-12);
}

TEST_CASE("what has no recorded gradient is refused by differentiate()", "[gradient]") {
    Tape<double> tape;
    const auto image = random_input({1, 2, 2, 2}, 4);
    const auto x = tape.leaf(image.view(), true);
    const auto y = sum(tape, activation(tape, x, Activation::tanh, 0.0));
    CHECK_THROWS_AS(tape.differentiate(y, x), Error);
}
