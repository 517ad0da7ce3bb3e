// Times cases on request: the worker of tools/bench, which interleaves it with a probe of the processor's peak.
//   gancodec_bench WEIGHTS --list    one line for each case: unit, amount of one call, name (tab-separated)
//   gancodec_bench WEIGHTS           reads lines "THREADS NAME", answers each with the seconds of one call

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "bench.hpp"
#include "gancodec/core/parallel.hpp"

namespace {

using gancodec::bench::Case;

double seconds(const std::function<void()>& call, int repeats) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds of one call, over about 30 ms of calls.
double measure(const std::function<void()>& call) {
    constexpr double kSpan = 0.03;
    const int repeats = std::clamp(static_cast<int>(kSpan / std::max(1e-9, seconds(call, 1))), 1, 10000);
    return seconds(call, repeats) / repeats;
}

void serve(const std::vector<Case>& cases) {
    std::string line, ready;  // the case that `call` belongs to
    std::function<void()> call;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        int threads = 0;
        std::string name;
        words >> threads >> std::ws;
        std::getline(words, name);
        const auto found = std::find_if(cases.begin(), cases.end(), [&](const Case& c) { return c.name == name; });
        if (found == cases.end() || threads < 1) {
            std::fprintf(stderr, "gancodec_bench: expected 'THREADS NAME', found '%s'\n", line.c_str());
            std::exit(2);
        }
        gancodec::set_threads(threads);
        if (name != ready) {
            call = nullptr;
            call = found->prepare();
            ready = name;
        }
        std::printf("%.9g\n", measure(call));
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: gancodec_bench WEIGHTS [--list]\n");
        return 2;
    }
    std::vector<Case> cases = gancodec::bench::kernel_cases();
    for (auto& more : {gancodec::bench::entropy_cases(), gancodec::bench::codec_cases(argv[1])})
        cases.insert(cases.end(), more.begin(), more.end());
    if (argc > 2 && std::string(argv[2]) == "--list")
        for (const Case& c : cases) std::printf("%s\t%.17g\t%s\n", c.unit.c_str(), c.amount, c.name.c_str());
    else
        serve(cases);
}
