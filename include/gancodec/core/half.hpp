#pragma once

#include <bit>
#include <cstdint>

namespace gancodec {

// The two 16-bit formats of weights files. Conversions are integer arithmetic: the same bits on every machine.

/// The float nearest to `value` among those with a bfloat16 pattern (8 exponent bits, 7 of fraction), ties to even.
/// Numbers beyond the largest finite one become infinite; NaN stays NaN, quiet.
[[nodiscard]] constexpr std::uint16_t float_to_bf16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x0040u);
    return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

[[nodiscard]] constexpr float bf16_to_float(std::uint16_t half) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

/// The IEEE 754 binary16 pattern (5 exponent bits, 10 of fraction) nearest to `value`, ties to even, subnormals kept.
/// From 65520 on the result is infinite; NaN stays NaN, quiet.
[[nodiscard]] constexpr std::uint16_t float_to_f16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    std::uint32_t half = 0;
    if (magnitude > 0x7F800000u) {
        half = 0x7E00u | ((magnitude >> 13) & 0x3FFu);
    } else if (magnitude >= 0x47800000u) {  // 65536 and more
        half = 0x7C00u;
    } else if (magnitude >= 0x38800000u) {  // 2^-14 and more: normal. A carry out of the fraction enters the exponent.
        half = (magnitude - 0x38000000u + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13;
    } else if (magnitude > 0x33000000u) {  // more than 2^-25: a subnormal, counted in units of 2^-24
        const std::uint32_t fraction = (magnitude & 0x7FFFFFu) | 0x800000u, shift = 126u - (magnitude >> 23);
        const std::uint32_t rest = fraction & ((1u << shift) - 1u), middle = 1u << (shift - 1u);
        half = fraction >> shift;
        if (rest > middle || (rest == middle && (half & 1u) != 0)) ++half;
    }
    return static_cast<std::uint16_t>(sign | half);
}

[[nodiscard]] constexpr float f16_to_float(std::uint16_t half) {
    const std::uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 0x1Fu, fraction = half & 0x3FFu;
    // Masks in place of branches: so compilers convert several numbers at once.
    const std::uint32_t is_small = 0u - std::uint32_t{exponent == 0},
                        is_special = 0u - std::uint32_t{exponent == 0x1Fu};
    const std::uint32_t normal = ((exponent + 112u) << 23) | (fraction << 13);
    const float subnormal = std::bit_cast<float>(0x38800000u | (fraction << 13)) - 0x1.0p-14f;  // exact
    return std::bit_cast<float>(sign | (normal & ~is_small) | (std::bit_cast<std::uint32_t>(subnormal) & is_small) |
                                (0x7F800000u & is_special));
}

}  // namespace gancodec
