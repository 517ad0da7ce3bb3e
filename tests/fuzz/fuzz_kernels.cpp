// libFuzzer: fast kernels against their plain twins, bit for bit, on shapes and magnitudes that the bytes choose.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include <gancodec.hpp>

#include "gancodec/kernels/reference/winograd.hpp"

namespace {

using namespace gancodec;

/// Numbers of a range out of bytes, zeros after their end.
class Choices {
public:
    explicit Choices(ByteView bytes) : bytes_(bytes) {}
    int from(int low, int high) {
        const int byte = at_ < bytes_.size() ? bytes_[at_] : 0;
        ++at_;
        return low + byte % (high - low + 1);
    }

private:
    ByteView bytes_;
    std::size_t at_ = 0;
};

/// Fills with numbers of many magnitudes: 2^±range, zeros and negative zeros among them.
struct Numbers {
    Random random;
    int range;

    float operator()() {
        const std::uint64_t kind = random.below(16);
        if (kind < 2) return kind == 0 ? 0.0f : -0.0f;
        const int exponent =
            range == 0 ? 0 : static_cast<int>(random.below(2 * static_cast<std::uint64_t>(range))) - range;
        return static_cast<float>(std::ldexp(random.normal(), exponent));
    }
    Tensor<float> tensor(const Shape& shape) {
        Tensor<float> t(shape);
        for (int n = 0; n < shape.n; ++n)
            for (int c = 0; c < shape.c; ++c)
                for (int y = 0; y < shape.h; ++y)
                    for (int x = 0; x < shape.w; ++x) t.at(n, c, y, x) = (*this)();
        return t;
    }
    std::vector<float> vector(int size) {
        std::vector<float> v(static_cast<std::size_t>(size));
        for (float& x : v) x = (*this)();
        return v;
    }
};

/// Equal, where zeros have one sign and numbers that are none one kind.
bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }
void require_same(const float* a, const float* b, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        if (!same(a[i], b[i])) std::abort();
}
void require_same(const Tensor<float>& a, const Tensor<float>& b) { require_same(a.data(), b.data(), a.size()); }

void convolution(Choices& choose, Numbers& numbers) {
    ConvGeometry g{choose.from(1, 40), choose.from(1, 48), choose.from(1, 5), choose.from(1, 4), 0};
    g.pad = choose.from(0, g.kernel - 1);
    const int n = choose.from(1, 2), h = choose.from(1, 13), w = choose.from(1, 13);
    if (h + 2 * g.pad < g.kernel || w + 2 * g.pad < g.kernel) return;
    const auto in = numbers.tensor({n, g.in_channels, h, w});
    const auto skip = numbers.tensor({n, g.out_channels, g.out_extent(h), g.out_extent(w)});
    const auto weight = numbers.vector(g.out_channels * g.in_channels * g.kernel * g.kernel);
    const auto bias = numbers.vector(g.out_channels);
    Epilogue<float> epilogue;
    if (choose.from(0, 1) == 1) epilogue = {skip.data(), true, Activation::leaky_relu, 0.2f};
    PreparedConv2d<float> conv;
    conv.prepare(g, weight.data(), bias.data(), true);
    Workspace ws;
    Tensor<float> out(skip.shape()), expected(skip.shape()), d_in(in.shape()), d_expected(in.shape());
    conv2d_forward<float>(in, conv, out, ws, epilogue);
    conv2d_backward_input<float>(skip, conv, d_in, ws);
    auto d_weight = weight, d_weight_expected = weight, d_bias = bias, d_bias_expected = bias;
    conv2d_backward_weight<float>(in, skip, g, d_weight.data(), d_bias.data(), ws);
    if (uses_winograd(g))
        reference::winograd_forward(in, g, weight.data(), bias.data(), expected, epilogue);
    else
        reference::conv2d_forward<float>(in, g, weight.data(), bias.data(), expected, epilogue);
    if (uses_winograd_adjoint(g))
        reference::winograd_backward_input(skip, g, weight.data(), nullptr, d_expected);
    else
        reference::conv2d_backward_input<float>(skip, g, weight.data(), nullptr, d_expected);
    if (uses_winograd_gradient(g))
        reference::winograd_backward_weight(in, skip, g, d_weight_expected.data(), d_bias_expected.data());
    else
        reference::conv2d_backward_weight<float>(in, skip, g, d_weight_expected.data(), d_bias_expected.data());
    require_same(out, expected);
    require_same(d_in, d_expected);
    require_same(d_weight.data(), d_weight_expected.data(), d_weight.size());
    require_same(d_bias.data(), d_bias_expected.data(), d_bias.size());
}

