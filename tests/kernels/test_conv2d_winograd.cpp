#include <gancodec.hpp>

#include "gancodec/kernels/reference/winograd.hpp"
#include "kernels/conv_cases.hpp"
#include "support/catch.hpp"

namespace {

using namespace conv_cases;

struct Shape3 {
    int n, h, w;
};

/// Everything a convolution takes.
struct Problem {
    Problem(const ConvGeometry& geometry, int n, int h, int w)
        : g(geometry),
          random(static_cast<std::uint64_t>(h * 31 + w)),
          in(random_tensor<float>({n, g.in_channels, h, w}, random)),
          d_out(random_tensor<float>({n, g.out_channels, g.out_extent(h), g.out_extent(w)}, random)),
          weight(random_vector<float>(g.out_channels * g.in_channels * g.kernel * g.kernel, random)),
          bias(random_vector<float>(g.out_channels, random)) {}

    ConvGeometry g;
    Random random;
    Tensor<float> in, d_out;
    std::vector<float> weight, bias;
};

struct Results {
    explicit Results(const Problem& p)
        : out(dirty_tensor(p.d_out.shape())), d_in(dirty_tensor(p.in.shape())), d_weight(p.weight), d_bias(p.bias) {}
    Tensor<float> out, d_in;
    std::vector<float> d_weight, d_bias;
};

template <Precision P>
Results run_reference(const Problem& p) {
    Results r(p);
    if (p.g.in_channels < kChannelBlock)  // a first layer
        reference::winograd_forward(p.in, p.g, p.weight.data(), p.bias.data(), r.out);
    else
        reference::winograd_forward<P>(p.in, p.g, p.weight.data(), p.bias.data(), r.out);
    if (uses_winograd_adjoint(p.g))
        reference::winograd_backward_input<P>(p.d_out, p.g, p.weight.data(), nullptr, r.d_in);
    else
        reference::conv2d_backward_input<float>(p.d_out, p.g, p.weight.data(), nullptr, r.d_in);
    if (uses_winograd_gradient(p.g))
        reference::winograd_backward_weight<P>(p.in, p.d_out, p.g, r.d_weight.data(), r.d_bias.data());
    else
        reference::conv2d_backward_weight<float>(p.in, p.d_out, p.g, r.d_weight.data(), r.d_bias.data());
    return r;
}

Results run_fast(const Problem& p, Precision precision) {
    Results r(p);
    PreparedConv2d<float> conv;
    conv.prepare(p.g, p.weight.data(), p.bias.data(), true);
    Workspace ws;
    conv2d_forward<float>(p.in, conv, r.out, ws, {}, precision);
    conv2d_backward_input<float>(p.d_out, conv, r.d_in, ws, precision);
    conv2d_backward_weight<float>(p.in, p.d_out, p.g, r.d_weight.data(), r.d_bias.data(), ws, precision);
    return r;
}

double largest(const std::vector<double>& numbers) {
    double most = 0;
    for (const double x : numbers) most = std::max(most, std::abs(x));
    return most;
}

}  // namespace

TEST_CASE("conv2d winograd: the geometry alone decides", "[winograd]") {
    STATIC_CHECK(uses_winograd({32, 32, 3, 1, 1}));
    STATIC_CHECK(uses_winograd({64, 96, 3, 1, 0}));
    STATIC_CHECK_FALSE(uses_winograd({15, 32, 3, 1, 1}));
    STATIC_CHECK_FALSE(uses_winograd({32, 3, 3, 1, 1}));
    STATIC_CHECK_FALSE(uses_winograd({32, 32, 3, 2, 1}));
    STATIC_CHECK_FALSE(uses_winograd({32, 32, 5, 1, 2}));
    STATIC_CHECK(uses_winograd({32, 48, 5, 2, 2}));
    STATIC_CHECK(uses_winograd({32, 48, 4, 2, 1}));
    STATIC_CHECK_FALSE(uses_winograd({32, 48, 5, 2, 0}));
    STATIC_CHECK_FALSE(uses_winograd({3, 48, 5, 2, 2}));
    STATIC_CHECK(uses_winograd({3, 64, 5, 2, 2}));
    STATIC_CHECK_FALSE(uses_winograd_adjoint({3, 64, 5, 2, 2}));
    STATIC_CHECK_FALSE(uses_winograd_gradient({16, 31, 3, 1, 1}));
    STATIC_CHECK(uses_winograd_gradient({32, 32, 3, 1, 1}));
    STATIC_CHECK_FALSE(uses_winograd_gradient({32, 48, 5, 2, 2}));
}

