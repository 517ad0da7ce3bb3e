#pragma once

#include <cmath>

#include "gancodec/kernels/geometry.hpp"
#include "gancodec/simd/unroll.hpp"

// Winograd's convolution F(4x4, 3x3): 36 products instead of 144 for a tile of 4x4 outputs.
//   out = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A,   d the 6x6 inputs of the tile, g the 3x3 weights
//   Bᵀ = 4  0 −5  0  1  0    G = 1/4    0    0      Aᵀ = 1  1  1  1  1  0
//        0 −4 −4  1  1  0       −1/6 −1/6 −1/6           0  1 −1  2 −2  0
//        0  4 −4 −1  1  0       −1/6  1/6 −1/6           0  1  1  4  4  0
//        0 −2 −1  2  1  0       1/24 1/12  1/6           0  1 −1  8 −8  1
//        0  2 −1 −2  1  0       1/24 −1/12 1/6
//        0  4  0 −5  0  1          0    0    1
// Paper    Lavin, Gray: Fast Algorithms for Convolutional Neural Networks, CVPR 2016.
// The order of operations below is canonical. `V` is a float or a register; no product feeds a sum, except by fma.

namespace gancodec::detail {

inline constexpr int kWinogradTile = 4;    ///< outputs of a tile, along one side
inline constexpr int kWinogradPatch = 6;   ///< inputs of a tile, along one side
inline constexpr int kWinogradCells = 36;  ///< products of a tile

/// One-dimensional transforms on elements `step` apart; in and out may be the same where both have one length.
struct Winograd {
    /// Bᵀ, 6 to 6.
    template <class V>
    GANCODEC_INLINE static void input(const V* in, V* out, int step) {
        using std::fma;
        const V d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step], d5 = in[5 * step];
        const V a = fma(V(-4.0f), d2, d4), b = fma(V(-4.0f), d1, d3), c = d4 - d2, e = d3 - d1;
        out[0] = fma(V(4.0f), d0, fma(V(-5.0f), d2, d4));
        out[step] = a + b;
        out[2 * step] = a - b;
        out[3 * step] = fma(V(2.0f), e, c);
        out[4 * step] = fma(V(-2.0f), e, c);
        out[5 * step] = fma(V(4.0f), d1, fma(V(-5.0f), d3, d5));
    }
    /// Aᵀ, 6 to 4.
    template <class V>
    GANCODEC_INLINE static void output(const V* in, V* out, int step) {
        using std::fma;
        const V p = in[step] + in[2 * step], q = in[step] - in[2 * step];
        const V r = in[3 * step] + in[4 * step], t = in[3 * step] - in[4 * step];
        out[0] = in[0] + (p + r);
        out[step] = fma(V(2.0f), t, q);
        out[2 * step] = fma(V(4.0f), r, p);
        out[3 * step] = fma(V(8.0f), t, q) + in[5 * step];
    }
    /// A, 4 to 6: carries gradients of outputs back to the products.
    template <class V>
    GANCODEC_INLINE static void output_adjoint(const V* in, V* out, int step) {
        using std::fma;
        const V y0 = in[0], y1 = in[step], y2 = in[2 * step], y3 = in[3 * step];
        const V s = y0 + y2, u = y1 + y3, v = fma(V(4.0f), y2, y0), w = fma(V(4.0f), y3, y1);
        out[0] = y0;
        out[step] = s + u;
        out[2 * step] = s - u;
        out[3 * step] = fma(V(2.0f), w, v);
        out[4 * step] = fma(V(-2.0f), w, v);
        out[5 * step] = y3;
    }
    /// G without its fractions, 3 to 6.
    template <class V>
    GANCODEC_INLINE static void weight(const V* in, V* out, int step) {
        using std::fma;
        const V g0 = in[0], g1 = in[step], g2 = in[2 * step];
        const V h = g0 + g2, v = fma(V(4.0f), g2, g0);
        out[0] = g0;
        out[step] = h + g1;
        out[2 * step] = h - g1;
        out[3 * step] = fma(V(2.0f), g1, v);
        out[4 * step] = fma(V(-2.0f), g1, v);
        out[5 * step] = g2;
    }
    /// Gᵀ, 6 to 3: carries gradients of products back to the weights.
    template <class V>
    GANCODEC_INLINE static void weight_adjoint(const V* in, V* out, int step) {
        using std::fma;
        const V p = in[step] + in[2 * step], q = in[step] - in[2 * step];
        const V r = in[3 * step] + in[4 * step], t = in[3 * step] - in[4 * step];
        out[0] = fma(V(0.25f), in[0], fma(V(-1.0f / 6), p, V(1.0f / 24) * r));
        out[step] = fma(V(-1.0f / 6), q, V(1.0f / 12) * t);
        out[2 * step] = fma(V(1.0f / 6), r - p, in[5 * step]);
    }

