#pragma once

// Replaces operator new in the program that includes it, so that an allocation above a cap ends the run.

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>

namespace fuzz {

inline std::atomic<std::size_t> live_bytes{0}, cap_bytes{std::numeric_limits<std::size_t>::max()};

inline void* capped_new(std::size_t size, std::align_val_t alignment = std::align_val_t{alignof(std::max_align_t)}) {
    if (live_bytes + size > cap_bytes) {
        std::fprintf(stderr, "capped memory: %zu bytes more than the cap, in a block of %zu\n",
                     live_bytes + size - cap_bytes, size);
        std::abort();
    }
    // Not aligned_alloc(): a sanitizer wants sizes in multiples of the alignment there, which may be that of a large page.
    const std::size_t unit = std::max(static_cast<std::size_t>(alignment), sizeof(void*));
    void* p = nullptr;
    if (posix_memalign(&p, unit, size) != 0) throw std::bad_alloc();
    live_bytes += malloc_usable_size(p);
    return p;
}
inline void capped_delete(void* p) {
    live_bytes -= malloc_usable_size(p);
    std::free(p);
}

/// As long as one lives, no more than so many bytes may be allocated beside those that were there before it.
class MemoryCap {
public:
    explicit MemoryCap(std::size_t bytes) { cap_bytes = live_bytes + bytes; }
    ~MemoryCap() { cap_bytes = std::numeric_limits<std::size_t>::max(); }
    MemoryCap(const MemoryCap&) = delete;
    MemoryCap& operator=(const MemoryCap&) = delete;
};

}  // namespace fuzz

// All of them: a sanitizer has its own of each.
void* operator new(std::size_t size) { return fuzz::capped_new(size); }
void* operator new[](std::size_t size) { return fuzz::capped_new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return fuzz::capped_new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return fuzz::capped_new(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return fuzz::capped_new(size, alignment); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return fuzz::capped_new(size, alignment); }
void operator delete(void* p) noexcept { fuzz::capped_delete(p); }
void operator delete[](void* p) noexcept { fuzz::capped_delete(p); }
void operator delete(void* p, std::size_t) noexcept { fuzz::capped_delete(p); }
void operator delete[](void* p, std::size_t) noexcept { fuzz::capped_delete(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { fuzz::capped_delete(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { fuzz::capped_delete(p); }
void operator delete(void* p, std::align_val_t) noexcept { fuzz::capped_delete(p); }
void operator delete[](void* p, std::align_val_t) noexcept { fuzz::capped_delete(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { fuzz::capped_delete(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { fuzz::capped_delete(p); }
