// Every layer and loss: analytic against central difference, in double, relative error under 1e-6.
#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

namespace {

/// Minibatch discrimination without the bias of its measures, which no difference sees.
struct MeasuresAlone {
    MinibatchDiscrimination<3, 2, 4, double> layer;
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "weight", layer.measure.weight);
    }
    void prepare(bool for_backward) { layer.prepare(for_backward); }
    void project() { layer.project(); }
    Variable<double> operator()(Tape<double>& tape, Variable<double> x) const { return layer(tape, x); }
};

}  // namespace

TEST_CASE("gradients of convolutions", "[gradient]") {
    Conv2d<3, 5, 3>::Rebind<double> plain;
    network_error(plain, {2, 3, 4, 5});
    Conv2d<3, 18, 5, Stride<2>>::Rebind<double> strided;
    network_error(strided, {1, 3, 7, 6});
    Conv2d<17, 2, 1>::Rebind<double> pointwise;
    network_error(pointwise, {1, 17, 3, 2});
    ConvTranspose2d<4, 3, 5>::Rebind<double> transposed;
    network_error(transposed, {2, 4, 3, 4});
    ConvTranspose2d<4, 3, 4>::Rebind<double> even;
    network_error(even, {1, 4, 3, 3});
}

TEST_CASE("gradients of GDN and its inverse", "[gradient]") {
    for (const bool inverse : {false, true}) {
        const auto check = [](auto network) {
            Random random(3);
            randomise(network.beta, random, 0.7, 2.0);
            randomise(network.gamma, random, 0.05, 0.4);
            std::vector<Tensor<double>> inputs;
            inputs.push_back(random_input({2, 5, 3, 2}, 4, 0.1, 2));  // |x| has a kink at 0
            const GradientError error = gradient_check(
                network, inputs, [&](auto& tape, auto& x) { return weighted_square(tape, network(tape, x[0])); });
            INFO(error.where);
            CHECK(error.relative < kTolerance);
        };
        if (inverse)
            check(InverseGdn<5, double>());
        else
            check(Gdn<5, false, double>());
    }
}

TEST_CASE("gradients of activations, shuffles and a residual block", "[gradient]") {
    Sequential<Conv2d<3, 8, 3>, Sigmoid, PixelShuffle<2>, Conv2d<2, 4, 3>, Tanh, PixelUnshuffle<2>>::Rebind<double>
        smooth;
    network_error(smooth, {1, 3, 2, 4});
    // Seeds whose pre-activations stay clear of the kink.
    Sequential<Conv2d<2, 3, 3>, LeakyRelu<>, Conv2d<3, 2, 3>>::Rebind<double> leaky;
    network_error(leaky, {1, 2, 2, 3}, 11);
    ResidualBlock<3>::Rebind<double> block;
    network_error(block, {1, 3, 2, 2}, 8);
}

TEST_CASE("gradients of sums, crops and gains", "[gradient]") {
    std::vector<Tensor<double>> two;
    two.push_back(random_input({2, 3, 4, 3}, 1));
    two.push_back(random_input({2, 3, 4, 3}, 2));
    operation_error(std::move(two), [](auto& tape, auto& x) {
        const auto difference = sub(tape, scale(tape, x[0], 1.7), x[1]);
        const auto both = add(tape, difference, scale_and_shift(tape, x[1], 0.3, 0.2));
        return weighted_square(tape, crop(tape, both, 2, 1, 1, 1));
    });

    Gain<4, 5, double> gain;
    Random random(6);
    randomise(gain.log2_gain, random, -1, 1);
    OneLayer<Gain<4, 5, double>> network{gain};
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 5, 2, 3}, 7));
    const std::vector<double> positions = {0.3, 2.75};
    for (const auto direction : {GainDirection::multiply, GainDirection::divide}) {
        const GradientError error = gradient_check(network, inputs, [&](auto& tape, auto& x) {
            return weighted_square(tape, apply_gain(tape, x[0], gain, std::span<const double>(positions), direction));
        });
        INFO(error.where);
        CHECK(error.relative < kTolerance);
    }
}

