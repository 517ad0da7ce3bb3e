#pragma once

#include <bit>
#include <cstdint>

/// a·b + c rounded once, without the instruction and in a handful of double operations: the product of two floats is exact,
/// the sum is rounded to odd, and of a number so rounded the float nearest is that of the exact one (Boldo and Melquiond,
/// "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008, theorem 1).
/// Requires round to nearest, and no -ffast-math.
inline float soft_fmaf(float a, float b, float c) {
    const double product = static_cast<double>(a) * static_cast<double>(b), addend = static_cast<double>(c);
    const double sum = product + addend;
    const double of_addend = sum - product;
    const double error = (product - (sum - of_addend)) + (addend - of_addend);  // Knuth's two-sum: sum + error is exact
    auto bits = std::bit_cast<std::uint64_t>(sum);
    const bool finite = sum - sum == 0;
    if (finite && error != 0 && bits % 2 == 0) (error > 0) == (sum > 0) ? ++bits : --bits;
    return static_cast<float>(std::bit_cast<double>(bits));
}
