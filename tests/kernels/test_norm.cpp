#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

namespace {

/// `forward(in, gamma, beta, out)` against `backward(in, d_out, gamma, d_in, d_gamma, d_beta)`: input, gamma and beta.
template <class Forward, class Backward>
void check_norm_gradient(const Shape& s, const Forward& forward, const Backward& backward) {
    auto in = random_tensor<double>(s, 1);
    auto gamma = random_vector<double>(static_cast<std::size_t>(s.c), 2),
         beta = random_vector<double>(static_cast<std::size_t>(s.c), 3);
    std::vector<double> d_gamma, d_beta;
    const auto weight = random_tensor<double>(s, 4);
    const auto d_in = run<double>(s, [&](auto d) {
        d_gamma.assign(gamma.size(), 0.0);
        d_beta.assign(beta.size(), 0.0);
        backward(in.view(), weight.view(), gamma.data(), d, d_gamma.data(), d_beta.data());
    });
    Tensor<double> out(s);
    const auto loss = [&] {
        forward(in.view(), gamma.data(), beta.data(), out.view());
        return weighted_sum(weight, out);
    };
    CHECK(gradient_error(pointers(in), values_of(d_in), loss) < kGradientTolerance);
    CHECK(gradient_error(pointers(gamma), d_gamma, loss) < kGradientTolerance);
    CHECK(gradient_error(pointers(beta), d_beta, loss) < kGradientTolerance);
}

const Shape kGradientShapes[] = {{2, 3, 3, 2}, {2, 17, 3, 4}, {1, 40, 5, 7}};

}  // namespace

TEST_CASE("channel_norm normalises every pixel over its channels", "[kernels][norm]") {
    for (const Shape& s : remainder_shapes()) {
        CAPTURE(s.c, s.h, s.w);
        const auto in = random_tensor<float>(s, 1, 2.0, 5.0);
        const auto gamma = random_vector<float>(static_cast<std::size_t>(s.c), 2),
                   beta = random_vector<float>(static_cast<std::size_t>(s.c), 3);
        const auto out = run<float>(s, [&](auto o) { channel_norm<float>(in, gamma.data(), beta.data(), 1e-3f, o); });
        double worst = 0;
        for_each(s, [&](int n, int c, int y, int x) {
            double mean = 0, variance = 0;
            for (int j = 0; j < s.c; ++j) mean += static_cast<double>(in.at(n, j, y, x)) / s.c;
            for (int j = 0; j < s.c; ++j) variance += std::pow(static_cast<double>(in.at(n, j, y, x)) - mean, 2) / s.c;
            const auto i = static_cast<std::size_t>(c);
            const double expected = static_cast<double>(gamma[i]) * (static_cast<double>(in.at(n, c, y, x)) - mean) /
                                        std::sqrt(variance + 1e-3) +
                                    static_cast<double>(beta[i]);
            worst = std::max(worst, std::abs(expected - static_cast<double>(out.at(n, c, y, x))));
        });
        CHECK(worst < 2e-5);
    }
}

TEST_CASE("instance_norm agrees with PyTorch", "[kernels][norm]") {
    // F.instance_norm(torch.tensor([[0,1,4],[9,16,25.]])[None,None])
    const auto in = tensor_of<float>({1, 1, 2, 3}, {0, 1, 4, 9, 16, 25});
    const auto out = run<float>(in.shape(), [&](auto o) { instance_norm<float>(in, nullptr, nullptr, 1e-5, o); });
    CHECK(max_difference(values_of(out),
                         {-1.03042507f, -0.91801506f, -0.58078504f, -0.01873499f, 0.76813507f, 1.77982521f}) < 1e-6);
}

TEST_CASE("batch_norm takes its statistics over all images and reports them", "[kernels][norm]") {
    const Shape s{3, 17, 2, 3};
    const auto in = random_tensor<float>(s, 1, 1.0, 4.0);
    const auto gamma = random_vector<float>(17, 2), beta = random_vector<float>(17, 3);
    std::vector<float> mean(17), variance(17);
    const auto out = run<float>(
        s, [&](auto o) { batch_norm<float>(in, gamma.data(), beta.data(), 1e-5, o, mean.data(), variance.data()); });
    for (int c = 0; c < s.c; ++c) {
        double total = 0, squares = 0;
        for (int n = 0; n < s.n; ++n)
            for (int i = 0; i < 6; ++i) total += static_cast<double>(in.at(n, c, i / 3, i % 3)) / 18;
        for (int n = 0; n < s.n; ++n)
            for (int i = 0; i < 6; ++i)
                squares += std::pow(static_cast<double>(in.at(n, c, i / 3, i % 3)) - total, 2) / 18;
        CHECK(std::abs(total - static_cast<double>(mean[static_cast<std::size_t>(c)])) < 1e-6);
        CHECK(std::abs(squares - static_cast<double>(variance[static_cast<std::size_t>(c)])) < 1e-6);
    }
    const auto fixed = run<float>(s, [&](auto o) {
        batch_norm_fixed<float>(in, gamma.data(), beta.data(), mean.data(), variance.data(), 1e-5, o);
    });
    CHECK(max_difference(values_of(out), values_of(fixed)) < 2e-6);
}

TEST_CASE("one image makes batch_norm and instance_norm the same", "[kernels][norm]") {
    for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{1, 12, 7, 5}, Shape{1, 40, 3, 29}}) {
        const auto in = random_tensor<float>(s, 1);
        const auto gamma = random_vector<float>(static_cast<std::size_t>(s.c), 2);
        std::vector<float> mean(static_cast<std::size_t>(s.c)), variance(mean);
        const auto batch = run<float>(
            s, [&](auto o) { batch_norm<float>(in, gamma.data(), nullptr, 1e-5, o, mean.data(), variance.data()); });
        CHECK(
            same_bits(batch, run<float>(s, [&](auto o) { instance_norm<float>(in, gamma.data(), nullptr, 1e-5, o); })));
    }
}

TEST_CASE("norm gradients are the derivatives", "[kernels][norm][gradient]") {
    Workspace ws;
    for (const Shape& s : kGradientShapes) {
        CAPTURE(s.c);
        check_norm_gradient(
            s, [](auto x, const double* g, const double* b, auto out) { channel_norm<double>(x, g, b, 1e-3, out); },
            [&](auto x, auto d, const double* g, auto d_in, double* dg, double* db) {
                channel_norm_backward<double>(x, d, g, 1e-3, d_in, dg, db, ws);
            });
        check_norm_gradient(
            s, [](auto x, const double* g, const double* b, auto out) { instance_norm<double>(x, g, b, 1e-3, out); },
            [](auto x, auto d, const double* g, auto d_in, double* dg, double* db) {
                instance_norm_backward<double>(x, d, g, 1e-3, d_in, dg, db);
            });
        std::vector<double> mean(static_cast<std::size_t>(s.c)), variance(mean);
        check_norm_gradient(
            s,
            [&](auto x, const double* g, const double* b, auto out) {
                batch_norm<double>(x, g, b, 1e-3, out, mean.data(), variance.data());
            },
            [](auto x, auto d, const double* g, auto d_in, double* dg, double* db) {
                batch_norm_backward<double>(x, d, g, 1e-3, d_in, dg, db);
            });
    }
}
