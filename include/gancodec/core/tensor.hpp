#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "gancodec/core/aligned_memory.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/shape.hpp"

namespace gancodec {

/// A 64-byte aligned array that owns its memory, zero at birth unless made by uninitialised(). Moves, and copies when
/// asked by copy().
template <class T>
class AlignedArray {
    static_assert(std::is_trivially_copyable_v<T>, "AlignedArray holds plain numbers only");

public:
    AlignedArray() = default;
    explicit AlignedArray(std::size_t size) : AlignedArray(uninitialised(size)) { std::fill_n(data_.get(), size, T{}); }
    /// For numbers that are written before they are read: the threads that write them touch the memory first.
    [[nodiscard]] static AlignedArray uninitialised(std::size_t size) {
        AlignedArray array;
        array.size_ = size;
        if (size > 0)
            array.data_ = {static_cast<T*>(detail::allocate_aligned(size * sizeof(T))),
                           detail::AlignedDelete{detail::alignment_of(size * sizeof(T))}};
        return array;
    }
    [[nodiscard]] AlignedArray copy() const {
        AlignedArray other = uninitialised(size_);
        std::copy_n(data_.get(), size_, other.data_.get());
        return other;
    }
    [[nodiscard]] T* data() noexcept { return data_.get(); }
    [[nodiscard]] const T* data() const noexcept { return data_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    T& operator[](std::size_t i) { return data_.get()[i]; }
    const T& operator[](std::size_t i) const { return data_.get()[i]; }
    T* begin() noexcept { return data(); }
    T* end() noexcept { return data() + size_; }
    const T* begin() const noexcept { return data(); }
    const T* end() const noexcept { return data() + size_; }

private:
    std::unique_ptr<T, detail::AlignedDelete> data_;
    std::size_t size_ = 0;
};

/// A tensor that someone else owns: a pointer and a Shape, passed by value. `T` may be const.
template <class T>
struct TensorView {
    T* data = nullptr;
    Shape shape;

    TensorView() = default;
    TensorView(T* pointer, Shape s) : data(pointer), shape(s) {}
    /// A view of numbers is also a view of constant numbers.
    template <class U>
        requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
    TensorView(TensorView<U> other) : data(other.data), shape(other.shape) {}

    [[nodiscard]] T& at(int n, int c, int y, int x) const {
        GANCODEC_ASSERT(n >= 0 && n < shape.n && c >= 0 && c < shape.padded_c() && y >= 0 && y < shape.h && x >= 0 &&
                        x < shape.w);
        return data[shape.offset(n, c, y, x)];
    }
    /// First element of channel block `block` of image `n`: h·w pixels of 16 channels follow.
    [[nodiscard]] T* block(int n, int block) const { return data + shape.offset(n, block * kChannelBlock, 0, 0); }
    [[nodiscard]] std::size_t size() const { return shape.size(); }
};

/// A tensor that owns its memory, zero at birth.
template <class T>
class Tensor {
public:
    Tensor() = default;
    explicit Tensor(Shape shape) : shape_(shape), data_(shape.size()) {}
    [[nodiscard]] const Shape& shape() const { return shape_; }
    [[nodiscard]] TensorView<T> view() { return {data_.data(), shape_}; }
    [[nodiscard]] TensorView<const T> view() const { return {data_.data(), shape_}; }
    operator TensorView<T>() { return view(); }
    operator TensorView<const T>() const { return view(); }
    [[nodiscard]] T& at(int n, int c, int y, int x) { return view().at(n, c, y, x); }
    [[nodiscard]] const T& at(int n, int c, int y, int x) const { return view().at(n, c, y, x); }
    [[nodiscard]] T* data() { return data_.data(); }
    [[nodiscard]] const T* data() const { return data_.data(); }
    [[nodiscard]] std::size_t size() const { return data_.size(); }
    [[nodiscard]] bool empty() const { return data_.empty(); }

private:
    Shape shape_;
    AlignedArray<T> data_;
};

/// Writes zero into the channels beyond `view.shape.c`; for kernels whose f(0) is not 0.
template <class T>
void clear_padding(TensorView<T> view) {
    const int used = view.shape.c % kChannelBlock;
    if (used == 0) return;
    for (int n = 0; n < view.shape.n; ++n) {
        T* pixel = view.block(n, view.shape.blocks() - 1);
        for (std::size_t i = 0; i < view.shape.plane(); ++i, pixel += kChannelBlock)
            std::fill(pixel + used, pixel + kChannelBlock, T{});
    }
}

}  // namespace gancodec
