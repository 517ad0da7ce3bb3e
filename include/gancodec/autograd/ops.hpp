#pragma once

// The operations of layers for Tape<T>: the same names and arguments as those for Inference<T> in nn/, each with its
// gradient. Forward kernels are the ones inference runs, so a recorded network computes the same numbers.
// Operations that say their `flows` can be differentiated twice: convolution, (leaky) ReLU, sums and all linear maps.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "gancodec/autograd/linear_ops.hpp"
#include "gancodec/autograd/tape.hpp"
#include "gancodec/kernels/activation.hpp"
#include "gancodec/kernels/conv2d.hpp"
#include "gancodec/kernels/conv_transpose2d.hpp"
#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/kernels/gdn.hpp"

namespace gancodec {

namespace detail {

/// Adds to the gradient of a layer's weight what `write(d)` adds to d, the gradient of the weight that the kernels used:
/// the weight itself, or what the layer made of it and can pull back.
template <class T, class L, class Write>
void accumulate_weight(Tape<T>& tape, const L& layer, const Write& write) {
    auto& weight = const_cast<Parameter<T>&>(layer.weight);
    if constexpr (requires(T* d) { layer.pull_back(d, d); }) {
        const Workspace::Scope scope(tape.scratch());
        T* d_used = tape.scratch().template take<T>(weight.value.size());
        std::fill_n(d_used, weight.value.size(), T(0));
        write(d_used);
        layer.pull_back(d_used, weight.grad.data());
    } else {
        write(weight.grad.data());
    }
}

/// The gradient of a convolution to its input as an operation of its own, linear in d_out and in the weight.
template <class T, class L>
Variable<T> conv2d_input_gradient(Tape<T>& tape, Variable<T> d_out, const L& layer, Shape in_shape) {
    auto out = tape.make(in_shape);
    const Precision precision = tape.precision();
    {
        const Workspace::Scope scope(tape.scratch());
        conv2d_backward_input(d_out.constant(), layer.prepared, out, tape.scratch(), precision);
    }
    return tape.record(out, {d_out}, layer.weight.trained(), [&tape, d_out, &layer, precision](TensorView<const T> dd) {
        if (layer.weight.trained())
            accumulate_weight(tape, layer, [&](T* d_weight) {
                const Workspace::Scope scope(tape.scratch());
                conv2d_backward_weight(dd, d_out.constant(), layer.prepared.geometry(), d_weight,
                                       static_cast<T*>(nullptr), tape.scratch(), precision);
            });
        tape.accumulate(d_out, [&](TensorView<T> d) {
            const Workspace::Scope scope(tape.scratch());
            conv2d_forward(dd, layer.prepared, d, tape.scratch(), {}, precision);
            std::vector<T> without(layer.bias.value);
            for (T& b : without) b = -b;
            add_bias(TensorView<const T>(d), without.data(), PerChannel::shared, d);
        });
    });
}

/// The gradient of relu and leaky_relu as an operation of its own: linear in d_out, constant in x between the kinks.
template <class T>
Variable<T> activation_gradient(Tape<T>& tape, Variable<T> x, Variable<T> d_out, Activation kind, T slope) {
    const auto mask = [x, kind, slope](TensorView<const T> in, TensorView<T> out) {
        activation_backward(x.constant(), in, kind, slope, out);
    };
    return linear_map(tape, d_out, d_out.shape(), mask, mask);
}

}  // namespace detail

template <class T, class L>
Variable<T> conv2d(Tape<T>& tape, Variable<T> x, const L& layer) {
    const ConvGeometry& g = layer.prepared.geometry();
    GANCODEC_ASSERT(x.shape().c == g.in_channels);
    auto out = tape.make({x.shape().n, g.out_channels, g.out_extent(x.shape().h), g.out_extent(x.shape().w)});
    const Precision precision = tape.precision();
    {
        const Workspace::Scope scope(tape.scratch());
        conv2d_forward(x.constant(), layer.prepared, out, tape.scratch(), {}, precision);
    }
    // The gradient goes to the layer's own Parameter, which the caller owns as non-const when it is trained.
    auto& bias = const_cast<Parameter<T>&>(layer.bias);
    return tape.record(
        out, {x}, layer.weight.trained(),
        [&tape, x, &layer, &bias, precision](TensorView<const T> d_out) {
            if (layer.weight.trained())
                detail::accumulate_weight(tape, layer, [&](T* d_weight) {
                    const Workspace::Scope scope(tape.scratch());
                    conv2d_backward_weight(x.constant(), d_out, layer.prepared.geometry(), d_weight,
                                           bias.trained() ? bias.grad.data() : nullptr, tape.scratch(),
                                           tape.precision());
                });
            tape.accumulate(x, [&](TensorView<T> d) {
                const Workspace::Scope scope(tape.scratch());
                conv2d_backward_input(d_out, layer.prepared, d, tape.scratch(), precision);
            });
        },
        [&tape, x, &layer](Variable<T> d_out) -> std::vector<typename Tape<T>::Flow> {
            return {{x, detail::conv2d_input_gradient(tape, d_out, layer, x.shape())}};
        });
}

template <class T, class L>
Variable<T> conv_transpose2d(Tape<T>& tape, Variable<T> x, const L& layer) {
    const ConvTransposeGeometry& g = layer.prepared.geometry();
    GANCODEC_ASSERT(x.shape().c == g.in_channels);
    auto out = tape.make({x.shape().n, g.out_channels, g.out_extent(x.shape().h), g.out_extent(x.shape().w)});
    const Precision precision = tape.precision();
    {
        const Workspace::Scope scope(tape.scratch());
        conv_transpose2d_forward(x.constant(), layer.prepared, out, tape.scratch(), {}, precision);
    }
    auto& weight = const_cast<Parameter<T>&>(layer.weight);
    auto& bias = const_cast<Parameter<T>&>(layer.bias);
    return tape.record(
        out, {x}, weight.trained(), [&tape, x, &layer, &weight, &bias, precision](TensorView<const T> d_out) {
            if (weight.trained()) {
                const Workspace::Scope scope(tape.scratch());
                conv_transpose2d_backward_weight(x.constant(), d_out, layer.prepared.geometry(), weight.grad.data(),
                                                 bias.trained() ? bias.grad.data() : nullptr, tape.scratch());
            }
            tape.accumulate(x, [&](TensorView<T> d) {
                const Workspace::Scope scope(tape.scratch());
                conv_transpose2d_backward_input(d_out, layer.prepared, d, tape.scratch(), precision);
            });
        });
}

template <class T, class L>
Variable<T> gdn(Tape<T>& tape, Variable<T> x, const L& layer) {
    auto out = tape.make(x.shape());
    const T* beta_value = layer.beta.value.data();
    const T* gamma_value = layer.gamma.value.data();
    {
        const Workspace::Scope scope(tape.scratch());
        gdn_forward(x.constant(), beta_value, gamma_value, L::kInverse, out, tape.scratch());
    }
    auto& beta = const_cast<Parameter<T>&>(layer.beta);
    auto& gamma = const_cast<Parameter<T>&>(layer.gamma);
    return tape.record(out, {x}, beta.trained(), [&tape, x, &beta, &gamma](TensorView<const T> d_out) {
        const auto write = [&](TensorView<T> d) {
            const Workspace::Scope scope(tape.scratch());
            gdn_backward(x.constant(), d_out, beta.value.data(), gamma.value.data(), L::kInverse, d,
                         beta.trained() ? beta.grad.data() : nullptr, gamma.trained() ? gamma.grad.data() : nullptr,
                         tape.scratch());
        };
        if (x.needs_gradient()) {
            tape.accumulate(x, write);
        } else {
            const Workspace::Scope scope(tape.scratch());
            write(tape.make(x.shape()));
        }
    });
}

template <class T>
Variable<T> activation(Tape<T>& tape, Variable<T> x, Activation kind, T slope) {
    auto out = tape.make(x.shape());
    activation_forward(x.constant(), kind, slope, out);
    const auto backward = [&tape, x, kind, slope](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { activation_backward(x.constant(), d_out, kind, slope, d); });
    };
    if (kind != Activation::relu && kind != Activation::leaky_relu) return tape.record(out, {x}, false, backward);
    return tape.record(out, {x}, false, backward,
                       [&tape, x, kind, slope](Variable<T> d_out) -> std::vector<typename Tape<T>::Flow> {
                           return {{x, detail::activation_gradient(tape, x, d_out, kind, slope)}};
                       });
}

