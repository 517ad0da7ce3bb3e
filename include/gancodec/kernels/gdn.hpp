#pragma once

#include <type_traits>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/gdn_tiles.hpp"
#include "gancodec/kernels/reference/gdn.hpp"
#include "gancodec/simd/batch.hpp"

namespace gancodec {

/// Generalised divisive normalisation, simplified: every channel is divided by a weighted sum of all magnitudes.
///   norm[i] = beta[i] + Σ_j gamma[i,j]·|in[j]|;  out[i] = in[i] / norm[i], or in[i] · norm[i] when `inverse`
/// Shapes   in, out [n,c,h,w] · beta [c] · gamma [c][c], i first
/// Requires norm > 0 (the layer keeps beta above a floor and gamma >= 0); in and out do not overlap.
/// Exact    Sums start at beta and run over j with fused multiply-add: bit-equal to reference::gdn_forward.
/// Paper    Johnston, Eban, Gordon, Ballé: Computationally Efficient Neural Image Compression, 2019.
template <class T>
void gdn_forward(TensorView<const T> in, const T* beta, const T* gamma, bool inverse, TensorView<T> out,
                 Workspace& ws) {
    GANCODEC_ASSERT(in.shape == out.shape);
    if constexpr (std::is_same_v<T, float>)
        detail::gdn_forward_tiles<simd::NativeArch>(in, beta, gamma, inverse, out, ws);
    else
        reference::gdn_forward<T>(in, beta, gamma, inverse, out, ws);
}

/// Gradient of gdn_forward(). With d_norm = −d_out·in/norm², or d_out·in when `inverse`,
///   d_in[i] = d_out[i]/norm[i] (or ·norm[i]) + sign(in[i])·Σ_k gamma[k,i]·d_norm[k]
///   d_beta[i] += Σ d_norm[i];  d_gamma[i,j] += Σ d_norm[i]·|in[j]|, over images and pixels
/// Shapes   in, d_out, d_in [n,c,h,w] · beta, d_beta [c] · gamma, d_gamma [c][c]; nothing overlaps
/// Exact    Bit-equal to reference::gdn_backward.
template <class T>
void gdn_backward(TensorView<const T> in, TensorView<const T> d_out, const T* beta, const T* gamma, bool inverse,
                  TensorView<T> d_in, T* d_beta, T* d_gamma, Workspace& ws) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    if constexpr (std::is_same_v<T, float>)
        detail::gdn_backward_tiles<simd::NativeArch>(in, d_out, beta, gamma, inverse, d_in, d_beta, d_gamma, ws);
    else
        reference::gdn_backward<T>(in, d_out, beta, gamma, inverse, d_in, d_beta, d_gamma, ws);
}

}  // namespace gancodec