TEST_CASE("gradients of the rates", "[gradient]") {
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 5, 2, 3}, 21, -3, 3));
    inputs.push_back(random_input({2, 5, 2, 3}, 22, 18, 60));
    const std::vector<double> weight = {0.4, 1.3};
    BitsPerImage bits;
    operation_error(std::move(inputs), [&](auto& tape, auto& x) {
        return gaussian_bits(tape, x[0], x[1], std::span<const double>(weight), bits);
    });

    // Far in the tail, where the density's logarithm takes over.
    std::vector<Tensor<double>> tail;
    tail.push_back(random_input({1, 3, 2, 2}, 23, 9, 12));
    tail.push_back(random_input({1, 3, 2, 2}, 24, 2, 5));
    operation_error(std::move(tail), [&](auto& tape, auto& x) {
        return gaussian_bits(tape, x[0], x[1], std::span<const double>(weight).first(1), bits);
    });

    LogisticMixture<double> prior(5);
    Random random(25);
    randomise(prior.mean, random, -2, 2);
    randomise(prior.log_scale, random, -1, 1);
    randomise(prior.weight, random, -1, 1);
    OneLayer<LogisticMixture<double>> network{prior};
    std::vector<Tensor<double>> z;
    z.push_back(random_input({2, 5, 2, 2}, 26, -4, 4));
    const GradientError error = gradient_check(network, z, [&](auto& tape, auto& x) {
        return factorized_bits(tape, x[0], prior, std::span<const double>(weight), bits);
    });
    INFO(error.where);
    CHECK(error.relative < kTolerance);
}

TEST_CASE("straight-through operations pass gradients as documented", "[gradient]") {
    Tape<double> tape;
    Tensor<double> x({1, 2, 1, 2});
    x.at(0, 0, 0, 0) = 1.4;
    x.at(0, 0, 0, 1) = -300;
    x.at(0, 1, 0, 0) = -127.4;
    x.at(0, 1, 0, 1) = 300;
    const auto leaf = tape.leaf(x.view(), true);
    const auto q = quantize(tape, leaf, 1.0, -127.0, 127.0);
    CHECK(q.constant().at(0, 0, 0, 0) == 1.0);
    CHECK(q.constant().at(0, 0, 0, 1) == -127.0);
    Tensor<double> zero({1, 2, 1, 2});
    std::vector<double> measured;
    const std::vector<double> weight = {4.0};  // 4/(2·2) Σ d², whose gradient is 2 d
    tape.backward(mean_squared_error(tape, q, tape.leaf(zero.view()), std::span<const double>(weight), measured));
    const auto gradient = tape.gradient(leaf);
    CHECK(gradient.at(0, 0, 0, 0) == 2.0);
    CHECK(gradient.at(0, 0, 0, 1) == 0.0);
    CHECK(gradient.at(0, 1, 0, 0) == -254.0);  // rounded to the end of the range, not clamped
    CHECK(gradient.at(0, 1, 0, 1) == 0.0);
}

TEST_CASE("gradients of the deviation of a batch", "[gradient]") {
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({3, 2, 2, 3}, 61));
    operation_error(std::move(inputs),
                    [](auto& tape, auto& x) { return weighted_square(tape, append_batch_deviation(tape, x[0])); });

    Tape<double> tape;  // deviations of ±1 and ±3 about their means: 2 in the mean
    Tensor<double> two({2, 2, 1, 1});
    for (int n = 0; n < 2; ++n) {
        two.at(n, 0, 0, 0) = 5 + (n == 0 ? 1 : -1);
        two.at(n, 1, 0, 0) = n == 0 ? 3 : -3;
    }
    const auto out = append_batch_deviation(tape, tape.leaf(two.view()));
    CHECK(out.shape() == Shape{2, 3, 1, 1});
    CHECK(std::abs(out.constant().at(1, 2, 0, 0) - 2) < 1e-6);
}

TEST_CASE("gradients of minibatch discrimination", "[gradient]") {
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({4, 6, 1, 1}, 63));
    operation_error(std::move(inputs),
                    [](auto& tape, auto& x) { return weighted_square(tape, batch_nearness(tape, x[0], 3)); });
    MeasuresAlone network;
    network_error(network, {3, 3, 1, 1}, 64);

    Tape<double> tape;  // two equal images and one far away
    Tensor<double> three({3, 2, 1, 1});
    three.at(2, 0, 0, 0) = 50;
    const auto out = batch_nearness(tape, tape.leaf(three.view()), 2);
    CHECK(out.shape() == Shape{3, 1, 1, 1});
    CHECK(std::abs(out.constant().at(0, 0, 0, 0) - 2) < 1e-9);
    CHECK(std::abs(out.constant().at(2, 0, 0, 0) - 1) < 1e-9);
}