template <class T>
Variable<T> add(Tape<T>& tape, Variable<T> a, Variable<T> b) {
    auto out = tape.make(a.shape());
    add(a.constant(), b.constant(), out);
    return tape.record(
        out, {a, b}, false,
        [&tape, a, b](TensorView<const T> d_out) {
            tape.accumulate(a, d_out);
            tape.accumulate(b, d_out);
        },
        [a, b](Variable<T> d_out) -> std::vector<typename Tape<T>::Flow> { return {{a, d_out}, {b, d_out}}; });
}

template <class T, class L>
Variable<T> conv2d_activation(Tape<T>& tape, Variable<T> x, const L& layer, Activation kind, T slope) {
    return activation(tape, conv2d(tape, x, layer), kind, slope);
}
template <class T, class L>
Variable<T> conv_transpose2d_activation(Tape<T>& tape, Variable<T> x, const L& layer, Activation kind, T slope) {
    return activation(tape, conv_transpose2d(tape, x, layer), kind, slope);
}
template <class T, class L>
Variable<T> conv2d_add(Tape<T>& tape, Variable<T> x, const L& layer, Variable<T> skip) {
    return add(tape, conv2d(tape, x, layer), skip);
}

template <class T>
Variable<T> sub(Tape<T>& tape, Variable<T> a, Variable<T> b) {
    auto out = tape.make(a.shape());
    sub(a.constant(), b.constant(), out);
    return tape.record(out, {a, b}, false, [&tape, a, b](TensorView<const T> d_out) {
        tape.accumulate(a, d_out);
        tape.accumulate(b, [&](TensorView<T> d) { scale(d_out, T(-1), d); });
    });
}

/// Σ_i weight_i · x_i, each x_i a single number.
template <class T>
Variable<T> weighted_sum(Tape<T>& tape, const std::vector<std::pair<Variable<T>, T>>& terms) {
    Variable<T> total = scale(tape, terms.front().first, terms.front().second);
    for (std::size_t i = 1; i < terms.size(); ++i)
        total = add(tape, total, scale(tape, terms[i].first, terms[i].second));
    return total;
}

}  // namespace gancodec
