#pragma once

#include <type_traits>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/epilogue.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/kernels/pack.hpp"
#include "gancodec/kernels/reference/conv2d.hpp"
#include "gancodec/kernels/tap_convolution.hpp"
#include "gancodec/kernels/weight_gradient.hpp"
#include "gancodec/kernels/winograd.hpp"
#include "gancodec/kernels/winograd_gradient.hpp"

namespace gancodec {

/// The weights of a convolution, arranged once for the kernels.
/// Shapes   weight [co][ci][k][k] (PyTorch's order) · bias [co] or null
template <class T>
class PreparedConv2d {
public:
    /// Copies the weights; `for_backward` also arranges what conv2d_backward_input() needs.
    void prepare(const ConvGeometry& geometry, const T* weight, const T* bias, bool for_backward) {
        geometry_ = geometry;
        if constexpr (std::is_same_v<T, float>) {
            if (uses_winograd(geometry))
                forward_winograd_.pack_convolution(geometry, weight, bias);
            else
                forward_.pack_convolution(geometry, weight, bias);
            if (!for_backward) return;
            if (uses_winograd_adjoint(geometry))
                backward_winograd_.pack_adjoint(geometry, weight, nullptr);
            else
                backward_.pack_adjoint(geometry, weight, nullptr);
        } else {
            plain_ = detail::PlainWeights<T>(weight, geometry, bias, geometry.out_channels);
        }
    }
    [[nodiscard]] const ConvGeometry& geometry() const { return geometry_; }

    /// How the kernels see the weights: for float transformed or packed, plain for any other type.
    [[nodiscard]] const detail::WinogradWeights& forward_winograd() const { return forward_winograd_; }
    [[nodiscard]] const detail::WinogradWeights& backward_winograd() const { return backward_winograd_; }
    [[nodiscard]] const detail::PackedTaps& forward_taps() const { return forward_; }
    [[nodiscard]] const detail::PackedTaps& backward_taps() const { return backward_; }
    [[nodiscard]] const detail::PlainWeights<T>& plain() const { return plain_; }

private:
    ConvGeometry geometry_;
    detail::WinogradWeights forward_winograd_, backward_winograd_;
    detail::PackedTaps forward_, backward_;
    detail::PlainWeights<T> plain_;
};

/// Convolves every image of a batch and adds the bias.
///   out[n,co,oy,ox] = bias[co] + Σ_{ci,ky,kx} weight[co,ci,ky,kx] · in[n,ci,oy·s+ky−p,ox·s+kx−p]   (zero outside)
/// and then what `epilogue` says: a sum with another tensor, an activation.
/// Shapes   in [n,ci,h,w] · out [n,co,oh,ow] by ConvGeometry::out_extent()
/// Requires in and out do not overlap.
/// Exact    Bit-equal to reference::conv2d_forward, or where uses_winograd() to reference::winograd_forward, on every
///          FMA machine, for every lane width and thread count. Sums run by fused multiply-add over blocks of 16 ci,
///          ky, kx, ci. `precision` concerns float where uses_winograd(), here and below: the twin has it too.
template <class T>
void conv2d_forward(TensorView<const T> in, const PreparedConv2d<T>& conv, TensorView<T> out, Workspace& ws,
                    const Epilogue<T>& epilogue = {}, [[maybe_unused]] Precision precision = Precision::fp32) {
    if constexpr (std::is_same_v<T, float>) {
        if (uses_winograd(conv.geometry()))
            detail::convolve_winograd<simd::NativeArch>(in, conv.forward_winograd(), out, epilogue, ws, precision);
        else
            detail::convolve_taps<simd::NativeArch>(in, conv.forward_taps(), out, epilogue, ws);
    } else {
        reference::conv2d_forward<T>(in, conv.geometry(), conv.plain().weight(), conv.plain().bias(), out, epilogue);
    }
}

/// Gradient of conv2d_forward() to its input.
///   d_in[n,ci,iy,ix] = Σ weight[co,ci,ky,kx] · d_out[n,co,oy,ox] over all oy·s+ky−p = iy, ox·s+kx−p = ix
/// Requires prepare() was called with for_backward; d_out and d_in do not overlap.
/// Exact    Bit-equal to reference::conv2d_backward_input, or where uses_winograd_adjoint() winograd_backward_input.
template <class T>
void conv2d_backward_input(TensorView<const T> d_out, const PreparedConv2d<T>& conv, TensorView<T> d_in, Workspace& ws,
                           [[maybe_unused]] Precision precision = Precision::fp32) {
    if constexpr (std::is_same_v<T, float>) {
        if (uses_winograd_adjoint(conv.geometry()))
            detail::convolve_winograd<simd::NativeArch>(d_out, conv.backward_winograd(), d_in, {}, ws, precision);
        else
            detail::convolve_taps<simd::NativeArch>(d_out, conv.backward_taps(), d_in, {}, ws);
    } else {
        reference::conv2d_backward_input<T>(d_out, conv.geometry(), conv.plain().weight(), nullptr, d_in);
    }
}

/// Adds the gradient of conv2d_forward() to its weight [co][ci][k][k] and bias [co] (may be null).
///   d_weight[co,ci,ky,kx] += Σ_{n,oy,ox} d_out[n,co,oy,ox] · in[n,ci,oy·s+ky−p,ox·s+kx−p]
///   d_bias[co] += Σ_{n,oy,ox} d_out[n,co,oy,ox]
/// Exact    Bit-equal to reference::conv2d_backward_weight, or where uses_winograd_gradient() winograd_backward_weight,
///          for every thread count: pixels are summed in a fixed order, chunk by chunk (gradient_chunk_rows, kWinogradChunk).
template <class T>
void conv2d_backward_weight(TensorView<const T> in, TensorView<const T> d_out, const ConvGeometry& geometry,
                            T* d_weight, T* d_bias, Workspace& ws,
                            [[maybe_unused]] Precision precision = Precision::fp32) {
    if constexpr (std::is_same_v<T, float>) {
        if (uses_winograd_gradient(geometry))
            detail::add_winograd_gradient<simd::NativeArch>(in, d_out, geometry, d_weight, ws, precision);
        else
            detail::add_weight_gradient<simd::NativeArch>(in, d_out, geometry, d_weight, ws);
        if (d_bias != nullptr) detail::add_bias_gradient(d_out, d_bias);
    } else {
        reference::conv2d_backward_weight<T>(in, d_out, geometry, d_weight, d_bias);
    }
}

}  // namespace gancodec
