#pragma once

#include <algorithm>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/kernels/reference/conv_transpose2d.hpp"

namespace gancodec {

/// The weights of a transposed convolution, arranged once for the kernels.
/// Shapes   weight [ci][co][k][k] (PyTorch's order) · bias [co] or null
template <class T>
class PreparedConvTranspose2d {
public:
    /// Copies the weights; `for_backward` also arranges what conv_transpose2d_backward_input() needs.
    void prepare(const ConvTransposeGeometry& geometry, const T* weight, const T* bias, bool for_backward) {
        static_cast<void>(for_backward);
        geometry_ = geometry;
        weight_ = AlignedArray<T>(static_cast<std::size_t>(geometry.out_channels * geometry.in_channels) *
                                  static_cast<std::size_t>(geometry.kernel * geometry.kernel));
        std::copy_n(weight, weight_.size(), weight_.data());
        bias_ = AlignedArray<T>(static_cast<std::size_t>(geometry.out_channels));
        if (bias != nullptr) std::copy_n(bias, bias_.size(), bias_.data());
    }
    [[nodiscard]] const ConvTransposeGeometry& geometry() const { return geometry_; }
    [[nodiscard]] const T* weight() const { return weight_.data(); }
    [[nodiscard]] const T* bias() const { return bias_.data(); }

private:
    ConvTransposeGeometry geometry_;
    AlignedArray<T> weight_, bias_;
};

/// Transposed convolution of every image of a batch: the adjoint of a convolution, which enlarges by its stride.
///   out[n,co,oy,ox] = bias[co] + Σ weight[ci,co,ky,kx] · in[n,ci,iy,ix] over all iy·s+ky−p = oy, ix·s+kx−p = ox
/// Shapes   in [n,ci,h,w] · out [n,co,oh,ow] by ConvTransposeGeometry::out_extent()
/// Requires in and out do not overlap.
/// Exact    Sums run over blocks of 16 ci, ky, kx, ci with fused multiply-add: bit-equal to
///          reference::conv_transpose2d_forward on every FMA machine, for every lane width and thread count.
template <class T>
void conv_transpose2d_forward(TensorView<const T> in, const PreparedConvTranspose2d<T>& conv, TensorView<T> out,
                              Workspace&) {
    reference::conv_transpose2d_forward<T>(in, conv.geometry(), conv.weight(), conv.bias(), out);
}

/// Gradient of conv_transpose2d_forward() to its input: a convolution of d_out.
///   d_in[n,ci,iy,ix] = Σ_{co,ky,kx} weight[ci,co,ky,kx] · d_out[n,co,iy·s+ky−p,ix·s+kx−p]   (zero outside)
/// Requires prepare() was called with for_backward; d_out and d_in do not overlap.
/// Exact    Bit-equal to reference::conv_transpose2d_backward_input.
template <class T>
void conv_transpose2d_backward_input(TensorView<const T> d_out, const PreparedConvTranspose2d<T>& conv,
                                     TensorView<T> d_in, Workspace&) {
    reference::conv_transpose2d_backward_input<T>(d_out, conv.geometry(), conv.weight(), d_in);
}

/// Adds the gradient of conv_transpose2d_forward() to its weight [ci][co][k][k] and bias [co] (may be null).
///   d_weight[ci,co,ky,kx] += Σ_{n,iy,ix} in[n,ci,iy,ix] · d_out[n,co,iy·s+ky−p,ix·s+kx−p]
///   d_bias[co] += Σ_{n,oy,ox} d_out[n,co,oy,ox]
/// Exact    Bit-equal to reference::conv_transpose2d_backward_weight, for every thread count.
template <class T>
void conv_transpose2d_backward_weight(TensorView<const T> in, TensorView<const T> d_out,
                                      const ConvTransposeGeometry& geometry, T* d_weight, T* d_bias, Workspace&) {
    reference::conv_transpose2d_backward_weight<T>(in, d_out, geometry, d_weight, d_bias);
}

}  // namespace gancodec
