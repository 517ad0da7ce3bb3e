#pragma once

// Operations on latents for Tape<T>: noise, rounding, gains, quantised activations.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/nn/gain.hpp"

namespace gancodec {

/// Rounds to the nearest integer; the gradient passes as if nothing had happened (straight-through estimator).
template <class T>
Variable<T> round_straight_through(Tape<T>& tape, Variable<T> x) {
    auto out = tape.make(x.shape());
    const TensorView<const T> in = x.constant();
    for (std::size_t i = 0; i < in.size(); ++i) out.data[i] = std::nearbyint(in.data[i]);
    return tape.record(out, {x}, false, [&tape, x](TensorView<const T> d_out) { tape.accumulate(x, d_out); });
}

/// Adds uniform noise in [−½, ½): what rounding does to a smooth density, but differentiable.
template <class T>
Variable<T> add_uniform_noise(Tape<T>& tape, Variable<T> x, Random& random) {
    auto out = tape.make(x.shape());
    const TensorView<const T> in = x.constant();
    for (std::size_t i = 0; i < in.size(); ++i) out.data[i] = in.data[i] + static_cast<T>(random.uniform() - 0.5);
    clear_padding(out);
    return tape.record(out, {x}, false, [&tape, x](TensorView<const T> d_out) { tape.accumulate(x, d_out); });
}

/// Quantises to clamp(round(x / step), low, high)·step; the gradient passes straight through what was not clamped.
/// (The kink lies half a step outside the range: sums of integers are often exactly 0, never exactly there.)
template <class T>
Variable<T> quantize(Tape<T>& tape, Variable<T> x, double step, double low, double high) {
    const auto rounded = [step](T value) { return std::nearbyint(static_cast<double>(value) / step); };
    auto out = tape.make(x.shape());
    const TensorView<const T> in = x.constant();
    for (std::size_t i = 0; i < in.size(); ++i)
        out.data[i] = static_cast<T>(std::clamp(rounded(in.data[i]), low, high) * step);
    return tape.record(out, {x}, false, [&tape, x, rounded, low, high](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) {
            const T* value = x.constant().data;
            for (std::size_t i = 0; i < d.size(); ++i) {
                const bool inside = rounded(value[i]) >= low && rounded(value[i]) <= high;
                d.data[i] = inside ? d_out.data[i] : T(0);
            }
        });
    });
}

/// Passes x on as it is; the gradient of image n is multiplied by weight[n].
template <class T>
Variable<T> weigh_gradient(Tape<T>& tape, Variable<T> x, std::span<const double> weight) {
    std::vector<double> weights(weight.begin(), weight.end());
    return tape.record(x.constant(), {x}, false, [&tape, x, weights](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) {
            const std::size_t image = d.size() / weights.size();
            for (std::size_t i = 0; i < d.size(); ++i) d.data[i] = d_out.data[i] * static_cast<T>(weights[i / image]);
        });
    });
}

/// factor·x + offset, on every logical element.
template <class T>
Variable<T> scale_and_shift(Tape<T>& tape, Variable<T> x, T factor, T offset) {
    auto out = tape.make(x.shape());
    const TensorView<const T> in = x.constant();
    for (std::size_t i = 0; i < in.size(); ++i) out.data[i] = std::fma(factor, in.data[i], offset);
    clear_padding(out);
    return tape.record(out, {x}, false, [&tape, x, factor](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { scale(d_out, factor, d); });
    });
}

/// Adds a number per channel that is interpolated between quality levels.
///   out[n,c,y,x] = in[n,c,y,x] + (1−f)·table[l,c] + f·table[l+1,c],  l + f = positions[n]
/// Shapes   table [levels,c]
template <class T>
Variable<T> add_per_level(Tape<T>& tape, Variable<T> x, const Parameter<T>& table, std::span<const double> positions) {
    const Shape s = x.shape();
    auto out = tape.make(s);
    auto& trained = const_cast<Parameter<T>&>(table);
    std::vector<LevelPosition> at;
    for (const double p : positions) at.push_back(locate_level(p, table.shape[0]));
    const auto rows = [s](auto&& f) {
        for (int n = 0; n < s.n; ++n)
            for (int c = 0; c < s.c; ++c)
                f(static_cast<std::size_t>(n), static_cast<std::size_t>(c), s.offset(n, c, 0, 0));
    };
    const auto channels = static_cast<std::size_t>(s.c);
    const std::size_t length = s.plane() * kChannelBlock;
    std::copy_n(x.constant().data, s.size(), out.data);
    rows([&](std::size_t n, std::size_t c, std::size_t begin) {
        const T* entry = table.value.data() + at[n].level * channels + c;
        const auto f = static_cast<T>(at[n].fraction);
        const T offset = std::fma(f, entry[channels] - entry[0], entry[0]);
        for (std::size_t i = begin; i < begin + length; i += kChannelBlock) out.data[i] += offset;
    });
    return tape.record(out, {x}, table.trained(), [=, &tape, &trained](TensorView<const T> d_out) {
        if (trained.trained())
            rows([&](std::size_t n, std::size_t c, std::size_t begin) {
                double sum = 0;
                for (std::size_t i = begin; i < begin + length; i += kChannelBlock)
                    sum += static_cast<double>(d_out.data[i]);
                T* grad = trained.grad.data() + at[n].level * channels + c;
                grad[0] += static_cast<T>((1 - at[n].fraction) * sum);
                grad[channels] += static_cast<T>(at[n].fraction * sum);
            });
        tape.accumulate(x, d_out);
    });
}

template <class T, class G>
Variable<T> apply_gain(Tape<T>& tape, Variable<T> x, const G& gain, std::span<const double> positions,
                       GainDirection direction) {
    auto out = tape.make(x.shape());
    gain_forward(x.constant(), gain, positions, direction, out);
    auto& log2_gain = const_cast<Parameter<T>&>(gain.log2_gain);
    std::vector<double> at(positions.begin(), positions.end());
    return tape.record(
        out, {x}, log2_gain.trained(), [&tape, x, &gain, &log2_gain, at, direction, out](TensorView<const T> d_out) {
            const Shape s = x.shape();
            if (log2_gain.trained()) {
                const double sign = direction == GainDirection::multiply ? 0.6931471805599453 : -0.6931471805599453;
                for (int n = 0; n < s.n; ++n) {
                    const auto where = G::locate(at[static_cast<std::size_t>(n)]);
                    for (int c = 0; c < s.c; ++c) {
                        const T* d = d_out.data + s.offset(n, c, 0, 0);
                        const T* o = out.data + s.offset(n, c, 0, 0);
                        double sum = 0;
                        for (std::size_t i = 0; i < s.plane() * kChannelBlock; i += kChannelBlock)
                            sum = std::fma(static_cast<double>(d[i]), static_cast<double>(o[i]), sum);
                        T* grad = log2_gain.grad.data() + where.level * static_cast<std::size_t>(s.c) + c;
                        grad[0] += static_cast<T>(sign * (1 - where.fraction) * sum);
                        grad[s.c] += static_cast<T>(sign * where.fraction * sum);
                    }
                }
            }
            tape.accumulate(x, [&](TensorView<T> d) { gain_forward(d_out, gain, std::span(at), direction, d); });
        });
}

}  // namespace gancodec
