// The most fused multiply-adds that the processor does, on registers alone: prints GFLOP/s. Usage: gancodec_bench_peak THREADS
// A program of its own, so that nothing that a benchmark leaves behind (threads, caches, clock) is its state too.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "gancodec/core/parallel.hpp"
#include "gancodec/simd/batch.hpp"

namespace {

using namespace gancodec;
using Arch = simd::NativeArch;

constexpr int kChains = 12;  // more than latency times units of any processor, fewer than registers

/// Runs `steps` fused multiply-adds on each of kChains registers; the result keeps the compiler from dropping them.
float multiply_add(long steps) {
    simd::Floats<Arch> sum[kChains];
    GANCODEC_UNROLL for (int i = 0; i < kChains; ++i) sum[i] = simd::broadcast<Arch>(static_cast<float>(i));
    const auto factor = simd::broadcast<Arch>(0.5f), term = simd::broadcast<Arch>(static_cast<float>(steps % 7));
    for (long step = 0; step < steps; ++step)
        GANCODEC_UNROLL for (int i = 0; i < kChains; ++i) sum[i] = simd::fma(factor, sum[i], term);
    GANCODEC_UNROLL for (int i = 1; i < kChains; ++i) sum[0] = sum[0] + sum[i];
    alignas(kAlignmentBytes) float lanes[kChannelBlock];
    simd::store<Arch>(lanes, sum[0]);
    return lanes[0];
}

std::atomic<float> sink;

double gigaflops(long steps) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(threads(), [steps](std::int64_t, int) { sink = multiply_add(steps); });
    const double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return 2.0 * kChains * static_cast<double>(steps) * simd::kLanes<Arch> * threads() / time * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
    set_threads(argc > 1 ? std::atoi(argv[1]) : 1);
    // The median of some short runs: threads that start on one processor, or wait for one that still spins, part after the first.
    constexpr long kSteps = 1'000'000;  // about 3 ms
    double runs[7];
    for (double& run : runs) run = gigaflops(kSteps);
    std::sort(std::begin(runs), std::end(runs));
    const double median = runs[3];
    std::printf("%.2f\n", median);
}
