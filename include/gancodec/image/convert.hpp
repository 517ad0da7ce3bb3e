#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec {

/// The byte nearest to 255·value, halves up; everything outside [0, 1] is clamped and NaN becomes 0.
/// Exact  One fused multiply-add and a truncation: the same byte on every machine.
template <class T>
[[nodiscard]] std::uint8_t to_byte(T value) {
    const T clamped = value > T(0) ? std::min(value, T(1)) : T(0);
    return static_cast<std::uint8_t>(std::fma(clamped, T(255), T(0.5)));
}

/// How the pixels of an image lie in a tensor.
template <class T>
struct PixelLayout {
    int shuffle = 1;  ///< r: squares of r x r pixels lie in the channels, as before a pixel shuffle by r
    T offset = T(0);  ///< of all numbers: levels lie in [offset, 1 + offset]
};

/// Writes `image` into image `n` of a batch; where `out` is larger than the image, the last row and the last column are
/// repeated at the bottom and at the right.
///   out[n, c·r² + (y mod r)·r + x mod r, y div r, x div r] = rgb(min(x, width−1), min(y, height−1))[c] / 255 + offset
/// Shapes   out [N,3r²,H,W] with W·r ≥ width, H·r ≥ height
/// Exact    With offset 0, to_byte() brings back every byte.
template <class T>
void image_to_tensor(const Image& image, TensorView<T> out, int n = 0, const PixelLayout<T>& layout = {}) {
    const int r = layout.shuffle;
    GANCODEC_ASSERT(out.shape.c == 3 * r * r && n >= 0 && n < out.shape.n && !image.empty());
    GANCODEC_ASSERT(out.shape.w * r >= image.width && out.shape.h * r >= image.height);
    std::array<T, 256> level{};
    for (std::size_t i = 0; i < level.size(); ++i) level[i] = static_cast<T>(i) / T(255) + layout.offset;
    parallel_for(out.shape.h, [&](std::int64_t row, int) {
        const int first = static_cast<int>(row) * r;
        for (int block = 0; block < out.shape.blocks(); ++block) {
            T* pixels = out.data + out.shape.offset(n, block * kChannelBlock, static_cast<int>(row), 0);
            for (int lane = 0; lane < kChannelBlock; ++lane) {
                const int channel = block * kChannelBlock + lane, dy = channel / r % r, dx = channel % r;
                const std::uint8_t* line = image.at(0, std::min(first + dy, image.height - 1)) + channel / (r * r);
                for (int x = 0; x < out.shape.w; ++x)
                    pixels[x * kChannelBlock + lane] =
                        channel < out.shape.c ? level[line[3 * std::min(x * r + dx, image.width - 1)]] : T(0);
            }
        }
    });
}

/// The image as a batch of one, enlarged at the bottom and at the right to a multiple of `multiple`.
template <class T = float>
[[nodiscard]] Tensor<T> image_to_tensor(const Image& image, int multiple = 1) {
    Tensor<T> out({1, 3, round_up(image.height, multiple), round_up(image.width, multiple)});
    image_to_tensor<T>(image, out.view());
    return out;
}

/// The top left `width`x`height` pixels of the first image of a batch, rounded by to_byte(): undoes image_to_tensor().
///   rgb(x, y)[c] = to_byte(in[0, c·r² + (y mod r)·r + x mod r, y div r, x div r] − offset)
/// Shapes   in [N,3r²,H,W] with W·r ≥ width, H·r ≥ height
template <class T>
[[nodiscard]] Image tensor_to_image(TensorView<const T> in, int width, int height, const PixelLayout<T>& layout = {}) {
    const int r = layout.shuffle;
    GANCODEC_ASSERT(in.shape.c == 3 * r * r && in.shape.n >= 1);
    GANCODEC_ASSERT(width >= 1 && height >= 1 && in.shape.w * r >= width && in.shape.h * r >= height);
    Image image{width, height, {}};
    image.rgb.resize(3 * image.pixels());
    parallel_for(height, [&](std::int64_t row, int) {
        const int y = static_cast<int>(row);
        for (int c = 0; c < 3; ++c)
            for (int dx = 0; dx < r && dx < width; ++dx) {
                const T* value = in.data + in.shape.offset(0, (c * r + y % r) * r + dx, y / r, 0);
                std::uint8_t* byte = image.at(dx, y) + c;
                for (int x = dx; x < width; x += r, value += kChannelBlock, byte += 3 * r)
                    *byte = to_byte(*value - layout.offset);
            }
    });
    return image;
}
template <class T>
[[nodiscard]] Image tensor_to_image(const Tensor<T>& in) {
    return tensor_to_image(in.view(), in.shape().w, in.shape().h);
}

}  // namespace gancodec
