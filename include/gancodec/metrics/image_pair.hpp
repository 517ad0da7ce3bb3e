#pragma once

#include <algorithm>
#include <string>

#include "gancodec/core/error.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec {

/// Throws Error{invalid_argument} unless two images can be compared: equal extents, both at least `smallest` pixels.
inline void check_image_pair(const Image& a, const Image& b, int smallest, const std::string& where) {
    check_image(a, where);
    check_image(b, where);
    const auto extents = [](const Image& image) {
        return std::to_string(image.width) + "x" + std::to_string(image.height);
    };
    if (a.width != b.width || a.height != b.height)
        throw Error(Errc::invalid_argument,
                    where + ": expected two images of one size, found " + extents(a) + " and " + extents(b));
    if (std::min(a.width, a.height) < smallest)
        throw Error(Errc::invalid_argument, where + ": expected images of at least " + std::to_string(smallest) + "x" +
                                                std::to_string(smallest) + ", found " + extents(a));
}

}  // namespace gancodec
