#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "gancodec/image/image.hpp"

namespace gancodec {

/// Fills the rows of a picture that begin at row y; `rows` is as wide as the picture. They are asked for from top to bottom,
/// each once; where a size is to be met several times over, and then row 0 comes again.
using RowSource = std::function<void(int y, Image& rows)>;

/// Takes the rows of a picture, or of a region, from top to bottom: `rows` begin at its row y.
using RowSink = std::function<void(int y, const Image& rows)>;

/// The rows of a picture in memory, which outlives the source.
[[nodiscard]] inline RowSource rows_of(const Image& image) {
    return [&image](int y, Image& rows) { std::copy_n(image.at(0, y), rows.rgb.size(), rows.rgb.data()); };
}

/// Up to 4 x 4 squares spread evenly over a picture, with all of a small one among them: a sample of what it costs.
[[nodiscard]] inline std::vector<Image> sample_squares(const RowSource& source, int width, int height) {
    static constexpr int kSide = 512, kMost = 4, kRows = 64;
    const auto starts = [](int extent) {
        const int side = std::min(kSide, extent), count = std::min(kMost, (extent + kSide - 1) / kSide);
        std::vector<int> list;
        for (std::int64_t i = 0; i < count; ++i)
            list.push_back(count == 1 ? 0 : static_cast<int>((extent - side) * i / (count - 1)));
        return list;
    };
    const std::vector<int> tops = starts(height), lefts = starts(width);
    std::vector<Image> squares(tops.size() * lefts.size(), make_image(std::min(kSide, width), std::min(kSide, height)));
    Image rows = make_image(width, std::min(kRows, height));
    for (int y = 0; y < height; y += rows.height) {
        rows.height = std::min(rows.height, height - y);
        rows.rgb.resize(3 * rows.pixels());
        source(y, rows);
        for (std::size_t i = 0; i < squares.size(); ++i) {
            Image& square = squares[i];
            const int top = tops[i / lefts.size()], left = lefts[i % lefts.size()];
            for (int row = std::max(y, top); row < std::min(y + rows.height, top + square.height); ++row)
                std::copy_n(rows.at(left, row - y), 3 * static_cast<std::size_t>(square.width),
                            square.at(0, row - top));
        }
    }
    return squares;
}

}  // namespace gancodec
