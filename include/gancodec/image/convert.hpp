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

/// Writes `image` into image `n` of a batch as numbers in [0, 1]; where `out` is larger than the image, the last row and
/// the last column are repeated at the bottom and at the right.
///   out[n,c,y,x] = rgb(min(x, width−1), min(y, height−1))[c] / 255
/// Shapes   out [N,3,H,W] with W ≥ width, H ≥ height
/// Exact    to_byte() brings back every byte.
template <class T>
void image_to_tensor(const Image& image, TensorView<T> out, int n = 0) {
    GANCODEC_ASSERT(out.shape.c == 3 && n >= 0 && n < out.shape.n && !image.empty());
    GANCODEC_ASSERT(out.shape.w >= image.width && out.shape.h >= image.height);
    std::array<T, 256> level{};
    for (std::size_t i = 0; i < level.size(); ++i) level[i] = static_cast<T>(i) / T(255);
    parallel_for(out.shape.h, [&](std::int64_t row, int) {
        const int y = static_cast<int>(row);
        const std::uint8_t* line = image.at(0, std::min(y, image.height - 1));
        T* pixel = out.data + out.shape.offset(n, 0, y, 0);
        for (int x = 0; x < out.shape.w; ++x, pixel += kChannelBlock) {
            const std::uint8_t* rgb = line + 3 * std::min(x, image.width - 1);
            for (int c = 0; c < 3; ++c) pixel[c] = level[rgb[c]];
            std::fill(pixel + 3, pixel + kChannelBlock, T(0));
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

/// The top left `width`x`height` pixels of image `n` of a batch, rounded by to_byte(): undoes image_to_tensor().
/// Shapes   in [N,3,H,W] with W ≥ width, H ≥ height
template <class T>
[[nodiscard]] Image tensor_to_image(TensorView<const T> in, int width, int height, int n = 0) {
    GANCODEC_ASSERT(in.shape.c == 3 && n >= 0 && n < in.shape.n);
    GANCODEC_ASSERT(width >= 1 && height >= 1 && in.shape.w >= width && in.shape.h >= height);
    Image image{width, height, {}};
    image.rgb.resize(3 * image.pixels());
    parallel_for(height, [&](std::int64_t row, int) {
        const T* pixel = in.data + in.shape.offset(n, 0, static_cast<int>(row), 0);
        std::uint8_t* rgb = image.at(0, static_cast<int>(row));
        for (int x = 0; x < width; ++x, pixel += kChannelBlock, rgb += 3)
            for (int c = 0; c < 3; ++c) rgb[c] = to_byte(pixel[c]);
    });
    return image;
}
template <class T>
[[nodiscard]] Image tensor_to_image(const Tensor<T>& in) {
    return tensor_to_image(in.view(), in.shape().w, in.shape().h);
}

}  // namespace gancodec
