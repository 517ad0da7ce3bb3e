#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "gancodec/core/half.hpp"
#include "gancodec/simd/arch/avx512_bf16.hpp"
#include "gancodec/simd/batch.hpp"

namespace gancodec {

/// In which numbers the factors of a kernel's products are kept; sums are fp32 in any case.
enum class Precision : std::uint8_t { fp32, bf16 };

namespace simd {

// A word is 32 bits: one fp32, or two bf16 side by side, the first in the lower half. A register of floats holds a word in
// each lane, and words are moved as floats are. What is computed here is what AVX512_BF16 computes, bit by bit, on every
// machine: subnormal numbers are zeros, wherever they occur.

/// Factors in a word.
template <Precision P>
inline constexpr int kPacked = P == Precision::bf16 ? 2 : 1;

/// `value`, or a zero of its sign for a subnormal one.
[[nodiscard]] inline float flush_subnormal(float value) {
    return std::abs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
}
/// The bf16 nearest to `value`, ties to even, as its bits.
[[nodiscard]] inline std::uint32_t to_bf16(float value) { return float_to_bf16(flush_subnormal(value)); }

/// The word of two numbers, rounded.
[[nodiscard]] inline float pair_bf16(float first, float second) {
    return std::bit_cast<float>(to_bf16(first) | to_bf16(second) << 16);
}
/// sum + a₁·b₁, then + a₀·b₀, each by a fused multiply-add: the order of the instruction.
/// Requires a and b are words of pair_bf16(), which have no subnormal numbers.
[[nodiscard]] inline float dot_bf16(float a, float b, float sum) {
    const auto first = [](float word) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(word) << 16); };
    const auto second = [](float word) {
        return std::bit_cast<float>(std::bit_cast<std::uint32_t>(word) & 0xFFFF0000u);
    };
    sum = flush_subnormal(std::fma(second(a), second(b), flush_subnormal(sum)));
    return flush_subnormal(std::fma(first(a), first(b), sum));
}

/// Lane by lane, for registers without the instructions.
template <class Vector>
[[nodiscard]] inline Vector pair_bf16(const Vector& first, const Vector& second) {
    if constexpr (kHasBf16<Vector>) {
        return Bf16<Vector>::pair(first, second);
    } else {
        alignas(kAlignmentBytes) float a[Vector::size], b[Vector::size];
        first.store_aligned(a);
        second.store_aligned(b);
        for (std::size_t i = 0; i < Vector::size; ++i) a[i] = pair_bf16(a[i], b[i]);
        return Vector::load_aligned(a);
    }
}
/// Rounds the lanes and stores them as half as many words, each of two neighbours.
template <class Vector>
inline void store_bf16(float* words, const Vector& v) {
    if constexpr (kHasBf16<Vector>) {
        Bf16<Vector>::store(words, v);
    } else {
        alignas(kAlignmentBytes) float lanes[Vector::size];
        v.store_aligned(lanes);
        for (std::size_t i = 0; i < Vector::size / 2; ++i) words[i] = pair_bf16(lanes[2 * i], lanes[2 * i + 1]);
    }
}
template <class Vector>
[[nodiscard]] inline Vector dot_bf16(const Vector& a, const Vector& b, const Vector& sum) {
    if constexpr (kHasBf16<Vector>) {
        return Bf16<Vector>::dot(a, b, sum);
    } else {
        alignas(kAlignmentBytes) float x[Vector::size], y[Vector::size], total[Vector::size];
        a.store_aligned(x);
        b.store_aligned(y);
        sum.store_aligned(total);
        for (std::size_t i = 0; i < Vector::size; ++i) total[i] = dot_bf16(x[i], y[i], total[i]);
        return Vector::load_aligned(total);
    }
}

/// sum + the products of the words of a and b.
template <Precision P, class V>
[[nodiscard]] GANCODEC_INLINE V multiply_add(const V& a, const V& b, const V& sum) {
    if constexpr (P == Precision::bf16)
        return dot_bf16(a, b, sum);
    else
        return fma(a, b, sum);
}

}  // namespace simd

}  // namespace gancodec
