#pragma once

#include <cstddef>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/kernels/norm.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// nn/batch_norm.hpp while it learns: by the moments of the batch, which its running ones follow where it is trained.
template <class T, class L>
Variable<T> batch_norm(Tape<T>& tape, Variable<T> x, const L& layer) {
    auto out = tape.make(x.shape());
    std::vector<T> mean(layer.weight.value.size()), variance(mean.size());
    batch_norm(x.constant(), layer.weight.value.data(), layer.bias.value.data(), L::kEps, out, mean.data(),
               variance.data());
    auto& mutable_layer = const_cast<L&>(layer);  // the caller owns it as non-const when it is trained
    if (layer.weight.trained())
        for (std::size_t c = 0; c < mean.size(); ++c) {
            T& running_mean = mutable_layer.running_mean.value[c];
            T& running_var = mutable_layer.running_var.value[c];
            running_mean += static_cast<T>(L::kMomentum) * (mean[c] - running_mean);
            running_var += static_cast<T>(L::kMomentum) * (variance[c] - running_var);
        }
    return tape.record(out, {x}, layer.weight.trained(), [&tape, x, &mutable_layer](TensorView<const T> d_out) {
        std::vector<T> ignored(2 * mutable_layer.weight.value.size());
        const bool trained = mutable_layer.weight.trained();
        T* d_weight = trained ? mutable_layer.weight.grad.data() : ignored.data();
        T* d_bias = trained ? mutable_layer.bias.grad.data() : ignored.data() + ignored.size() / 2;
        const auto write = [&](TensorView<T> d) {
            batch_norm_backward(x.constant(), d_out, mutable_layer.weight.value.data(), L::kEps, d, d_weight, d_bias);
        };
        if (x.needs_gradient()) {
            tape.accumulate(x, write);
        } else {
            const Workspace::Scope scope(tape.scratch());
            write(tape.make(x.shape()));
        }
    });
}

}  // namespace gancodec
