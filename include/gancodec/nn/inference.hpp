#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "gancodec/core/workspace.hpp"

namespace gancodec {

template <class T>
class Inference;

/// A tensor that lives in an Inference's pool for as long as somebody holds it.
template <class T>
class Pooled {
public:
    Pooled() = default;
    Pooled(const Pooled& other) : owner_(other.owner_), slot_(other.slot_), shape_(other.shape_) { retain(); }
    Pooled(Pooled&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), slot_(other.slot_), shape_(other.shape_) {}
    Pooled& operator=(Pooled other) noexcept {
        std::swap(owner_, other.owner_);
        std::swap(slot_, other.slot_);
        std::swap(shape_, other.shape_);
        return *this;
    }
    ~Pooled() { release(); }

    [[nodiscard]] const Shape& shape() const { return shape_; }
    [[nodiscard]] TensorView<T> view() const { return {owner_->slots_[slot_].memory.data(), shape_}; }
    [[nodiscard]] TensorView<const T> constant() const { return view(); }
    /// True when no other value shares the memory, so that an operation may overwrite it.
    [[nodiscard]] bool unique() const { return owner_->slots_[slot_].holders == 1; }

private:
    friend class Inference<T>;
    Pooled(Inference<T>* owner, std::size_t slot, Shape shape) : owner_(owner), slot_(slot), shape_(shape) { retain(); }
    void retain() const {
        if (owner_) ++owner_->slots_[slot_].holders;
    }
    void release() {
        if (owner_) --owner_->slots_[slot_].holders;
    }

    Inference<T>* owner_ = nullptr;
    std::size_t slot_ = 0;
    Shape shape_;
};

/// The context that runs a network forward and forgets: the memory of a value is reused as soon as nobody holds it.
/// Nothing is allocated once the largest image so far has been seen. One Inference belongs to one caller at a time,
/// and outlives its values.
template <class T>
class Inference {
public:
    using Scalar = T;
    using Value = Pooled<T>;

    Inference() = default;
    Inference(const Inference&) = delete;
    Inference& operator=(const Inference&) = delete;

    /// A value of that shape, uninitialised: its writer also writes the padded channels.
    [[nodiscard]] Value make(Shape shape) {
        const std::size_t size = shape.size();
        std::size_t best = slots_.size();
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].holders == 0 && slots_[i].memory.size() >= size &&
                (best == slots_.size() || slots_[i].memory.size() < slots_[best].memory.size()))
                best = i;
        if (best == slots_.size()) best = grow(size);
        return Value(this, best, shape);
    }
    [[nodiscard]] Value copy(TensorView<const T> tensor) {
        Value value = make(tensor.shape);
        std::copy_n(tensor.data, tensor.size(), value.view().data);
        return value;
    }
    [[nodiscard]] Workspace& scratch() { return scratch_; }
    /// Memory held by the pool and the scratch arena, in bytes.
    [[nodiscard]] std::size_t memory_bytes() const {
        std::size_t total = scratch_.peak_bytes();
        for (const Slot& slot : slots_) total += slot.memory.size() * sizeof(T);
        return total;
    }

private:
    friend class Pooled<T>;
    struct Slot {
        AlignedArray<T> memory;
        int holders = 0;
    };

    /// Enlarges the largest free slot rather than adding one beside it: small leftovers would pile up.
    std::size_t grow(std::size_t size) {
        std::size_t best = slots_.size();
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].holders == 0 &&
                (best == slots_.size() || slots_[i].memory.size() > slots_[best].memory.size()))
                best = i;
        if (best == slots_.size()) slots_.emplace_back();
        slots_[best].memory = AlignedArray<T>();
        slots_[best].memory = AlignedArray<T>::uninitialised(size);
        return best;
    }

    std::vector<Slot> slots_;
    Workspace scratch_;
};

}  // namespace gancodec
