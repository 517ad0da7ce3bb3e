#pragma once

#include <algorithm>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/kernels/reference/conv2d.hpp"

namespace gancodec {

/// The weights of a convolution, arranged once for the kernels.
/// Shapes   weight [co][ci][k][k] (PyTorch's order) · bias [co] or null
template <class T>
class PreparedConv2d {
public:
    /// Copies the weights; `for_backward` also arranges what conv2d_backward_input() needs.
    void prepare(const ConvGeometry& geometry, const T* weight, const T* bias, bool for_backward) {
        static_cast<void>(for_backward);
        geometry_ = geometry;
        weight_ = AlignedArray<T>(static_cast<std::size_t>(geometry.out_channels * geometry.in_channels) *
                                  static_cast<std::size_t>(geometry.kernel * geometry.kernel));
        std::copy_n(weight, weight_.size(), weight_.data());
        bias_ = AlignedArray<T>(static_cast<std::size_t>(geometry.out_channels));
        if (bias != nullptr) std::copy_n(bias, bias_.size(), bias_.data());
    }
    [[nodiscard]] const ConvGeometry& geometry() const { return geometry_; }
    [[nodiscard]] const T* weight() const { return weight_.data(); }
    [[nodiscard]] const T* bias() const { return bias_.data(); }

private:
    ConvGeometry geometry_;
    AlignedArray<T> weight_, bias_;
};

/// Convolves every image of a batch and adds the bias.
///   out[n,co,oy,ox] = bias[co] + Σ_{ci,ky,kx} weight[co,ci,ky,kx] · in[n,ci,oy·s+ky−p,ox·s+kx−p]   (zero outside)
/// Shapes   in [n,ci,h,w] · out [n,co,oh,ow] by ConvGeometry::out_extent()
/// Requires in and out do not overlap.
/// Exact    Sums run over blocks of 16 ci, ky, kx, ci with fused multiply-add: bit-equal to reference::conv2d_forward
///          on every FMA machine, for every lane width and thread count.
template <class T>
void conv2d_forward(TensorView<const T> in, const PreparedConv2d<T>& conv, TensorView<T> out, Workspace&) {
    reference::conv2d_forward<T>(in, conv.geometry(), conv.weight(), conv.bias(), out);
}

/// Gradient of conv2d_forward() to its input.
///   d_in[n,ci,iy,ix] = Σ weight[co,ci,ky,kx] · d_out[n,co,oy,ox] over all oy·s+ky−p = iy, ox·s+kx−p = ix
/// Requires prepare() was called with for_backward; d_out and d_in do not overlap.
/// Exact    Bit-equal to reference::conv2d_backward_input.
template <class T>
void conv2d_backward_input(TensorView<const T> d_out, const PreparedConv2d<T>& conv, TensorView<T> d_in, Workspace&) {
    reference::conv2d_backward_input<T>(d_out, conv.geometry(), conv.weight(), nullptr, d_in);
}

/// Adds the gradient of conv2d_forward() to its weight [co][ci][k][k] and bias [co] (may be null).
///   d_weight[co,ci,ky,kx] += Σ_{n,oy,ox} d_out[n,co,oy,ox] · in[n,ci,oy·s+ky−p,ox·s+kx−p]
///   d_bias[co] += Σ_{n,oy,ox} d_out[n,co,oy,ox]
/// Exact    Pixels are summed in a fixed order, chunk by chunk (gradient_chunk_rows): bit-equal to
///          reference::conv2d_backward_weight, for every thread count.
template <class T>
void conv2d_backward_weight(TensorView<const T> in, TensorView<const T> d_out, const ConvGeometry& geometry,
                            T* d_weight, T* d_bias, Workspace&) {
    reference::conv2d_backward_weight<T>(in, d_out, geometry, d_weight, d_bias);
}

}  // namespace gancodec
