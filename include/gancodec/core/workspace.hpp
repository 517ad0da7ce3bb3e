#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "gancodec/core/tensor.hpp"

namespace gancodec {

/// Whether memory is handed out, or only counted. A plan is made by running the same code on counted memory: whoever
/// computes then asks counts_only() first, takes what it would take, and leaves.
enum class MemoryUse { real, counted };

/// An arena: memory for activations and scratch that is taken in a line and given back all at once.
///
/// Read first: (1) take() returns memory that is NOT cleared; (2) pointers stay valid until the Scope that took them
/// ends or reset() runs; (3) the arena grows by chunks and melts them into one at reset(), so after the first image
/// nothing is allocated any more; (4) one Workspace belongs to one caller: take before a parallel region, not inside.
class Workspace {
public:
    explicit Workspace(MemoryUse use = MemoryUse::real) : use_(use) {}

    [[nodiscard]] bool counts_only() const { return use_ == MemoryUse::counted; }

    /// Takes `count` numbers, 64-byte aligned, uninitialised.
    template <class T>
    [[nodiscard]] T* take(std::size_t count) {
        return reinterpret_cast<T*>(take_bytes(count * sizeof(T)));
    }
    /// Takes a tensor, uninitialised: its writer also writes the padded channels.
    template <class T>
    [[nodiscard]] TensorView<T> tensor(Shape shape) {
        return {take<T>(shape.size()), shape};
    }
    template <class T>
    [[nodiscard]] TensorView<T> zeros(Shape shape) {
        auto view = tensor<T>(shape);
        if (!counts_only()) std::fill_n(view.data, view.size(), T{});
        return view;
    }

    /// Gives back, at its end, everything taken since its birth.
    class Scope {
    public:
        explicit Scope(Workspace& workspace)
            : workspace_(workspace), chunk_(workspace.current_), used_(workspace.used_), total_(workspace.total_) {}
        ~Scope() {
            workspace_.current_ = chunk_;
            workspace_.used_ = used_;
            workspace_.total_ = total_;
        }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        Workspace& workspace_;
        std::size_t chunk_, used_, total_;
    };

    /// Gives everything back and makes one chunk as large as the peak so far.
    void reset() {
        if (chunks_.size() > 1) {
            chunks_.clear();
            chunks_.push_back(AlignedArray<std::byte>::uninitialised(peak_));
        }
        current_ = used_ = total_ = 0;
    }
    /// Makes sure that `bytes` can be taken without another allocation. Requires nothing is in use.
    void reserve(std::size_t bytes) {
        GANCODEC_ASSERT(total_ == 0);
        peak_ = std::max(peak_, bytes);
        if (!counts_only() && (chunks_.empty() ? peak_ > 0 : chunks_.front().size() < peak_)) {
            chunks_.clear();
            chunks_.push_back(AlignedArray<std::byte>::uninitialised(peak_));
        }
        current_ = used_ = 0;
    }
    /// The most that was in use at one time, in bytes.
    [[nodiscard]] std::size_t peak_bytes() const { return peak_; }

private:
    std::byte* take_bytes(std::size_t bytes) {
        bytes = (bytes + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
        if (counts_only()) {
            total_ += bytes;
            peak_ = std::max(peak_, total_);
            return nullptr;
        }
        while (current_ < chunks_.size() && used_ + bytes > chunks_[current_].size()) {
            ++current_;
            used_ = 0;
        }
        if (current_ == chunks_.size()) {
            constexpr std::size_t kSmallestChunk = std::size_t{1} << 20;
            chunks_.push_back(AlignedArray<std::byte>::uninitialised(std::max({bytes, kSmallestChunk, total_ / 2})));
            used_ = 0;
        }
        std::byte* p = chunks_[current_].data() + used_;
        used_ += bytes;
        total_ += bytes;
        peak_ = std::max(peak_, total_);
        return p;
    }

    MemoryUse use_;
    std::vector<AlignedArray<std::byte>> chunks_;
    std::size_t current_ = 0, used_ = 0, total_ = 0, peak_ = 0;
};

}  // namespace gancodec
