#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gancodec/autograd/linear_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/train/dataset.hpp"

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

/// From step `from` on, crops of this side, shrunk by factors down to `smallest_scale`.
struct CropPhase {
    std::int64_t from = 0;
    int crop_px = 256;
    double smallest_scale = 0.5;
};

/// How what a stage learns from changes over its run.
struct Curriculum {
    PhaseRamp low_pass;    ///< the detail of the pictures comes in: low_passed()
    PhaseRamp growth;      ///< progressive growing: pictures are compared, and judged, without detail at first
    PhaseRamp easy_crops;  ///< until it ends, fewer and fewer of `easiest_of` crops are drawn for one
    int easiest_of = 4;
    std::vector<CropPhase> crop_phases = {};  ///< phase-wise resolution; before the first the recipe's own

    /// How the crops of a step are drawn.
    [[nodiscard]] Augmentation augmentation(Augmentation how, std::int64_t step) const {
        for (const CropPhase& phase : crop_phases)
            if (step >= phase.from) {
                how.crop_px = phase.crop_px;
                how.smallest_scale = phase.smallest_scale;
            }
        how.easiest_of = 1 + static_cast<int>(std::lround((1 - easy_crops.at(step)) * (easiest_of - 1)));
        return how;
    }
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
