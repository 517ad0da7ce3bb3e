#include <gancodec.hpp>

#include "kernels/conv_cases.hpp"
#include "support/catch.hpp"

namespace {

using namespace conv_cases;

/// Transposed convolutions that networks use: kernels of 2 to 5, strides of 1 to 3, both output paddings.
std::vector<ConvTransposeGeometry> transposed_geometries() {
    return {{17, 3, 5, 2, 2, 1}, {15, 33, 4, 2, 1, 0}, {3, 40, 3, 2, 1, 1}, {12, 12, 3, 1, 1, 0},
            {5, 18, 2, 2, 0, 0}, {20, 6, 3, 3, 0, 0},  {9, 35, 5, 2, 2, 0}, {18, 2, 1, 2, 0, 1}};
}

}  // namespace

TEST_CASE("conv_transpose2d: numbers worked out by hand", "[conv_transpose2d]") {
    // Stride 2, kernel 3, no padding: every input paints weight · value on a 3x3 patch, two apart.
    const ConvTransposeGeometry g{1, 1, 3, 2, 0, 0};
    Tensor<float> in({1, 1, 1, 2}), out({1, 1, 3, 5});
    in.at(0, 0, 0, 0) = 1;
    in.at(0, 0, 0, 1) = 10;
    const float weight[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, bias[] = {0};
    REQUIRE(g.out_extent(2) == 5);
    PreparedConvTranspose2d<float> conv;
    conv.prepare(g, weight, bias, false);
    Workspace ws;
    conv_transpose2d_forward<float>(in, conv, out, ws);
    const float expected[] = {1, 2, 13, 20, 30, 4, 5, 46, 50, 60, 7, 8, 79, 80, 90};
    for (int i = 0; i < 15; ++i) CHECK(out.at(0, 0, i / 5, i % 5) == expected[i]);
}

TEST_CASE("conv_transpose2d: the plain loops compute the formulas, in double", "[conv_transpose2d]") {
    for (const ConvTransposeGeometry& g : transposed_geometries()) {
        CAPTURE(g.in_channels, g.out_channels, g.kernel, g.stride, g.pad, g.output_pad);
        const int h = 4, w = 5, oh = g.out_extent(h), ow = g.out_extent(w);
        Random random(2);
        const auto in = random_tensor<double>({2, g.in_channels, h, w}, random);
        const auto d_out = random_tensor<double>({2, g.out_channels, oh, ow}, random);
        const auto weight = random_vector<double>(g.in_channels * g.out_channels * g.kernel * g.kernel, random);
        const auto bias = random_vector<double>(g.out_channels, random);
        const auto x = plain(in), d = plain(d_out);
        auto out_expected = spread_bias(bias, d_out.shape());
        std::vector<double> d_in_expected(x.size()), d_weight_expected(weight.size()), d_bias_expected(bias.size());
        // A product of the adjoint convolution: its input is our output.
        each_product(g.adjoint(), 2, oh, ow, h, w, [&](std::size_t i, std::size_t j, std::size_t k) {
            out_expected[i] += weight[k] * x[j];
            d_in_expected[j] += weight[k] * d[i];
            d_weight_expected[k] += d[i] * x[j];
        });
        for (std::size_t i = 0; i < d.size(); ++i)
            d_bias_expected[i / d_out.shape().plane() % static_cast<std::size_t>(g.out_channels)] += d[i];

        PreparedConvTranspose2d<double> conv;
        conv.prepare(g, weight.data(), bias.data(), true);
        Workspace ws;
        Tensor<double> out(d_out.shape()), d_in(in.shape());
        std::vector<double> d_weight(weight.size()), d_bias(bias.size());
        conv_transpose2d_forward<double>(in, conv, out, ws);
        conv_transpose2d_backward_input<double>(d_out, conv, d_in, ws);
        conv_transpose2d_backward_weight<double>(in, d_out, g, d_weight.data(), d_bias.data(), ws);
        CHECK(distance(out, out_expected) < 1e-10);
        CHECK(distance(d_in, d_in_expected) < 1e-10);
        CHECK(distance(d_weight, d_weight_expected) < 1e-10);
        CHECK(distance(d_bias, d_bias_expected) < 1e-10);
    }
}

TEST_CASE("conv_transpose2d: equal to the plain loops, bit for bit, for every thread count", "[conv_transpose2d]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    const int before = threads();
    for (const ConvTransposeGeometry& g : transposed_geometries())
        for (const int width : {1, 4, 7, 13, 24}) {
            CAPTURE(g.in_channels, g.out_channels, g.kernel, g.stride, g.pad, g.output_pad, width);
            const int height = width % 5 + 1;
            if (g.out_extent(1) < 1) continue;
            Random random(4);
            const auto in = random_tensor<float>({2, g.in_channels, height, width}, random);
            const Shape out_shape{2, g.out_channels, g.out_extent(height), g.out_extent(width)};
            const auto d_out = random_tensor<float>(out_shape, random);
            const auto weight = random_vector<float>(g.in_channels * g.out_channels * g.kernel * g.kernel, random);
            const auto bias = random_vector<float>(g.out_channels, random);
            Tensor<float> out(out_shape), d_in(in.shape());
            std::vector<float> d_weight = weight, d_bias = bias;
            reference::conv_transpose2d_forward<float>(in, g, weight.data(), bias.data(), out);
            reference::conv_transpose2d_backward_input<float>(d_out, g, weight.data(), d_in);
            reference::conv_transpose2d_backward_weight<float>(in, d_out, g, d_weight.data(), d_bias.data());
            for (const int team : {1, 2, 3}) {
                set_threads(team);
                PreparedConvTranspose2d<float> conv;
                conv.prepare(g, weight.data(), bias.data(), true);
                Workspace ws;
                Tensor<float> fast_out = dirty_tensor(out_shape), fast_d_in = dirty_tensor(in.shape());
                std::vector<float> fast_weight = weight, fast_bias = bias;
                conv_transpose2d_forward<float>(in, conv, fast_out, ws);
                conv_transpose2d_backward_input<float>(d_out, conv, fast_d_in, ws);
                conv_transpose2d_backward_weight<float>(in, d_out, g, fast_weight.data(), fast_bias.data(), ws);
                CHECK(same(out, fast_out));
                CHECK(same(d_in, fast_d_in));
                CHECK(same(d_weight, fast_weight));
                CHECK(same(d_bias, fast_bias));
            }
        }
    set_threads(before);
}

TEST_CASE("conv_transpose2d: an epilogue equals the separate operations", "[conv_transpose2d]") {
    const ConvTransposeGeometry g{12, 20, 4, 2, 1, 0};
    Random random(6);
    const auto in = random_tensor<float>({1, 12, 5, 6}, random), skip = random_tensor<float>({1, 20, 10, 12}, random);
    const auto weight = random_vector<float>(12 * 20 * 16, random), bias = random_vector<float>(20, random);
    PreparedConvTranspose2d<float> conv;
    conv.prepare(g, weight.data(), bias.data(), false);
    Workspace ws;
    Tensor<float> out(skip.shape()), expected(skip.shape());
    conv_transpose2d_forward<float>(in, conv, expected, ws);
    for (std::size_t i = 0; i < expected.size(); ++i) expected.data()[i] += skip.data()[i];
    activation_forward<float>(expected, Activation::leaky_relu, 0.1f, expected);
    conv_transpose2d_forward<float>(in, conv, out, ws, {skip.data(), true, Activation::leaky_relu, 0.1f});
    CHECK(same(expected, out));
}
