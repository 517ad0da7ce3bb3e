#pragma once

#include <utility>

#include "gancodec/core/random.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Outside of training nothing is dropped.
template <class T>
typename Inference<T>::Value dropout(Inference<T>&, typename Inference<T>::Value x, double, Random&) {
    return x;
}

/// While it is recorded: every number becomes 0 with probability `rate`, and the others are divided by 1 − rate.
/// Two calls with equal states of `random` drop the same.
/// Paper    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout, 2014.
template <class T = float>
struct Dropout : StatelessLayer<T> {
    template <class U>
    using Rebind = Dropout<U>;
    static constexpr int out_channels(int in) { return in; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return dropout(context, std::move(x), rate, random);
    }

    double rate = 0;  ///< in [0, 1)
    mutable Random random{1};
};

}  // namespace gancodec
