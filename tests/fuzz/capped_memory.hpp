#pragma once

// Replaces operator new in the program that includes it, so that an allocation above a cap ends the run.

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
    // What was asked for counts: what an allocator gives for large alignments differs from run to run. Size and alignment lie
    // in front of the block.
    const std::size_t unit = std::max(static_cast<std::size_t>(alignment), 2 * sizeof(std::size_t));
    void* base = nullptr;
    if (posix_memalign(&base, unit, unit + size) != 0) throw std::bad_alloc();
    auto* p = static_cast<std::size_t*>(static_cast<void*>(static_cast<char*>(base) + unit));
    p[-1] = size;
    p[-2] = unit;
    live_bytes += size;
    return p;
}
inline void capped_delete(void* block) {
    if (block == nullptr) return;
    const auto* p = static_cast<const std::size_t*>(block);
    live_bytes -= p[-1];
    std::free(static_cast<char*>(block) - p[-2]);
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
