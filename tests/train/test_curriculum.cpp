#include <cmath>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

TEST_CASE("gradients of a layer that fades in", "[gradient]") {
    FadeIn<Conv2d<3, 2, 1>, Sequential<UpsampleNearest<2>, Conv2d<3, 2, 3>>>::Rebind<double> layer;
    for (const double share : {0.0, 0.3, 1.0}) {
        layer.share = share;
        network_error(layer, {2, 3, 2, 3});
    }
}

TEST_CASE("gradient of a picture without its detail", "[gradient]") {
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 3, 4, 8}, 1));
    operation_error(std::move(inputs),
                    [](auto& tape, auto& x) { return weighted_square(tape, low_passed(tape, x[0], 0.25)); });
}

TEST_CASE("a picture of flat 4x4 squares has no detail to lose, and ramps go from 0 to 1", "[train]") {
    const auto flat = random_input({1, 3, 2, 2}, 1);
    Tape<double> tape;
    const auto x = upsample_nearest(tape, tape.leaf(flat.view()), 4);
    const auto y = low_passed(tape, x, 0.0);
    for (std::size_t i = 0; i < x.constant().size(); ++i)
        CHECK(std::abs(y.constant().data[i] - x.constant().data[i]) < 1e-15);
    CHECK(PhaseRamp{}.at(0) == 1);
    CHECK(PhaseRamp{10, 20}.at(10) == 0);
    CHECK(PhaseRamp{10, 20}.at(15) == 0.5);
    CHECK(PhaseRamp{10, 20}.at(20) == 1);
}

TEST_CASE("synthetic pictures are a function of the seed, and make up the share that was asked for", "[train]") {
    Random one(3), same(3), other(4);
    const Image image = synthetic_image(48, 40, one);
    CHECK(image == synthetic_image(48, 40, same));
    CHECK(image != synthetic_image(48, 40, other));
    std::vector<Image> images(6, make_image(8, 8));
    mix_in_synthetic(images, 0.25, 32, 1);
    REQUIRE(images.size() == 8);
    CHECK(images[7].width == 32);
    for (int side = 1; side < 20; ++side) check_image(synthetic_image(side, 1, one), "test");
}
