#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "gancodec/kernels/gdn.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Generalised divisive normalisation in its simplified form (Johnston et al. 2019, "Computationally efficient neural
/// image compression", eq. 4):
///   out[i] = x[i] / (beta[i] + Σ_j gamma[i,j] |x[j]|),   inverse: out[i] = x[i] · (beta[i] + Σ_j gamma[i,j] |x[j]|)
/// Shapes  beta [C] · gamma [C,C]
/// project() keeps beta ≥ 0.5 and gamma ≥ 0: without a floor under beta training was seen to explode.
template <int C, bool Inverse = false, class T = float>
class Gdn {
public:
    using Scalar = T;
    template <class U>
    using Rebind = Gdn<C, Inverse, U>;
    static constexpr T kBetaFloor = T(0.5);
    static constexpr bool kInverse = Inverse;

    static constexpr int out_channels(int in) { return in == C ? C : kChannelMismatch; }

    Gdn() : beta({C}, T(1)), gamma({C, C}) {
        for (std::size_t i = 0; i < C; ++i) gamma.value[i * C + i] = T(0.1);
    }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return gdn(context, std::move(x), *this);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "beta", beta);
        f(prefix + "gamma", gamma);
    }
    void prepare(bool) {}
    void project() {
        for (T& b : beta.value) b = std::max(b, kBetaFloor);
        for (T& g : gamma.value) g = std::max(g, T(0));
    }

    Parameter<T> beta, gamma;
};
template <int C, class T = float>
using InverseGdn = Gdn<C, true, T>;

template <class T, class L>
Pooled<T> gdn(Inference<T>& context, Pooled<T> x, const L& layer) {
    auto out = context.make(x.shape());
    const Workspace::Scope scope(context.scratch());
    gdn_forward(x.constant(), layer.beta.value.data(), layer.gamma.value.data(), L::kInverse, out.view(),
                context.scratch());
    return out;
}

}  // namespace gancodec
