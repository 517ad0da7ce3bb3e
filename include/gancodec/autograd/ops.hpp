#pragma once

// The operations of layers for Tape<T>: the same names and arguments as those for Inference<T> in nn/, each with its
// gradient. Forward kernels are the ones inference runs, so a recorded network computes the same numbers.

#include <cstddef>
#include <utility>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/kernels/activation.hpp"
#include "gancodec/kernels/conv2d.hpp"
#include "gancodec/kernels/conv_transpose2d.hpp"
#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/kernels/gdn.hpp"
#include "gancodec/kernels/pad.hpp"
#include "gancodec/kernels/shuffle.hpp"

namespace gancodec {

template <class T, class L>
Variable<T> conv2d(Tape<T>& tape, Variable<T> x, const L& layer) {
    const ConvGeometry& g = layer.prepared.geometry();
    GANCODEC_ASSERT(x.shape().c == g.in_channels);
    auto out = tape.make({x.shape().n, g.out_channels, g.out_extent(x.shape().h), g.out_extent(x.shape().w)});
    {
        const Workspace::Scope scope(tape.scratch());
        conv2d_forward(x.constant(), layer.prepared, out, tape.scratch());
    }
    // The gradient goes to the layer's own Parameter, which the caller owns as non-const when it is trained.
    auto& weight = const_cast<Parameter<T>&>(layer.weight);
    auto& bias = const_cast<Parameter<T>&>(layer.bias);
    return tape.record(out, {x}, weight.trained(), [&tape, x, &layer, &weight, &bias](TensorView<const T> d_out) {
        if (weight.trained()) {
            const Workspace::Scope scope(tape.scratch());
            conv2d_backward_weight(x.constant(), d_out, layer.prepared.geometry(), weight.grad.data(),
                                   bias.trained() ? bias.grad.data() : nullptr, tape.scratch());
        }
        tape.accumulate(x, [&](TensorView<T> d) {
            const Workspace::Scope scope(tape.scratch());
            conv2d_backward_input(d_out, layer.prepared, d, tape.scratch());
        });
    });
}

template <class T, class L>
Variable<T> conv_transpose2d(Tape<T>& tape, Variable<T> x, const L& layer) {
    const ConvTransposeGeometry& g = layer.prepared.geometry();
    GANCODEC_ASSERT(x.shape().c == g.in_channels);
    auto out = tape.make({x.shape().n, g.out_channels, g.out_extent(x.shape().h), g.out_extent(x.shape().w)});
    {
        const Workspace::Scope scope(tape.scratch());
        conv_transpose2d_forward(x.constant(), layer.prepared, out, tape.scratch());
    }
    auto& weight = const_cast<Parameter<T>&>(layer.weight);
    auto& bias = const_cast<Parameter<T>&>(layer.bias);
    return tape.record(out, {x}, weight.trained(), [&tape, x, &layer, &weight, &bias](TensorView<const T> d_out) {
        if (weight.trained()) {
            const Workspace::Scope scope(tape.scratch());
            conv_transpose2d_backward_weight(x.constant(), d_out, layer.prepared.geometry(), weight.grad.data(),
                                             bias.trained() ? bias.grad.data() : nullptr, tape.scratch());
        }
        tape.accumulate(x, [&](TensorView<T> d) {
            const Workspace::Scope scope(tape.scratch());
            conv_transpose2d_backward_input(d_out, layer.prepared, d, tape.scratch());
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
    return tape.record(out, {x}, false, [&tape, x, kind, slope](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { activation_backward(x.constant(), d_out, kind, slope, d); });
    });
}

template <class T>
Variable<T> add(Tape<T>& tape, Variable<T> a, Variable<T> b) {
    auto out = tape.make(a.shape());
    add(a.constant(), b.constant(), out);
    return tape.record(out, {a, b}, false, [&tape, a, b](TensorView<const T> d_out) {
        tape.accumulate(a, d_out);
        tape.accumulate(b, d_out);
    });
}

template <class T, class L>
Variable<T> conv2d_activation(Tape<T>& tape, Variable<T> x, const L& layer, Activation kind, T slope) {
    return activation(tape, conv2d(tape, x, layer), kind, slope);
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

template <class T>
Variable<T> scale(Tape<T>& tape, Variable<T> x, T factor) {
    auto out = tape.make(x.shape());
    scale(x.constant(), factor, out);
    return tape.record(out, {x}, false, [&tape, x, factor](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { scale(d_out, factor, d); });
    });
}

template <class T>
Variable<T> pixel_shuffle(Tape<T>& tape, Variable<T> x, int r) {
    const Shape s = x.shape();
    auto out = tape.make({s.n, s.c / (r * r), s.h * r, s.w * r});
    pixel_shuffle(x.constant(), r, out);
    return tape.record(out, {x}, false, [&tape, x, r](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { pixel_unshuffle(d_out, r, d); });
    });
}

template <class T>
Variable<T> pixel_unshuffle(Tape<T>& tape, Variable<T> x, int r) {
    const Shape s = x.shape();
    auto out = tape.make({s.n, s.c * r * r, s.h / r, s.w / r});
    pixel_unshuffle(x.constant(), r, out);
    return tape.record(out, {x}, false, [&tape, x, r](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { pixel_shuffle(d_out, r, d); });
    });
}

/// The top left height x width pixels.
template <class T>
Variable<T> crop(Tape<T>& tape, Variable<T> x, int height, int width) {
    const Shape s = x.shape();
    if (height == s.h && width == s.w) return x;
    auto out = tape.make({s.n, s.c, height, width});
    crop(x.constant(), 0, 0, out);
    return tape.record(out, {x}, false, [&tape, x](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { crop_backward(d_out, 0, 0, d, tape.scratch()); });
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
