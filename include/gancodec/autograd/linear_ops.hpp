#pragma once

// Linear operations for Tape<T>: maps whose gradient is a map of the same kind, so that they can be differentiated any
// number of times.

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/kernels/pad.hpp"
#include "gancodec/kernels/pool.hpp"
#include "gancodec/kernels/reduce.hpp"
#include "gancodec/kernels/resample.hpp"
#include "gancodec/kernels/shuffle.hpp"

namespace gancodec {

/// Records out = map(x) for a linear map with its adjoint, both called as f(in, out): its gradient is such a map again, so
/// it can be differentiated any number of times.
template <class T, class Map, class Adjoint>
Variable<T> linear_map(Tape<T>& tape, Variable<T> x, Shape out_shape, const Map& map, const Adjoint& adjoint) {
    auto out = tape.make(out_shape);
    map(x.constant(), out);
    const Shape in_shape = x.shape();
    return tape.record(
        out, {x}, false,
        [&tape, x, adjoint](TensorView<const T> d_out) {
            tape.accumulate(x, [&](TensorView<T> d) { adjoint(d_out, d); });
        },
        [&tape, x, in_shape, map, adjoint](Variable<T> d_out) -> std::vector<typename Tape<T>::Flow> {
            return {{x, linear_map(tape, d_out, in_shape, adjoint, map)}};
        });
}

template <class T>
Variable<T> scale(Tape<T>& tape, Variable<T> x, T factor) {
    const auto by_factor = [factor](TensorView<const T> in, TensorView<T> out) { scale(in, factor, out); };
    return linear_map(tape, x, x.shape(), by_factor, by_factor);
}

template <class T>
Variable<T> pixel_shuffle(Tape<T>& tape, Variable<T> x, int r) {
    const Shape s = x.shape();
    return linear_map(
        tape, x, {s.n, s.c / (r * r), s.h * r, s.w * r},
        [r](TensorView<const T> in, TensorView<T> out) { pixel_shuffle(in, r, out); },
        [r](TensorView<const T> in, TensorView<T> out) { pixel_unshuffle(in, r, out); });
}

template <class T>
Variable<T> pixel_unshuffle(Tape<T>& tape, Variable<T> x, int r) {
    const Shape s = x.shape();
    return linear_map(
        tape, x, {s.n, s.c * r * r, s.h / r, s.w / r},
        [r](TensorView<const T> in, TensorView<T> out) { pixel_unshuffle(in, r, out); },
        [r](TensorView<const T> in, TensorView<T> out) { pixel_shuffle(in, r, out); });
}

/// height x width pixels from row `top` and column `left` on.
template <class T>
Variable<T> crop(Tape<T>& tape, Variable<T> x, int height, int width, int top = 0, int left = 0) {
    const Shape s = x.shape();
    if (height == s.h && width == s.w) return x;
    return linear_map(
        tape, x, {s.n, s.c, height, width},
        [=](TensorView<const T> in, TensorView<T> out) { crop(in, top, left, out); },
        [=, &tape](TensorView<const T> in, TensorView<T> out) { crop_backward(in, top, left, out, tape.scratch()); });
}

template <class T>
Variable<T> upsample_nearest(Tape<T>& tape, Variable<T> x, int factor) {
    const Shape s = x.shape();
    return linear_map(
        tape, x, {s.n, s.c, s.h * factor, s.w * factor},
        [factor](TensorView<const T> in, TensorView<T> out) { upsample_nearest(in, factor, out); },
        [factor](TensorView<const T> in, TensorView<T> out) { upsample_nearest_backward(in, factor, out); });
}

template <class T>
Variable<T> avg_pool(Tape<T>& tape, Variable<T> x, const PoolGeometry& geometry) {
    return linear_map(
        tape, x, geometry.out_shape(x.shape()),
        [geometry](TensorView<const T> in, TensorView<T> out) { avg_pool(in, geometry, out); },
        [geometry](TensorView<const T> in, TensorView<T> out) { avg_pool_backward(in, geometry, out); });
}

/// The mean of every channel of every image, [n,c,1,1].
template <class T>
Variable<T> spatial_mean(Tape<T>& tape, Variable<T> x) {
    return linear_map(
        tape, x, {x.shape().n, x.shape().c, 1, 1},
        [](TensorView<const T> in, TensorView<T> out) { spatial_mean(in, out); },
        [](TensorView<const T> in, TensorView<T> out) { spatial_mean_backward(in, out); });
}

/// Channels first … first + count − 1.
template <class T>
Variable<T> slice_channels(Tape<T>& tape, Variable<T> x, int first, int count) {
    const Shape s = x.shape();
    return linear_map(
        tape, x, {s.n, count, s.h, s.w},
        [first](TensorView<const T> in, TensorView<T> out) { slice_channels(in, first, out); },
        [first](TensorView<const T> in, TensorView<T> out) { slice_channels_backward(in, first, out); });
}

/// The channels of `a`, then those of `b`.
template <class T>
Variable<T> concat_channels(Tape<T>& tape, Variable<T> a, Variable<T> b) {
    const Shape s = a.shape();
    const int first = s.c, second = b.shape().c;
    auto out = tape.make({s.n, first + second, s.h, s.w});
    const std::array<TensorView<const T>, 2> inputs{a.constant(), b.constant()};
    concat_channels<T>(inputs, out);
    return tape.record(
        out, {a, b}, false,
        [&tape, a, b, first](TensorView<const T> d_out) {
            tape.accumulate(a, [&](TensorView<T> d) { slice_channels(d_out, 0, d); });
            tape.accumulate(b, [&](TensorView<T> d) { slice_channels(d_out, first, d); });
        },
        [&tape, a, b, first, second](Variable<T> d_out) -> std::vector<typename Tape<T>::Flow> {
            return {{a, slice_channels(tape, d_out, 0, first)}, {b, slice_channels(tape, d_out, first, second)}};
        });
}

/// Σ x over every logical element, one number.
template <class T>
Variable<T> sum(Tape<T>& tape, Variable<T> x) {
    return linear_map(
        tape, x, {1, 1, 1, 1},
        [&tape](TensorView<const T> in, TensorView<T> out) {
            std::fill_n(out.data, out.size(), T(0));
            out.data[0] = static_cast<T>(sum(in, tape.scratch()));
        },
        [](TensorView<const T> in, TensorView<T> out) { fill(out, in.data[0]); });
}

/// Numbers become 0 with probability `rate`, the others are divided by 1 − rate: nn/dropout.hpp.
template <class T>
Variable<T> dropout(Tape<T>& tape, Variable<T> x, double rate, Random& random) {
    if (rate == 0) return x;
    auto factor = tape.make(x.shape());
    for (std::size_t i = 0; i < factor.size(); ++i)
        factor.data[i] = random.uniform() < rate ? T(0) : static_cast<T>(1 / (1 - rate));
    const auto mask = [factor](TensorView<const T> in, TensorView<T> out) {
        mul(in, TensorView<const T>(factor), out);
    };
    return linear_map(tape, x, x.shape(), mask, mask);
}

}  // namespace gancodec
