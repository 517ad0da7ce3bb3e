#pragma once

// Loops over channel-blocked memory that a compiler vectorises by itself: a fixed inner loop over the 16 lanes.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"

namespace gancodec::detail {

/// Calls `body(begin, end)` for ranges that cover [0, count), in parallel, each at most `grain` long.
template <class Body>
void parallel_ranges(std::size_t count, std::size_t grain, const Body& body) {
    parallel_for(static_cast<std::int64_t>((count + grain - 1) / grain), [&](std::int64_t i, int) {
        const std::size_t begin = static_cast<std::size_t>(i) * grain;
        body(begin, std::min(count, begin + grain));
    });
}

/// out[i] = f(in[i]...) for every number in memory, padded channels included. `out` may be one of the inputs.
template <class T, class Function, class... In>
void map_lanes(std::size_t size, const Function& f, T* out, const In*... in) {
    constexpr std::size_t kGrain = 1024;
    parallel_ranges(size / kChannelBlock, kGrain, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin * kChannelBlock; i < end * kChannelBlock; i += kChannelBlock) {
            // Through a local array: the compiler need not prove that out and in do not overlap.
            T result[kChannelBlock];
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) result[lane] = f(in[i + lane]...);
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) out[i + lane] = result[lane];
        }
    });
}

/// out[x][lane] = f(in[x][lane], lanes[lane]) for the `pixels` pixels of a row or a plane. `out` may be `in`.
template <class T, class Function>
void map_row(std::size_t pixels, const Function& f, T* out, const T* in, const T (&lanes)[kChannelBlock]) {
    for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock) {
        T result[kChannelBlock];
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane) result[lane] = f(in[i + lane], lanes[lane]);
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane) out[i + lane] = result[lane];
    }
}

/// How many lanes of channel block `block` are real channels.
constexpr int used_lanes(const Shape& shape, int block) {
    return std::min(kChannelBlock, shape.c - block * kChannelBlock);
}

/// Copies the 16 values of `block` out of a plain [c] array; lanes beyond c become `padding`. Null gives `padding`.
template <class T, class U>
void load_lanes(const T* values, const Shape& shape, int block, U padding, U (&lanes)[kChannelBlock]) {
    const int used = values == nullptr ? 0 : used_lanes(shape, block);
    for (int lane = 0; lane < kChannelBlock; ++lane)
        lanes[lane] = lane < used ? static_cast<U>(values[block * kChannelBlock + lane]) : padding;
}

/// Adds the lanes of `block` to a plain [c] array; nothing when it is null.
template <class T>
void add_lanes(const double (&lanes)[kChannelBlock], const Shape& shape, int block, T* values) {
    if (values == nullptr) return;
    for (int lane = 0; lane < used_lanes(shape, block); ++lane)
        values[block * kChannelBlock + lane] += static_cast<T>(lanes[lane]);
}

/// The sum of 16 lanes in a fixed order: halves onto halves.
template <class T>
T fold_lanes(const T (&lanes)[kChannelBlock]) {
    static_assert(kChannelBlock == 16);
    T eight[8], four[4];
    for (int lane = 0; lane < 8; ++lane) eight[lane] = lanes[lane] + lanes[lane + 8];
    for (int lane = 0; lane < 4; ++lane) four[lane] = eight[lane] + eight[lane + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/// Calls `body(n, block)` for every channel block of every image, in parallel.
template <class Body>
void parallel_planes(const Shape& shape, const Body& body) {
    parallel_for(static_cast<std::int64_t>(shape.n) * shape.blocks(), [&](std::int64_t i, int) {
        body(static_cast<int>(i / shape.blocks()), static_cast<int>(i % shape.blocks()));
    });
}

/// Calls `body(n, block, y)` for every row of every channel block, in parallel.
template <class Body>
void parallel_rows(const Shape& shape, const Body& body) {
    parallel_for(static_cast<std::int64_t>(shape.n) * shape.blocks() * shape.h, [&](std::int64_t i, int) {
        const auto plane = i / shape.h;
        body(static_cast<int>(plane / shape.blocks()), static_cast<int>(plane % shape.blocks()),
             static_cast<int>(i % shape.h));
    });
}

}  // namespace gancodec::detail
