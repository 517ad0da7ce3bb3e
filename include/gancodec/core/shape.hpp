#pragma once

#include <cstddef>

#include "gancodec/core/config.hpp"

namespace gancodec {

/// Rounds `value` up to a multiple of `step`.
constexpr int round_up(int value, int step) { return (value + step - 1) / step * step; }
/// Rounds `value`, which may be negative, down to a multiple of `step`.
constexpr int round_down(int value, int step) { return (value - (value % step + step) % step); }

/// The four axes of every tensor: images, channels, height, width.
///
/// Elements are stored channel-blocked, [n][c/16][h][w][16] (oneDNN's nChw16c): element (n,c,y,x) lies at
///   (((n·blocks + c/16)·h + y)·w + x)·16 + c%16.
/// Channels c..padded_c()-1 exist in memory and are always zero; every kernel keeps them so.
struct Shape {
    int n = 0, c = 0, h = 0, w = 0;

    [[nodiscard]] constexpr int blocks() const { return (c + kChannelBlock - 1) / kChannelBlock; }
    [[nodiscard]] constexpr int padded_c() const { return blocks() * kChannelBlock; }
    /// Elements of one channel plane.
    [[nodiscard]] constexpr std::size_t plane() const {
        return static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
    }
    /// Elements in memory, padding included.
    [[nodiscard]] constexpr std::size_t size() const {
        return static_cast<std::size_t>(n) * static_cast<std::size_t>(padded_c()) * plane();
    }
    /// Elements that mean something, padding excluded.
    [[nodiscard]] constexpr std::size_t logical_size() const {
        return static_cast<std::size_t>(n) * static_cast<std::size_t>(c) * plane();
    }
    [[nodiscard]] constexpr std::size_t offset(int in, int ic, int y, int x) const {
        const auto block = static_cast<std::size_t>(in) * static_cast<std::size_t>(blocks()) +
                           static_cast<std::size_t>(ic / kChannelBlock);
        const auto pixel =
            (block * static_cast<std::size_t>(h) + static_cast<std::size_t>(y)) * static_cast<std::size_t>(w) +
            static_cast<std::size_t>(x);
        return pixel * kChannelBlock + static_cast<std::size_t>(ic % kChannelBlock);
    }
    friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

}  // namespace gancodec
