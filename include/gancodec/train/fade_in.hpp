#pragma once

#include <string>
#include <utility>

#include "gancodec/autograd/linear_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Two ways from features to an image, of which the second takes over: progressive growing, for training only.
///   out = (1 − share)·upsample(low(x)) + share·high(x)
/// At share 0 only `low` runs, at share 1 only `high`: early steps cost what a small network costs.
/// Shapes  low: [n,c,h,w] → [n,o,h,w] · high: [n,c,h,w] → [n,o,2h,2w] · result [n,o,2h,2w]
/// Paper   Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs, 2018, figure 2.
template <class Low, class High>
struct FadeIn {
    using Scalar = typename Low::Scalar;
    template <class U>
    using Rebind = FadeIn<typename Low::template Rebind<U>, typename High::template Rebind<U>>;
    static constexpr int out_channels(int in) {
        return Low::out_channels(in) == High::out_channels(in) ? Low::out_channels(in) : kChannelMismatch;
    }

    [[nodiscard]] Variable<Scalar> operator()(Tape<Scalar>& tape, Variable<Scalar> x) const {
        if (share >= 1) return high(tape, x);
        const auto small = upsample_nearest(tape, low(tape, x), 2);
        if (share <= 0) return small;
        return add(tape, scale(tape, small, static_cast<Scalar>(1 - share)),
                   scale(tape, high(tape, x), static_cast<Scalar>(share)));
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        low.each_parameter(prefix + "low.", f);
        high.each_parameter(prefix + "high.", f);
    }
    void prepare(bool for_backward) {
        low.prepare(for_backward);
        high.prepare(for_backward);
    }
    void project() {
        low.project();
        high.project();
    }

    Low low;
    High high;
    double share = 1;  ///< in [0, 1]
};

}  // namespace gancodec
