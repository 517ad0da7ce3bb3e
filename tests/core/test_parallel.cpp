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
        if (i > 0) CHECK(workers[i] >= workers[i - 1]);  // shares are contiguous
    }
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
