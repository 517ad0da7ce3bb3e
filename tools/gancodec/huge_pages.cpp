#include "huge_pages.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>  // defines __GLIBC__ where that is the library

#if defined(__linux__) && defined(__GLIBC__)

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace gancodec::cli {

void prefer_huge_pages() {
    // All memory from one heap that grows in large steps and keeps what is freed, so that its pages can be large.
    constexpr std::size_t kHugePage = std::size_t{2} << 20, kStep = std::size_t{512} << 20;
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TOP_PAD, static_cast<int>(kStep));
    mallopt(M_TRIM_THRESHOLD, -1);
    void* volatile first = std::malloc(kHugePage);  // the heap grows by kStep; volatile, or the compiler drops it
    std::free(first);
    const auto end = reinterpret_cast<std::uintptr_t>(sbrk(0)) / kHugePage * kHugePage;
    const std::uintptr_t begin = (end - kStep) / kHugePage * kHugePage;
    // Advice: where the system has no such pages, nothing is lost.
    static_cast<void>(madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
}

}  // namespace gancodec::cli

#else

namespace gancodec::cli {
void prefer_huge_pages() {}
}  // namespace gancodec::cli

#endif
