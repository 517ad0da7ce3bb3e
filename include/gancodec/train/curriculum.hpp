#pragma once

#include <algorithm>
#include <cstdint>

#include "gancodec/autograd/linear_ops.hpp"
#include "gancodec/autograd/ops.hpp"

namespace gancodec {

/// The share of a later phase that is in at a step: 0 until `from`, then linearly up to 1 at `until`; 1 where both are 0.
struct PhaseRamp {
    std::int64_t from = 0, until = 0;

    [[nodiscard]] double at(std::int64_t step) const {
        if (step >= until) return 1;
        if (step <= from) return 0;
        return static_cast<double>(step - from) / static_cast<double>(until - from);
    }
    friend bool operator==(const PhaseRamp&, const PhaseRamp&) = default;
};

/// The easy picture of a curriculum: the image without its fine detail, of which `share` is left.
///   out = share·x + (1 − share)·(means of 4x4 pixels)
/// Shapes  x, result [n,c,h,w], h and w multiples of 4
/// Paper   after Bengio, Louradour, Collobert, Weston: Curriculum Learning, 2009; the bands as in Karras et al. 2018.
template <class T>
Variable<T> low_passed(Tape<T>& tape, Variable<T> x, double share) {
    constexpr int kWindow = 4;
    if (share >= 1) return x;
    const auto means = upsample_nearest(tape, avg_pool(tape, x, {kWindow, kWindow, 0, false}), kWindow);
    return add(tape, scale(tape, x, static_cast<T>(share)), scale(tape, means, static_cast<T>(1 - share)));
}

}  // namespace gancodec
