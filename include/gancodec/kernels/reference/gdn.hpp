#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"

namespace gancodec::reference {

/// norm[i] = beta[i] + Σ_j gamma[i,j]·|in[j]|, at one pixel.
template <class T>
T gdn_norm(TensorView<const T> in, const T* beta, const T* gamma, int n, int i, int y, int x) {
    T norm = beta[i];
    for (int j = 0; j < in.shape.c; ++j)
        norm = std::fma(gamma[static_cast<std::ptrdiff_t>(i) * in.shape.c + j], std::abs(in.at(n, j, y, x)), norm);
    return norm;
}

/// The plain twin of gancodec::gdn_forward().
template <class T>
void gdn_forward(TensorView<const T> in, const T* beta, const T* gamma, bool inverse, TensorView<T> out, Workspace&) {
    GANCODEC_ASSERT(in.shape == out.shape);
    for (int n = 0; n < in.shape.n; ++n)
        for (int i = 0; i < in.shape.padded_c(); ++i)
            for (int y = 0; y < in.shape.h; ++y)
                for (int x = 0; x < in.shape.w; ++x) {
                    if (i >= in.shape.c) {
                        out.at(n, i, y, x) = T(0);
                        continue;
                    }
                    const T norm = gdn_norm(in, beta, gamma, n, i, y, x);
                    out.at(n, i, y, x) = inverse ? in.at(n, i, y, x) * norm : in.at(n, i, y, x) / norm;
                }
}

/// Pixels whose part of d_beta and d_gamma is summed by itself before it is added to the whole: sums over a picture
/// would lose digits, and this many pixels of all channels stay in the cache.
inline constexpr std::ptrdiff_t kGdnChunk = 256;

/// The plain twin of gancodec::gdn_backward().
template <class T>
void gdn_backward(TensorView<const T> in, TensorView<const T> d_out, const T* beta, const T* gamma, bool inverse,
                  TensorView<T> d_in, T* d_beta, T* d_gamma, Workspace& ws) {
    GANCODEC_ASSERT(in.shape == d_out.shape && in.shape == d_in.shape);
    const Shape& s = in.shape;
    const Workspace::Scope scope(ws);
    const TensorView<T> norm = ws.zeros<T>(s), d_norm = ws.zeros<T>(s);
    const auto each = [&s](const auto& body) {
        for (int n = 0; n < s.n; ++n)
            for (int i = 0; i < s.c; ++i)
                for (int y = 0; y < s.h; ++y)
                    for (int x = 0; x < s.w; ++x) body(n, i, y, x);
    };
    each([&](int n, int i, int y, int x) {
        const T value = in.at(n, i, y, x), d = d_out.at(n, i, y, x);
        const T here = gdn_norm(in, beta, gamma, n, i, y, x);
        norm.at(n, i, y, x) = here;
        d_norm.at(n, i, y, x) = inverse ? d * value : -(d / here) * (value / here);
    });
    std::fill_n(d_in.data, d_in.size(), T{});
    each([&](int n, int i, int y, int x) {
        T sum = 0;
        for (int k = 0; k < s.c; ++k)
            sum = std::fma(gamma[static_cast<std::ptrdiff_t>(k) * s.c + i], d_norm.at(n, k, y, x), sum);
        const T value = in.at(n, i, y, x), d = d_out.at(n, i, y, x);
        const T through_norm = value > T(0) ? sum : (value < T(0) ? -sum : T(0));
        d_in.at(n, i, y, x) =
            inverse ? std::fma(d, norm.at(n, i, y, x), through_norm) : d / norm.at(n, i, y, x) + through_norm;
    });
    const auto plane = static_cast<std::ptrdiff_t>(s.plane());
    for (int n = 0; n < s.n; ++n)
        for (std::ptrdiff_t first = 0; first < plane; first += kGdnChunk)
            for (int i = 0; i < s.c; ++i)
                for (int j = -1; j < s.c; ++j) {  // −1 is beta, whose input is 1
                    T sum = 0;
                    for (std::ptrdiff_t p = first; p < std::min(plane, first + kGdnChunk); ++p) {
                        const int y = static_cast<int>(p / s.w), x = static_cast<int>(p % s.w);
                        sum = std::fma(d_norm.at(n, i, y, x), j < 0 ? T(1) : std::abs(in.at(n, j, y, x)), sum);
                    }
                    (j < 0 ? d_beta[i] : d_gamma[static_cast<std::ptrdiff_t>(i) * s.c + j]) += sum;
                }
}

}  // namespace gancodec::reference