    /// Bᵀ d B of 6x6 numbers, in place.
    template <class V>
    GANCODEC_INLINE static void input_tile(V (&d)[kWinogradCells]) {
        GANCODEC_UNROLL for (int j = 0; j < 6; ++j) input(d + j, d + j, 6);
        GANCODEC_UNROLL for (int i = 0; i < 6; ++i) input(d + 6 * i, d + 6 * i, 1);
    }
    /// Aᵀ m A: 6x6 products to 4x4 outputs, row by row.
    template <class V>
    GANCODEC_INLINE static void output_tile(const V (&m)[kWinogradCells], V (&out)[kWinogradTile * kWinogradTile]) {
        V rows[4 * 6];
        GANCODEC_UNROLL for (int j = 0; j < 6; ++j) output(m + j, rows + j, 6);
        GANCODEC_UNROLL for (int i = 0; i < 4; ++i) output(rows + 6 * i, out + 4 * i, 1);
    }
    /// A y Aᵀ: 4x4 gradients (rows of 4) to 6x6.
    template <class V>
    GANCODEC_INLINE static void output_adjoint_tile(const V (&y)[kWinogradTile * kWinogradTile],
                                                    V (&m)[kWinogradCells]) {
        V rows[6 * 4];
        GANCODEC_UNROLL for (int j = 0; j < 4; ++j) output_adjoint(y + j, rows + j, 4);
        GANCODEC_UNROLL for (int i = 0; i < 6; ++i) output_adjoint(rows + 4 * i, m + 6 * i, 1);
    }
    /// G g Gᵀ of 3x3 weights (rows of 3).
    template <class V>
    GANCODEC_INLINE static void weight_tile(const V (&g)[9], V (&u)[kWinogradCells]) {
        constexpr float kScale[6] = {1.0f / 4, -1.0f / 6, -1.0f / 6, 1.0f / 24, 1.0f / 24, 1.0f};
        V rows[6 * 3];
        GANCODEC_UNROLL for (int j = 0; j < 3; ++j) weight(g + j, rows + j, 3);
        GANCODEC_UNROLL for (int i = 0; i < 6; ++i) weight(rows + 3 * i, u + 6 * i, 1);
        GANCODEC_UNROLL for (int i = 0; i < 6; ++i) GANCODEC_UNROLL for (int j = 0; j < 6; ++j) u[6 * i + j] =
            u[6 * i + j] * V(kScale[i] * kScale[j]);
    }
    /// Gᵀ u G: gradients of the 6x6 products to those of the 3x3 weights.
    template <class V>
    GANCODEC_INLINE static void weight_adjoint_tile(const V (&u)[kWinogradCells], V (&g)[9]) {
        V rows[3 * 6];
        GANCODEC_UNROLL for (int j = 0; j < 6; ++j) weight_adjoint(u + j, rows + j, 6);
        GANCODEC_UNROLL for (int i = 0; i < 3; ++i) weight_adjoint(rows + 6 * i, g + 3 * i, 1);
    }
};

}  // namespace gancodec::detail
