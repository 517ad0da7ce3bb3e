// What the kernels promise where nothing multiplies and adds with one rounding, as on x86-64 before AVX2: nearness to the
// plain twins, which always round once, in units of the last place of the largest result. Elsewhere they are equal.

#include <gancodec.hpp>

#include "kernels/kernel_testing.hpp"
#include "support/catch.hpp"

namespace {

using namespace gancodec;
using namespace kernel_testing;

// As measured: at most 5, 72 and 3 (gancodec_tests "[near]" -s).
constexpr double kDirectUlps = 8, kWinogradUlps = 128, kGdnUlps = 8;

/// The largest difference, in units of the last place of the largest number of `expected`.
double ulps_apart(const Tensor<float>& expected, const Tensor<float>& found) {
    const std::vector<float> a = values_of(expected), b = values_of(found);
    float largest = 0;
    for (const float value : a) largest = std::max(largest, std::abs(value));
    const double unit = std::ldexp(1.0, std::ilogb(largest) - 23);
    return max_difference(a, b) / unit;
}

void check_convolution(const ConvGeometry& g, double most) {
    CAPTURE(g.in_channels, g.out_channels, g.kernel, g.stride);
    const auto in = random_tensor<float>({1, g.in_channels, 19, 26}, 1);
    const Shape out_shape{1, g.out_channels, g.out_extent(19), g.out_extent(26)};
    const auto d_out = random_tensor<float>(out_shape, 2);
    const auto size = static_cast<std::size_t>(g.in_channels * g.out_channels * g.kernel * g.kernel);
    const auto weight = random_vector<float>(size, 3),
               bias = random_vector<float>(static_cast<std::size_t>(g.out_channels), 4);
    PreparedConv2d<float> conv;
    conv.prepare(g, weight.data(), bias.data(), true);
    Workspace ws;
    Tensor<float> out(out_shape), d_in(in.shape()), plain_out(out_shape), plain_d_in(in.shape());
    conv2d_forward<float>(in, conv, out, ws);
    conv2d_backward_input<float>(d_out, conv, d_in, ws);
    if (uses_winograd(g))
        reference::winograd_forward(in, g, weight.data(), bias.data(), plain_out);
    else
        reference::conv2d_forward<float>(in, g, weight.data(), bias.data(), plain_out);
    if (uses_winograd_adjoint(g))
        reference::winograd_backward_input(d_out, g, weight.data(), nullptr, plain_d_in);
    else
        reference::conv2d_backward_input<float>(d_out, g, weight.data(), nullptr, plain_d_in);
    CHECK(ulps_apart(plain_out, out) <= most);
    CHECK(ulps_apart(plain_d_in, d_in) <= most);
}

}  // namespace

TEST_CASE("without fused multiply-add kernels stay near their plain twins", "[kernels][near]") {
    for (const ConvGeometry& g :
         {ConvGeometry{17, 40, 1, 1, 0}, {15, 40, 3, 1, 1}, {96, 15, 3, 2, 1}, {20, 3, 7, 1, 3}})
        check_convolution(g, kDirectUlps);
    for (const ConvGeometry& g :
         {ConvGeometry{33, 50, 3, 1, 1}, {128, 128, 3, 1, 1}, {64, 96, 5, 2, 2}, {3, 64, 5, 2, 2}})
        check_convolution(g, kWinogradUlps);
    for (const bool inverse : {false, true}) {
        const Shape shape{1, 96, 9, 31};
        const auto in = random_tensor<float>(shape, 5, -3, 3);
        const auto beta = random_vector<float>(96, 6, 0.5, 2), gamma = random_vector<float>(96 * 96, 7, 0, 0.1);
        Workspace ws;
        Tensor<float> out(shape), plain(shape);
        gdn_forward<float>(in, beta.data(), gamma.data(), inverse, out, ws);
        reference::gdn_forward<float>(in, beta.data(), gamma.data(), inverse, plain, ws);
        CHECK(ulps_apart(plain, out) <= kGdnUlps);
    }
}
