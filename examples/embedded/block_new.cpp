// operator new and operator delete of a program that has no heap: memory comes from the block of the decoder that is at work.
#include <cstdio>
#include <cstdlib>
#include <new>

#include <gancodec/core/error.hpp>
#include <gancodec/core/memory_block.hpp>

namespace {

using gancodec::MemoryBlock;

void* take(std::size_t bytes) {
    MemoryBlock* block = MemoryBlock::current();
    if (block == nullptr) {
        std::fputs("embedded: expected memory to be wanted by the decoder only\n", stderr);
        std::abort();
    }
    void* p = block->take(bytes);
    if (p == nullptr) gancodec::raise_error(gancodec::Errc::limit, "memory block: expected more bytes, found its end");
    return p;
}
void give_back(void* p) {
    if (p != nullptr) MemoryBlock::current()->give_back(p);
}

}  // namespace

void* operator new(std::size_t bytes) { return take(bytes); }
void* operator new(std::size_t bytes, std::align_val_t) { return take(bytes); }  // never more than 64
void operator delete(void* p) noexcept { give_back(p); }
void operator delete(void* p, std::size_t) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
