#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "gancodec/autograd/ops.hpp"

namespace gancodec {

/// A function of one number at one place: its value and its slope there.
struct ValueAndSlope {
    double value, slope;
};

/// Mean of f over every logical element of x, one number; `f(double)` answers a ValueAndSlope.
/// Exact    Summed in double by image and channel block, then in order: the same for every number of threads.
template <class T, class F>
Variable<T> mean_of(Tape<T>& tape, Variable<T> x, const F& f) {
    const Shape s = x.shape();
    const double share = 1.0 / static_cast<double>(s.logical_size());
    auto slope = tape.make(s);
    std::vector<double> partial(static_cast<std::size_t>(s.n) * static_cast<std::size_t>(s.blocks()));
    detail::parallel_planes(s, [&](int n, int block) {
        const auto used = static_cast<std::size_t>(detail::used_lanes(s, block));
        const T* in = x.constant().block(n, block);
        T* d = slope.block(n, block);
        double total = 0;
        for (std::size_t i = 0; i < s.plane() * kChannelBlock; i += kChannelBlock)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                const ValueAndSlope at = lane < used ? f(static_cast<double>(in[i + lane])) : ValueAndSlope{0, 0};
                total += at.value;
                d[i + lane] = static_cast<T>(share * at.slope);
            }
        partial[static_cast<std::size_t>(n * s.blocks() + block)] = total;
    });
    double total = 0;
    for (const double p : partial) total += p;
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    out.data[0] = static_cast<T>(share * total);
    return tape.record(out, {x}, false, [&tape, x, slope](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { scale(TensorView<const T>(slope), d_out.data[0], d); });
    });
}

/// Mean absolute difference. Its slope at 0 is 0.
template <class T>
Variable<T> mean_absolute_error(Tape<T>& tape, Variable<T> a, Variable<T> b) {
    return mean_of(tape, sub(tape, a, b),
                   [](double d) { return ValueAndSlope{std::abs(d), static_cast<double>((d > 0) - (d < 0))}; });
}

/// Mean of √(d² + epsilon²), d = a − b: an absolute difference without the kink.
/// Paper    Charbonnier, Blanc-Féraud, Aubert, Barlaud: Two deterministic half-quadratic regularization algorithms, 1994.
template <class T>
Variable<T> charbonnier(Tape<T>& tape, Variable<T> a, Variable<T> b, double epsilon = 1e-3) {
    return mean_of(tape, sub(tape, a, b), [epsilon](double d) {
        const double root = std::sqrt(std::fma(d, d, epsilon * epsilon));
        return ValueAndSlope{root, d / root};
    });
}

namespace detail {

/// x shifted by (down, right) minus x, where both lie inside.
template <class T>
Variable<T> shifted_difference(Tape<T>& tape, Variable<T> x, int down, int right) {
    const Shape s = x.shape();
    return linear_map(
        tape, x, {s.n, s.c, s.h - down, s.w - right},
        [down, right](TensorView<const T> in, TensorView<T> out) {
            const auto step = out.shape;
            for (int n = 0; n < step.n; ++n)
                for (int c = 0; c < step.padded_c(); ++c)
                    for (int y = 0; y < step.h; ++y)
                        for (int x0 = 0; x0 < step.w; ++x0)
                            out.at(n, c, y, x0) = in.at(n, c, y + down, x0 + right) - in.at(n, c, y, x0);
        },
        [down, right](TensorView<const T> d_out, TensorView<T> d_in) {
            std::fill_n(d_in.data, d_in.size(), T(0));
            const auto step = d_out.shape;
            for (int n = 0; n < step.n; ++n)
                for (int c = 0; c < step.padded_c(); ++c)
                    for (int y = 0; y < step.h; ++y)
                        for (int x0 = 0; x0 < step.w; ++x0) {
                            d_in.at(n, c, y + down, x0 + right) += d_out.at(n, c, y, x0);
                            d_in.at(n, c, y, x0) -= d_out.at(n, c, y, x0);
                        }
        });
}

}  // namespace detail

/// Total variation: mean |difference| of neighbours, down and right, added; for images that should be calm.
/// Paper    Rudin, Osher, Fatemi: Nonlinear total variation based noise removal algorithms, 1992 (anisotropic form).
template <class T>
Variable<T> total_variation(Tape<T>& tape, Variable<T> x) {
    const auto absolute = [](double d) { return ValueAndSlope{std::abs(d), static_cast<double>((d > 0) - (d < 0))}; };
    return add(tape, mean_of(tape, detail::shifted_difference(tape, x, 1, 0), absolute),
               mean_of(tape, detail::shifted_difference(tape, x, 0, 1), absolute));
}

/// Mean absolute difference of features, averaged over the layers they come from: the generator matches what the
/// discriminator sees of the real image.
/// Paper    Salimans et al.: Improved Techniques for Training GANs, 2016; by layer as in Wang et al. 2018 (pix2pixHD).
template <class T>
Variable<T> feature_matching(Tape<T>& tape, const std::vector<Variable<T>>& fake,
                             const std::vector<Variable<T>>& real) {
    GANCODEC_ASSERT(!fake.empty() && fake.size() == real.size());
    std::vector<std::pair<Variable<T>, T>> terms;
    for (std::size_t i = 0; i < fake.size(); ++i)
        terms.emplace_back(mean_absolute_error(tape, fake[i], real[i]), T(1) / static_cast<T>(fake.size()));
    return weighted_sum(tape, terms);
}

}  // namespace gancodec
