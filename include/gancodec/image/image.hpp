#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gancodec/core/error.hpp"

namespace gancodec {

/// A photograph: 8-bit sRGB, interleaved R, G, B, rows from top to bottom without gaps.
/// Invariant rgb.size() == 3·width·height; check_image() asserts it of an image that comes from a caller.
struct Image {
    int width = 0, height = 0;
    std::vector<std::uint8_t> rgb;

    /// First byte (red) of pixel (x, y).
    [[nodiscard]] std::uint8_t* at(int x, int y) { return rgb.data() + offset(x, y); }
    [[nodiscard]] const std::uint8_t* at(int x, int y) const { return rgb.data() + offset(x, y); }
    [[nodiscard]] std::size_t pixels() const {
        return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    }
    [[nodiscard]] bool empty() const { return pixels() == 0; }
    friend bool operator==(const Image&, const Image&) = default;

private:
    [[nodiscard]] std::size_t offset(int x, int y) const {
        return 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x));
    }
};

/// An image of one colour, black unless told otherwise. Requires width, height ≥ 0.
[[nodiscard]] inline Image make_image(int width, int height, std::uint8_t red = 0, std::uint8_t green = 0,
                                      std::uint8_t blue = 0) {
    Image image;
    image.width = width;
    image.height = height;
    image.rgb.resize(3 * image.pixels());
    for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
        image.rgb[i] = red;
        image.rgb[i + 1] = green;
        image.rgb[i + 2] = blue;
    }
    return image;
}

/// Throws Error{invalid_argument} unless `image` has at least one pixel and as many bytes as its extents ask for.
inline void check_image(const Image& image, const std::string& where) {
    if (image.width < 1 || image.height < 1)
        raise_error(Errc::invalid_argument, where + ": expected an image of at least 1x1, found " +
                                                std::to_string(image.width) + "x" + std::to_string(image.height));
    if (image.rgb.size() != 3 * image.pixels())
        raise_error(Errc::invalid_argument, where + ": expected " + std::to_string(3 * image.pixels()) +
                                                " bytes of RGB, found " + std::to_string(image.rgb.size()));
}

}  // namespace gancodec
