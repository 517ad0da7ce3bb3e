#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gancodec/core/check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/epilogue.hpp"
#include "gancodec/kernels/geometry.hpp"

// Plain twins of kernels/conv2d.hpp. Weights are read in the user's order, [co][ci][ky][kx].

namespace gancodec::reference {

namespace detail {

/// The value at a pixel, zero outside the image.
template <class T>
T value_or_zero(TensorView<const T> in, int n, int c, int y, int x) {
    if (y < 0 || y >= in.shape.h || x < 0 || x >= in.shape.w) return T(0);
    return in.data[in.shape.offset(n, c, y, x)];
}

/// Calls `body(n, c, y, x)` for every element in memory of a tensor, padded channels included.
template <class Body>
void each_element(const Shape& s, const Body& body) {
    parallel_for(static_cast<std::int64_t>(s.n) * s.padded_c(), [&](std::int64_t i, int) {
        for (int y = 0; y < s.h; ++y)
            for (int x = 0; x < s.w; ++x)
                body(static_cast<int>(i / s.padded_c()), static_cast<int>(i % s.padded_c()), y, x);
    });
}

/// Index of weight[co,ci,ky,kx].
constexpr std::ptrdiff_t weight_index(const ConvGeometry& g, int co, int ci, int ky, int kx) {
    return ((static_cast<std::ptrdiff_t>(co) * g.in_channels + ci) * g.kernel + ky) * g.kernel + kx;
}

}  // namespace detail

/// The plain twin of gancodec::conv2d_forward(). The sum starts at the bias (0 when null) and runs over blocks of 16
/// input channels, then ky, kx, then the channels of the block.
template <class T>
void conv2d_forward(TensorView<const T> in, const ConvGeometry& g, const T* weight, const T* bias, TensorView<T> out,
                    const Epilogue<T>& epilogue = {}) {
    GANCODEC_ASSERT(in.shape.c == g.in_channels && out.shape.c == g.out_channels);
    detail::each_element(out.shape, [&](int n, int co, int oy, int ox) {
        const std::size_t at = out.shape.offset(n, co, oy, ox);
        out.data[at] = T(0);
        if (co >= g.out_channels) return;
        T sum = bias == nullptr ? T(0) : bias[co];
        for (int first = 0; first < g.in_channels; first += kChannelBlock)
            for (int ky = 0; ky < g.kernel; ++ky)
                for (int kx = 0; kx < g.kernel; ++kx)
                    for (int ci = first; ci < std::min(first + kChannelBlock, g.in_channels); ++ci) {
                        const int iy = oy * g.stride + ky - g.pad, ix = ox * g.stride + kx - g.pad;
                        sum = std::fma(weight[detail::weight_index(g, co, ci, ky, kx)],
                                       detail::value_or_zero(in, n, ci, iy, ix), sum);
                    }
        out.data[at] = epilogue.apply(sum, epilogue.skip == nullptr ? T(0) : epilogue.skip[at]);
    });
}

/// The plain twin of gancodec::conv2d_backward_input(); with a bias (length g.in_channels) also of
/// conv_transpose2d_forward(). An input pixel sums over those taps (ky, kx) whose output lies on the grid of the stride.
template <class T>
void conv2d_backward_input(TensorView<const T> d_out, const ConvGeometry& g, const T* weight, const T* bias,
                           TensorView<T> d_in, const Epilogue<T>& epilogue = {}) {
    GANCODEC_ASSERT(d_in.shape.c == g.in_channels && d_out.shape.c == g.out_channels);
    detail::each_element(d_in.shape, [&](int n, int ci, int iy, int ix) {
        const std::size_t at = d_in.shape.offset(n, ci, iy, ix);
        d_in.data[at] = T(0);
        if (ci >= g.in_channels) return;
        T sum = bias == nullptr ? T(0) : bias[ci];
        for (int first = 0; first < g.out_channels; first += kChannelBlock)
            for (int ky = (iy + g.pad) % g.stride; ky < g.kernel; ky += g.stride)
                for (int kx = (ix + g.pad) % g.stride; kx < g.kernel; kx += g.stride)
                    for (int co = first; co < std::min(first + kChannelBlock, g.out_channels); ++co) {
                        // The division is exact, also below zero.
                        const int oy = (iy + g.pad - ky) / g.stride, ox = (ix + g.pad - kx) / g.stride;
                        sum = std::fma(weight[detail::weight_index(g, co, ci, ky, kx)],
                                       detail::value_or_zero(d_out, n, co, oy, ox), sum);
                    }
        d_in.data[at] = epilogue.apply(sum, epilogue.skip == nullptr ? T(0) : epilogue.skip[at]);
    });
}

/// d_bias[c] += Σ d_out[n,c,y,x], chunk by chunk (gradient_chunk_rows).
template <class T>
void bias_gradient(TensorView<const T> d_out, T* d_bias) {
    const Shape& s = d_out.shape;
    const int chunk = gradient_chunk_rows(s.w), rows = s.n * s.h;
    for (int c = 0; c < s.c; ++c) {
        T total = 0;
        for (int first = 0; first < rows; first += chunk) {
            T sum = 0;
            for (int row = first; row < std::min(rows, first + chunk); ++row)
                for (int x = 0; x < s.w; ++x) sum += d_out.at(row / s.h, c, row % s.h, x);
            total += sum;
        }
        d_bias[c] += total;
    }
}

/// The plain twin of gancodec::conv2d_backward_weight(). Pixels are summed in rows, chunk by chunk; taps outside the
/// image are left out.
template <class T>
void conv2d_backward_weight(TensorView<const T> in, TensorView<const T> d_out, const ConvGeometry& g, T* d_weight,
                            T* d_bias) {
    GANCODEC_ASSERT(in.shape.c == g.in_channels && d_out.shape.c == g.out_channels && in.shape.n == d_out.shape.n);
    const Shape& s = d_out.shape;
    const int chunk = gradient_chunk_rows(s.w), rows = s.n * s.h;
    const auto gradient = [&](int co, int ci, int ky, int kx) {
        T total = 0;
        for (int first = 0; first < rows; first += chunk) {
            T sum = 0;
            for (int row = first; row < std::min(rows, first + chunk); ++row)
                for (int ox = 0; ox < s.w; ++ox) {
                    const int n = row / s.h, oy = row % s.h;
                    const int iy = oy * g.stride + ky - g.pad, ix = ox * g.stride + kx - g.pad;
                    if (iy < 0 || iy >= in.shape.h || ix < 0 || ix >= in.shape.w) continue;
                    sum = std::fma(d_out.at(n, co, oy, ox), in.at(n, ci, iy, ix), sum);
                }
            total += sum;
        }
        return total;
    };
    parallel_for(static_cast<std::int64_t>(g.out_channels) * g.in_channels, [&](std::int64_t i, int) {
        const int co = static_cast<int>(i / g.in_channels), ci = static_cast<int>(i % g.in_channels);
        for (int ky = 0; ky < g.kernel; ++ky)
            for (int kx = 0; kx < g.kernel; ++kx)
                d_weight[detail::weight_index(g, co, ci, ky, kx)] += gradient(co, ci, ky, kx);
    });
    if (d_bias != nullptr) bias_gradient(d_out, d_bias);
}

}  // namespace gancodec::reference
