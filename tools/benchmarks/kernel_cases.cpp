#include <cstdio>
#include <memory>
#include <utility>

#include "bench.hpp"
#include "gancodec/kernels/conv2d.hpp"
#include "gancodec/kernels/conv_transpose2d.hpp"
#include "gancodec/kernels/gdn.hpp"

namespace gancodec::bench {

namespace {

using Arch = simd::NativeArch;

/// Tensors and weights of one convolution, transposed or not; `pad` is half the kernel, `h` and `w` are of the input.
struct Convolution {
    ConvGeometry g;
    Tensor<float> in, out;
    std::vector<float> weight, bias;
    Workspace ws;
    PreparedConv2d<float> conv;
    PreparedConvTranspose2d<float> transposed;
    detail::PackedTaps taps;
};

enum class Pass { forward, direct, d_input, d_weight };

constexpr const char* pass_name(Pass pass) {
    switch (pass) {
        case Pass::forward:
            return "";
        case Pass::direct:
            return " direct";
        case Pass::d_input:
            return " d_input";
        default:
            return " d_weight";
    }
}

/// `direct` sums the taps where the library would take Winograd's algorithm.
Case convolution(ConvGeometry g, int n, int h, int w, Pass pass) {
    const int oh = g.out_extent(h), ow = g.out_extent(w);
    char name[96];
    const bool winograd = pass == Pass::d_weight  ? uses_winograd_gradient(g)
                          : pass == Pass::d_input ? uses_winograd_adjoint(g)
                                                  : pass == Pass::forward && uses_winograd(g);
    std::snprintf(name, sizeof name, "conv %dx%d/%d %d->%d %dx%dx%d%s%s", g.kernel, g.kernel, g.stride, g.in_channels,
                  g.out_channels, n, ow, oh, winograd ? " winograd" : "", pass_name(pass));
    const double flops = 2.0 * n * oh * ow * g.in_channels * g.out_channels * g.kernel * g.kernel;
    return {name, "flop", flops, [=]() -> std::function<void()> {
                auto c = std::make_shared<Convolution>();
                Random random(1);
                c->g = g;
                c->in = random_tensor({n, g.in_channels, h, w}, random);
                c->out = random_tensor({n, g.out_channels, oh, ow}, random);
                c->weight = random_vector(g.in_channels * g.out_channels * g.kernel * g.kernel, random);
                c->bias = random_vector(g.out_channels, random);
                c->conv.prepare(g, c->weight.data(), c->bias.data(), true);
                switch (pass) {
                    case Pass::forward:
                        return [c] { conv2d_forward<float>(c->in, c->conv, c->out, c->ws); };
                    case Pass::direct:
                        c->taps.pack_convolution(g, c->weight.data(), c->bias.data());
                        return [c] { detail::convolve_taps<Arch>(c->in, c->taps, c->out, {}, c->ws); };
                    case Pass::d_input:
                        return [c] { conv2d_backward_input<float>(c->out, c->conv, c->in, c->ws); };
                    default:
                        return [c] {
                            conv2d_backward_weight<float>(c->in, c->out, c->g, c->weight.data(), c->bias.data(), c->ws);
                        };
                }
            }};
}

/// Doubles height and width. Forward or direct.
Case transposed_convolution(int ci, int co, int kernel, int n, int h, int w, Pass pass) {
    const int pad = (kernel - 1) / 2;
    const ConvTransposeGeometry g{ci, co, kernel, 2, pad, 2 - kernel + 2 * pad};
    char name[96];
    const bool winograd = pass != Pass::direct && uses_winograd_adjoint(g.adjoint());
    std::snprintf(name, sizeof name, "transposed %dx%d/2 %d->%d %dx%dx%d%s%s", kernel, kernel, ci, co, n, 2 * w, 2 * h,
                  winograd ? " winograd" : "", pass_name(pass));
    return {name, "flop", 2.0 * n * h * w * ci * co * kernel * kernel, [=]() -> std::function<void()> {
                auto c = std::make_shared<Convolution>();
                Random random(1);
                c->in = random_tensor({n, ci, h, w}, random);
                c->out = random_tensor({n, co, 2 * h, 2 * w}, random);
                c->weight = random_vector(ci * co * kernel * kernel, random);
                c->bias = random_vector(co, random);
                c->transposed.prepare(g, c->weight.data(), c->bias.data(), false);
                if (pass != Pass::direct)
                    return [c] { conv_transpose2d_forward<float>(c->in, c->transposed, c->out, c->ws); };
                c->taps.pack_adjoint(g.adjoint(), c->weight.data(), c->bias.data());
                return [c] { detail::convolve_taps<Arch>(c->in, c->taps, c->out, {}, c->ws); };
            }};
}

/// Counts the products of the normaliser only, as the papers do.
Case gdn(int channels, int h, int w, bool inverse) {
    char name[96];
    std::snprintf(name, sizeof name, "%s %d 1x%dx%d", inverse ? "igdn" : "gdn", channels, w, h);
    return {name, "flop", 2.0 * channels * channels * h * w, [=]() -> std::function<void()> {
                struct State {
                    Tensor<float> in, out;
                    std::vector<float> beta, gamma;
                    Workspace ws;
                };
                Random random(1);
                auto s = std::make_shared<State>();
                s->in = random_tensor({1, channels, h, w}, random);
                s->out = Tensor<float>({1, channels, h, w});
                s->beta.assign(static_cast<std::size_t>(channels), 1.0f);
                s->gamma.assign(static_cast<std::size_t>(channels * channels), 0.01f);
                return [s, inverse] {
                    gdn_forward<float>(s->in, s->beta.data(), s->gamma.data(), inverse, s->out, s->ws);
                };
            }};
}

}  // namespace

std::vector<Case> kernel_cases() {
    std::vector<Case> cases;
    // Shapes of the literature's networks, for an image of 768x512.
    for (const auto& [c, h, w] : {std::tuple{128, 32, 48}, {128, 64, 96}, {64, 128, 192}})
        for (const Pass pass : {Pass::direct, Pass::forward})
            cases.push_back(convolution({c, c, 3, 1, 1}, 1, h, w, pass));
    for (const Pass pass : {Pass::direct, Pass::forward}) {
        cases.push_back(convolution({128, 128, 5, 2, 2}, 1, 128, 192, pass));
        cases.push_back(transposed_convolution(128, 128, 5, 1, 64, 96, pass));
        cases.push_back(transposed_convolution(128, 128, 4, 1, 32, 48, pass));
    }
    cases.push_back(convolution({128, 128, 1, 1, 0}, 1, 64, 96, Pass::forward));
    cases.push_back(gdn(128, 128, 192, false));
    cases.push_back(gdn(128, 128, 192, true));
    for (const Pass pass : {Pass::direct, Pass::forward})
        cases.push_back(convolution({3, 128, 5, 2, 2}, 1, 512, 768, pass));
    cases.push_back(transposed_convolution(128, 3, 5, 1, 256, 384, Pass::forward));
    cases.push_back(convolution({16, 3, 7, 1, 3}, 1, 512, 768, Pass::forward));
    cases.push_back(convolution({16, 3, 3, 1, 1}, 1, 512, 768, Pass::forward));
    // Shapes of the shipped networks that are not among them.
    cases.push_back(convolution({48, 64, 3, 1, 1}, 1, 128, 192, Pass::forward));
    cases.push_back(convolution({64, 96, 3, 2, 1}, 1, 128, 192, Pass::forward));
    cases.push_back(convolution({96, 128, 3, 2, 1}, 1, 64, 96, Pass::forward));
    cases.push_back(convolution({96, 96, 3, 1, 1}, 1, 64, 96, Pass::forward));
    cases.push_back(convolution({128, 384, 3, 1, 1}, 1, 32, 48, Pass::forward));
    cases.push_back(convolution({96, 256, 3, 1, 1}, 1, 64, 96, Pass::forward));
    cases.push_back(convolution({64, 48, 3, 1, 1}, 1, 128, 192, Pass::forward));
    // Gradients, for a training batch.
    for (const Pass pass : {Pass::d_input, Pass::d_weight}) {
        cases.push_back(convolution({64, 64, 3, 1, 1}, 8, 32, 32, pass));
        cases.push_back(convolution({64, 96, 3, 2, 1}, 8, 32, 32, pass));
        cases.push_back(convolution({128, 128, 5, 2, 2}, 8, 32, 32, pass));
    }
    return cases;
}

}  // namespace gancodec::bench
