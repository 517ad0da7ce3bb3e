#pragma once

// The only file that knows about OpenMP. Without it everything runs on one thread, with the same result.

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

/// Calls `body(i, worker)` for i in [0, count), in contiguous equal shares; `worker` < threads() names the share's
/// scratch memory. Every i must write its own outputs: then the result does not depend on the number of threads.
/// Requires `body` does not throw.
template <class Body>
void parallel_for(std::int64_t count, const Body& body) {
#ifdef _OPENMP
    const int team = static_cast<int>(count < threads() ? count : threads());
    if (team > 1 && omp_in_parallel() == 0) {
#pragma omp parallel num_threads(team)
        {
            const int worker = omp_get_thread_num();
            const std::int64_t size = omp_get_num_threads();
            for (std::int64_t i = count * worker / size, end = count * (worker + 1) / size; i < end; ++i)
                body(i, worker);
        }
        return;
    }
#endif
    for (std::int64_t i = 0; i < count; ++i) body(i, 0);
}

}  // namespace gancodec
