#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

namespace {

/// Parameters such as a trained layer has: beta away from 0, gamma not negative and as small as 1/c.
template <class T>
struct GdnParameters {
    std::vector<T> beta, gamma;
    explicit GdnParameters(int c)
        : beta(random_vector<T>(static_cast<std::size_t>(c), 1, 0.5, 1.5)),
          gamma(random_vector<T>(static_cast<std::size_t>(c) * static_cast<std::size_t>(c), 2, 0.0, 1.0 / c)) {}
};

std::vector<Shape> gdn_shapes() {
    auto shapes = remainder_shapes();
    shapes.push_back({1, 32, 17, 23});  // more pixels than one chunk of the gradient
    shapes.push_back({2, 64, 9, 31});
    return shapes;
}

}  // namespace

TEST_CASE("gdn divides by the weighted sum of magnitudes", "[kernels][gdn]") {
    const auto in = tensor_of<float>({1, 2, 1, 1}, {2, -3});
    const std::vector<float> beta{1, 2}, gamma{1, 0.5f, 0.25f, 2};
    Workspace ws;
    const auto out =
        run<float>(in.shape(), [&](auto o) { gdn_forward<float>(in, beta.data(), gamma.data(), false, o, ws); });
    CHECK(out.at(0, 0, 0, 0) == 2.0f / 4.5f);   // 1 + 1·2 + 0.5·3
    CHECK(out.at(0, 1, 0, 0) == -3.0f / 8.5f);  // 2 + 0.25·2 + 2·3
    const auto inverse =
        run<float>(in.shape(), [&](auto o) { gdn_forward<float>(in, beta.data(), gamma.data(), true, o, ws); });
    CHECK(inverse.at(0, 0, 0, 0) == 9.0f);
    CHECK(inverse.at(0, 1, 0, 0) == -25.5f);
}

TEST_CASE("gdn_forward is bit-equal to its plain twin", "[kernels][gdn]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    for (const Shape& shape : gdn_shapes())
        for (const bool inverse : {false, true}) {
            CAPTURE(shape.c, shape.h, shape.w, inverse);
            const auto in = random_tensor<float>(shape, 3, -3, 3);
            const GdnParameters<float> p(shape.c);
            Workspace ws;
            const auto fast = run<float>(
                shape, [&](auto out) { gdn_forward<float>(in, p.beta.data(), p.gamma.data(), inverse, out, ws); });
            Tensor<float> plain(shape);
            reference::gdn_forward<float>(in, p.beta.data(), p.gamma.data(), inverse, plain, ws);
            CHECK(same_bits(fast, plain));
        }
}

TEST_CASE("gdn_backward is bit-equal to its plain twin", "[kernels][gdn]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    for (const Shape& shape : gdn_shapes())
        for (const bool inverse : {false, true}) {
            CAPTURE(shape.c, shape.h, shape.w, inverse);
            const auto in = random_tensor<float>(shape, 4, -3, 3), d_out = random_tensor<float>(shape, 5);
            const GdnParameters<float> p(shape.c);
            Workspace ws;
            GdnParameters<float> plain_gradient(shape.c);  // not zero: gradients are added
            Tensor<float> plain(shape);
            reference::gdn_backward<float>(in, d_out, p.beta.data(), p.gamma.data(), inverse, plain,
                                           plain_gradient.beta.data(), plain_gradient.gamma.data(), ws);
            const auto fast = run<float>(shape, [&](auto d_in) {
                GdnParameters<float> gradient(shape.c);
                gdn_backward<float>(in, d_out, p.beta.data(), p.gamma.data(), inverse, d_in, gradient.beta.data(),
                                    gradient.gamma.data(), ws);
                CHECK(gradient.beta == plain_gradient.beta);
                CHECK(gradient.gamma == plain_gradient.gamma);
            });
            CHECK(same_bits(fast, plain));
        }
}

TEST_CASE("gdn gives the same bits on registers of every width", "[kernels][gdn]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    for (const Shape& shape : {Shape{2, 3, 7, 5}, Shape{1, 40, 9, 31}}) {
        const auto same = [&](const auto& gdn) {
            const auto native = gdn(simd::NativeArch{});
            return same_bits(native, gdn(simd::EmulatedArch<4>{})) && same_bits(native, gdn(simd::EmulatedArch<8>{})) &&
                   same_bits(native, gdn(simd::EmulatedArch<16>{}));
        };
        const auto in = random_tensor<float>(shape, 8, -3, 3), d_out = random_tensor<float>(shape, 9);
        const GdnParameters<float> p(shape.c);
        Workspace ws;
        CHECK(same([&]<class Arch>(Arch) {
            return run<float>(shape, [&](auto out) {
                detail::gdn_forward_tiles<Arch>(in, p.beta.data(), p.gamma.data(), false, out, ws);
            });
        }));
        std::vector<float> first_gradient;
        CHECK(same([&]<class Arch>(Arch) {
            return run<float>(shape, [&](auto d_in) {
                GdnParameters<float> gradient(shape.c);
                detail::gdn_backward_tiles<Arch>(in, d_out, p.beta.data(), p.gamma.data(), false, d_in,
                                                 gradient.beta.data(), gradient.gamma.data(), ws);
                if (first_gradient.empty()) first_gradient = gradient.gamma;
                CHECK(gradient.gamma == first_gradient);
            });
        }));
    }
}

TEST_CASE("gdn_backward is the derivative of gdn_forward", "[kernels][gdn][gradient]") {
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 3, 3, 2}, Shape{1, 17, 3, 5}, Shape{1, 40, 2, 2}})
        for (const bool inverse : {false, true}) {
            CAPTURE(shape.c, inverse);
            auto in = random_tensor<double>(shape, 6, -2, 2);
            GdnParameters<double> p(shape.c);
            Workspace ws;
            const auto forward = [&](TensorView<const double> x, TensorView<double> out) {
                gdn_forward<double>(x, p.beta.data(), p.gamma.data(), inverse, out, ws);
            };
            GdnParameters<double> gradient(shape.c);
            const auto backward = [&](TensorView<const double> x, TensorView<const double> d_out,
                                      TensorView<double> d_in) {
                std::fill(gradient.beta.begin(), gradient.beta.end(), 0.0);
                std::fill(gradient.gamma.begin(), gradient.gamma.end(), 0.0);
                gdn_backward<double>(x, d_out, p.beta.data(), p.gamma.data(), inverse, d_in, gradient.beta.data(),
                                     gradient.gamma.data(), ws);
            };
            CHECK(kernel_gradient_error(in, shape, forward, backward) < kGradientTolerance);

            const auto weight = random_tensor<double>(shape, 7);
            Tensor<double> d_in(shape), out(shape);
            backward(in.view(), weight.view(), d_in.view());
            const auto loss = [&] {
                forward(in.view(), out.view());
                return weighted_sum(weight, out);
            };
            CHECK(gradient_error(pointers(p.beta), gradient.beta, loss) < kGradientTolerance);
            CHECK(gradient_error(pointers(p.gamma), gradient.gamma, loss) < kGradientTolerance);
        }
}
