#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "gancodec/kernels/root_gdn.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Generalised divisive normalisation with a square root (Ballé et al. 2016), for converted networks: inference only.
///   out[i] = x[i] / sqrt(beta[i] + Σ_j gamma[i,j] x[j]²),   inverse: out[i] = x[i] · sqrt(beta[i] + Σ_j gamma[i,j] x[j]²)
/// Shapes  beta [C] · gamma [C,C], as they are: tools/convert_weights.py undoes the reparametrisation of training.
template <int C, bool Inverse = false, class T = float>
class RootGdn {
public:
    using Scalar = T;
    template <class U>
    using Rebind = RootGdn<C, Inverse, U>;
    static constexpr bool kInverse = Inverse;

    static constexpr int out_channels(int in) { return in == C ? C : kChannelMismatch; }

    RootGdn() : beta({C}, T(1)), gamma({C, C}) {
        for (std::size_t i = 0; i < C; ++i) gamma.value[i * C + i] = T(0.1);
    }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return root_gdn(context, std::move(x), *this);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "beta", beta);
        f(prefix + "gamma", gamma);
    }
    void prepare(bool) {}
    void project() {}

    Parameter<T> beta, gamma;
};
template <int C, class T = float>
using InverseRootGdn = RootGdn<C, true, T>;

template <class T, class L>
Pooled<T> root_gdn(Inference<T>& context, Pooled<T> x, const L& layer) {
    auto out = context.make(x.shape());
    const Workspace::Scope scope(context.scratch());
    root_gdn_forward(x.constant(), layer.beta.value.data(), layer.gamma.value.data(), L::kInverse, out.view(),
                     context.scratch());
    return out;
}

}  // namespace gancodec
