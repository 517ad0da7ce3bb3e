#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

namespace {

/// Whether `kernel(out)` gives f(n, c, y, x) everywhere, exactly.
template <class Kernel, class Expected>
bool equals(const Shape& shape, const Kernel& kernel, const Expected& expected) {
    const auto out = run<float>(shape, kernel);
    bool equal = true;
    for_each(shape, [&](int n, int c, int y, int x) { equal = equal && out.at(n, c, y, x) == expected(n, c, y, x); });
    return equal;
}

}  // namespace

TEST_CASE("elementwise kernels do what their names say", "[kernels][elementwise]") {
    auto shapes = remainder_shapes();
    shapes.push_back({1, 20, 70, 61});  // more than one share of the work
    for (const Shape& s : shapes) {
        CAPTURE(s.c, s.h, s.w);
        const auto a = random_tensor<float>(s, 1), b = random_tensor<float>(s, 2);
        const auto at = [](const Tensor<float>& t, int n, int c, int y, int x) { return t.at(n, c, y, x); };
        CHECK(equals(s, [&](auto o) { fill<float>(o, 3.0f); }, [](int, int, int, int) { return 3.0f; }));
        CHECK(equals(s, [&](auto o) { copy<float>(a, o); }, [&](auto... i) { return at(a, i...); }));
        CHECK(equals(s, [&](auto o) { add<float>(a, b, o); }, [&](auto... i) { return at(a, i...) + at(b, i...); }));
        CHECK(equals(s, [&](auto o) { sub<float>(a, b, o); }, [&](auto... i) { return at(a, i...) - at(b, i...); }));
        CHECK(equals(s, [&](auto o) { mul<float>(a, b, o); }, [&](auto... i) { return at(a, i...) * at(b, i...); }));
        CHECK(equals(s, [&](auto o) { scale<float>(a, 0.3f, o); }, [&](auto... i) { return 0.3f * at(a, i...); }));
        CHECK(equals(s, [&](auto o) { square<float>(a, o); }, [&](auto... i) { return at(a, i...) * at(a, i...); }));
        CHECK(equals(s, [&](auto o) { absolute<float>(a, o); }, [&](auto... i) { return std::abs(at(a, i...)); }));
        CHECK(equals(
            s,
            [&](auto o) {
                copy<float>(b, o);
                axpy<float>(0.7f, a, o);
            },
            [&](auto... i) { return std::fma(0.7f, at(a, i...), at(b, i...)); }));
        CHECK(equals(
            s, [&](auto o) { clamp<float>(a, 0.1f, 0.5f, o); },
            [&](auto... i) { return std::min(std::max(at(a, i...), 0.1f), 0.5f); }));
    }
}

TEST_CASE("per-channel kernels take one row for all images or one each", "[kernels][elementwise]") {
    for (const Shape& s : remainder_shapes())
        for (const PerChannel which : {PerChannel::shared, PerChannel::per_image}) {
            CAPTURE(s.c, s.h, s.w);
            const auto in = random_tensor<float>(s, 1);
            const auto row = random_vector<float>(static_cast<std::size_t>(s.n * s.c), 2);
            const auto value = [&](int n, int c) {
                return row[static_cast<std::size_t>(which == PerChannel::per_image ? n * s.c + c : c)];
            };
            CHECK(equals(
                s, [&](auto o) { add_bias<float>(in, row.data(), which, o); },
                [&](int n, int c, int y, int x) { return in.at(n, c, y, x) + value(n, c); }));
            CHECK(equals(
                s, [&](auto o) { multiply_per_channel<float>(in, row.data(), which, o); },
                [&](int n, int c, int y, int x) { return in.at(n, c, y, x) * value(n, c); }));
        }
}

TEST_CASE("elementwise gradients are the derivatives", "[kernels][elementwise][gradient]") {
    const Shape s{2, 17, 3, 2};
    auto in = random_tensor<double>(s, 3);
    CHECK(kernel_gradient_error(
              in, s, [](auto x, auto out) { square<double>(x, out); },
              [](auto x, auto d, auto d_in) { square_backward<double>(x, d, d_in); }) < kGradientTolerance);
    CHECK(kernel_gradient_error(
              in, s, [](auto x, auto out) { absolute<double>(x, out); },
              [](auto x, auto d, auto d_in) { absolute_backward<double>(x, d, d_in); }) < kGradientTolerance);
    CHECK(kernel_gradient_error(
              in, s, [](auto x, auto out) { clamp<double>(x, -0.3, 0.6, out); },
              [](auto x, auto d, auto d_in) { clamp_backward<double>(x, d, -0.3, 0.6, d_in); }) < kGradientTolerance);
}

