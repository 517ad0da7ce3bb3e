#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

namespace {

/// A frozen network of two taps, as small as they come.
struct SmallFeatures {
    using Scalar = double;
    static constexpr std::array<int, 2> kTapChannels{4, 6};
    Conv2d<3, 4, 3, Stride<1>, Padding<1>, double> first;
    Conv2d<4, 6, 3, Stride<2>, Padding<1>, double> second;

    SmallFeatures() {
        Random random(6);
        for (double& w : first.weight.value) w = random.uniform(-0.5, 0.5);
        for (double& w : second.weight.value) w = random.uniform(-0.5, 0.5);
        first.prepare(true);
        second.prepare(true);
    }
    template <class See>
    void features(Tape<double>& tape, Variable<double> x, See&& see) const {
        x = first(tape, x);
        see(std::size_t{0}, x);
        see(std::size_t{1}, second(tape, x));
    }
};

}  // namespace

TEST_CASE("gradients of residual blocks with GDN, down and up", "[gradient]") {
    ResidualGdnDown<3, 4>::Rebind<double> down;
    network_error(down, {1, 3, 4, 4});
    ResidualGdnUp<3, 4>::Rebind<double> up;
    network_error(up, {1, 3, 2, 2});
}

TEST_CASE("residual encoder and generator with GDN lead from pictures to latents and back", "[network]") {
    const OneThread alone;
    ResidualGdnEncoder<5, 8> encoder;
    ResidualGdnGenerator<5, 8> generator;
    Random random(1);
    init_keep_variance(encoder, random);
    init_keep_variance(generator, random);
    encoder.prepare(false);
    generator.prepare(false);
    Tensor<float> image({1, 3, 32, 48});
    Tape<float> tape;
    const auto y = encoder(tape, tape.leaf(image.view()));
    CHECK(y.shape() == Shape{1, 5, 2, 3});
    CHECK(generator(tape, y).shape() == Shape{1, 3, 32, 48});
}

TEST_CASE("gradients of a generator from pictures to pictures", "[gradient]") {
    RestorationGenerator<2>::Rebind<double> network;
    network_error(network, {1, 3, 3, 2});
}

TEST_CASE("gradients of batch norm, through the moments of its batch", "[gradient]") {
    BatchNorm<3>::Rebind<double> layer;
    network_error(layer, {3, 3, 2, 2});
}

TEST_CASE("batch norm outside of training uses the moments that it saw", "[network]") {
    BatchNorm<2> layer;
    layer.each_parameter("", [](const std::string&, Parameter<float>& p) {
        if (!p.buffer) p.grad.assign(p.value.size(), 0.0f);
    });
    Tensor<float> x({4, 2, 3, 3});
    Random random(1);
    for (int n = 0; n < 4; ++n)
        for (int c = 0; c < 2; ++c)
            for (int i = 0; i < 9; ++i) x.at(n, c, i / 3, i % 3) = static_cast<float>(5 + 2 * random.normal());
    Tape<float> tape;
    for (int i = 0; i < 200; ++i) {
        tape.clear();
        static_cast<void>(layer(tape, tape.leaf(x.view())));
    }
    tape.clear();
    const auto recorded = layer(tape, tape.leaf(x.view())).constant();
    Inference<float> inference;
    const auto inferred = layer(inference, inference.copy(TensorView<const float>(x.view())));
    for (int n = 0; n < 4; ++n)
        CHECK(inferred.constant().at(n, 1, 2, 2) == Catch::Approx(recorded.at(n, 1, 2, 2)).margin(1e-4));
}

TEST_CASE("DCGAN's generator paints pictures out of noise", "[network]") {
    DcganGenerator<4, 1>::Rebind<double> network;
    Random random(3);
    init_keep_variance(network, random);
    const OneThread alone;
    const auto noise = random_input({3, 4, 1, 1}, 2);
    network.prepare(true);
    Tape<double> tape;
    const auto image = network(tape, tape.leaf(noise.view()));
    CHECK(image.shape() == Shape{3, 3, 32, 32});
    for (std::size_t i = 0; i < image.constant().size(); ++i) REQUIRE(std::abs(image.constant().data[i]) <= 1);
}

TEST_CASE("gradients of drawn latents and of their divergence", "[gradient]") {
    const auto noise = random_input({2, 3, 2, 2}, 7);
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 3, 2, 2}, 1));
    inputs.push_back(random_input({2, 3, 2, 2}, 2));
    operation_error(std::move(inputs), [&](auto& tape, auto& x) {
        const auto z = sample_gaussian(tape, x[0], x[1], TensorView<const double>(noise.view()));
        return add(tape, weighted_square(tape, z), divergence_from_standard(tape, x[0], x[1]));
    });
    Tape<double> tape;
    Tensor<double> zero({1, 2, 2, 2});
    const auto standard = tape.leaf(zero.view());
    CHECK(divergence_from_standard(tape, standard, standard).scalar() == 0);
}

TEST_CASE("gradients of a discriminator on frozen features, whose mixing is never trained", "[gradient]") {
    const SmallFeatures features;
    ProjectedDiscriminator<SmallFeatures, 3> network(features);
    Random random(2);
    init_keep_variance(network, random);
    settle_spectral_norm(network);
    const OneThread alone;
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({1, 3, 6, 6}, 4));
    const GradientError error = gradient_check(network, inputs, [&](auto& tape, auto& x) {
        const auto judgement = network(tape, x[0], x[0]);
        return add(tape, weighted_square(tape, judgement.logits[0]), weighted_square(tape, judgement.logits[1]));
    });
    INFO(error.where);
    CHECK(error.relative < kTolerance);
    int mixing = 0;
    network.each_parameter("", [&](const std::string& name, Parameter<double>& p) {
        mixing += p.buffer && name.find("mix.") != std::string::npos;
    });
    CHECK(mixing == 4);
}
