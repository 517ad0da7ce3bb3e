#pragma once

#include <cmath>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/lanes.hpp"

namespace gancodec {

/// relu max(x, 0) · leaky_relu x or slope·x · sigmoid 1/(1+e^-x) · tanh · softplus log(1+e^x).
enum class Activation { relu, leaky_relu, sigmoid, tanh, softplus };

namespace detail {

template <class T>
T sigmoid(T x) {
    const T e = std::exp(-std::abs(x));  // never overflows
    return (x >= T(0) ? T(1) : e) / (T(1) + e);
}

}  // namespace detail

/// Applies an activation to every element.
///   out = act(in);  `slope` is used by leaky_relu only
/// Shapes   in, out [n,c,h,w]; out may be in
/// Exact    relu and leaky_relu everywhere. The others call std::exp, std::tanh and std::log1p, which differ between
///          C libraries: use them in training, not on the way to decoded pixels.
template <class T>
void activation_forward(TensorView<const T> in, Activation act, T slope, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    const auto map = [&](const auto& f) { detail::map_lanes(in.size(), f, out.data, in.data); };
    switch (act) {
        case Activation::relu:
            map([](T x) { return x > T(0) ? x : T(0); });
            break;
        case Activation::leaky_relu:
            map([slope](T x) {
                const T scaled = slope * x;  // on both sides, or it would not vectorise
                return x > T(0) ? x : scaled;
            });
            break;
        case Activation::sigmoid:
            map([](T x) { return detail::sigmoid(x); });
            break;
        case Activation::tanh:
            map([](T x) { return std::tanh(x); });
            break;
        case Activation::softplus:
            map([](T x) { return std::log1p(std::exp(-std::abs(x))) + (x > T(0) ? x : T(0)); });
            break;
    }
    if (act == Activation::sigmoid || act == Activation::softplus) clear_padding(out);
}

/// d_in = d_out · act'(in). The derivative of relu at 0 is 0, that of leaky_relu is slope.
/// Shapes   in, d_out, d_in [n,c,h,w]; d_in may be d_out
template <class T>
void activation_backward(TensorView<const T> in, TensorView<const T> d_out, Activation act, T slope,
                         TensorView<T> d_in) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    const auto map = [&](const auto& f) { detail::map_lanes(in.size(), f, d_in.data, in.data, d_out.data); };
    switch (act) {
        case Activation::relu:
            map([](T x, T d) { return x > T(0) ? d : T(0); });
            break;
        case Activation::leaky_relu:
            map([slope](T x, T d) {
                const T scaled = slope * d;
                return x > T(0) ? d : scaled;
            });
            break;
        case Activation::sigmoid:
            map([](T x, T d) {
                const T s = detail::sigmoid(x);
                return d * (s * (T(1) - s));
            });
            break;
        case Activation::tanh:
            map([](T x, T d) {
                const T t = std::tanh(x);
                return d * std::fma(-t, t, T(1));
            });
            break;
        case Activation::softplus:
            map([](T x, T d) { return d * detail::sigmoid(x); });
            break;
    }
}

}  // namespace gancodec
