#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/check.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/workspace.hpp"

// Integer convolution for the hyper scale network: no float, so that every machine picks the same probability tables.
// Plain layout: activations are int16 in [c][h][w]. Read first: they must lie in [-255, 255]; then no sum overflows:
//   |bias + Σ weight · in| <= 2^30 + 2^15 · 128 · 255 = 2143289344 < 2^31

namespace gancodec {

inline constexpr int kIntConvMaxTaps = 1 << 15;  ///< limit on ci·k·k
inline constexpr std::int32_t kIntConvMaxBias = 1 << 30;
inline constexpr int kIntConvMaxActivation = 255;

/// One integer layer as a weights file holds it.
///   out = clamp((acc · multiplier[co] + 2^(shift[co] - 1)) >> shift[co], low, high)
/// `low` and `high` are the activation: 0, 255 is a ReLU to 8 bits; 0, 63 is a table index.
struct IntConv2dParameters {
    int in_channels = 0, out_channels = 0, kernel = 1;
    std::vector<std::int8_t> weight;       ///< [co][ci][k][k], PyTorch's order
    std::vector<std::int32_t> bias;        ///< [co]
    std::vector<std::int32_t> multiplier;  ///< [co], at least 0
    std::vector<std::uint8_t> shift;       ///< [co], 1 to 62
    int low = 0, high = kIntConvMaxActivation;
};

/// Holds parameters that came from a file against every bound that exactness needs.
/// Errors   Error{Errc::corrupt_weights} that begins with `where`.
inline void validate(const IntConv2dParameters& p, const std::string& where) {
    const auto require = [&](bool good, const std::string& expected, const std::string& found) {
        if (!good) raise_error(Errc::corrupt_weights, where + ": expected " + expected + ", found " + found);
    };
    const auto text = [](auto value) { return std::to_string(value); };
    require(p.kernel == 1 || p.kernel == 3, "a kernel of 1 or 3", text(p.kernel));
    const int max_channels = kIntConvMaxTaps / (p.kernel * p.kernel);
    require(p.in_channels >= 1 && p.in_channels <= max_channels, "1 to " + text(max_channels) + " input channels",
            text(p.in_channels));
    require(p.out_channels >= 1 && p.out_channels <= kIntConvMaxTaps,
            "1 to " + text(kIntConvMaxTaps) + " output channels", text(p.out_channels));
    const auto out = static_cast<std::size_t>(p.out_channels);
    const auto taps = static_cast<std::size_t>(p.in_channels * p.kernel * p.kernel);
    require(p.weight.size() == out * taps, text(out * taps) + " weights", text(p.weight.size()));
    require(p.bias.size() == out, text(out) + " biases", text(p.bias.size()));
    require(p.multiplier.size() == out, text(out) + " multipliers", text(p.multiplier.size()));
    require(p.shift.size() == out, text(out) + " shifts", text(p.shift.size()));
    for (std::size_t i = 0; i < out; ++i) {
        require(p.bias[i] >= -kIntConvMaxBias && p.bias[i] <= kIntConvMaxBias, "a bias of at most 2^30",
                text(p.bias[i]));
        require(p.multiplier[i] >= 0, "a multiplier of at least 0", text(p.multiplier[i]));
        require(p.shift[i] >= 1 && p.shift[i] <= 62, "a shift of 1 to 62", text(p.shift[i]));
    }
    require(p.low >= -kIntConvMaxActivation && p.low <= p.high && p.high <= kIntConvMaxActivation,
            "activation bounds within -255 to 255", text(p.low) + " to " + text(p.high));
}

namespace detail {

inline constexpr int kIntDotBlock = 32;  // a fixed count, so that compilers vectorise the loop at -O2 as well
inline constexpr int kIntConvStrip = 128;

/// Σ a[i]·b[i]; Requires `count` is a multiple of kIntDotBlock.
inline std::int32_t int_dot(const std::int16_t* a, const std::int16_t* b, int count) {
    std::int32_t sum = 0;
    for (int start = 0; start < count; start += kIntDotBlock) {
        std::int32_t part = 0;
        for (int i = 0; i < kIntDotBlock; ++i) part += std::int32_t{a[start + i]} * b[start + i];
        sum += part;
    }
    return sum;
}

/// (acc · multiplier + half) >> shift, rounding halves up; |acc| < 2^31 and shift <= 62 keep it inside int64.
constexpr std::int64_t requantise(std::int32_t acc, std::int32_t multiplier, int shift) {
    return (std::int64_t{acc} * multiplier + (std::int64_t{1} << (shift - 1))) >> shift;
}

}  // namespace detail

/// The weights of one integer layer, checked and packed once at load.
class PreparedIntConv2d {
public:
    PreparedIntConv2d() = default;
    /// Errors   Error{Errc::corrupt_weights} that begins with `where`, see validate().
    PreparedIntConv2d(IntConv2dParameters parameters, const std::string& where) : parameters_(std::move(parameters)) {
        validate(parameters_, where);
        taps_ = parameters_.in_channels * parameters_.kernel * parameters_.kernel;
        padded_taps_ = (taps_ + detail::kIntDotBlock - 1) / detail::kIntDotBlock * detail::kIntDotBlock;
        packed_.assign(static_cast<std::size_t>(parameters_.out_channels) * static_cast<std::size_t>(padded_taps_), 0);
        for (int co = 0; co < parameters_.out_channels; ++co)
            std::copy_n(parameters_.weight.begin() + std::ptrdiff_t{co} * taps_, taps_,
                        packed_.begin() + std::ptrdiff_t{co} * padded_taps_);
    }
    [[nodiscard]] const IntConv2dParameters& parameters() const { return parameters_; }
    [[nodiscard]] int taps() const { return taps_; }
    [[nodiscard]] int padded_taps() const { return padded_taps_; }
    [[nodiscard]] const std::int16_t* row(int co) const { return packed_.data() + std::ptrdiff_t{co} * padded_taps_; }

private:
    IntConv2dParameters parameters_;
    int taps_ = 0, padded_taps_ = 0;
    std::vector<std::int16_t> packed_;
};

namespace detail {

/// Writes the inputs under every tap of one output pixel, in the order of the weights, zero outside the image.
inline void gather_patch(const std::int16_t* in, int channels, int h, int w, int kernel, std::int64_t pixel,
                         std::int16_t* patch) {
    const std::int64_t plane = std::int64_t{h} * w;
    if (kernel == 1) {
        for (int ci = 0; ci < channels; ++ci) patch[ci] = in[ci * plane + pixel];
        return;
    }
    const auto oy = static_cast<int>(pixel / w), ox = static_cast<int>(pixel % w);
    for (int ci = 0; ci < channels; ++ci)
        for (int iy = oy - 1; iy <= oy + 1; ++iy)
            for (int ix = ox - 1; ix <= ox + 1; ++ix) {
                const bool inside = iy >= 0 && iy < h && ix >= 0 && ix < w;
                *patch++ = inside ? in[ci * plane + std::int64_t{iy} * w + ix] : std::int16_t{0};
            }
}

/// Calls f(co, first, count, acc) for the sums of `count` outputs of channel co from pixel `first`.
///   acc = bias[co] + Σ_{ci,ky,kx} weight[co,ci,ky,kx] · in[ci,oy+ky−p,ox+kx−p],  p = (k − 1) / 2
/// f runs on several threads, each for channels of its own.
template <class F>
void each_int_sum(std::span<const std::int16_t> in, int h, int w, const PreparedIntConv2d& layer, Workspace& ws,
                  const F& f) {
    const IntConv2dParameters& p = layer.parameters();
    const std::int64_t plane = std::int64_t{h} * w;
    GANCODEC_ASSERT(static_cast<std::int64_t>(in.size()) == p.in_channels * plane);
    const Workspace::Scope scope(ws);
    const std::int64_t padded = layer.padded_taps();
    std::int16_t* patches = ws.take<std::int16_t>(static_cast<std::size_t>(kIntConvStrip * padded));
    if (ws.counts_only()) return;
    std::fill_n(patches, kIntConvStrip * padded, std::int16_t{0});
    for (std::int64_t first = 0; first < plane; first += kIntConvStrip) {
        const std::int64_t count = std::min<std::int64_t>(kIntConvStrip, plane - first);
        for (std::int64_t i = 0; i < count; ++i)
            gather_patch(in.data(), p.in_channels, h, w, p.kernel, first + i, patches + i * padded);
        parallel_for(p.out_channels, [&](std::int64_t co, int) {
            const std::int16_t* weights = layer.row(static_cast<int>(co));
            const std::int32_t bias = p.bias[static_cast<std::size_t>(co)];
            std::int32_t acc[kIntConvStrip];
            for (std::int64_t i = 0; i < count; ++i)
                acc[i] = bias + int_dot(patches + i * padded, weights, static_cast<int>(padded));
            f(co, first, count, acc);
        });
    }
}

}  // namespace detail

/// Convolves in integers, stride 1, padded with zeros to the same size, and requantises.
///   acc = bias[co] + Σ_{ci,ky,kx} weight[co,ci,ky,kx] · in[ci,oy+ky−p,ox+kx−p],  p = (k − 1) / 2
///   out[co,oy,ox] = clamp((acc · multiplier[co] + 2^(shift[co] − 1)) >> shift[co], low, high)
/// Shapes   in [ci][h][w] · out [co][h][w]
/// Requires every input in [-255, 255]; in and out do not overlap.
/// Exact    Integers throughout: the same result on every machine and for every thread count.
inline void conv2d_int(std::span<const std::int16_t> in, int h, int w, const PreparedIntConv2d& layer,
                       std::span<std::int16_t> out, Workspace& ws) {
    const IntConv2dParameters& p = layer.parameters();
    const std::int64_t plane = std::int64_t{h} * w;
    GANCODEC_ASSERT(static_cast<std::int64_t>(out.size()) == p.out_channels * plane);
    detail::each_int_sum(in, h, w, layer, ws,
                         [&](std::int64_t co, std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                             std::int16_t* row = out.data() + co * plane + first;
                             const std::int32_t multiplier = p.multiplier[static_cast<std::size_t>(co)];
                             const int shift = p.shift[static_cast<std::size_t>(co)];
                             for (std::int64_t i = 0; i < count; ++i) {
                                 const std::int64_t value = detail::requantise(acc[i], multiplier, shift);
                                 row[i] = static_cast<std::int16_t>(std::clamp<std::int64_t>(value, p.low, p.high));
                             }
                         });
}

/// The same convolution, of which each output is looked up in a list: an index needs not be linear in the sum.
///   v = (acc · multiplier[co] + 2^(shift[co] − 1)) >> shift[co]
///   out[co,oy,ox] = how many thresholds are at most v
/// Shapes   in [ci][h][w] · out [co][h][w]
/// Requires as conv2d_int(); at most 255 thresholds, which do not fall. The layer's low and high play no part.
/// Exact    as conv2d_int()
inline void conv2d_int_index(std::span<const std::int16_t> in, int h, int w, const PreparedIntConv2d& layer,
                             std::span<const std::int32_t> thresholds, std::span<std::uint8_t> out, Workspace& ws) {
    const IntConv2dParameters& p = layer.parameters();
    const std::int64_t plane = std::int64_t{h} * w;
    GANCODEC_ASSERT(static_cast<std::int64_t>(out.size()) == p.out_channels * plane && thresholds.size() <= 255);
    detail::each_int_sum(
        in, h, w, layer, ws, [&](std::int64_t co, std::int64_t first, std::int64_t count, const std::int32_t* acc) {
            std::uint8_t* row = out.data() + co * plane + first;
            const std::int32_t multiplier = p.multiplier[static_cast<std::size_t>(co)];
            const int shift = p.shift[static_cast<std::size_t>(co)];
            for (std::int64_t i = 0; i < count; ++i) {
                const std::int64_t value = detail::requantise(acc[i], multiplier, shift);
                row[i] = static_cast<std::uint8_t>(std::upper_bound(thresholds.begin(), thresholds.end(), value) -
                                                   thresholds.begin());
            }
        });
}

/// Rearranges channels into space, PyTorch's order.
///   out[c, y·r+dy, x·r+dx] = in[c·r²+dy·r+dx, y, x]
/// Shapes   in [channels·r²][h][w] · out [channels][h·r][w·r]
/// Requires every input fits in `Out`.
template <class Out>
void pixel_shuffle_int(std::span<const std::int16_t> in, int channels, int h, int w, int r, std::span<Out> out) {
    const std::int64_t plane = std::int64_t{h} * w;
    GANCODEC_ASSERT(static_cast<std::int64_t>(in.size()) == channels * plane * r * r && out.size() == in.size());
    for (int c = 0; c < channels; ++c)
        for (int y = 0; y < h; ++y)
            for (int dy = 0; dy < r; ++dy) {
                Out* row = out.data() + ((std::int64_t{c} * h + y) * r + dy) * w * r;
                for (int dx = 0; dx < r; ++dx) {
                    const std::int16_t* source =
                        in.data() + ((std::int64_t{c} * r + dy) * r + dx) * plane + std::int64_t{y} * w;
                    for (int x = 0; x < w; ++x) row[x * r + dx] = static_cast<Out>(source[x]);
                }
            }
}

}  // namespace gancodec
