#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

TEST_CASE("pad agrees with PyTorch", "[kernels][pad]") {
    // F.pad(torch.tensor([[0,1,4],[9,16,25.]]), (2,1,1,1), mode)
    const auto in = tensor_of<float>({1, 1, 2, 3}, {0, 1, 4, 9, 16, 25});
    const PadSides sides{2, 1, 1, 1};
    Workspace ws;
    const auto padded = [&](PadMode mode) {
        return values_of(run<float>(sides.padded(in.shape()), [&](auto o) { pad<float>(in, sides, mode, o, ws); }));
    };
    CHECK(padded(PadMode::reflect) ==
          std::vector<float>{25, 16, 9, 16, 25, 16, 4, 1, 0, 1, 4, 1, 25, 16, 9, 16, 25, 16, 4, 1, 0, 1, 4, 1});
    CHECK(padded(PadMode::replicate) ==
          std::vector<float>{0, 0, 0, 1, 4, 4, 0, 0, 0, 1, 4, 4, 9, 9, 9, 16, 25, 25, 9, 9, 9, 16, 25, 25});
    CHECK(padded(PadMode::zero) ==
          std::vector<float>{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 9, 16, 25, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("mirrors repeat when the padding is wider than the picture", "[kernels][pad]") {
    const auto in = tensor_of<float>({1, 1, 1, 3}, {1, 2, 3});
    Workspace ws;
    const PadSides sides{5, 4, 0, 2};
    const auto out =
        run<float>(sides.padded(in.shape()), [&](auto o) { pad<float>(in, sides, PadMode::reflect, o, ws); });
    for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 12; ++x)
            CHECK(out.at(0, 0, y, x) ==
                  std::vector<float>{2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3}[static_cast<std::size_t>(x)]);
}

TEST_CASE("crop undoes pad", "[kernels][pad]") {
    Workspace ws;
    for (const Shape& s : remainder_shapes())
        for (const PadMode mode : {PadMode::zero, PadMode::replicate, PadMode::reflect})
            for (const PadSides& sides : {PadSides{0, 0, 0, 0}, PadSides{1, 0, 0, 3}, PadSides{2, 3, 4, 1}}) {
                const auto in = random_tensor<float>(s, 1);
                const auto out = run<float>(sides.padded(s), [&](auto o) { pad<float>(in, sides, mode, o, ws); });
                CHECK(same_bits(run<float>(s, [&](auto o) { crop<float>(out, sides.top, sides.left, o); }), in));
            }
}

TEST_CASE("padding gradients are the derivatives", "[kernels][pad][gradient]") {
    Workspace ws;
    const PadSides sides{2, 3, 4, 1};
    for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{2, 17, 5, 4}}) {
        auto in = random_tensor<double>(s, 1);
        for (const PadMode mode : {PadMode::zero, PadMode::replicate, PadMode::reflect})
            CHECK(kernel_gradient_error(
                      in, sides.padded(s), [&](auto x, auto out) { pad<double>(x, sides, mode, out, ws); },
                      [&](auto, auto d, auto d_in) { pad_backward<double>(d, sides, mode, d_in, ws); }) <
                  kGradientTolerance);
    }
    auto in = random_tensor<double>({2, 17, 5, 4}, 2);
    CHECK(kernel_gradient_error(
              in, {2, 17, 3, 2}, [&](auto x, auto out) { crop<double>(x, 1, 2, out); },
              [&](auto, auto d, auto d_in) { crop_backward<double>(d, 1, 2, d_in, ws); }) < kGradientTolerance);
}
