// Speed of the entropy coder and of the integer kernels, one thread.
// Build: any C++20 compiler, -O3, -I include. Usage: bench-entropy [ROUNDS]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "gancodec/core/parallel.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/kernels/conv2d_int.hpp"
#include "gancodec/latents/scale_table.hpp"

using namespace gancodec;

namespace {

template <class Work>
double best_seconds(int rounds, const Work& work) {
    double best = 1e9;
    for (int round = 0; round < rounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

void bench_symbols(const char* name, int rounds, std::size_t count, int low, int high) {
    const ConditionalPrior prior(CdfTables::symmetric(scale_tables().half, scale_tables().begin));
    Random random(7);
    std::vector<std::uint8_t> index(count);
    std::vector<std::int32_t> symbols(count), decoded(count);
    double ideal_bits = 0;
    for (std::size_t i = 0; i < count; ++i) {
        index[i] =
            static_cast<std::uint8_t>(low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1))));
        symbols[i] = static_cast<std::int32_t>(std::nearbyint(random.normal() * double{scale_sigma(index[i])}));
        ideal_bits += 16 - std::log2(prior.tables().frequency(index[i], symbols[i]));
    }
    Bytes bytes;
    const double encode = best_seconds(rounds, [&] { bytes = prior.encode(symbols, index); });
    const double decode = best_seconds(rounds, [&] { prior.decode(bytes, index, decoded); });
    if (decoded != symbols) std::printf("WRONG SYMBOLS ");
    const double millions = static_cast<double>(count) * 1e-6;
    std::printf("%-28s %8zu symbols  %6.3f bit each  size %+.3f %% of table entropy  encode %4.0f  decode %4.0f M/s\n",
                name, count, ideal_bits / static_cast<double>(count),
                100 * (8 * static_cast<double>(bytes.size()) / ideal_bits - 1), millions / encode, millions / decode);
}

void bench_conv(int rounds, int ci, int co, int kernel, int h, int w) {
    IntConv2dParameters p;
    p.in_channels = ci;
    p.out_channels = co;
    p.kernel = kernel;
    p.weight.assign(static_cast<std::size_t>(ci * co * kernel * kernel), 3);
    p.bias.assign(static_cast<std::size_t>(co), 5);
    p.multiplier.assign(static_cast<std::size_t>(co), 1 << 20);
    p.shift.assign(static_cast<std::size_t>(co), 30);
    const PreparedIntConv2d layer(p, "layer");
    const std::vector<std::int16_t> in(static_cast<std::size_t>(ci * h * w), 9);
    std::vector<std::int16_t> out(static_cast<std::size_t>(co * h * w));
    Workspace ws;
    const double seconds = best_seconds(rounds, [&] { conv2d_int(in, h, w, layer, out, ws); });
    const double macs = static_cast<double>(h) * w * ci * co * kernel * kernel;
    std::printf("conv2d_int %dx%d %3d -> %4d at %dx%d  %.3f ms  %.1f GMAC/s\n", kernel, kernel, ci, co, w, h,
                seconds * 1e3, macs / seconds * 1e-9);
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 20;
    set_threads(1);
    bench_symbols("all 64 scales", rounds, 1 << 20, 0, 63);
    bench_symbols("narrow: scales 0..15", rounds, 1 << 20, 0, 15);
    bench_symbols("typical: scales 0..31", rounds, 294912, 0, 31);
    bench_symbols("wide: scales 48..63", rounds, 1 << 20, 48, 63);
    bench_symbols("one state, all scales", rounds, 4095, 0, 63);
    bench_conv(rounds, 64, 96, 1, 8, 12);
    bench_conv(rounds, 96, 96, 3, 8, 12);
    bench_conv(rounds, 96, 128 * 16, 1, 8, 12);
}
