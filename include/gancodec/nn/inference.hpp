#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "gancodec/core/workspace.hpp"
#include "gancodec/simd/bf16.hpp"

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
    /// Of counted memory there is nothing to see: its data is null.
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

/// What an Inference needs for a run: numbers of every slot of its pool, bytes of scratch.
struct MemoryPlan {
    std::vector<std::size_t> slots;
    std::size_t scratch_bytes = 0;

    friend bool operator==(const MemoryPlan&, const MemoryPlan&) = default;
    template <class T>
    [[nodiscard]] std::size_t bytes() const {
        std::size_t total = scratch_bytes;
        for (const std::size_t slot : slots) total += slot * sizeof(T);
        return total;
    }
};

/// The context that runs a network forward and forgets: the memory of a value is reused as soon as nobody holds it.
/// Nothing is allocated once the largest image so far has been seen, or after reserve_for(that run). One Inference belongs to one
/// caller at a time, and outlives its values.
template <class T>
class Inference {
public:
    using Scalar = T;
    using Value = Pooled<T>;

    explicit Inference(MemoryUse use = MemoryUse::real) : scratch_(use) {}
    Inference(const Inference&) = delete;
    Inference& operator=(const Inference&) = delete;

    /// The memory that run(context) needs beside what is there, found by running it on counted memory.
    template <class Run>
    [[nodiscard]] static MemoryPlan plan(const Run& run, const MemoryPlan& there = {}) {
        Inference counted(MemoryUse::counted);
        counted.reserve(there);
        MemoryPlan before;
        do {  // slots that grew late may be chosen otherwise in the next run: until nothing grows
            before = counted.memory();
            run(counted);
        } while (!(counted.memory() == before));
        return before;
    }
    /// Allocates at once what run(context) will need, so that it allocates nothing. Requires that no values are held.
    template <class Run>
    void reserve_for(const Run& run) {
        reserve(plan(run, memory()));
    }
    /// Calls f, which computes, but not on counted memory.
    template <class F>
    void compute(F&& f) {
        if (!counts_only()) f();
    }
    [[nodiscard]] bool counts_only() const { return scratch_.counts_only(); }

    /// A value of that shape, uninitialised: its writer also writes the padded channels.
    [[nodiscard]] Value make(Shape shape) {
        const std::size_t size = shape.size();
        std::size_t best = slots_.size();
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].holders == 0 && slots_[i].size >= size &&
                (best == slots_.size() || slots_[i].size < slots_[best].size))
                best = i;
        if (best == slots_.size()) best = grow(size);
        return Value(this, best, shape);
    }
    [[nodiscard]] Value copy(TensorView<const T> tensor) {
        Value value = make(tensor.shape);
        compute([&] { std::copy_n(tensor.data, tensor.size(), value.view().data); });
        return value;
    }
    /// Gives all memory back. Requires that no values are used any more.
    void forget() {
        slots_ = std::vector<Slot>();
        scratch_ = Workspace(counts_only() ? MemoryUse::counted : MemoryUse::real);
    }
    [[nodiscard]] Workspace& scratch() { return scratch_; }
    /// In which numbers convolutions multiply from now on; bf16 needs no more memory than fp32.
    void set_precision(Precision precision) { precision_ = precision; }
    [[nodiscard]] Precision precision() const { return precision_; }
    /// What the pool and the scratch arena hold.
    [[nodiscard]] MemoryPlan memory() const {
        MemoryPlan plan;
        for (const Slot& slot : slots_) plan.slots.push_back(slot.size);
        plan.scratch_bytes = scratch_.peak_bytes();
        return plan;
    }

private:
    friend class Pooled<T>;

    void reserve(const MemoryPlan& plan) {
        if (slots_.size() < plan.slots.size()) slots_.resize(plan.slots.size());
        for (std::size_t i = 0; i < plan.slots.size(); ++i)
            if (slots_[i].size < plan.slots[i]) enlarge(slots_[i], plan.slots[i]);
        scratch_.reserve(plan.scratch_bytes);
    }

    struct Slot {
        AlignedArray<T> memory;
        std::size_t size = 0;  ///< of `memory`, or counted
        int holders = 0;
    };

    /// Enlarges the largest free slot rather than adding one beside it: small leftovers would pile up.
    std::size_t grow(std::size_t size) {
        std::size_t best = slots_.size();
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].holders == 0 && (best == slots_.size() || slots_[i].size > slots_[best].size)) best = i;
        if (best == slots_.size()) slots_.emplace_back();
        enlarge(slots_[best], size);
        return best;
    }
    void enlarge(Slot& slot, std::size_t size) {
        slot.memory = AlignedArray<T>();
        if (!counts_only()) slot.memory = AlignedArray<T>::uninitialised(size);
        slot.size = size;
    }

    std::vector<Slot> slots_;
    Workspace scratch_;
    Precision precision_ = Precision::fp32;
};

/// Makes a context compute in another precision for as long as it lives.
template <class Context>
class PrecisionScope {
public:
    PrecisionScope(Context& context, Precision precision) : context_(context), before_(context.precision()) {
        context.set_precision(precision);
    }
    ~PrecisionScope() { context_.set_precision(before_); }
    PrecisionScope(const PrecisionScope&) = delete;
    PrecisionScope& operator=(const PrecisionScope&) = delete;

private:
    Context& context_;
    Precision before_;
};

}  // namespace gancodec
