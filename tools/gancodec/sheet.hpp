#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gancodec/image/image.hpp"

namespace gancodec::cli {

/// One picture of a sheet, with lines of text below it. An image of no pixels leaves its place empty: the text stands.
struct SheetCell {
    Image image;
    std::vector<std::string> caption;
};

struct SheetOptions {
    int gap_px = 8;
    int text_scale = 2;  ///< size of a dot of the letters, in pixels; a letter is 5x9 dots
    std::array<std::uint8_t, 3> ground{24, 24, 24}, ink{230, 230, 230};
};

/// Pictures in a grid: every column as wide as its widest picture, every row as high as its highest with its captions.
/// Text that is wider than its column is broken between words, or cut. Throws Error{invalid_argument} without cells.
[[nodiscard]] Image compose_sheet(const std::vector<std::vector<SheetCell>>& rows, const SheetOptions& options = {});

/// Writes one line of ASCII with its top left corner at (x, y); what lies outside of the image is cut off.
void draw_text(Image& image, int x, int y, const std::string& text, int scale, std::array<std::uint8_t, 3> ink);

}  // namespace gancodec::cli
