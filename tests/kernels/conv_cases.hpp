#pragma once

// What the convolution tests share: random tensors, comparison of all memory, and convolutions written once more, in
// double and in plain NCHW, as the formula says.

#include <cstring>
#include <vector>

#include "gancodec/core/random.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/geometry.hpp"

namespace conv_cases {

using namespace gancodec;

template <class T>
Tensor<T> random_tensor(Shape shape, Random& random) {
    Tensor<T> t(shape);
    for (int n = 0; n < shape.n; ++n)
        for (int c = 0; c < shape.c; ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) t.at(n, c, y, x) = static_cast<T>(random.normal());
    return t;
}

template <class T>
std::vector<T> random_vector(int size, Random& random) {
    std::vector<T> v(static_cast<std::size_t>(size));
    for (T& x : v) x = static_cast<T>(random.normal());
    return v;
}

/// A tensor full of a number that no kernel writes: what stays unwritten shows.
inline Tensor<float> dirty_tensor(Shape shape) {
    Tensor<float> t(shape);
    for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = -123.456f;
    return t;
}

/// Every number in memory is the same, padded channels included. (−0 equals 0.)
inline bool same(const Tensor<float>& a, const Tensor<float>& b) {
    if (a.shape() != b.shape()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(a.data()[i] == b.data()[i])) return false;
    return true;
}
inline bool same(const std::vector<float>& a, const std::vector<float>& b) { return a == b; }

/// The largest difference, padded channels of `t` included (expected there: 0).
template <class T>
double distance(const Tensor<T>& t, const std::vector<double>& nchw) {
    const Shape& s = t.shape();
    double worst = 0;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.padded_c(); ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x) {
                    const int index = ((n * s.c + c) * s.h + y) * s.w + x;
                    const double expected = c < s.c ? nchw[static_cast<std::size_t>(index)] : 0.0;
                    worst = std::max(worst, std::abs(static_cast<double>(t.at(n, c, y, x)) - expected));
                }
    return worst;
}
template <class T>
double distance(const std::vector<T>& a, const std::vector<double>& b) {
    double worst = a.size() == b.size() ? 0 : 1e9;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
    return worst;
}

template <class T>
std::vector<double> plain(const Tensor<T>& t) {
    const Shape& s = t.shape();
    std::vector<double> v;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x) v.push_back(static_cast<double>(t.at(n, c, y, x)));
    return v;
}

/// Calls `body(index of in, index of out, index of weight)` for every product of a convolution (NCHW, OIHW).
template <class Body>
void each_product(const ConvGeometry& g, int n, int h, int w, int oh, int ow, const Body& body) {
    for (int i = 0; i < n; ++i)
        for (int co = 0; co < g.out_channels; ++co)
            for (int ci = 0; ci < g.in_channels; ++ci)
                for (int oy = 0; oy < oh; ++oy)
                    for (int ox = 0; ox < ow; ++ox)
                        for (int ky = 0; ky < g.kernel; ++ky)
                            for (int kx = 0; kx < g.kernel; ++kx) {
                                const int iy = oy * g.stride + ky - g.pad, ix = ox * g.stride + kx - g.pad;
                                if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
                                body(static_cast<std::size_t>(((i * g.in_channels + ci) * h + iy) * w + ix),
                                     static_cast<std::size_t>(((i * g.out_channels + co) * oh + oy) * ow + ox),
                                     static_cast<std::size_t>(((co * g.in_channels + ci) * g.kernel + ky) * g.kernel +
                                                              kx));
                            }
}

/// `bias` for every pixel of its channel.
template <class T>
std::vector<double> spread_bias(const std::vector<T>& bias, const Shape& s) {
    std::vector<double> v;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            v.insert(v.end(), s.plane(), static_cast<double>(bias[static_cast<std::size_t>(c)]));
    return v;
}

/// Kernel sizes, strides and paddings that networks use, with channels around the block of 16.
inline std::vector<ConvGeometry> geometries() {
    return {{1, 1, 1, 1, 0},   {3, 17, 3, 1, 1},  {17, 3, 3, 1, 1},  {16, 15, 3, 1, 1}, {12, 40, 1, 1, 0},
            {40, 33, 3, 2, 1}, {3, 12, 5, 2, 2},  {17, 40, 5, 1, 2}, {20, 15, 4, 2, 1}, {3, 20, 11, 4, 2},
            {9, 18, 2, 2, 0},  {33, 35, 1, 2, 0}, {6, 5, 3, 3, 1},   {5, 70, 7, 1, 3},  {18, 4, 3, 1, 0},
            {24, 1, 4, 1, 1},  {16, 2, 3, 2, 1},  {2, 16, 7, 3, 2}};
}

}  // namespace conv_cases
