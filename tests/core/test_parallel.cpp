#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// Sets the number of threads for one test.
struct Threads {
    explicit Threads(int count) { set_threads(count); }
    ~Threads() { set_threads(0); }
};

}  // namespace

TEST_CASE("parallel_for calls its body once for every index, with a worker below threads()", "[core][parallel]") {
    const int count = GENERATE(0, 1, 2, 3, 7, 64, 1000);
    const Threads scope(GENERATE(1, 2, 3, 8));
    std::vector<int> calls(static_cast<std::size_t>(count)), workers(static_cast<std::size_t>(count), -1);
    parallel_for(count, [&](std::int64_t i, int worker) {
        ++calls[static_cast<std::size_t>(i)];
        workers[static_cast<std::size_t>(i)] = worker;
    });
    CHECK(calls == std::vector<int>(static_cast<std::size_t>(count), 1));
    for (std::size_t i = 0; i < workers.size(); ++i) {
        CHECK(workers[i] >= 0);
        CHECK(workers[i] < threads());
    }
}

TEST_CASE("workers that are done help one that is held up", "[core][parallel]") {
#ifdef _OPENMP
    const Threads scope(2);
    constexpr int kCount = 100;
    std::atomic<int> others{0};
    bool held = false;
    parallel_for(kCount, [&](std::int64_t i, int) {
        if (i > 0) {
            ++others;
            return;
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (others < kCount - 1 && std::chrono::steady_clock::now() < end) {
        }
        held = others == kCount - 1;
    });
    CHECK(held);
#endif
}

TEST_CASE("parallel_spans covers every number once", "[core][parallel]") {
    const Threads scope(GENERATE(1, 3));
    const auto count =
        GENERATE(std::size_t{0}, std::size_t{1}, kParallelSpan, kParallelSpan + 1, 5 * kParallelSpan - 1);
    std::vector<int> calls(count);
    std::atomic<bool> short_enough{true};
    parallel_spans(count, [&](std::size_t begin, std::size_t end) {
        if (end - begin > kParallelSpan) short_enough = false;
        for (std::size_t i = begin; i < end; ++i) ++calls[i];
    });
    CHECK(short_enough);
    CHECK(calls == std::vector<int>(count, 1));
}

TEST_CASE("a parallel_for inside another runs on its caller's thread", "[core][parallel]") {
    const Threads scope(2);
    std::vector<int> calls(6);
    parallel_for(2, [&](std::int64_t i, int) {
        parallel_for(3, [&](std::int64_t k, int worker) {
            if (worker == 0) ++calls[static_cast<std::size_t>(3 * i + k)];
        });
    });
    CHECK(calls == std::vector<int>(6, 1));
}

TEST_CASE("threads() answers what was set, and the machine's processors for 0 and less", "[core][parallel]") {
    const Threads restore(0);
    const int machine = threads();
    CHECK(machine >= 1);
    set_threads(-3);
    CHECK(threads() == machine);
#ifdef _OPENMP
    set_threads(5);
    CHECK(threads() == 5);
#endif
}
