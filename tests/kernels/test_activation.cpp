#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

namespace {

constexpr Activation kAll[] = {Activation::relu, Activation::leaky_relu, Activation::sigmoid, Activation::tanh,
                               Activation::softplus};

}  // namespace

TEST_CASE("activations agree with PyTorch", "[kernels][activation]") {
    // x = torch.tensor([-2, -0.5, 0, 0.5, 30.]); F.leaky_relu(x, 0.2), torch.sigmoid(x), torch.tanh(x), F.softplus(x)
    const std::vector<float> x{-2, -0.5f, 0, 0.5f, 30};
    const std::vector<float> expected[] = {{0, 0, 0, 0.5f, 30},
                                           {-0.4f, -0.1f, 0, 0.5f, 30},
                                           {0.11920292f, 0.37754068f, 0.5f, 0.62245935f, 1.0f},
                                           {-0.96402758f, -0.46211717f, 0, 0.46211717f, 1.0f},
                                           {0.126928f, 0.47407699f, 0.69314718f, 0.97407699f, 30.0f}};
    const auto in = tensor_of<float>({1, 5, 1, 1}, x);
    for (int i = 0; i < 5; ++i) {
        CAPTURE(i);
        const auto out = run<float>(in.shape(), [&](auto o) { activation_forward<float>(in, kAll[i], 0.2f, o); });
        CHECK(max_difference(values_of(out), expected[i]) < 2e-7);
    }
}

TEST_CASE("activations do not overflow", "[kernels][activation]") {
    const auto in = tensor_of<float>({1, 2, 1, 1}, {-1000, 1000});
    const auto sigmoid =
        run<float>(in.shape(), [&](auto o) { activation_forward<float>(in, Activation::sigmoid, 0, o); });
    CHECK(values_of(sigmoid) == std::vector<float>{0, 1});
    const auto softplus =
        run<float>(in.shape(), [&](auto o) { activation_forward<float>(in, Activation::softplus, 0, o); });
    CHECK(values_of(softplus) == std::vector<float>{0, 1000});
}

TEST_CASE("activations work in place and keep the padding zero", "[kernels][activation]") {
    for (const Shape& shape : remainder_shapes())
        for (const Activation act : kAll) {
            const auto in = random_tensor<float>(shape, 1, -2, 2);
            const auto out = run<float>(shape, [&](auto o) { activation_forward<float>(in, act, 0.1f, o); });
            const auto in_place = run<float>(shape, [&](auto o) {
                std::copy_n(in.data(), in.size(), o.data);
                activation_forward<float>(o, act, 0.1f, o);
            });
            CHECK(same_bits(out, in_place));
        }
}

TEST_CASE("activation_backward is the derivative of activation_forward", "[kernels][activation][gradient]") {
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 17, 3, 2}})
        for (const Activation act : kAll) {
            CAPTURE(static_cast<int>(act));
            auto in = random_tensor<double>(shape, 2, -2, 2);
            const double error = kernel_gradient_error(
                in, shape, [&](auto x, auto out) { activation_forward<double>(x, act, 0.2, out); },
                [&](auto x, auto d_out, auto d_in) { activation_backward<double>(x, d_out, act, 0.2, d_in); });
            CHECK(error < kGradientTolerance);
        }
}