TEST_CASE("conv2d winograd: computes the formulas of a convolution, in and out", "[winograd]") {
    for (const ConvGeometry& g :
         {ConvGeometry{33, 40, 3, 1, 1}, {48, 32, 3, 1, 0}, {32, 32, 3, 1, 2}, {33, 40, 5, 2, 2}, {48, 34, 4, 2, 1}}) {
        const Problem p(g, 2, 11, 14);
        CAPTURE(g.in_channels, g.out_channels, g.pad);
        const auto x = plain(p.in), d = plain(p.d_out);
        const Shape s = p.in.shape(), o = p.d_out.shape();
        auto out = spread_bias(p.bias, o);
        std::vector<double> d_in(x.size()), d_weight(p.weight.begin(), p.weight.end());
        each_product(g, 2, s.h, s.w, o.h, o.w, [&](std::size_t i, std::size_t j, std::size_t k) {
            const auto weight = static_cast<double>(p.weight[k]);
            out[j] += weight * x[i];
            d_in[i] += weight * d[j];
            d_weight[k] += x[i] * d[j];
        });
        for (const auto& [precision, tolerance] : {std::pair{Precision::fp32, 1e-4}, {Precision::bf16, 0.04}}) {
            const Results fast = run_fast(p, precision);
            CHECK(distance(fast.out, out) < tolerance * largest(out));
            CHECK(distance(fast.d_in, d_in) < tolerance * largest(d_in));
            CHECK(distance(fast.d_weight, d_weight) < tolerance * largest(d_weight));
        }
    }
}

namespace {

template <Precision P>
void check_twin(const ConvGeometry& g, const Shape3& s) {
    if (s.h + 2 * g.pad < g.kernel || s.w + 2 * g.pad < g.kernel) return;
    CAPTURE(g.in_channels, g.out_channels, g.kernel, g.stride, g.pad, s.n, s.h, s.w);
    const Problem p(g, s.n, s.h, s.w);
    const Results expected = run_reference<P>(p);
    const int before = threads();
    for (const int team : {1, 2, 3}) {
        set_threads(team);
        const Results fast = run_fast(p, P);
        CHECK(same(expected.out, fast.out));
        CHECK(same(expected.d_in, fast.d_in));
        CHECK(same(expected.d_weight, fast.d_weight));
        CHECK(same(expected.d_bias, fast.d_bias));
    }
    set_threads(before);
}

template <Precision P>
void check_twins() {
    for (const ConvGeometry& g : {ConvGeometry{32, 32, 3, 1, 1},
                                  {33, 50, 3, 1, 1},
                                  {40, 35, 3, 1, 0},
                                  {36, 48, 3, 1, 2},
                                  {33, 50, 5, 2, 2},
                                  {48, 32, 5, 2, 2},
                                  {35, 33, 4, 2, 1},
                                  {32, 64, 4, 2, 1},
                                  {16, 17, 3, 1, 1},
                                  {3, 64, 5, 2, 2},
                                  {4, 64, 5, 2, 2},
                                  {5, 64, 5, 2, 2}})
        for (const Shape3& s : {Shape3{1, 1, 1}, {3, 3, 4}, {1, 4, 4}, {2, 5, 9}, {1, 8, 31}, {5, 8, 8}, {1, 45, 50}})
            check_twin<P>(g, s);
    // Wide layers keep the products of all outputs.
    for (const ConvGeometry& g :
         {ConvGeometry{257, 50, 3, 1, 1}, {50, 257, 3, 1, 1}, {256, 33, 4, 2, 1}, {33, 260, 4, 2, 1}})
        for (const Shape3& s : {Shape3{1, 5, 9}, {2, 9, 22}}) check_twin<P>(g, s);
}

}  // namespace

TEST_CASE("conv2d winograd: equal to the plain twin, bit for bit, for every size and thread count", "[winograd]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    check_twins<Precision::fp32>();
}

TEST_CASE("conv2d winograd: equal to the plain twin in bf16 too", "[winograd][bf16]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    check_twins<Precision::bf16>();
}

