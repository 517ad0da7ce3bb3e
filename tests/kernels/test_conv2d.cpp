#include <gancodec.hpp>

#include "kernels/conv_cases.hpp"
#include "support/catch.hpp"

namespace {

using namespace conv_cases;

/// Everything a convolution takes and gives, in one place.
template <class T>
struct Problem {
    Problem(const ConvGeometry& geometry, int n, int h, int w, std::uint64_t seed)
        : g(geometry),
          random(seed),
          in(random_tensor<T>({n, g.in_channels, h, w}, random)),
          d_out(random_tensor<T>({n, g.out_channels, g.out_extent(h), g.out_extent(w)}, random)),
          weight(random_vector<T>(g.out_channels * g.in_channels * g.kernel * g.kernel, random)),
          bias(random_vector<T>(g.out_channels, random)) {}

    ConvGeometry g;
    Random random;
    Tensor<T> in, d_out;
    std::vector<T> weight, bias;
};

bool fits(const ConvGeometry& g, int extent) { return extent + 2 * g.pad >= g.kernel; }

/// What the formulas of conv2d.hpp say, in double: out, d_in, d_weight, d_bias.
template <class T>
struct Expected {
    explicit Expected(const Problem<T>& p) {
        const auto in = plain(p.in), d = plain(p.d_out);
        const Shape s = p.in.shape(), o = p.d_out.shape();
        out = spread_bias(p.bias, o);
        d_in.resize(in.size());
        d_weight.resize(p.weight.size());
        d_bias.resize(p.bias.size());
        each_product(p.g, s.n, s.h, s.w, o.h, o.w, [&](std::size_t i, std::size_t j, std::size_t k) {
            const auto weight = static_cast<double>(p.weight[k]);
            out[j] += weight * in[i];
            d_in[i] += weight * d[j];
            d_weight[k] += in[i] * d[j];
        });
        for (std::size_t j = 0; j < d.size(); ++j) d_bias[j / o.plane() % static_cast<std::size_t>(o.c)] += d[j];
    }
    std::vector<double> out, d_in, d_weight, d_bias;
};

}  // namespace

TEST_CASE("conv2d: numbers worked out by hand", "[conv2d]") {
    // in = 1..9 in 3x3; weight = 1..4 in 2x2; no padding: out[0,0] = 1·1 + 2·2 + 3·4 + 4·5 = 37.
    const ConvGeometry g{1, 1, 2, 1, 0};
    Tensor<float> in({1, 1, 3, 3}), out({1, 1, 2, 2});
    for (int i = 0; i < 9; ++i) in.at(0, 0, i / 3, i % 3) = static_cast<float>(i + 1);
    const float weight[] = {1, 2, 3, 4}, bias[] = {0.5f};
    PreparedConv2d<float> conv;
    conv.prepare(g, weight, bias, true);
    Workspace ws;
    conv2d_forward<float>(in, conv, out, ws);
    CHECK(out.at(0, 0, 0, 0) == 37.5f);
    CHECK(out.at(0, 0, 0, 1) == 47.5f);
    CHECK(out.at(0, 0, 1, 0) == 67.5f);
    CHECK(out.at(0, 0, 1, 1) == 77.5f);

    Tensor<float> ones({1, 1, 2, 2}), d_in({1, 1, 3, 3});
    for (int i = 0; i < 4; ++i) ones.at(0, 0, i / 2, i % 2) = 1;
    conv2d_backward_input<float>(ones, conv, d_in, ws);
    const float expected[] = {1, 3, 2, 4, 10, 6, 3, 7, 4};
    for (int i = 0; i < 9; ++i) CHECK(d_in.at(0, 0, i / 3, i % 3) == expected[i]);

    float d_weight[] = {100, 0, 0, 0}, d_bias[] = {1};
    conv2d_backward_weight<float>(in, ones, g, d_weight, d_bias, ws);
    CHECK(d_weight[0] == 112);  // adds: 100 + (1 + 2 + 4 + 5)
    CHECK(d_weight[3] == 28);
    CHECK(d_bias[0] == 5);
}

