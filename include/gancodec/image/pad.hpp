#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/check.hpp"
#include "gancodec/core/shape.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec {

/// The `width`x`height` pixels whose top left corner is (x, y). Requires the rectangle lies inside the image.
[[nodiscard]] inline Image crop(const Image& image, int x, int y, int width, int height) {
    GANCODEC_ASSERT(x >= 0 && y >= 0 && width >= 1 && height >= 1);
    GANCODEC_ASSERT(x <= image.width - width && y <= image.height - height);
    Image out = make_image(width, height);
    for (int row = 0; row < height; ++row)
        std::copy_n(image.at(x, y + row), 3 * static_cast<std::size_t>(width), out.at(0, row));
    return out;
}

/// The image enlarged to a multiple of `multiple` in both directions; the last column and the last row are repeated at
/// the right and at the bottom. crop() to the old extents undoes it.
[[nodiscard]] inline Image pad_to_multiple(const Image& image, int multiple) {
    GANCODEC_ASSERT(multiple >= 1 && !image.empty());
    Image out = make_image(round_up(image.width, multiple), round_up(image.height, multiple));
    for (int y = 0; y < out.height; ++y) {
        const int from = std::min(y, image.height - 1);
        std::copy_n(image.at(0, from), 3 * static_cast<std::size_t>(image.width), out.at(0, y));
        for (int x = image.width; x < out.width; ++x) std::copy_n(image.at(image.width - 1, from), 3, out.at(x, y));
    }
    return out;
}

}  // namespace gancodec
