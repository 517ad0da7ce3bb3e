#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gancodec/core/workspace.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// 2^x by a polynomial in fused multiply-adds, the same bits on every machine, which a libm does not promise.
/// Requires −1000 < x < 1000. Relative error under 1e-10.
[[nodiscard]] inline double canonical_exp2(double x) {
    const double whole = std::nearbyint(x);
    const double t = (x - whole) * 0.6931471805599453;  // e^t by Taylor, |t| ≤ 0.347: the 10th term is 3e-12
    double sum = 1.0 / 3628800;
    for (const double c :
         {1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0})
        sum = std::fma(sum, t, c);
    return std::ldexp(sum, static_cast<int>(whole));
}

/// Which way a gain is applied: encoder side y·g, decoder side ŷ/g.
enum class GainDirection { multiply = 1, divide = -1 };

/// A place between two quality levels.
struct LevelPosition {
    std::size_t level;  ///< the lower of the two
    double fraction;
};
[[nodiscard]] inline LevelPosition locate_level(double position, int levels) {
    const double p = std::clamp(position, 0.0, static_cast<double>(levels - 1));
    const std::size_t level = std::min(static_cast<std::size_t>(p), static_cast<std::size_t>(levels - 2));
    return {level, p - static_cast<double>(level)};
}

/// One gain per latent channel and quality level; between levels it is interpolated in the log domain, so that one
/// set of weights serves every rate (after Cui et al. 2021, "Asymmetric gained deep image compression").
///   g[c](p) = 2^( (1−f)·log2_gain[⌊p⌋,c] + f·log2_gain[⌊p⌋+1,c] ),  f = p − ⌊p⌋,  position p in [0, Levels−1]
/// Shapes  log2_gain [Levels,C]
template <int Levels, int C, class T = float>
class Gain {
public:
    using Scalar = T;
    static constexpr int kLevels = Levels;

    /// Starts with 2^lowest_log2 at the lowest level and `octaves` doublings more at the highest, evenly spaced.
    explicit Gain(double lowest_log2 = 0.0, double octaves = 2.0) : log2_gain({Levels, C}) {
        for (std::size_t level = 0; level < Levels; ++level) {
            const double value = std::fma(octaves, static_cast<double>(level) / (Levels - 1), lowest_log2);
            std::fill_n(log2_gain.value.begin() + static_cast<std::ptrdiff_t>(level * C), C, static_cast<T>(value));
        }
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "log2_gain", log2_gain);
    }

    [[nodiscard]] static LevelPosition locate(double position) { return locate_level(position, Levels); }
    /// The factors of all channels at `position`, padded to whole blocks with zeros.
    [[nodiscard]] std::vector<T> factors(double position, GainDirection direction) const {
        const LevelPosition at = locate(position);
        std::vector<T> result(static_cast<std::size_t>(round_up(C, kChannelBlock)));
        for (std::size_t c = 0; c < C; ++c) {
            const double low = log2_gain.value[at.level * C + c], high = log2_gain.value[(at.level + 1) * C + c];
            const double exponent = std::fma(at.fraction, high - low, low);
            result[c] = static_cast<T>(canonical_exp2(direction == GainDirection::multiply ? exponent : -exponent));
        }
        return result;
    }

    Parameter<T> log2_gain;
};

/// Multiplies or divides image n by the gains at positions[n].
template <class T, class G>
void gain_forward(TensorView<const T> in, const G& gain, std::span<const double> positions, GainDirection direction,
                  TensorView<T> out) {
    const std::size_t plane = in.shape.plane();
    for (int n = 0; n < in.shape.n; ++n) {
        const auto factor = gain.factors(positions[static_cast<std::size_t>(n)], direction);
        for (int b = 0; b < in.shape.blocks(); ++b) {
            const T* f = factor.data() + b * kChannelBlock;
            const T* from = in.block(n, b);
            T* to = out.block(n, b);
            for (std::size_t i = 0; i < plane; ++i, from += kChannelBlock, to += kChannelBlock)
                for (int lane = 0; lane < kChannelBlock; ++lane) to[lane] = from[lane] * f[lane];
        }
    }
}

template <class T, class G>
Pooled<T> apply_gain(Inference<T>& context, Pooled<T> x, const G& gain, std::span<const double> positions,
                     GainDirection direction) {
    auto out = x.unique() ? x : context.make(x.shape());
    context.compute([&] { gain_forward(x.constant(), gain, positions, direction, out.view()); });
    return out;
}

}  // namespace gancodec
