#pragma once

#include <cmath>
#include <cstddef>
#include <string>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Weights of loss terms that are learnt beside the network: each term has a log variance s, 0 at first, and counts
///   e^−s · term + s,
/// least where e^s is the term itself: large terms are turned down, small ones up.
/// Requires terms that are never negative.
/// Paper    Kendall, Gal, Cipolla: Multi-Task Learning Using Uncertainty to Weigh Losses, 2018, equation 10, factors of 2
///          left out.
template <class T = float>
struct Uncertainty {
    template <class U>
    using Rebind = Uncertainty<U>;

    Parameter<T> log_variance;

    explicit Uncertainty(int terms) : log_variance({terms}) {}
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "log_variance", log_variance);
    }
    void prepare(bool) {}

    /// Term number `index` as it counts. Shapes  term, result: one number
    [[nodiscard]] Variable<T> operator()(Tape<T>& tape, Variable<T> term, std::size_t index) {
        const T factor = std::exp(-log_variance.value[index]), value = term.scalar();
        auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
        out.data[0] = std::fma(factor, value, log_variance.value[index]);
        return tape.record(out, {term}, log_variance.trained(),
                           [&tape, this, term, index, factor, value](TensorView<const T> d_out) {
                               const T d = d_out.data[0];
                               if (log_variance.trained())
                                   log_variance.grad[index] += d * std::fma(-factor, value, T(1));
                               tape.accumulate(term, [&](TensorView<T> d_term) { scale(d_out, factor, d_term); });
                           });
    }
};

}  // namespace gancodec
