#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec {

/// Shrinks an image by averaging: each new pixel is the mean of the area that it covers (the box filter).
///   out(X,Y) = Σ_{x,y} overlap(x,X)·overlap(y,Y)·in(x,y) / (overlap area), rounded to nearest
/// Requires 1 ≤ width ≤ image.width and 1 ≤ height ≤ image.height.
/// Exact    Integers only: overlaps are counted in units of 1/width and 1/height of a source pixel.
[[nodiscard]] inline Image shrink(const Image& image, int width, int height) {
    GANCODEC_ASSERT(width >= 1 && width <= image.width && height >= 1 && height <= image.height);
    const auto from_w = static_cast<std::uint64_t>(image.width), from_h = static_cast<std::uint64_t>(image.height);
    const auto to_w = static_cast<std::uint64_t>(width), to_h = static_cast<std::uint64_t>(height);
    const std::uint64_t area = from_w * from_h;
    Image out = make_image(width, height);
    parallel_for(height, [&](std::int64_t row, int) {
        const auto oy = static_cast<std::uint64_t>(row);
        const std::uint64_t top = oy * from_h, bottom = top + from_h;
        for (std::uint64_t ox = 0; ox < to_w; ++ox) {
            const std::uint64_t left = ox * from_w, right = left + from_w;
            std::uint64_t sum[3] = {area / 2, area / 2, area / 2};
            for (std::uint64_t y = top / to_h; y * to_h < bottom; ++y) {
                const std::uint64_t high = std::min(bottom, (y + 1) * to_h) - std::max(top, y * to_h);
                for (std::uint64_t x = left / to_w; x * to_w < right; ++x) {
                    const std::uint64_t wide = std::min(right, (x + 1) * to_w) - std::max(left, x * to_w);
                    const std::uint8_t* rgb = image.at(static_cast<int>(x), static_cast<int>(y));
                    for (std::size_t c = 0; c < 3; ++c) sum[c] += wide * high * rgb[c];
                }
            }
            for (std::size_t c = 0; c < 3; ++c)
                out.at(static_cast<int>(ox), static_cast<int>(row))[c] = static_cast<std::uint8_t>(sum[c] / area);
        }
    });
    return out;
}

/// Shrinks the image so that its long side is at most `long_side`; an image that already fits comes back as it is.
[[nodiscard]] inline Image shrink_to_long_side(Image image, int long_side) {
    GANCODEC_ASSERT(long_side >= 1);
    const int longest = std::max(image.width, image.height);
    if (longest <= long_side) return image;
    const auto scaled = [&](int extent) {
        return std::max(1, static_cast<int>((std::int64_t{extent} * long_side + longest / 2) / longest));
    };
    return shrink(image, scaled(image.width), scaled(image.height));
}

}  // namespace gancodec
