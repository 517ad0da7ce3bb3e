#pragma once

#include <cstddef>
#include <new>

// A block of a caller's memory has pages of its own (core/memory_block.hpp).
#if defined(__linux__) && !defined(GANCODEC_NO_EXCEPTIONS)
#define GANCODEC_LARGE_PAGES 1
#include <sys/mman.h>
#else
#define GANCODEC_LARGE_PAGES 0
#endif

#include "gancodec/core/config.hpp"

namespace gancodec::detail {

inline constexpr std::size_t kLargePageBytes = std::size_t{2} << 20;

/// Where a block of so many bytes begins: at a multiple of 64, or of a large page if there are such and it is longer than two.
[[nodiscard]] inline std::align_val_t alignment_of(std::size_t bytes) {
    return std::align_val_t{GANCODEC_LARGE_PAGES && bytes >= 2 * kLargePageBytes ? kLargePageBytes : kAlignmentBytes};
}

/// Gives memory back that allocate_aligned() made.
struct AlignedDelete {
    std::align_val_t alignment{kAlignmentBytes};

    void operator()(void* p) const noexcept { ::operator delete(p, alignment); }
};

/// Memory, not cleared. Of long blocks the system is asked for large pages: the first touch of a page is what costs, a
/// microsecond and more, and a picture is decoded in blocks of tens of megabytes that were never touched before.
/// Errors   std::bad_alloc
[[nodiscard]] inline void* allocate_aligned(std::size_t bytes) {
    const std::align_val_t alignment = alignment_of(bytes);
    void* p = ::operator new(bytes, alignment);
#if GANCODEC_LARGE_PAGES
    if (alignment == std::align_val_t{kLargePageBytes})
        madvise(p, bytes / kLargePageBytes * kLargePageBytes, MADV_HUGEPAGE);  // a wish: it may be refused
#endif
    return p;
}

}  // namespace gancodec::detail
