#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "gancodec/image/image.hpp"

namespace gancodec {

/// Fills the rows of a picture that begin at row y; `rows` is as wide as the picture. They are asked for from top to bottom,
/// each once; where a size is to be met several times over, and then row 0 comes again.
using RowSource = std::function<void(int y, Image& rows)>;

/// Takes the rows of a picture, or of a region, from top to bottom: `rows` begin at its row y.
using RowSink = std::function<void(int y, const Image& rows)>;

/// The rows of a picture in memory, which outlives the source.
[[nodiscard]] inline RowSource rows_of(const Image& image) {
    return [&image](int y, Image& rows) {
        std::copy_n(image.at(0, y), rows.rgb.size(), rows.rgb.data());
    };
}

}  // namespace gancodec
