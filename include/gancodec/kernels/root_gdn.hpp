#pragma once

#include <cstddef>
#include <type_traits>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/gdn_tiles.hpp"
#include "gancodec/kernels/reference/root_gdn.hpp"
#include "gancodec/simd/batch.hpp"

namespace gancodec {

namespace detail {

/// root_gdn_forward() by the tiles of gdn_tiles.hpp.
template <class Arch>
void root_gdn_tiles(TensorView<const float> in, const float* beta, const float* gamma, bool inverse,
                    TensorView<float> out, Workspace& ws) {
    using simd::kLanes, simd::kVectors;
    const Shape& shape = in.shape;
    const Workspace::Scope scope(ws);
    const GdnScratch scratch(beta, gamma, shape, 2, ws);
    if (ws.counts_only()) return;
    parallel_gdn_runs(shape, [&](int n, std::size_t first, std::size_t pixels, std::size_t worker) {
        float *square = scratch.buffer(worker, 0), *norm = scratch.buffer(worker, 1);
        for_each_gdn_pixel(shape, n, first, pixels, in.data, nullptr, [&](std::size_t from, std::size_t to) {
            GANCODEC_UNROLL for (int v = 0; v < kVectors<Arch>; ++v) {
                const auto x = simd::load<Arch>(in.data + from + v * kLanes<Arch>);
                simd::store<Arch>(square + to + v * kLanes<Arch>, x * x);
            }
        });
        gdn_product<Arch>(square, scratch.gamma, scratch.beta, shape, pixels, norm);
        for_each_gdn_pixel(shape, n, first, pixels, nullptr, out.data, [&](std::size_t at, std::size_t run_at) {
            GANCODEC_UNROLL for (int v = 0; v < kVectors<Arch>; ++v) {
                const auto x = simd::load<Arch>(in.data + at + v * kLanes<Arch>);
                const auto root = simd::sqrt(simd::load<Arch>(norm + run_at + v * kLanes<Arch>));
                simd::store<Arch>(out.data + at + v * kLanes<Arch>, inverse ? x * root : simd::divide(x, root));
            }
        });
    });
}

}  // namespace detail

/// Generalised divisive normalisation as first published, which networks of others use (gdn_forward() has no root).
///   norm[i] = beta[i] + Σ_j gamma[i,j]·in[j]²;  out[i] = in[i] / sqrt(norm[i]), or in[i] · sqrt(norm[i]) when `inverse`
/// Shapes   in, out [n,c,h,w] · beta [c] · gamma [c][c], i first
/// Requires norm > 0; in and out do not overlap.
/// Exact    Sums start at beta and run over j with fused multiply-add: bit-equal to reference::root_gdn_forward.
/// Paper    Ballé, Laparra, Simoncelli: Density Modeling of Images Using a Generalized Normalization Transformation, 2016.
template <class T>
void root_gdn_forward(TensorView<const T> in, const T* beta, const T* gamma, bool inverse, TensorView<T> out,
                      Workspace& ws) {
    GANCODEC_ASSERT(in.shape == out.shape);
    if constexpr (std::is_same_v<T, float>)
        detail::root_gdn_tiles<simd::NativeArch>(in, beta, gamma, inverse, out, ws);
    else
        reference::root_gdn_forward<T>(in, beta, gamma, inverse, out);
}

}  // namespace gancodec