TEST_CASE("multiply_per_channel_backward and sum_per_channel are the derivatives", "[kernels][elementwise][gradient]") {
    for (const PerChannel which : {PerChannel::shared, PerChannel::per_image}) {
        const Shape s{2, 17, 3, 2};
        auto in = random_tensor<double>(s, 4);
        const auto weight = random_tensor<double>(s, 5);
        const auto rows = static_cast<std::size_t>(which == PerChannel::per_image ? s.n * s.c : s.c);
        auto gain = random_vector<double>(rows, 6);
        std::vector<double> d_gain(rows, 0.0), d_bias(rows, 0.0);
        CHECK(kernel_gradient_error(
                  in, s, [&](auto x, auto out) { multiply_per_channel<double>(x, gain.data(), which, out); },
                  [&](auto x, auto d, auto d_in) {
                      multiply_per_channel_backward<double>(x, d, gain.data(), which, d_in, nullptr);
                  }) < kGradientTolerance);
        Tensor<double> out(s), d_in(s);
        multiply_per_channel_backward<double>(in, weight, gain.data(), which, d_in, d_gain.data());
        CHECK(gradient_error(pointers(gain), d_gain, [&] {
                  multiply_per_channel<double>(in, gain.data(), which, out);
                  return weighted_sum(weight, out);
              }) < kGradientTolerance);
        sum_per_channel<double>(weight, which, d_bias.data());
        CHECK(gradient_error(pointers(gain), d_bias, [&] {
                  add_bias<double>(in, gain.data(), which, out);
                  return weighted_sum(weight, out);
              }) < kGradientTolerance);
        const auto once = d_gain;
        multiply_per_channel_backward<double>(in, weight, gain.data(), which, d_in, d_gain.data());
        for (std::size_t i = 0; i < rows; ++i) CHECK(std::abs(d_gain[i] - 2 * once[i]) < 1e-12);
    }
}

TEST_CASE("sums are right and do not depend on threads", "[kernels][reduce]") {
    for (const Shape& s : remainder_shapes()) {
        const auto a = random_tensor<float>(s, 1), b = random_tensor<float>(s, 2);
        Workspace ws;
        double expected_sum = 0, expected_dot = 0, expected_squares = 0;
        for_each(s, [&](int n, int c, int y, int x) {
            const double u = static_cast<double>(a.at(n, c, y, x)), v = static_cast<double>(b.at(n, c, y, x));
            expected_sum += u;
            expected_dot += u * v;
            expected_squares += u * u;
        });
        set_threads(1);
        const double one_sum = sum<float>(a, ws), one_dot = dot<float>(a, b, ws),
                     one_squares = sum_squares<float>(a, ws);
        CHECK(std::abs(one_sum - expected_sum) < 1e-11);
        CHECK(std::abs(one_dot - expected_dot) < 1e-11);
        CHECK(std::abs(one_squares - expected_squares) < 1e-11);
        for (const int threads : {2, 3}) {
            set_threads(threads);
            CHECK(sum<float>(a, ws) == one_sum);
            CHECK(dot<float>(a, b, ws) == one_dot);
            CHECK(sum_squares<float>(a, ws) == one_squares);
        }
        set_threads(0);
    }
}

TEST_CASE("spatial mean and variance are those of every channel", "[kernels][reduce]") {
    const auto in = tensor_of<float>({1, 2, 1, 4}, {1, 2, 3, 6, -1, -1, 1, 1});
    const Shape one{1, 2, 1, 1};
    const auto mean = run<float>(one, [&](auto o) { spatial_mean<float>(in, o); });
    CHECK(values_of(mean) == std::vector<float>{3, 0});
    Tensor<float> again(one);
    const auto variance = run<float>(one, [&](auto o) { spatial_moments<float>(in, again, o); });
    CHECK(values_of(variance) == std::vector<float>{3.5f, 1});
    CHECK(same_bits(mean, again));
}

TEST_CASE("spatial_moments_backward is the derivative", "[kernels][reduce][gradient]") {
    for (const Shape& s : {Shape{1, 1, 1, 2}, Shape{2, 17, 3, 5}}) {
        const Shape small{s.n, s.c, 1, 1};
        auto in = random_tensor<double>(s, 1);
        CHECK(kernel_gradient_error(
                  in, small, [](auto x, auto out) { spatial_mean<double>(x, out); },
                  [](auto, auto d, auto d_in) { spatial_mean_backward<double>(d, d_in); }) < kGradientTolerance);
        const auto mean_weight = random_tensor<double>(small, 2), variance_weight = random_tensor<double>(small, 3);
        Tensor<double> mean(small), variance(small);
        spatial_moments<double>(in, mean, variance);
        const auto d_in = run<double>(
            s, [&](auto d) { spatial_moments_backward<double>(in, mean, mean_weight, variance_weight, d); });
        CHECK(gradient_error(pointers(in), values_of(d_in), [&] {
                  spatial_moments<double>(in, mean, variance);
                  return weighted_sum(mean_weight, mean) + weighted_sum(variance_weight, variance);
              }) < kGradientTolerance);
    }
}
