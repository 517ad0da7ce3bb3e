// Speed of the convolution kernels: GFLOP/s (of the direct sum, whatever the algorithm) and share of the FMA peak,
// which is probed between the measurements of each case. Usage: bench_kernels [THREADS] [WORD in the name of a case]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "gancodec/core/random.hpp"
#include "gancodec/kernels/conv2d.hpp"
#include "gancodec/kernels/conv_transpose2d.hpp"

namespace {

using namespace gancodec;

double seconds(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// GFLOP/s of independent chains of fused multiply-adds on all threads.
double probe_peak() {
    using Vector = simd::Floats<simd::NativeArch>;
    constexpr int kChains = 12, kSteps = 100000;
    static volatile float sink = 0;
    const double time = seconds([] {
        parallel_for(threads(), [](std::int64_t, int) {
            Vector sum[kChains];
            GANCODEC_UNROLL for (int i = 0; i < kChains; ++i) sum[i] = Vector(static_cast<float>(i));
            const Vector a(1.0f + sink), b(1e-9f);
            for (int step = 0; step < kSteps; ++step)
                GANCODEC_UNROLL for (int i = 0; i < kChains; ++i) sum[i] = simd::fma(a, sum[i], b);
            Vector all = sum[0];
            GANCODEC_UNROLL for (int i = 1; i < kChains; ++i) all = all + sum[i];
            alignas(kAlignmentBytes) float lanes[kChannelBlock];
            simd::store<simd::NativeArch>(lanes, all);
            sink = sink + 0.0f * lanes[0];
        });
    });
    return 2.0 * kChains * kSteps * simd::kLanes<simd::NativeArch> * threads() / time * 1e-9;
}

Tensor<float> random_tensor(Shape shape, Random& random) {
    Tensor<float> t(shape);
    for (int n = 0; n < shape.n; ++n)
        for (int c = 0; c < shape.c; ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) t.at(n, c, y, x) = static_cast<float>(random.normal());
    return t;
}

std::vector<float> random_vector(int size, Random& random) {
    std::vector<float> v(static_cast<std::size_t>(size));
    for (float& x : v) x = static_cast<float>(random.normal() * 0.05);
    return v;
}

/// Runs `work` and the peak probe in turn; prints the medians.
void measure(const std::string& name, double flops, const std::function<void()>& work) {
    work();
    const int repeats = std::max(1, static_cast<int>(0.02 / std::max(1e-6, seconds(work))));
    std::vector<double> speeds, shares;
    for (int round = 0; round < 7; ++round) {
        const double peak = probe_peak();
        const double time = seconds([&] {
                                for (int i = 0; i < repeats; ++i) work();
                            }) /
                            repeats;
        speeds.push_back(flops / time * 1e-9);
        shares.push_back(100.0 * speeds.back() / peak);
    }
    std::printf("%-52s %8.1f GFLOP/s %6.1f %% %9.3f ms\n", name.c_str(), median(speeds), median(shares),
                flops / median(speeds) * 1e-6);
    std::fflush(stdout);
}

struct Case {
    ConvGeometry geometry;
    int n, h, w;
    bool transposed;
};

void run_case(const Case& c, const std::string& filter) {
    const ConvGeometry& g = c.geometry;
    char name[96];
    std::snprintf(name, sizeof name, "%s %dx%d/%d %d->%d, %d x %dx%d", c.transposed ? "transposed" : "conv", g.kernel,
                  g.kernel, g.stride, g.in_channels, g.out_channels, c.n, c.h, c.w);
    if (std::string(name).find(filter) == std::string::npos) return;
    const ConvTransposeGeometry t{g.in_channels, g.out_channels, g.kernel,
                                  g.stride,      g.pad,          g.stride - g.kernel + 2 * g.pad};
    const int oh = c.transposed ? t.out_extent(c.h) : g.out_extent(c.h);
    const int ow = c.transposed ? t.out_extent(c.w) : g.out_extent(c.w);
    Random random(1);
    Tensor<float> in = random_tensor({c.n, g.in_channels, c.h, c.w}, random);
    Tensor<float> out = random_tensor({c.n, g.out_channels, oh, ow}, random);
    const int weights = g.in_channels * g.out_channels * g.kernel * g.kernel;
    std::vector<float> weight = random_vector(weights, random), bias = random_vector(g.out_channels, random);
    const double flops = 2.0 * weights * c.n * (c.transposed ? c.h * c.w : oh * ow);
    Workspace ws;
    const std::string prefix = name;
    if (c.transposed) {
        PreparedConvTranspose2d<float> conv;
        conv.prepare(t, weight.data(), bias.data(), true);
        measure(prefix + " forward", flops, [&] { conv_transpose2d_forward<float>(in, conv, out, ws); });
        measure(prefix + " d_input", flops, [&] { conv_transpose2d_backward_input<float>(out, conv, in, ws); });
        measure(prefix + " d_weight", flops,
                [&] { conv_transpose2d_backward_weight<float>(in, out, t, weight.data(), bias.data(), ws); });
    } else {
        PreparedConv2d<float> conv;
        conv.prepare(g, weight.data(), bias.data(), true);
        measure(prefix + " forward", flops, [&] { conv2d_forward<float>(in, conv, out, ws); });
        measure(prefix + " d_input", flops, [&] { conv2d_backward_input<float>(out, conv, in, ws); });
        measure(prefix + " d_weight", flops,
                [&] { conv2d_backward_weight<float>(in, out, g, weight.data(), bias.data(), ws); });
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1) set_threads(std::atoi(argv[1]));
    const std::string filter = argc > 2 ? argv[2] : "";
    std::printf("%d threads, %d floats in a register, peak %.1f GFLOP/s\n", threads(), simd::kLanes<simd::NativeArch>,
                probe_peak());
    const std::vector<Case> cases = {{{128, 128, 3, 1, 1}, 1, 48, 32, false}, {{64, 64, 3, 1, 1}, 1, 96, 64, false},
                                     {{64, 64, 3, 1, 1}, 8, 32, 32, false},   {{96, 96, 3, 1, 1}, 8, 16, 16, false},
                                     {{128, 128, 3, 1, 1}, 8, 8, 8, false},   {{32, 32, 3, 1, 1}, 8, 64, 64, false},
                                     {{128, 128, 3, 1, 1}, 8, 4, 4, false},   {{128, 128, 1, 1, 0}, 1, 48, 32, false},
                                     {{64, 64, 1, 1, 0}, 8, 32, 32, false},   {{128, 128, 5, 2, 2}, 1, 96, 64, false},
                                     {{64, 96, 3, 2, 1}, 8, 32, 32, false},   {{3, 48, 5, 2, 2}, 8, 128, 128, false},
                                     {{3, 64, 11, 4, 2}, 8, 128, 128, false}, {{64, 192, 5, 1, 2}, 8, 15, 15, false},
                                     {{32, 3, 3, 1, 1}, 8, 128, 128, false},  {{128, 128, 5, 2, 2}, 1, 48, 32, true},
                                     {{96, 64, 4, 2, 1}, 8, 16, 16, true},    {{64, 3, 5, 2, 2}, 8, 64, 64, true}};
    for (const Case& c : cases) run_case(c, filter);
}
