#include <cmath>
#include <cstddef>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

namespace {

using Network = Sequential<Conv2d<8, 32, 3>, LeakyRelu<>, Conv2d<32, 48, 5, Stride<2>>, Gdn<48>, Conv2d<48, 32, 3>,
                           LeakyRelu<>, ConvTranspose2d<32, 16, 4>>;

/// Gradients of the sum of squares of a network's outputs: of its input, then of its parameters.
std::vector<std::vector<float>> gradients(Precision precision) {
    Network network;
    Random random(3);
    init_keep_variance(network, random);
    std::vector<TrainedParameter> parameters;
    collect_parameters(network, "", parameters);
    clear_gradients(parameters);
    network.prepare(true);
    const auto image = random_tensor<float>({2, 8, 22, 18}, 4);
    Tape<float> tape;
    tape.set_precision(precision);
    const auto x = tape.leaf(image.view(), true);
    const auto loss =
        mean_of(tape, network(tape, x), [](double value) { return ValueAndSlope{value * value, 2 * value}; });
    tape.set_precision(Precision::fp32);  // what was recorded goes back as it was computed
    tape.backward(loss);
    std::vector<std::vector<float>> all(1);
    const TensorView<const float> d = tape.gradient(x);
    for (int n = 0; n < d.shape.n; ++n)
        for (int c = 0; c < d.shape.c; ++c)
            for (int h = 0; h < d.shape.h; ++h)
                for (int w = 0; w < d.shape.w; ++w) all[0].push_back(d.at(n, c, h, w));
    network.each_parameter("", [&](const std::string&, Parameter<float>& p) { all.push_back(p.grad); });
    return all;
}

/// ‖a − b‖ / ‖a‖.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        error += d * d;
        norm += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    }
    return std::sqrt(error / norm);
}

Recipe recipe(Precision precision) {
    Recipe recipe;
    recipe.batch = 2;
    recipe.augmentation.crop_px = 128;
    recipe.odd_size_probability = 0;
    recipe.mixed_precision = precision;
    return recipe;
}

}  // namespace

TEST_CASE("gradients in bf16 are those in fp32 to about a percent a layer", "[train][bf16]") {
    const auto exact = gradients(Precision::fp32), rounded = gradients(Precision::bf16);
    REQUIRE(exact.size() == rounded.size());
    for (std::size_t i = 0; i < exact.size(); ++i) {
        CAPTURE(i);
        REQUIRE(exact[i].size() == rounded[i].size());
        const double found = difference(exact[i], rounded[i]);
        CHECK(found > 1e-4);  // every one of them has met bf16
        CHECK(found < 0.05);
    }
}

TEST_CASE("training in bf16 is the same for any number of threads, and close to fp32", "[train][bf16]") {
    const Dataset data({test_picture(150, 140, 1), test_picture(160, 140, 2)});
    const auto losses = [&](Precision precision, int team) {
        const int before = threads();
        set_threads(team);
        Trainer trainer(recipe(precision), data, {});
        std::vector<double> all;
        for (int i = 0; i < 4; ++i) all.push_back(trainer.step().loss);
        set_threads(before);
        return all;
    };
    const auto exact = losses(Precision::fp32, 1), rounded = losses(Precision::bf16, 1);
    CHECK(losses(Precision::bf16, 3) == rounded);
    for (std::size_t i = 0; i < exact.size(); ++i) {
        CHECK(rounded[i] != exact[i]);
        CHECK(std::abs(rounded[i] - exact[i]) < 0.05 * exact[i]);
    }
}
