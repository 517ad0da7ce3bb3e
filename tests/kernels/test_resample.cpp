#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

TEST_CASE("upsample_nearest repeats pixels", "[kernels][resample]") {
    for (const Shape& s : remainder_shapes())
        for (const int factor : {1, 2, 3}) {
            const auto in = random_tensor<float>(s, 1);
            const Shape large{s.n, s.c, s.h * factor, s.w * factor};
            const auto out = run<float>(large, [&](auto o) { upsample_nearest<float>(in, factor, o); });
            bool equal = true;
            for_each(large, [&](int n, int c, int y, int x) {
                equal = equal && out.at(n, c, y, x) == in.at(n, c, y / factor, x / factor);
            });
            CHECK(equal);
        }
}

TEST_CASE("bilinear_resize agrees with PyTorch", "[kernels][resample]") {
    Workspace ws;
    // x = torch.arange(6.).reshape(1,1,2,3)**2; F.interpolate(x, size=(4,5), mode='bilinear')
    const auto in = tensor_of<float>({1, 1, 2, 3}, {0, 1, 4, 9, 16, 25});
    const auto up = run<float>({1, 1, 4, 5}, [&](auto o) { bilinear_resize<float>(in, o, ws); });
    CHECK(max_difference(values_of(up), {0.0f,  0.4f,  1.0f,   2.8f,   4.0f,   2.25f, 3.25f, 4.75f, 7.45f, 9.25f,
                                         6.75f, 8.95f, 12.25f, 16.75f, 19.75f, 9.0f,  11.8f, 16.0f, 21.4f, 25.0f}) <
          4e-6);
    // y = torch.arange(20.).reshape(1,1,4,5)**2; F.interpolate(y, size=(2,3), mode='bilinear')
    std::vector<float> squares;
    for (int i = 0; i < 20; ++i) squares.push_back(static_cast<float>(i * i));
    const auto large = tensor_of<float>({1, 1, 4, 5}, squares);
    const auto down = run<float>({1, 1, 2, 3}, [&](auto o) { bilinear_resize<float>(large, o, ws); });
    CHECK(max_difference(values_of(down), {14.5f, 26.5f, 44.5f, 171.166656f, 216.5f, 267.833344f}) < 1e-4);
}

TEST_CASE("bilinear_resize to the same size copies, and keeps a constant", "[kernels][resample]") {
    Workspace ws;
    for (const Shape& s : remainder_shapes()) {
        const auto in = random_tensor<float>(s, 1);
        CHECK(same_bits(run<float>(s, [&](auto o) { bilinear_resize<float>(in, o, ws); }), in));
        Tensor<float> constant(s);
        for_each(s, [&](int n, int c, int y, int x) { constant.at(n, c, y, x) = 0.7f; });
        for (const auto& [h, w] : {std::pair{1, 1}, std::pair{11, 4}}) {
            const auto out = run<float>({s.n, s.c, h, w}, [&](auto o) { bilinear_resize<float>(constant, o, ws); });
            for (const float value : values_of(out)) CHECK(value == 0.7f);
        }
    }
}

TEST_CASE("resampling gradients are the derivatives", "[kernels][resample][gradient]") {
    Workspace ws;
    for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{2, 17, 3, 4}}) {
        auto in = random_tensor<double>(s, 1);
        CHECK(kernel_gradient_error(
                  in, {s.n, s.c, s.h * 3, s.w * 3}, [](auto x, auto out) { upsample_nearest<double>(x, 3, out); },
                  [](auto, auto d, auto d_in) { upsample_nearest_backward<double>(d, 3, d_in); }) < kGradientTolerance);
        for (const auto& [h, w] : {std::pair{1, 1}, std::pair{2, 7}, std::pair{7, 2}})
            CHECK(kernel_gradient_error(
                      in, {s.n, s.c, h, w}, [&](auto x, auto out) { bilinear_resize<double>(x, out, ws); },
                      [&](auto, auto d, auto d_in) { bilinear_resize_backward<double>(d, d_in, ws); }) <
                  kGradientTolerance);
    }
}
