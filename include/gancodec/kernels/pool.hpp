#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/kernels/lanes.hpp"

namespace gancodec {

/// The windows of a pooling, as in PyTorch: kernel x kernel, `stride` apart, after `pad` pixels on every side.
struct PoolGeometry {
    int kernel = 2, stride = 2, pad = 0;
    bool ceil_mode = false;  ///< keep a last window that is only partly inside

    /// Windows along an axis; in ceil mode one that would begin beyond the input and its first padding is dropped.
    [[nodiscard]] constexpr int out_extent(int in) const {
        const int room = in + 2 * pad - kernel;
        const int out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
        return ceil_mode && (out - 1) * stride >= in + pad ? out - 1 : out;
    }
    [[nodiscard]] constexpr Shape out_shape(const Shape& in) const {
        return {in.n, in.c, out_extent(in.h), out_extent(in.w)};
    }
};

namespace detail {

/// The part [begin, end) of one axis of a window that lies inside the input.
struct PoolSpan {
    int begin, end;
    int padded_length;  ///< counts the padding too, but not what lies beyond it (ceil mode)

    constexpr PoolSpan(const PoolGeometry& g, int out, int in_extent)
        : begin(std::max(out * g.stride - g.pad, 0)),
          end(std::min(out * g.stride - g.pad + g.kernel, in_extent)),
          padded_length(std::min(g.kernel, in_extent + 2 * g.pad - out * g.stride)) {}
};

/// The first lane of pixel (y, x) of a plane `w` pixels wide.
constexpr std::ptrdiff_t pixel_offset(int y, int x, int w) {
    return (static_cast<std::ptrdiff_t>(y) * w + x) * kChannelBlock;
}

/// Fills `out` window by window: body(rows, columns, plane of in, 16 results).
template <class T, class Body>
void pool_forward(TensorView<const T> in, const PoolGeometry& g, TensorView<T> out, const Body& body) {
    GANCODEC_ASSERT(out.shape == g.out_shape(in.shape) && 2 * g.pad <= g.kernel);
    parallel_rows(out.shape, [&](int n, int block, int oy) {
        const PoolSpan rows(g, oy, in.shape.h);
        T* target = out.block(n, block) + pixel_offset(oy, 0, out.shape.w);
        for (int ox = 0; ox < out.shape.w; ++ox, target += kChannelBlock) {
            T result[kChannelBlock];
            body(rows, PoolSpan(g, ox, in.shape.w), in.block(n, block), result);
            std::copy_n(result, kChannelBlock, target);
        }
    });
}

/// Clears d_in, then visits the windows in row order: body(rows, columns, n, block, offset of the window's output).
template <class T, class Body>
void pool_backward(TensorView<T> d_in, const PoolGeometry& g, const Shape& out, const Body& body) {
    GANCODEC_ASSERT(out == g.out_shape(d_in.shape) && 2 * g.pad <= g.kernel);
    parallel_planes(out, [&](int n, int block) {
        std::fill_n(d_in.block(n, block), d_in.shape.plane() * kChannelBlock, T{});
        for (int oy = 0; oy < out.h; ++oy)
            for (int ox = 0; ox < out.w; ++ox)
                body(PoolSpan(g, oy, d_in.shape.h), PoolSpan(g, ox, d_in.shape.w), n, block,
                     pixel_offset(oy, ox, out.w));
    });
}

}  // namespace detail

/// The mean of every window; padding counts as zeros (PyTorch's count_include_pad = true).
/// Shapes   in [n,c,h,w] · out g.out_shape(in); they do not overlap.
template <class T>
void avg_pool(TensorView<const T> in, const PoolGeometry& g, TensorView<T> out) {
    const int w = in.shape.w;
    detail::pool_forward<T>(in, g, out, [w](auto rows, auto columns, const T* plane, T(&result)[kChannelBlock]) {
        T sums[kChannelBlock] = {};
        for (int y = rows.begin; y < rows.end; ++y)
            for (int x = columns.begin; x < columns.end; ++x) {
                const T* pixel = plane + detail::pixel_offset(y, x, w);
                for (int lane = 0; lane < kChannelBlock; ++lane) sums[lane] += pixel[lane];
            }
        const T share = T(1) / static_cast<T>(rows.padded_length * columns.padded_length);
        for (int lane = 0; lane < kChannelBlock; ++lane) result[lane] = sums[lane] * share;
    });
}

/// Gradient of avg_pool().
/// Shapes   d_out g.out_shape(d_in) · d_in [n,c,h,w]; they do not overlap.
template <class T>
void avg_pool_backward(TensorView<const T> d_out, const PoolGeometry& g, TensorView<T> d_in) {
    const int w = d_in.shape.w;
    detail::pool_backward<T>(d_in, g, d_out.shape, [&](auto rows, auto columns, int n, int block, auto out_offset) {
        const T* d = d_out.block(n, block) + out_offset;
        const T share = T(1) / static_cast<T>(rows.padded_length * columns.padded_length);
        for (int y = rows.begin; y < rows.end; ++y)
            for (int x = columns.begin; x < columns.end; ++x) {
                T* pixel = d_in.block(n, block) + detail::pixel_offset(y, x, w);
                T result[kChannelBlock];
                for (int lane = 0; lane < kChannelBlock; ++lane) result[lane] = std::fma(d[lane], share, pixel[lane]);
                std::copy_n(result, kChannelBlock, pixel);
            }
    });
}

/// The maximum of every window; padding never wins.
/// Shapes   in [n,c,h,w] · out g.out_shape(in); they do not overlap.
template <class T>
void max_pool(TensorView<const T> in, const PoolGeometry& g, TensorView<T> out) {
    const int w = in.shape.w;
    detail::pool_forward<T>(in, g, out, [w](auto rows, auto columns, const T* plane, T(&result)[kChannelBlock]) {
        T best[kChannelBlock];
        std::copy_n(plane + detail::pixel_offset(rows.begin, columns.begin, w), kChannelBlock, best);
        for (int y = rows.begin; y < rows.end; ++y)
            for (int x = columns.begin; x < columns.end; ++x) {
                const T* pixel = plane + detail::pixel_offset(y, x, w);
                for (int lane = 0; lane < kChannelBlock; ++lane)
                    best[lane] = pixel[lane] > best[lane] ? pixel[lane] : best[lane];
            }
        std::copy_n(best, kChannelBlock, result);
    });
}

/// Gradient of max_pool(): d_out goes to the first maximum of its window, rows first, as in PyTorch.
/// Shapes   in, d_in [n,c,h,w] · d_out g.out_shape(in); d_in overlaps neither.
template <class T>
void max_pool_backward(TensorView<const T> in, TensorView<const T> d_out, const PoolGeometry& g, TensorView<T> d_in) {
    GANCODEC_ASSERT(in.shape == d_in.shape);
    const int w = in.shape.w;
    detail::pool_backward<T>(d_in, g, d_out.shape, [&](auto rows, auto columns, int n, int block, auto out_offset) {
        const T* d = d_out.block(n, block) + out_offset;
        const T* plane = in.block(n, block);
        T best[kChannelBlock];
        std::ptrdiff_t winner[kChannelBlock];
        const std::ptrdiff_t first = detail::pixel_offset(rows.begin, columns.begin, w);
        for (int lane = 0; lane < kChannelBlock; ++lane) {
            best[lane] = plane[first + lane];
            winner[lane] = first + lane;
        }
        for (int y = rows.begin; y < rows.end; ++y)
            for (int x = columns.begin; x < columns.end; ++x) {
                const std::ptrdiff_t pixel = detail::pixel_offset(y, x, w);
                for (int lane = 0; lane < kChannelBlock; ++lane) {
                    const bool better = plane[pixel + lane] > best[lane];
                    best[lane] = better ? plane[pixel + lane] : best[lane];
                    winner[lane] = better ? pixel + lane : winner[lane];
                }
            }
        for (int lane = 0; lane < kChannelBlock; ++lane) d_in.block(n, block)[winner[lane]] += d[lane];
    });
}

namespace detail {

// DISTS's filter: np.hanning(5)[1:-1] = {1/2, 1, 1/2} in both directions, divided by its sum.
inline constexpr PoolGeometry kL2Pool{3, 2, 1, false};
inline constexpr double kL2PoolEpsilon = 1e-12;
/// The weight of input pixel (y, x) in the window of output (oy, ox).
constexpr double l2_pool_weight(int y, int x, int oy, int ox) {
    return (y == 2 * oy ? 0.5 : 0.25) * (x == 2 * ox ? 0.5 : 0.25);
}

}  // namespace detail

/// The extents after l2_pool(): half, rounded up.
constexpr Shape l2_pool_shape(const Shape& in) { return detail::kL2Pool.out_shape(in); }

/// Root of a blurred square, which halves a picture without aliasing: the pooling of DISTS.
///   out = sqrt(Σ_{window} hanning · in² + 1e-12), windows 3x3, stride 2, padding 1 of zeros
/// Shapes   in [n,c,h,w] · out l2_pool_shape(in); they do not overlap.
/// Paper    Ding, Ma, Wang, Simoncelli: Image Quality Assessment: Unifying Structure and Texture Similarity, 2020.
template <class T>
void l2_pool(TensorView<const T> in, TensorView<T> out) {
    GANCODEC_ASSERT(out.shape == l2_pool_shape(in.shape));
    detail::parallel_rows(out.shape, [&](int n, int block, int oy) {
        const detail::PoolSpan rows(detail::kL2Pool, oy, in.shape.h);
        T* target = out.block(n, block) + detail::pixel_offset(oy, 0, out.shape.w);
        for (int ox = 0; ox < out.shape.w; ++ox, target += kChannelBlock) {
            const detail::PoolSpan columns(detail::kL2Pool, ox, in.shape.w);
            T sums[kChannelBlock] = {};
            for (int y = rows.begin; y < rows.end; ++y)
                for (int x = columns.begin; x < columns.end; ++x) {
                    const T* pixel = in.block(n, block) + detail::pixel_offset(y, x, in.shape.w);
                    const T weight = static_cast<T>(detail::l2_pool_weight(y, x, oy, ox));
                    for (int lane = 0; lane < kChannelBlock; ++lane)
                        sums[lane] = std::fma(weight * pixel[lane], pixel[lane], sums[lane]);
                }
            T result[kChannelBlock];
            for (int lane = 0; lane < kChannelBlock; ++lane)
                result[lane] = std::sqrt(sums[lane] + static_cast<T>(detail::kL2PoolEpsilon));
            std::copy_n(result, kChannelBlock, target);
        }
    });
    clear_padding(out);
}

/// Gradient of l2_pool(): d_in = Σ_{windows} hanning · in · d_out / out.
/// Shapes   in, d_in [n,c,h,w] · out, d_out l2_pool_shape(in); d_in overlaps none of them.
template <class T>
void l2_pool_backward(TensorView<const T> in, TensorView<const T> out, TensorView<const T> d_out, TensorView<T> d_in) {
    GANCODEC_ASSERT(in.shape == d_in.shape && out.shape == d_out.shape && out.shape == l2_pool_shape(in.shape));
    detail::parallel_planes(out.shape, [&](int n, int block) {
        std::fill_n(d_in.block(n, block), in.shape.plane() * kChannelBlock, T{});
        const int used = detail::used_lanes(out.shape, block);  // beyond, out is zero: nothing to divide by
        for (int oy = 0; oy < out.shape.h; ++oy)
            for (int ox = 0; ox < out.shape.w; ++ox) {
                const detail::PoolSpan rows(detail::kL2Pool, oy, in.shape.h), columns(detail::kL2Pool, ox, in.shape.w);
                const auto here = detail::pixel_offset(oy, ox, out.shape.w);
                T ratio[kChannelBlock] = {};
                for (int lane = 0; lane < used; ++lane)
                    ratio[lane] = d_out.block(n, block)[here + lane] / out.block(n, block)[here + lane];
                for (int y = rows.begin; y < rows.end; ++y)
                    for (int x = columns.begin; x < columns.end; ++x) {
                        const auto pixel = detail::pixel_offset(y, x, in.shape.w);
                        const T* source = in.block(n, block) + pixel;
                        T* target = d_in.block(n, block) + pixel;
                        const T weight = static_cast<T>(detail::l2_pool_weight(y, x, oy, ox));
                        T result[kChannelBlock];
                        for (int lane = 0; lane < kChannelBlock; ++lane)
                            result[lane] = std::fma(weight * source[lane], ratio[lane], target[lane]);
                        std::copy_n(result, kChannelBlock, target);
                    }
            }
    });
}

}  // namespace gancodec
