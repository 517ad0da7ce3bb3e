#pragma once

#include "gancodec/kernels/reference/conv2d.hpp"

// Plain twins of kernels/conv_transpose2d.hpp. A transposed convolution with weight [ci][co][ky][kx] is the input
// gradient of a convolution that reads the same array as [co][ci][ky][kx]: nothing needs to be written twice.

namespace gancodec::reference {

template <class T>
void conv_transpose2d_forward(TensorView<const T> in, const ConvTransposeGeometry& g, const T* weight, const T* bias,
                              TensorView<T> out, const Epilogue<T>& epilogue = {}) {
    conv2d_backward_input(in, g.adjoint(), weight, bias, out, epilogue);
}

template <class T>
void conv_transpose2d_backward_input(TensorView<const T> d_out, const ConvTransposeGeometry& g, const T* weight,
                                     TensorView<T> d_in) {
    conv2d_forward<T>(d_out, g.adjoint(), weight, nullptr, d_in);
}

template <class T>
void conv_transpose2d_backward_weight(TensorView<const T> in, TensorView<const T> d_out, const ConvTransposeGeometry& g,
                                      T* d_weight, T* d_bias) {
    conv2d_backward_weight<T>(d_out, in, g.adjoint(), d_weight, nullptr);
    if (d_bias != nullptr) bias_gradient(d_out, d_bias);
}

}  // namespace gancodec::reference
