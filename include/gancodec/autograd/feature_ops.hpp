#pragma once

// Operations of feature networks for Tape<T>: what LPIPS and DISTS need to serve as losses.

#include "gancodec/autograd/tape.hpp"
#include "gancodec/kernels/perceptual.hpp"
#include "gancodec/kernels/pool.hpp"
#include "gancodec/kernels/texture.hpp"

namespace gancodec {

template <class T>
Variable<T> max_pool(Tape<T>& tape, Variable<T> x, const PoolGeometry& geometry) {
    auto out = tape.make(geometry.out_shape(x.shape()));
    max_pool(x.constant(), geometry, out);
    return tape.record(out, {x}, false, [&tape, x, geometry](TensorView<const T> d_out) {
        tape.accumulate(x, [&](TensorView<T> d) { max_pool_backward(x.constant(), d_out, geometry, d); });
    });
}

template <class T>
Variable<T> l2_pool(Tape<T>& tape, Variable<T> x) {
    auto out = tape.make(l2_pool_shape(x.shape()));
    l2_pool(x.constant(), out);
    return tape.record(out, {x}, false, [&tape, x, out](TensorView<const T> d_out) {
        tape.accumulate(x,
                        [&](TensorView<T> d) { l2_pool_backward(x.constant(), TensorView<const T>(out), d_out, d); });
    });
}

/// feature_distance() of kernels/perceptual.hpp as one number; `weight` [c] must outlive the tape's recording.
template <class T>
Variable<T> feature_distance(Tape<T>& tape, Variable<T> x, Variable<T> y, const T* weight) {
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    out.data[0] = feature_distance(x.constant(), y.constant(), weight, tape.scratch());
    return tape.record(out, {x, y}, false, [&tape, x, y, weight](TensorView<const T> d_out) {
        const T d = d_out.data[0];
        tape.accumulate(
            x, [&](TensorView<T> d_x) { feature_distance_backward(x.constant(), y.constant(), weight, d, d_x); });
        tape.accumulate(
            y, [&](TensorView<T> d_y) { feature_distance_backward(y.constant(), x.constant(), weight, d, d_y); });
    });
}

/// texture_distance() of kernels/texture.hpp as one number; alpha and beta [c] must outlive the tape's recording.
template <class T>
Variable<T> texture_distance(Tape<T>& tape, Variable<T> x, Variable<T> y, const T* alpha, const T* beta) {
    auto out = tape.scratch().template zeros<T>({1, 1, 1, 1});
    out.data[0] = static_cast<T>(texture_distance(x.constant(), y.constant(), alpha, beta, tape.scratch()));
    return tape.record(out, {x, y}, false, [&tape, x, y, alpha, beta](TensorView<const T> d_out) {
        const T d = d_out.data[0];
        tape.accumulate(
            x, [&](TensorView<T> d_x) { texture_distance_backward(x.constant(), y.constant(), alpha, beta, d, d_x); });
        tape.accumulate(
            y, [&](TensorView<T> d_y) { texture_distance_backward(y.constant(), x.constant(), alpha, beta, d, d_y); });
    });
}

}  // namespace gancodec
