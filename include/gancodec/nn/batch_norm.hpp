#pragma once

#include <string>
#include <utility>

#include "gancodec/kernels/norm.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// Normalises every channel over the pixels of a batch while it is recorded, and by running means of those moments else.
///   out[c] = weight[c]·(x[c] − mean[c])/sqrt(variance[c] + 1e-5) + bias[c]
/// Shapes  weight, bias, running_mean, running_var [C]
/// Paper   Ioffe, Szegedy: Batch Normalization, 2015.
template <int C, class T = float>
class BatchNorm {
public:
    using Scalar = T;
    template <class U>
    using Rebind = BatchNorm<C, U>;
    static constexpr double kEps = 1e-5, kMomentum = 0.1;

    static constexpr int out_channels(int in) { return in == C ? C : kChannelMismatch; }

    BatchNorm() : weight({C}, T(1)), bias({C}), running_mean({C}), running_var({C}, T(1)) {
        running_mean.buffer = running_var.buffer = true;
    }
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return batch_norm(context, std::move(x), *this);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "weight", weight);
        f(prefix + "bias", bias);
        f(prefix + "running_mean", running_mean);
        f(prefix + "running_var", running_var);
    }
    void prepare(bool) {}
    void project() {}

    Parameter<T> weight, bias, running_mean, running_var;
};

template <class T, class L>
Pooled<T> batch_norm(Inference<T>& context, Pooled<T> x, const L& layer) {
    auto out = x.unique() ? x : context.make(x.shape());
    context.compute([&] {
        batch_norm_fixed(x.constant(), layer.weight.value.data(), layer.bias.value.data(),
                         layer.running_mean.value.data(), layer.running_var.value.data(), L::kEps, out.view());
    });
    return out;
}

}  // namespace gancodec