TEST_CASE("conv2d: the plain loops compute the formulas, in double", "[conv2d]") {
    for (const ConvGeometry& g : geometries())
        for (const int extent : {1, 6, 13}) {
            if (!fits(g, extent)) continue;
            const Problem<double> p(g, 2, extent, extent + 1, 7);
            const Expected<double> expected(p);
            CAPTURE(g.in_channels, g.out_channels, g.kernel, g.stride, g.pad, extent);
            PreparedConv2d<double> conv;
            conv.prepare(g, p.weight.data(), p.bias.data(), true);
            Workspace ws;
            Tensor<double> out(p.d_out.shape()), d_in(p.in.shape());
            std::vector<double> d_weight(p.weight.size()), d_bias(p.bias.size());
            conv2d_forward<double>(p.in, conv, out, ws);
            conv2d_backward_input<double>(p.d_out, conv, d_in, ws);
            conv2d_backward_weight<double>(p.in, p.d_out, g, d_weight.data(), d_bias.data(), ws);
            CHECK(distance(out, expected.out) < 1e-10);
            CHECK(distance(d_in, expected.d_in) < 1e-10);
            CHECK(distance(d_weight, expected.d_weight) < 1e-10);
            CHECK(distance(d_bias, expected.d_bias) < 1e-10);
        }
}

TEST_CASE("conv2d: float is as near to the formulas as floats can be", "[conv2d]") {
    for (const ConvGeometry& g : {ConvGeometry{48, 40, 3, 1, 1}, ConvGeometry{20, 33, 5, 2, 2}}) {
        const Problem<float> p(g, 2, 19, 22, 3);
        const Expected<float> expected(p);
        PreparedConv2d<float> conv;
        conv.prepare(g, p.weight.data(), p.bias.data(), true);
        Workspace ws;
        Tensor<float> out(p.d_out.shape()), d_in(p.in.shape());
        std::vector<float> d_weight(p.weight.size()), d_bias(p.bias.size());
        conv2d_forward<float>(p.in, conv, out, ws);
        conv2d_backward_input<float>(p.d_out, conv, d_in, ws);
        conv2d_backward_weight<float>(p.in, p.d_out, g, d_weight.data(), d_bias.data(), ws);
        CHECK(distance(out, expected.out) < 5e-4);
        CHECK(distance(d_in, expected.d_in) < 5e-4);
        CHECK(distance(d_weight, expected.d_weight) < 5e-4);
        CHECK(distance(d_bias, expected.d_bias) < 5e-4);
    }
}

TEST_CASE("conv2d: equal to the plain loops, bit for bit, for every size and thread count", "[conv2d]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    const int before = threads();
    for (const ConvGeometry& g : geometries())
        for (const int width : {1, 2, 5, 8, 11, 12, 13, 25, 80}) {
            const int height = width > 30 ? 3 : (width * 7) % 11 + 1;
            if (!fits(g, width) || !fits(g, height)) continue;
            const Problem<float> p(g, width > 12 ? 1 : 3, height, width, static_cast<std::uint64_t>(width));
            CAPTURE(g.in_channels, g.out_channels, g.kernel, g.stride, g.pad, height, width);
            Tensor<float> out(p.d_out.shape()), d_in(p.in.shape());
            std::vector<float> d_weight = p.weight, d_bias = p.bias;
            reference::conv2d_forward<float>(p.in, g, p.weight.data(), p.bias.data(), out);
            reference::conv2d_backward_input<float>(p.d_out, g, p.weight.data(), nullptr, d_in);
            reference::conv2d_backward_weight<float>(p.in, p.d_out, g, d_weight.data(), d_bias.data());
            for (const int team : {1, 2, 3}) {
                set_threads(team);
                PreparedConv2d<float> conv;
                conv.prepare(g, p.weight.data(), p.bias.data(), true);
                Workspace ws;
                Tensor<float> fast_out = dirty_tensor(out.shape()), fast_d_in = dirty_tensor(d_in.shape());
                std::vector<float> fast_weight = p.weight, fast_bias = p.bias;
                conv2d_forward<float>(p.in, conv, fast_out, ws);
                conv2d_backward_input<float>(p.d_out, conv, fast_d_in, ws);
                conv2d_backward_weight<float>(p.in, p.d_out, g, fast_weight.data(), fast_bias.data(), ws);
                CHECK(same(out, fast_out));
                CHECK(same(d_in, fast_d_in));
                CHECK(same(d_weight, fast_weight));
                CHECK(same(d_bias, fast_bias));
            }
        }
    set_threads(before);
}

