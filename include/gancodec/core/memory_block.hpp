#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "gancodec/core/check.hpp"
#include "gancodec/core/config.hpp"

namespace gancodec {

/// A caller's memory, handed out in pieces: all that a program without a heap decodes in. Its operator new and operator delete
/// ask current() for memory; examples/embedded/block_new.cpp is such a pair.
///
/// Pieces lie one after another, each behind a header of 64 bytes, and the first free one that is large enough is taken:
/// bytes_reached() is what a block must have for the same calls. Every piece belongs to the period in which it was taken,
/// so that all of a period can be given back although nobody knows its pieces any more.
class MemoryBlock {
public:
    explicit MemoryBlock(std::span<std::byte> memory) {
        void* p = memory.data();
        std::size_t size = memory.size();
        if (std::align(kAlignmentBytes, sizeof(Piece), p, size) == nullptr) return;
        size = size / kAlignmentBytes * kAlignmentBytes;
        first_ = static_cast<std::byte*>(p);
        end_ = first_ + size;
        ::new (p) Piece{size, 0};
    }
    MemoryBlock(const MemoryBlock&) = delete;
    MemoryBlock& operator=(const MemoryBlock&) = delete;

    /// Memory at a multiple of 64, not cleared; nullptr where no piece is large enough.
    [[nodiscard]] void* take(std::size_t bytes) {
        if (bytes > static_cast<std::size_t>(end_ - first_)) return nullptr;
        const std::size_t size = sizeof(Piece) + (bytes + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
        for (std::byte* p = first_; p != end_; p = next(p)) {
            if (piece(p).period != 0) continue;
            while (next(p) != end_ && piece(next(p)).period == 0) piece(p).size += piece(next(p)).size;
            if (piece(p).size < size) continue;
            if (piece(p).size > size) ::new (p + size) Piece{piece(p).size - size, 0};
            piece(p) = {size, period_};
            in_use_ += size;
            reached_ = std::max(reached_, static_cast<std::size_t>(p - first_) + size);
            return p + sizeof(Piece);
        }
        return nullptr;
    }
    /// Requires owns(p).
    void give_back(void* p) { free_piece(static_cast<std::byte*>(p) - sizeof(Piece)); }
    [[nodiscard]] bool owns(const void* p) const { return p >= first_ && p < end_; }

    /// What is taken from here on belongs to `period`, 1 or more.
    void set_period(std::uint32_t period) { period_ = period; }
    /// Gives back what was taken in `period` or a later one.
    void give_back_since(std::uint32_t period) {
        for (std::byte* p = first_; p != end_; p = next(p))
            if (piece(p).period >= period) free_piece(p);
    }
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(end_ - first_); }
    /// Headers included.
    [[nodiscard]] std::size_t bytes_in_use() const { return in_use_; }
    /// From the beginning of the block to the end of the furthest piece ever taken.
    [[nodiscard]] std::size_t bytes_reached() const { return reached_; }

    /// The block that this thread takes memory from, or nullptr.
    [[nodiscard]] static MemoryBlock*& current() {
        thread_local MemoryBlock* block = nullptr;
        return block;
    }
    /// While one lives, that is `block`.
    class Use {
    public:
        explicit Use(MemoryBlock& block) : before_(std::exchange(current(), &block)) {}
        ~Use() { current() = before_; }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;

    private:
        MemoryBlock* before_;
    };

private:
    struct alignas(kAlignmentBytes) Piece {
        std::size_t size;      ///< header included
        std::uint32_t period;  ///< 0: free
    };
    [[nodiscard]] static Piece& piece(std::byte* p) { return *std::launder(reinterpret_cast<Piece*>(p)); }
    [[nodiscard]] static std::byte* next(std::byte* p) { return p + piece(p).size; }
    void free_piece(std::byte* p) {
        GANCODEC_ASSERT(piece(p).period != 0);
        in_use_ -= piece(p).size;
        piece(p).period = 0;
    }

    std::byte *first_ = nullptr, *end_ = nullptr;
    std::uint32_t period_ = 1;
    std::size_t in_use_ = 0, reached_ = 0;
};

}  // namespace gancodec
