#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gancodec/core/random.hpp"
#include "gancodec/image/image.hpp"

// Pictures out of nothing, for training where photographs are few and for experiments that need none.

namespace gancodec {

namespace detail {

using Colour = std::array<double, 3>;

inline Colour random_colour(Random& random) {
    return {random.uniform(0, 255), random.uniform(0, 255), random.uniform(0, 255)};
}
inline void blend(Image& image, int x, int y, const Colour& colour, double share) {
    std::uint8_t* pixel = image.at(x, y);
    for (std::size_t c = 0; c < 3; ++c)
        pixel[c] =
            static_cast<std::uint8_t>(std::clamp(std::lround(pixel[c] + share * (colour[c] - pixel[c])), 0L, 255L));
}

/// A colour that comes in along a random direction.
inline void paint_gradient(Image& image, Random& random) {
    const Colour to = random_colour(random);
    const double angle = random.uniform(0, 6.283), dx = std::cos(angle), dy = std::sin(angle);
    const double reach = std::hypot(image.width, image.height);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
            blend(image, x, y, to,
                  std::clamp(0.5 + (dx * (x - 0.5 * image.width) + dy * (y - 0.5 * image.height)) / reach, 0.0, 1.0));
}
/// Five waves of random direction, each of half the height of the one before: a procedural texture inside a disc.
inline void paint_texture(Image& image, Random& random) {
    struct Wave {
        double x, y, phase, height;
    };
    std::vector<Wave> waves;
    for (int i = 0; i < 5; ++i) {
        const double angle = random.uniform(0, 6.283), frequency = random.uniform(0.05, 0.15) * std::exp2(i);
        waves.push_back(
            {frequency * std::cos(angle), frequency * std::sin(angle), random.uniform(0, 6.283), std::exp2(-i)});
    }
    const Colour colour = random_colour(random);
    const double left = random.uniform(0, image.width), top = random.uniform(0, image.height);
    const double radius = random.uniform(0.2, 0.6) * image.width;
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) {
            if (std::hypot(x - left, y - top) > radius) continue;
            double total = 0;
            for (const Wave& w : waves) total += w.height * std::sin(w.x * x + w.y * y + w.phase);
            blend(image, x, y, colour, std::clamp(0.5 + 0.5 * total, 0.0, 1.0));
        }
}
/// Lines of letters that no alphabet has: 3x5 cells, filled at random, the strokes as wide as `stroke_px`.
inline void paint_text(Image& image, Random& random) {
    const Colour ink = random_colour(random);
    const int stroke_px = 1 + static_cast<int>(random.below(2));
    const int top = static_cast<int>(random.below(static_cast<std::uint64_t>(image.height)));
    const int lines = 1 + static_cast<int>(random.below(3));
    for (int line = 0; line < lines; ++line)
        for (int letter = 0; (letter + 1) * 4 * stroke_px < image.width; ++letter) {
            const std::uint64_t shape = random.next();
            for (int cell = 0; cell < 15; ++cell) {
                if ((shape >> cell & 1) == 0) continue;
                for (int i = 0; i < stroke_px * stroke_px; ++i) {
                    const int x = (letter * 4 + cell % 3) * stroke_px + i % stroke_px,
                              y = top + (line * 7 + cell / 3) * stroke_px + i / stroke_px;
                    if (y < image.height) blend(image, x, y, ink, 1);
                }
            }
        }
}

}  // namespace detail

/// A picture of gradients, textures in discs, and lines of text; equal states of `random` give equal pictures.
/// Requires width, height ≥ 1.
[[nodiscard]] inline Image synthetic_image(int width, int height, Random& random) {
    const detail::Colour ground = detail::random_colour(random);
    Image image = make_image(width, height, static_cast<std::uint8_t>(ground[0]), static_cast<std::uint8_t>(ground[1]),
                             static_cast<std::uint8_t>(ground[2]));
    detail::paint_gradient(image, random);
    const auto textures = 1 + random.below(4);
    for (std::uint64_t i = 0; i < textures; ++i) detail::paint_texture(image, random);
    if (random.uniform() < 0.5) detail::paint_text(image, random);
    return image;
}

/// Adds so many synthetic pictures of `side_px` that they are `share` of all, in [0, 1).
inline void mix_in_synthetic(std::vector<Image>& images, double share, int side_px, std::uint64_t seed) {
    const auto count = std::llround(static_cast<double>(images.size()) * share / (1 - share));
    Random random(seed);
    for (long long i = 0; i < count; ++i) images.push_back(synthetic_image(side_px, side_px, random));
}

}  // namespace gancodec
