#include <cmath>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

TEST_CASE("spectral norm finds the largest singular value", "[spectral_norm]") {
    // w = 3·a·bᵀ + 1·c·dᵀ with orthonormal a, c and b, d: singular values 3 and 1.
    SpectralNorm<Conv2d<2, 2, 1>>::Rebind<double> layer;
    const double s = std::sqrt(0.5);
    const double a[2] = {s, s}, c[2] = {s, -s}, b[2] = {0.6, 0.8}, d[2] = {0.8, -0.6};
    for (std::size_t r = 0; r < 2; ++r)
        for (std::size_t k = 0; k < 2; ++k) layer.weight.value[2 * r + k] = 3 * a[r] * b[k] + c[r] * d[k];
    settle_spectral_norm(layer);
    layer.prepare(false);
    CHECK(std::abs(layer.sigma() - 3) < 1e-9);
    const auto image = random_input({1, 2, 1, 1}, 3);
    Tape<double> tape;
    const auto out = layer(tape, tape.leaf(image.view()));
    const double expected =
        (layer.weight.value[0] * image.at(0, 0, 0, 0) + layer.weight.value[1] * image.at(0, 1, 0, 0)) / 3;
    CHECK(std::abs(out.constant().at(0, 0, 0, 0) - expected) < 1e-9);
}

TEST_CASE("gradients pass spectral norm", "[gradient]") {
    SpectralNorm<Conv2d<3, 4, 3>>::Rebind<double> layer;
    Random random(5);
    randomise(layer.weight, random, -1, 1);
    randomise(layer.bias, random, -1, 1);
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 3, 3, 4}, 6));
    const GradientError error =
        gradient_check(layer, inputs, [&](auto& tape, auto& x) { return weighted_square(tape, layer(tape, x[0])); });
    INFO(error.where);
    CHECK(error.relative < kTolerance);
}

TEST_CASE("preparing does not move spectral norm, a step does, training leaves its buffer alone", "[spectral_norm]") {
    SpectralNorm<Conv2d<3, 4, 3>> layer;
    Random random(5);
    init_keep_variance(layer, random);
    std::vector<TrainedParameter> parameters;
    collect_parameters(layer, "", parameters);
    const auto u = [&] { return parameters.back().parameter->value; };
    REQUIRE(parameters.back().name == "weight_u");
    CHECK_FALSE(parameters.back().parameter->trained());
    const auto before = u();
    layer.prepare(true);
    adam_update(parameters, {}, 0.1, 0, 1.0);
    CHECK(u() == before);
    layer.project();
    CHECK(u() != before);
}
