#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

namespace {

// z = torch.tensor([[3.,1,4,1,5],[9,2,6,5,3],[5,8,9,7,9],[3,2,3,8,4]]).reshape(1,1,4,5)
const std::vector<float> kPicture{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4};

const PoolGeometry kGeometries[] = {{2, 2, 0, false}, {2, 2, 0, true},  {3, 2, 0, true},
                                    {3, 2, 1, false}, {3, 1, 1, false}, {2, 2, 1, true}};

bool fits(const PoolGeometry& g, const Shape& s) { return std::min(s.h, s.w) + 2 * g.pad >= g.kernel; }

}  // namespace

TEST_CASE("pool extents are PyTorch's", "[kernels][pool]") {
    CHECK(PoolGeometry{3, 2, 0, false}.out_extent(5) == 2);
    CHECK(PoolGeometry{3, 2, 0, true}.out_extent(6) == 3);
    CHECK(PoolGeometry{3, 2, 0, true}.out_extent(5) == 2);
    CHECK(PoolGeometry{2, 2, 1, true}.out_extent(3) == 2);  // a third window would begin in the padding: dropped
    CHECK(PoolGeometry{2, 2, 0, true}.out_extent(1) == 1);
}

TEST_CASE("max_pool and avg_pool agree with PyTorch", "[kernels][pool]") {
    // F.max_pool2d(z, 3, 2, pad, ceil_mode=ceil) and F.avg_pool2d(z, 3, 2, pad, ceil_mode=ceil)
    const auto in = tensor_of<float>({1, 1, 4, 5}, kPicture);
    struct Case {
        PoolGeometry geometry;
        std::vector<float> max, mean;
    };
    const Case cases[] = {
        {{3, 2, 0, false}, {9, 9}, {5.22222233f, 5.44444466f}},
        {{3, 2, 0, true}, {9, 9, 9, 9}, {5.22222233f, 5.44444466f, 5.0f, 6.66666651f}},
        {{3, 2, 1, false}, {9, 6, 5, 9, 9, 9}, {1.66666663f, 2.11111116f, 1.55555558f, 3.22222233f, 5.55555534f, 4.0f}},
        {{3, 2, 1, true},
         {9, 6, 5, 9, 9, 9, 3, 8, 8},
         {1.66666663f, 2.11111116f, 1.55555558f, 3.22222233f, 5.55555534f, 4.0f, 0.83333331f, 2.16666675f, 2.0f}}};
    for (const Case& test : cases) {
        const Shape shape = test.geometry.out_shape(in.shape());
        CAPTURE(test.geometry.pad, test.geometry.ceil_mode);
        CHECK(values_of(run<float>(shape, [&](auto o) { max_pool<float>(in, test.geometry, o); })) == test.max);
        CHECK(max_difference(values_of(run<float>(shape, [&](auto o) { avg_pool<float>(in, test.geometry, o); })),
                             test.mean) < 1e-6);
    }
}

TEST_CASE("max_pool of negative numbers ignores the padding", "[kernels][pool]") {
    for (const Shape& s : remainder_shapes())
        for (const PoolGeometry& g : kGeometries) {
            if (!fits(g, s)) continue;
            const auto in = random_tensor<float>(s, 1, -3, -1);
            const auto out = run<float>(g.out_shape(s), [&](auto o) { max_pool<float>(in, g, o); });
            bool equal = true;
            for_each(out.shape(), [&](int n, int c, int oy, int ox) {
                float best = -100;
                for (int y = std::max(oy * g.stride - g.pad, 0); y < std::min(oy * g.stride - g.pad + g.kernel, s.h);
                     ++y)
                    for (int x = std::max(ox * g.stride - g.pad, 0);
                         x < std::min(ox * g.stride - g.pad + g.kernel, s.w); ++x)
                        best = std::max(best, in.at(n, c, y, x));
                equal = equal && out.at(n, c, oy, ox) == best;
            });
            CHECK(equal);
        }
}

TEST_CASE("max_pool_backward chooses the first of equal maxima", "[kernels][pool]") {
    const auto in = tensor_of<float>({1, 1, 2, 4}, {5, 5, 1, 2, 5, 5, 2, 2});
    const auto d_out = tensor_of<float>({1, 1, 1, 2}, {10, 20});
    const auto d_in = run<float>(in.shape(), [&](auto d) { max_pool_backward<float>(in, d_out, {2, 2, 0, false}, d); });
    CHECK(values_of(d_in) == std::vector<float>{10, 0, 0, 20, 0, 0, 0, 0});
}

TEST_CASE("l2_pool agrees with DISTS's pooling", "[kernels][pool]") {
    // a = np.hanning(5)[1:-1]; g = a[:,None]*a; g /= g.sum(); (F.conv2d(z**2, g, stride=2, padding=1) + 1e-12).sqrt()
    const auto in = tensor_of<float>({1, 1, 4, 5}, kPicture);
    const auto out = run<float>(l2_pool_shape(in.shape()), [&](auto o) { l2_pool<float>(in, o); });
    CHECK(max_difference(values_of(out), {3.57071424f, 3.25f, 3.01039863f, 5.09901953f, 6.78693628f, 5.92135954f}) <
          1e-6);
    for (const Shape& s : remainder_shapes()) {
        const Tensor<float> zero(s);
        for (const float value : values_of(run<float>(l2_pool_shape(s), [&](auto o) { l2_pool<float>(zero, o); })))
            CHECK(value == 1e-6f);
    }
}

TEST_CASE("pooling gradients are the derivatives", "[kernels][pool][gradient]") {
    for (const Shape& s : {Shape{1, 1, 4, 5}, Shape{2, 17, 5, 3}, Shape{1, 3, 1, 1}}) {
        auto in = random_tensor<double>(s, 5);
        for (const PoolGeometry& g : kGeometries) {
            if (!fits(g, s)) continue;
            CAPTURE(s.c, g.kernel, g.pad, g.ceil_mode);
            CHECK(kernel_gradient_error(
                      in, g.out_shape(s), [&](auto x, auto out) { avg_pool<double>(x, g, out); },
                      [&](auto, auto d, auto d_in) { avg_pool_backward<double>(d, g, d_in); }) < kGradientTolerance);
            CHECK(kernel_gradient_error(
                      in, g.out_shape(s), [&](auto x, auto out) { max_pool<double>(x, g, out); },
                      [&](auto x, auto d, auto d_in) { max_pool_backward<double>(x, d, g, d_in); }) <
                  kGradientTolerance);
        }
        auto positive = random_tensor<double>(s, 6, 0.2, 1.0);
        CHECK(kernel_gradient_error(
                  positive, l2_pool_shape(s), [&](auto x, auto out) { l2_pool<double>(x, out); },
                  [&](auto x, auto d, auto d_in) {
                      Tensor<double> out(l2_pool_shape(s));
                      l2_pool<double>(x, out);
                      l2_pool_backward<double>(x, out, d, d_in);
                  }) < kGradientTolerance);
    }
}
