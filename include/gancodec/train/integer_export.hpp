#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gancodec/networks/integer_hyper_scale.hpp"
#include "gancodec/networks/model.hpp"

namespace gancodec {

/// Turns a layer trained as QuantizedConv2d into integers.
///   real output = (acc · step[co] · input step) · slope + offset, delivered in units of `output_step`:
///   out = clamp(round(acc' · multiplier / 2^shift), low, high), where acc' has the offset inside its bias
/// The multiplier keeps 30 bits, so the integer and the trained rounding differ only on ties.
template <class L>
[[nodiscard]] IntConv2dParameters to_integers(const L& layer, double slope, double offset, double output_step, int low,
                                              int high) {
    const auto q = layer.integers();
    const ConvGeometry g = L::geometry();
    IntConv2dParameters out;
    out.in_channels = g.in_channels;
    out.out_channels = g.out_channels;
    out.kernel = g.kernel;
    out.weight = q.weight;
    out.low = low;
    out.high = high;
    for (std::size_t co = 0; co < q.bias.size(); ++co) {
        const double unit = q.step[co] * layer.input_step() * slope;  // real value of one accumulator step
        const double bias = static_cast<double>(q.bias[co]) + std::nearbyint(offset / unit);
        out.bias.push_back(static_cast<std::int32_t>(
            std::clamp(bias, -static_cast<double>(kIntConvMaxBias), static_cast<double>(kIntConvMaxBias))));
        int exponent = 0;
        const double mantissa = std::frexp(unit / output_step, &exponent);  // in [½, 1)
        constexpr int kMultiplierBits = 30;
        out.multiplier.push_back(static_cast<std::int32_t>(std::nearbyint(std::ldexp(mantissa, kMultiplierBits))));
        out.shift.push_back(static_cast<std::uint8_t>(std::clamp(kMultiplierBits - exponent, 1, 62)));
    }
    return out;
}

/// The integer network that a trained HyperScale simulates.
template <class H>
[[nodiscard]] IntegerHyperScale to_integers(const H& trained) {
    constexpr double kStep = H::kActivationStep;
    std::vector<std::int32_t> level_offset;
    for (const auto offset : trained.level_offset.value)
        level_offset.push_back(static_cast<std::int32_t>(std::clamp(std::nearbyint(2 * static_cast<double>(offset)),
                                                                    -1.0 * IntegerHyperScale::kMaxOffset,
                                                                    1.0 * IntegerHyperScale::kMaxOffset)));
    return IntegerHyperScale(
        to_integers(trained.reduce, 1.0, 0.0, kStep, 0, kIntConvMaxActivation),
        to_integers(trained.inner, 1.0, 0.0, kStep, 0, kIntConvMaxActivation),
        to_integers(trained.expand, H::kSlope, H::kOffset, 0.5, -kIntConvMaxActivation, kIntConvMaxActivation),
        std::move(level_offset));
}

}  // namespace gancodec
