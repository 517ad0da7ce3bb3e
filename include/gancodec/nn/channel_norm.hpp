#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/kernels/channel_norm.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// How a variance over C values is meant: Σ(x−mean)²/C, or Σ(x−mean)²/(C−1), which is what torch.var() gives.
enum class Variance { of_population, of_sample };

/// Normalises every pixel over its channels (Mentzer et al. 2020), for converted networks: inference only.
///   out[c] = gamma[c]·(x[c] − mean)/sqrt(variance + 1e-3) + beta[c]
/// Shapes  gamma, beta [C]
template <int C, Variance Kind = Variance::of_population, class T = float>
class ChannelNorm {
public:
    using Scalar = T;
    template <class U>
    using Rebind = ChannelNorm<C, Kind, U>;

    static constexpr int out_channels(int in) { return in == C ? C : kChannelMismatch; }

    ChannelNorm() : gamma({C}, T(1)), beta({C}) {}

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return channel_norm(context, std::move(x), *this);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "gamma", gamma);
        f(prefix + "beta", beta);
    }
    /// The kernel knows the variance v of a population only; that of a sample is v·C/(C−1), and
    ///   1/sqrt(v·C/(C−1) + eps) = k/sqrt(v + k²·eps),  k = sqrt((C−1)/C)
    void prepare(bool) {
        gain.resize(C);
        const double k = Kind == Variance::of_sample ? std::sqrt((C - 1.0) / C) : 1.0;
        std::transform(gamma.value.begin(), gamma.value.end(), gain.begin(),
                       [k](T g) { return static_cast<T>(k * static_cast<double>(g)); });
    }
    void project() {}
    static constexpr T kEps = static_cast<T>(Kind == Variance::of_sample ? 1e-3 * (C - 1.0) / C : 1e-3);

    Parameter<T> gamma, beta;
    std::vector<T> gain;  ///< gamma as the kernel wants it
};

template <class T, class L>
Pooled<T> channel_norm(Inference<T>& context, Pooled<T> x, const L& layer) {
    auto out = x.unique() ? x : context.make(x.shape());
    context.compute(
        [&] { channel_norm(x.constant(), layer.gain.data(), layer.beta.value.data(), L::kEps, out.view()); });
    return out;
}

}  // namespace gancodec