void transposed_convolution(Choices& choose, Numbers& numbers) {
    ConvTransposeGeometry g{choose.from(1, 40), choose.from(1, 40), choose.from(1, 6), choose.from(1, 3), 0, 0};
    g.pad = choose.from(0, g.kernel - 1);
    g.output_pad = choose.from(0, g.stride - 1);
    const int n = choose.from(1, 2), h = choose.from(1, 7), w = choose.from(1, 7);
    if (g.out_extent(h) < 1 || g.out_extent(w) < 1) return;
    const auto in = numbers.tensor({n, g.in_channels, h, w});
    const auto weight = numbers.vector(g.in_channels * g.out_channels * g.kernel * g.kernel);
    const auto bias = numbers.vector(g.out_channels);
    PreparedConvTranspose2d<float> conv;
    conv.prepare(g, weight.data(), bias.data(), false);
    Workspace ws;
    const Shape shape{n, g.out_channels, g.out_extent(h), g.out_extent(w)};
    Tensor<float> out(shape), expected(shape);
    conv_transpose2d_forward<float>(in, conv, out, ws);
    if (uses_winograd_adjoint(g.adjoint()))
        reference::winograd_backward_input(in, g.adjoint(), weight.data(), bias.data(), expected);
    else
        reference::conv_transpose2d_forward<float>(in, g, weight.data(), bias.data(), expected);
    require_same(out, expected);
}

void normalisation(Choices& choose, Numbers& numbers) {
    const Shape shape{choose.from(1, 2), choose.from(1, 40), choose.from(1, 9), choose.from(1, 13)};
    const bool inverse = choose.from(0, 1) == 1;
    const auto in = numbers.tensor(shape), d_out = numbers.tensor(shape);
    auto beta = numbers.vector(shape.c), gamma = numbers.vector(shape.c * shape.c);
    for (float& b : beta) b = std::abs(b) + 1e-6f;  // what the layer keeps
    for (float& x : gamma) x = std::abs(x);
    Workspace ws;
    Tensor<float> out(shape), expected(shape);
    gdn_forward<float>(in, beta.data(), gamma.data(), inverse, out, ws);
    reference::gdn_forward<float>(in, beta.data(), gamma.data(), inverse, expected, ws);
    require_same(out, expected);
    auto d_beta = beta, d_beta_expected = beta, d_gamma = gamma, d_gamma_expected = gamma;
    gdn_backward<float>(in, d_out, beta.data(), gamma.data(), inverse, out, d_beta.data(), d_gamma.data(), ws);
    reference::gdn_backward<float>(in, d_out, beta.data(), gamma.data(), inverse, expected, d_beta_expected.data(),
                                   d_gamma_expected.data(), ws);
    require_same(out, expected);
    require_same(d_beta.data(), d_beta_expected.data(), d_beta.size());
    require_same(d_gamma.data(), d_gamma_expected.data(), d_gamma.size());
    root_gdn_forward<float>(in, beta.data(), gamma.data(), inverse, out, ws);
    reference::root_gdn_forward<float>(in, beta.data(), gamma.data(), inverse, expected);
    require_same(out, expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (!simd::kHasFma) return 0;
    Choices choose(ByteView(data, size));
    const int kernel = choose.from(0, 3);
    set_threads(choose.from(1, 2));
    Numbers numbers{Random(static_cast<std::uint64_t>(choose.from(0, 255))), choose.from(0, 60)};
    if (kernel < 2)
        convolution(choose, numbers);
    else if (kernel == 2)
        transposed_convolution(choose, numbers);
    else
        normalisation(choose, numbers);
    return 0;
}