TEST_CASE("conv_transpose2d winograd: equal to the plain twin, for both output paddings", "[winograd]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    for (const ConvTransposeGeometry& g : {ConvTransposeGeometry{33, 40, 5, 2, 2, 1},
                                           {32, 50, 5, 2, 2, 0},
                                           {40, 33, 4, 2, 1, 0},
                                           {32, 35, 4, 2, 1, 1},
                                           {32, 32, 3, 1, 1, 0}})
        for (const auto& [n, h, w] : {Shape3{1, 1, 1}, {2, 4, 9}, {1, 7, 6}}) {
            CAPTURE(g.in_channels, g.out_channels, g.kernel, g.output_pad, n, h, w);
            Random random(8);
            const auto in = random_tensor<float>({n, g.in_channels, h, w}, random);
            const auto skip = random_tensor<float>({n, g.out_channels, g.out_extent(h), g.out_extent(w)}, random);
            const auto weight = random_vector<float>(g.in_channels * g.out_channels * g.kernel * g.kernel, random);
            const auto bias = random_vector<float>(g.out_channels, random);
            const Epilogue<float> epilogue{skip.data(), true, Activation::leaky_relu, 0.2f};
            PreparedConvTranspose2d<float> conv;
            conv.prepare(g, weight.data(), bias.data(), true);
            Workspace ws;
            Tensor<float> out = dirty_tensor(skip.shape()), d_in = dirty_tensor(in.shape());
            Tensor<float> out_bf16 = dirty_tensor(skip.shape()), d_in_bf16 = dirty_tensor(in.shape());
            Tensor<float> expected = dirty_tensor(skip.shape()), d_expected = dirty_tensor(in.shape());
            conv_transpose2d_forward<float>(in, conv, out, ws, epilogue);
            conv_transpose2d_backward_input<float>(skip, conv, d_in, ws);
            reference::winograd_backward_input(in, g.adjoint(), weight.data(), bias.data(), expected, epilogue);
            reference::winograd_forward(skip, g.adjoint(), weight.data(), nullptr, d_expected);
            CHECK(same(expected, out));
            CHECK(same(d_expected, d_in));
            conv_transpose2d_forward<float>(in, conv, out_bf16, ws, epilogue, Precision::bf16);
            conv_transpose2d_backward_input<float>(skip, conv, d_in_bf16, ws, Precision::bf16);
            reference::winograd_backward_input<Precision::bf16>(in, g.adjoint(), weight.data(), bias.data(), expected,
                                                                epilogue);
            reference::winograd_forward<Precision::bf16>(skip, g.adjoint(), weight.data(), nullptr, d_expected);
            CHECK(same(expected, out_bf16));
            CHECK(same(d_expected, d_in_bf16));
            // And close to the direct sums, which have their own order.
            reference::conv_transpose2d_forward<float>(in, g, weight.data(), bias.data(), expected, epilogue);
            reference::conv_transpose2d_backward_input<float>(skip, g, weight.data(), d_expected);
            const auto direct = plain(expected), d_direct = plain(d_expected);
            CHECK(distance(out, direct) < 1e-4 * largest(direct));
            CHECK(distance(d_in, d_direct) < 1e-4 * largest(d_direct));
            CHECK(distance(out_bf16, direct) < 0.04 * largest(direct));
            CHECK(distance(d_in_bf16, d_direct) < 0.04 * largest(d_direct));
        }
}

TEST_CASE("conv2d winograd: an epilogue equals the separate operations", "[winograd]") {
    const Problem p({32, 40, 3, 1, 1}, 1, 9, 7);
    PreparedConv2d<float> conv;
    conv.prepare(p.g, p.weight.data(), p.bias.data(), false);
    Workspace ws;
    Tensor<float> out(p.d_out.shape()), expected(p.d_out.shape());
    conv2d_forward<float>(p.in, conv, expected, ws);
    for (std::size_t i = 0; i < expected.size(); ++i) expected.data()[i] += p.d_out.data()[i];
    activation_forward<float>(expected, Activation::leaky_relu, 0.2f, expected);
    conv2d_forward<float>(p.in, conv, out, ws, {p.d_out.data(), true, Activation::leaky_relu, 0.2f});
    CHECK(same(expected, out));
}

namespace {

template <class Arch, Precision P>
void check_arch() {
    for (const ConvGeometry& g : {ConvGeometry{33, 50, 3, 1, 1}, {33, 50, 5, 2, 2}, {16, 33, 4, 2, 1}}) {
        const Problem p(g, 2, 10, 13);
        const Results expected = run_reference<P>(p);
        Results fast(p);
        Workspace ws;
        gancodec::detail::WinogradWeights weights;
        weights.pack_convolution(g, p.weight.data(), p.bias.data());
        gancodec::detail::convolve_winograd<Arch>(p.in, weights, fast.out, {}, ws, P);
        weights.pack_adjoint(g, p.weight.data(), nullptr);
        gancodec::detail::convolve_winograd<Arch>(p.d_out, weights, fast.d_in, {}, ws, P);
        CAPTURE(simd::kLanes<Arch>, g.kernel);
        CHECK(same(expected.out, fast.out));
        CHECK(same(expected.d_in, fast.d_in));
        if (!uses_winograd_gradient(g)) continue;
        gancodec::detail::add_winograd_gradient<Arch>(p.in, p.d_out, g, fast.d_weight.data(), ws, P);
        CHECK(same(expected.d_weight, fast.d_weight));
    }
}

template <Precision P>
void check_arches() {
    check_arch<simd::EmulatedArch<4>, P>();
    check_arch<simd::EmulatedArch<8>, P>();
    check_arch<simd::EmulatedArch<16>, P>();
    check_arch<simd::NativeArch, P>();
#if defined(__AVX2__) && defined(__FMA__)
    check_arch<simd::Avx2Arch, P>();
#endif
}

}  // namespace

TEST_CASE("conv2d winograd: every lane width gives the same bits", "[winograd]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    check_arches<Precision::fp32>();
}

TEST_CASE("conv2d winograd: every lane width gives the same bits in bf16 too", "[winograd][bf16]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    check_arches<Precision::bf16>();
}
