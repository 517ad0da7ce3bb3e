#include <cmath>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;
using namespace gancodec::testing;

TEST_CASE("gradients of SSIM and MS-SSIM", "[gradient]") {
    const auto images = [](int side) {
        std::vector<Tensor<double>> two;
        two.push_back(random_input({1, 2, side, side + 2}, 71, 0.1, 0.9));
        two.push_back(random_input({1, 2, side, side + 2}, 72, 0.1, 0.9));
        // Alike enough for positive structure at every scale.
        for (std::size_t i = 0; i < two[1].size(); ++i)
            two[1].data()[i] = 0.7 * two[0].data()[i] + 0.3 * two[1].data()[i];
        return two;
    };
    operation_error(images(12), [](auto& tape, auto& x) { return ms_ssim_loss(tape, x[0], x[1], 1); });
    operation_error(images(22), [](auto& tape, auto& x) { return ms_ssim_loss(tape, x[0], x[1], 2); });
}

TEST_CASE("the structural losses agree with the metrics", "[loss]") {
    const Image a = test_picture(176, 192, 1);
    Image b = a;
    Random random(5);
    for (auto& v : b.rgb) v = static_cast<std::uint8_t>((3 * v + static_cast<int>(random.below(256))) / 4);
    const auto x = image_to_tensor<double>(a), y = image_to_tensor<double>(b);
    Tape<double> tape;
    const auto seen = tape.leaf(x.view()), wanted = tape.leaf(y.view());
    CHECK(std::abs(1 - ms_ssim_loss(tape, seen, wanted, 1).scalar() - ssim(a, b)) < 1e-6);
    // The metric's five weights sum to 1.0001, the loss's to 1.
    CHECK(std::abs(1 - std::pow(1 - ms_ssim_loss(tape, seen, wanted, 5).scalar(), 1.0001) - (1 - ms_ssim(a, b))) <
          1e-6);
    CHECK(std::abs(ms_ssim_loss(tape, seen, seen, 5).scalar()) < 1e-12);
}
