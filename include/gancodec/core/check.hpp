#pragma once

#include <cstdio>
#include <cstdlib>

// GANCODEC_ASSERT guards programming errors inside kernels (never data from outside: those throw Error).
// It is on unless NDEBUG is defined.
#ifdef NDEBUG
#define GANCODEC_ASSERT(condition) static_cast<void>(0)
#else
#define GANCODEC_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::gancodec::detail::assertion_failed(#condition, __FILE__, __LINE__))
#endif

namespace gancodec::detail {

[[noreturn]] inline void assertion_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: gancodec assertion failed: %s\n", file, line, condition);
    std::abort();
}

}  // namespace gancodec::detail
