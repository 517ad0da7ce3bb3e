#pragma once

#include <cmath>
#include <type_traits>

#include "gancodec/kernels/geometry.hpp"
#include "gancodec/simd/bf16.hpp"
#include "gancodec/simd/unroll.hpp"

// Winograd's convolution F(4x4, 3x3): 36 products instead of 144 for a tile of 4x4 outputs.
//   out = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A,   d the 6x6 inputs of the tile, g the 3x3 weights
// The tile and the weights are polynomials that are multiplied at the points 0, a, −a, b, −b and ∞. For a = 1, b = 2:
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

/// The points a and b. Whole numbers need the fewest operations.
struct WholePoints {
    static constexpr double a = 1, b = 2;
};
/// With these, factors rounded to bf16 cost half as much of the result as with whole numbers.
struct RootPoints {
    static constexpr double a = 0.70710678118654752, b = 1.41421356237309505;
};

/// One-dimensional transforms on elements `step` apart; in and out may be the same where both have one length.
template <class Points>
struct Winograd {
    static constexpr double a = Points::a, b = Points::b;

    /// factor·x + y, without a multiplication where the factor is 1 or −1, and factor·x.
    template <class V>
    GANCODEC_INLINE static V add_times(double factor, const V& x, const V& y) {
        using std::fma;
        if (factor == 1) return y + x;
        if (factor == -1) return y - x;
        return fma(V(static_cast<float>(factor)), x, y);
    }
    template <class V>
    GANCODEC_INLINE static V times(double factor, const V& x) {
        return factor == 1 ? x : V(static_cast<float>(factor)) * x;
    }

    /// Bᵀ, 6 to 6.
    template <class V>
    GANCODEC_INLINE static void input(const V* in, V* out, int step) {
        const V d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step], d5 = in[5 * step];
        const V p = add_times(-b * b, d2, d4), q = add_times(-b * b, d1, d3);
        const V r = add_times(-a * a, d2, d4), t = add_times(-a * a, d1, d3);
        out[0] = add_times(a * a * b * b, d0, add_times(-(a * a + b * b), d2, d4));
        out[step] = add_times(a, q, p);
        out[2 * step] = add_times(-a, q, p);
        out[3 * step] = add_times(b, t, r);
        out[4 * step] = add_times(-b, t, r);
        out[5 * step] = add_times(a * a * b * b, d1, add_times(-(a * a + b * b), d3, d5));
    }
    /// Aᵀ, 6 to 4.
    template <class V>
    GANCODEC_INLINE static void output(const V* in, V* out, int step) {
        const V p = in[step] + in[2 * step], q = in[step] - in[2 * step];
        const V r = in[3 * step] + in[4 * step], t = in[3 * step] - in[4 * step];
        out[0] = in[0] + (p + r);
        out[step] = add_times(b, t, times(a, q));
        out[2 * step] = add_times(b * b, r, times(a * a, p));
        out[3 * step] = add_times(b * b * b, t, times(a * a * a, q)) + in[5 * step];
    }
    /// A, 4 to 6: carries gradients of outputs back to the products.
    template <class V>
    GANCODEC_INLINE static void output_adjoint(const V* in, V* out, int step) {
        const V y0 = in[0], y1 = in[step], y2 = in[2 * step], y3 = in[3 * step];
        const V s = add_times(a * a, y2, y0), u = add_times(a * a, y3, y1);
        const V v = add_times(b * b, y2, y0), w = add_times(b * b, y3, y1);
        out[0] = y0;
        out[step] = add_times(a, u, s);
        out[2 * step] = add_times(-a, u, s);
        out[3 * step] = add_times(b, w, v);
        out[4 * step] = add_times(-b, w, v);
        out[5 * step] = y3;
    }
    /// G without its fractions, 3 to 6.
    template <class V>
    GANCODEC_INLINE static void weight(const V* in, V* out, int step) {
        const V g0 = in[0], g1 = in[step], g2 = in[2 * step];
        const V h = add_times(a * a, g2, g0), v = add_times(b * b, g2, g0);
        out[0] = g0;
        out[step] = add_times(a, g1, h);
        out[2 * step] = add_times(-a, g1, h);
        out[3 * step] = add_times(b, g1, v);
        out[4 * step] = add_times(-b, g1, v);
        out[5 * step] = g2;
    }
    /// Those fractions.
    static constexpr double fraction(int row) {
        constexpr double kAt0 = 1 / (a * a * b * b), kAtA = 1 / (2 * a * a * (a * a - b * b)),
                         kAtB = 1 / (2 * b * b * (b * b - a * a));
        return row == 0 ? kAt0 : row < 3 ? kAtA : row < 5 ? kAtB : 1.0;
    }
    /// Gᵀ, 6 to 3: carries gradients of products back to the weights.
    template <class V>
    GANCODEC_INLINE static void weight_adjoint(const V* in, V* out, int step) {
        const V p = in[step] + in[2 * step], q = in[step] - in[2 * step];
        const V r = in[3 * step] + in[4 * step], t = in[3 * step] - in[4 * step];
        out[0] = add_times(fraction(0), in[0], add_times(fraction(1), p, times(fraction(3), r)));
        out[step] = add_times(a * fraction(1), q, times(b * fraction(3), t));
        out[2 * step] = add_times(b * b * fraction(3), r - p, in[5 * step]);
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
        V rows[6 * 3];
        GANCODEC_UNROLL for (int j = 0; j < 3; ++j) weight(g + j, rows + j, 3);
        GANCODEC_UNROLL for (int i = 0; i < 6; ++i) weight(rows + 3 * i, u + 6 * i, 1);
        GANCODEC_UNROLL for (int i = 0; i < 6; ++i) GANCODEC_UNROLL for (int j = 0; j < 6; ++j) u[6 * i + j] =
            u[6 * i + j] * V(static_cast<float>(fraction(i)) * static_cast<float>(fraction(j)));
    }
    /// Gᵀ u G: gradients of the 6x6 products to those of the 3x3 weights.
    template <class V>
    GANCODEC_INLINE static void weight_adjoint_tile(const V (&u)[kWinogradCells], V (&g)[9]) {
        V rows[3 * 6];
        GANCODEC_UNROLL for (int j = 0; j < 6; ++j) weight_adjoint(u + j, rows + j, 6);
        GANCODEC_UNROLL for (int i = 0; i < 3; ++i) weight_adjoint(rows + 6 * i, g + 3 * i, 1);
    }
};

/// The transforms that go with products of that precision.
template <Precision P>
using WinogradFor = Winograd<std::conditional_t<P == Precision::bf16, RootPoints, WholePoints>>;

}  // namespace gancodec::detail