TEST_CASE("conv2d: sizes that a stride does not divide leave rows without taps", "[conv2d]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    // The last input rows and columns are read by no output: their gradient is zero, and must be written.
    const ConvGeometry g{17, 5, 2, 3, 0};
    const Problem<float> p(g, 1, 10, 9, 1);
    PreparedConv2d<float> conv;
    conv.prepare(g, p.weight.data(), p.bias.data(), true);
    Workspace ws;
    Tensor<float> expected(p.in.shape()), d_in = dirty_tensor(p.in.shape());
    reference::conv2d_backward_input<float>(p.d_out, g, p.weight.data(), nullptr, expected);
    conv2d_backward_input<float>(p.d_out, conv, d_in, ws);
    CHECK(same(expected, d_in));
    CHECK(d_in.at(0, 0, 2, 0) == 0.0f);
}

TEST_CASE("conv2d: an epilogue equals the separate operations", "[conv2d]") {
    const ConvGeometry g{20, 33, 3, 1, 1};
    const Problem<float> p(g, 2, 9, 14, 5);
    PreparedConv2d<float> conv;
    conv.prepare(g, p.weight.data(), p.bias.data(), false);
    Workspace ws;
    Tensor<float> out(p.d_out.shape()), expected(p.d_out.shape());
    for (const Activation activation : {Activation::relu, Activation::leaky_relu}) {
        conv2d_forward<float>(p.in, conv, expected, ws);
        for (std::size_t i = 0; i < expected.size(); ++i) expected.data()[i] += p.d_out.data()[i];
        activation_forward<float>(expected, activation, 0.2f, expected);
        conv2d_forward<float>(p.in, conv, out, ws, {p.d_out.data(), true, activation, 0.2f});
        CHECK(same(expected, out));
    }
}

namespace {

/// The float kernels with the registers of `Arch` against the plain loops.
template <class Arch>
void check_arch() {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    for (const ConvGeometry& g : {ConvGeometry{17, 40, 3, 1, 1}, ConvGeometry{3, 33, 5, 2, 2},
                                  ConvGeometry{20, 3, 3, 1, 1}, ConvGeometry{12, 7, 1, 1, 0}})
        for (const int width : {3, 7, 9, 15, 24, 131}) {
            const Problem<float> p(g, 2, 6, width, 11);
            CAPTURE(simd::kLanes<Arch>, g.kernel, width);
            Tensor<float> out(p.d_out.shape()), d_in(p.in.shape());
            Tensor<float> fast_out = dirty_tensor(out.shape()), fast_d_in = dirty_tensor(d_in.shape());
            std::vector<float> d_weight = p.weight, fast_weight = p.weight;
            Workspace ws;
            reference::conv2d_forward<float>(p.in, g, p.weight.data(), p.bias.data(), out);
            reference::conv2d_backward_input<float>(p.d_out, g, p.weight.data(), nullptr, d_in);
            reference::conv2d_backward_weight<float>(p.in, p.d_out, g, d_weight.data(), nullptr);
            detail::PackedTaps taps;
            taps.pack_convolution(g, p.weight.data(), p.bias.data());
            detail::convolve_taps<Arch>(p.in, taps, fast_out, {}, ws);
            taps.pack_adjoint(g, p.weight.data(), nullptr);
            detail::convolve_taps<Arch>(p.d_out, taps, fast_d_in, {}, ws);
            detail::add_weight_gradient<Arch>(p.in, p.d_out, g, fast_weight.data(), ws);
            CHECK(same(out, fast_out));
            CHECK(same(d_in, fast_d_in));
            CHECK(same(d_weight, fast_weight));
        }
}

}  // namespace

TEST_CASE("conv2d: every lane width gives the same bits", "[conv2d]") {
    check_arch<simd::EmulatedArch<4>>();
    check_arch<simd::EmulatedArch<8>>();
    check_arch<simd::EmulatedArch<16>>();
    check_arch<simd::NativeArch>();
#if defined(__AVX2__) && defined(__FMA__)
    check_arch<simd::Avx2Arch>();
#endif
}
