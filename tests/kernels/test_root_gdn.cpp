#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

namespace {

struct Parameters {
    std::vector<float> beta, gamma;
    explicit Parameters(int c)
        : beta(random_vector<float>(static_cast<std::size_t>(c), 1, 0.5, 1.5)),
          gamma(random_vector<float>(static_cast<std::size_t>(c) * static_cast<std::size_t>(c), 2, 0.0, 1.0 / c)) {}
};

std::vector<Shape> shapes() {
    auto shapes = remainder_shapes();
    shapes.push_back({2, 64, 9, 31});
    return shapes;
}

}  // namespace

TEST_CASE("root_gdn divides by the root of the weighted sum of squares", "[kernels][gdn]") {
    const auto in = tensor_of<float>({1, 2, 1, 1}, {2, -3});
    const std::vector<float> beta{1, 3}, gamma{1.5f, 1, 0.25f, 5};
    Workspace ws;
    const auto out =
        run<float>(in.shape(), [&](auto o) { root_gdn_forward<float>(in, beta.data(), gamma.data(), false, o, ws); });
    CHECK(out.at(0, 0, 0, 0) == 0.5f);          // sqrt(1 + 1.5·4 + 1·9) = 4
    CHECK(out.at(0, 1, 0, 0) == -3.0f / 7.0f);  // sqrt(3 + 0.25·4 + 5·9) = 7
    const auto inverse =
        run<float>(in.shape(), [&](auto o) { root_gdn_forward<float>(in, beta.data(), gamma.data(), true, o, ws); });
    CHECK(inverse.at(0, 0, 0, 0) == 8.0f);
    CHECK(inverse.at(0, 1, 0, 0) == -21.0f);
}

TEST_CASE("root_gdn_forward is bit-equal to its plain twin", "[kernels][gdn]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    for (const Shape& shape : shapes())
        for (const bool inverse : {false, true}) {
            CAPTURE(shape.c, shape.h, shape.w, inverse);
            const auto in = random_tensor<float>(shape, 3, -3, 3);
            const Parameters p(shape.c);
            Workspace ws;
            const auto fast = run<float>(
                shape, [&](auto out) { root_gdn_forward<float>(in, p.beta.data(), p.gamma.data(), inverse, out, ws); });
            Tensor<float> plain(shape);
            reference::root_gdn_forward<float>(in, p.beta.data(), p.gamma.data(), inverse, plain);
            CHECK(same_bits(fast, plain));
        }
}

TEST_CASE("root_gdn gives the same bits on registers of every width", "[kernels][gdn]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    for (const Shape& shape : {Shape{2, 3, 7, 5}, Shape{1, 40, 9, 31}})
        for (const bool inverse : {false, true}) {
            const auto in = random_tensor<float>(shape, 8, -3, 3);
            const Parameters p(shape.c);
            Workspace ws;
            const auto gdn = [&]<class Arch>(Arch) {
                return run<float>(shape, [&](auto out) {
                    detail::root_gdn_tiles<Arch>(in, p.beta.data(), p.gamma.data(), inverse, out, ws);
                });
            };
            const auto native = gdn(simd::NativeArch{});
            CHECK(same_bits(native, gdn(simd::EmulatedArch<4>{})));
            CHECK(same_bits(native, gdn(simd::EmulatedArch<8>{})));
            CHECK(same_bits(native, gdn(simd::EmulatedArch<16>{})));
        }
}
