#pragma once

// The only file that knows about OpenMP. Without it everything runs on one thread, with the same result.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace gancodec {

namespace detail {
inline std::atomic<int>& thread_setting() {
    static std::atomic<int> threads{0};
    return threads;
}

inline constexpr int kMaxTeam = 64;

/// What of a worker's share is not begun yet; each in a cache line of its own.
struct alignas(64) Share {
    std::atomic<std::int64_t> next;
};
}  // namespace detail

/// Sets how many threads parallel_for() uses, process-wide; 0 means one per processor.
inline void set_threads(int threads) { detail::thread_setting() = threads < 0 ? 0 : threads; }

/// How many threads parallel_for() uses.
[[nodiscard]] inline int threads() {
#ifdef _OPENMP
    const int wanted = detail::thread_setting();
    return wanted > 0 ? wanted : omp_get_num_procs();
#else
    return 1;
#endif
}

/// Calls `body(i, worker)` for i in [0, count); `worker` < threads() names the caller's scratch memory. Every worker begins
/// with a contiguous share of its own, so that it finds in its cache what it wrote before, and then helps the others with
/// theirs: a core that is slow, or busy with something else, holds nobody up. Every i must write its own outputs: then the
/// result depends neither on the number of threads nor on who did what.
/// Requires `body` does not throw.
template <class Body>
void parallel_for(std::int64_t count, const Body& body) {
#ifdef _OPENMP
    const int team = static_cast<int>(std::min({count, std::int64_t{threads()}, std::int64_t{detail::kMaxTeam}}));
    if (team > 1 && omp_in_parallel() == 0) {
        std::array<detail::Share, detail::kMaxTeam> shares;
        for (int s = 0; s < team; ++s) shares[static_cast<std::size_t>(s)].next = count * s / team;
#pragma omp parallel num_threads(team)
        {
            const int worker = omp_get_thread_num();
            for (int helped = 0; helped < team; ++helped) {
                const int s = (worker + helped) % team;
                std::atomic<std::int64_t>& next = shares[static_cast<std::size_t>(s)].next;
                const std::int64_t end = count * (s + 1) / team;
                for (std::int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < end;) body(i, worker);
            }
        }
        return;
    }
#endif
    for (std::int64_t i = 0; i < count; ++i) body(i, 0);
}

/// The longest span of parallel_spans().
inline constexpr std::size_t kParallelSpan = 4096;

/// Calls `body(begin, end)` for spans of at most kParallelSpan numbers that cover [0, count). Requires as parallel_for().
template <class Body>
void parallel_spans(std::size_t count, const Body& body) {
    parallel_for(static_cast<std::int64_t>((count + kParallelSpan - 1) / kParallelSpan), [&](std::int64_t i, int) {
        const std::size_t begin = static_cast<std::size_t>(i) * kParallelSpan;
        body(begin, count - begin < kParallelSpan ? count : begin + kParallelSpan);
    });
}

}  // namespace gancodec
