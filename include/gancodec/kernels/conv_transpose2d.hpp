#pragma once

#include <type_traits>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/epilogue.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/kernels/pack.hpp"
#include "gancodec/kernels/reference/conv_transpose2d.hpp"
#include "gancodec/kernels/tap_convolution.hpp"
#include "gancodec/kernels/weight_gradient.hpp"
#include "gancodec/kernels/winograd.hpp"

namespace gancodec {

/// The weights of a transposed convolution, arranged once for the kernels.
/// Shapes   weight [ci][co][k][k] (PyTorch's order) · bias [co] or null
template <class T>
class PreparedConvTranspose2d {
public:
    /// Copies the weights; `for_backward` also arranges what conv_transpose2d_backward_input() needs.
    void prepare(const ConvTransposeGeometry& geometry, const T* weight, const T* bias, bool for_backward) {
        geometry_ = geometry;
        if constexpr (std::is_same_v<T, float>) {
            if (uses_winograd_adjoint(geometry.adjoint()))
                forward_winograd_.pack_adjoint(geometry.adjoint(), weight, bias);
            else
                forward_.pack_adjoint(geometry.adjoint(), weight, bias);
            if (!for_backward) return;
            if (uses_winograd(geometry.adjoint()))
                backward_winograd_.pack_convolution(geometry.adjoint(), weight, nullptr);
            else
                backward_.pack_convolution(geometry.adjoint(), weight, nullptr);
        } else {
            plain_ = detail::PlainWeights<T>(weight, geometry.adjoint(), bias, geometry.out_channels);
        }
    }
    [[nodiscard]] const ConvTransposeGeometry& geometry() const { return geometry_; }

    /// How the kernels see the weights: for float transformed or packed, plain for any other type.
    [[nodiscard]] const detail::WinogradWeights& forward_winograd() const { return forward_winograd_; }
    [[nodiscard]] const detail::WinogradWeights& backward_winograd() const { return backward_winograd_; }
    [[nodiscard]] const detail::PackedTaps& forward_taps() const { return forward_; }
    [[nodiscard]] const detail::PackedTaps& backward_taps() const { return backward_; }
    [[nodiscard]] const detail::PlainWeights<T>& plain() const { return plain_; }

private:
    ConvTransposeGeometry geometry_;
    detail::WinogradWeights forward_winograd_, backward_winograd_;
    detail::PackedTaps forward_, backward_;
    detail::PlainWeights<T> plain_;
};

/// Transposed convolution of every image of a batch: the adjoint of a convolution, which enlarges by its stride.
///   out[n,co,oy,ox] = bias[co] + Σ weight[ci,co,ky,kx] · in[n,ci,iy,ix] over all iy·s+ky−p = oy, ix·s+kx−p = ox
/// and then what `epilogue` says: a sum with another tensor, an activation.
/// Shapes   in [n,ci,h,w] · out [n,co,oh,ow] by ConvTransposeGeometry::out_extent()
/// Requires in and out do not overlap.
/// Exact    Bit-equal to reference::conv_transpose2d_forward, or where uses_winograd_adjoint() of the adjoint to
///          reference::winograd_backward_input, on every FMA machine, for every lane width and thread count. Sums run
///          by fused multiply-add over blocks of 16 ci, ky, kx, ci. `precision`: as in conv2d_forward(), here and below.
template <class T>
void conv_transpose2d_forward(TensorView<const T> in, const PreparedConvTranspose2d<T>& conv, TensorView<T> out,
                              Workspace& ws, const Epilogue<T>& epilogue = {},
                              [[maybe_unused]] Precision precision = Precision::fp32) {
    if constexpr (std::is_same_v<T, float>) {
        if (uses_winograd_adjoint(conv.geometry().adjoint()))
            detail::convolve_winograd<simd::NativeArch>(in, conv.forward_winograd(), out, epilogue, ws, precision);
        else
            detail::convolve_taps<simd::NativeArch>(in, conv.forward_taps(), out, epilogue, ws);
    } else {
        reference::conv_transpose2d_forward<T>(in, conv.geometry(), conv.plain().weight(), conv.plain().bias(), out,
                                               epilogue);
    }
}

/// Gradient of conv_transpose2d_forward() to its input: a convolution of d_out.
///   d_in[n,ci,iy,ix] = Σ_{co,ky,kx} weight[ci,co,ky,kx] · d_out[n,co,iy·s+ky−p,ix·s+kx−p]   (zero outside)
/// Requires prepare() was called with for_backward; d_out and d_in do not overlap.
/// Exact    Bit-equal to reference::conv_transpose2d_backward_input, or where uses_winograd() of the adjoint to
///          reference::winograd_forward without a bias.
template <class T>
void conv_transpose2d_backward_input(TensorView<const T> d_out, const PreparedConvTranspose2d<T>& conv,
                                     TensorView<T> d_in, Workspace& ws,
                                     [[maybe_unused]] Precision precision = Precision::fp32) {
    if constexpr (std::is_same_v<T, float>) {
        if (uses_winograd(conv.geometry().adjoint()))
            detail::convolve_winograd<simd::NativeArch>(d_out, conv.backward_winograd(), d_in, {}, ws, precision);
        else
            detail::convolve_taps<simd::NativeArch>(d_out, conv.backward_taps(), d_in, {}, ws);
    } else {
        reference::conv_transpose2d_backward_input<T>(d_out, conv.geometry(), conv.plain().weight(), d_in);
    }
}

/// Adds the gradient of conv_transpose2d_forward() to its weight [ci][co][k][k] and bias [co] (may be null).
///   d_weight[ci,co,ky,kx] += Σ_{n,iy,ix} in[n,ci,iy,ix] · d_out[n,co,iy·s+ky−p,ix·s+kx−p]
///   d_bias[co] += Σ_{n,oy,ox} d_out[n,co,oy,ox]
/// Exact    Bit-equal to reference::conv_transpose2d_backward_weight, for every thread count.
template <class T>
void conv_transpose2d_backward_weight(TensorView<const T> in, TensorView<const T> d_out,
                                      const ConvTransposeGeometry& geometry, T* d_weight, T* d_bias, Workspace& ws) {
    if constexpr (std::is_same_v<T, float>) {
        detail::add_weight_gradient<simd::NativeArch>(d_out, in, geometry.adjoint(), d_weight, ws);
        if (d_bias != nullptr) detail::add_bias_gradient(d_out, d_bias);
    } else {
        reference::conv_transpose2d_backward_weight<T>(in, d_out, geometry, d_weight, d_bias);
    }
}

}  // namespace gancodec
