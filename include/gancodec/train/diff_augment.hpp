#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/autograd/linear_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/core/random.hpp"

namespace gancodec {

/// What is done to every image that a discriminator judges, real or not; the generator's gradient passes through it.
/// Paper    Zhao, Liu, Lin, Zhu, Han: Differentiable Augmentation for Data-Efficient GAN Training, 2020, with its amounts.
struct DiffAugmentOptions {
    bool colour = false;       ///< brightness, saturation and contrast change
    bool translation = false;  ///< moved by up to an eighth, zeros come in; conditions are not moved along
    bool cut_out = false;      ///< a square of half the side becomes 0

    friend bool operator==(const DiffAugmentOptions&, const DiffAugmentOptions&) = default;
};

/// The draw for one image.
struct DiffAugmentDraw {
    double brightness = 0, saturation = 1, contrast = 1;
    int down = 0, right = 0;                       ///< pixels
    int top = 0, left = 0, height = 0, width = 0;  ///< of the square
};

[[nodiscard]] inline DiffAugmentDraw draw_diff_augment(const DiffAugmentOptions& options, const Shape& s,
                                                       Random& random) {
    DiffAugmentDraw d;
    if (options.colour) {
        d.brightness = random.uniform(-0.5, 0.5);
        d.saturation = random.uniform(0, 2);
        d.contrast = random.uniform(0.5, 1.5);
    }
    const auto between = [&](int low, int high) {
        return low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1)));
    };
    if (options.translation) {
        d.down = between(-s.h / 8, s.h / 8);
        d.right = between(-s.w / 8, s.w / 8);
    }
    if (options.cut_out) {
        d.height = s.h / 2;
        d.width = s.w / 2;
        d.top = between(-d.height / 2, s.h - d.height / 2);
        d.left = between(-d.width / 2, s.w - d.width / 2);
    }
    return d;
}

namespace detail {

/// x ← amount·x + (1 − amount)·(mean over some of its numbers), first over the colours of a pixel by saturation, then over
/// the image by contrast. Each is its own adjoint, and they commute.
template <class T>
void change_colours(const DiffAugmentDraw& d, int n, TensorView<T> x) {
    const Shape& s = x.shape;
    double total = 0;
    for (int y = 0; y < s.h; ++y)
        for (int column = 0; column < s.w; ++column) {
            double grey = 0;
            for (int c = 0; c < s.c; ++c) grey += static_cast<double>(x.at(n, c, y, column)) / s.c;
            total += grey * s.c;
            for (int c = 0; c < s.c; ++c)
                x.at(n, c, y, column) =
                    static_cast<T>(std::fma(d.saturation, static_cast<double>(x.at(n, c, y, column)) - grey, grey));
        }
    const double mean = total / (static_cast<double>(s.c) * s.h * s.w);
    for (int c = 0; c < s.c; ++c)
        for (int y = 0; y < s.h; ++y)
            for (int column = 0; column < s.w; ++column)
                x.at(n, c, y, column) =
                    static_cast<T>(std::fma(d.contrast, static_cast<double>(x.at(n, c, y, column)) - mean, mean));
}

/// out = in moved, without the square; or, back, in without the square, moved back.
template <class T>
void move_and_cut(const DiffAugmentDraw& d, int n, bool back, TensorView<const T> in, TensorView<T> out) {
    const Shape& s = in.shape;
    const auto cut = [&](int y, int x) {
        return y >= d.top && y < d.top + d.height && x >= d.left && x < d.left + d.width;
    };
    for (int c = 0; c < s.c; ++c)
        for (int y = std::max(0, d.down); y < std::min(s.h, s.h + d.down); ++y)
            for (int x = std::max(0, d.right); x < std::min(s.w, s.w + d.right); ++x) {
                if (cut(y, x)) continue;
                if (back)
                    out.at(n, c, y - d.down, x - d.right) = in.at(n, c, y, x);
                else
                    out.at(n, c, y, x) = in.at(n, c, y - d.down, x - d.right);
            }
}

}  // namespace detail

/// The images of a batch as the draws say, one for each: colours, then brightness, translation and the square.
/// Shapes   x, result [n,c,h,w]
template <class T>
Variable<T> diff_augment(Tape<T>& tape, Variable<T> x, const std::vector<DiffAugmentDraw>& draws) {
    const Shape s = x.shape();
    const auto map = [&tape, draws](TensorView<const T> in, TensorView<T> out) {
        const Workspace::Scope scope(tape.scratch());
        auto coloured = tape.make(in.shape);
        std::copy_n(in.data, in.size(), coloured.data);
        std::fill_n(out.data, out.size(), T(0));
        for (int n = 0; n < in.shape.n; ++n) {
            detail::change_colours(draws[static_cast<std::size_t>(n)], n, coloured);
            detail::move_and_cut(draws[static_cast<std::size_t>(n)], n, false, TensorView<const T>(coloured), out);
        }
    };
    const auto adjoint = [draws](TensorView<const T> in, TensorView<T> out) {
        std::fill_n(out.data, out.size(), T(0));
        for (int n = 0; n < in.shape.n; ++n) {
            detail::move_and_cut(draws[static_cast<std::size_t>(n)], n, true, in, out);
            detail::change_colours(draws[static_cast<std::size_t>(n)], n, out);
        }
    };
    auto light = tape.scratch().template zeros<T>(s), moved = tape.scratch().template zeros<T>(s);
    for (int n = 0; n < s.n; ++n) {
        const DiffAugmentDraw& d = draws[static_cast<std::size_t>(n)];
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int column = 0; column < s.w; ++column) light.at(n, c, y, column) = static_cast<T>(d.brightness);
        detail::move_and_cut(d, n, false, TensorView<const T>(light), moved);
    }
    return add(tape, linear_map(tape, x, s, map, adjoint), tape.leaf(moved));
}

}  // namespace gancodec
