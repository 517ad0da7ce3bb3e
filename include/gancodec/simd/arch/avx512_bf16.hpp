#pragma once

// AVX512_BF16, where the compiler was told of it: what simd/bf16.hpp says, as instructions.

#include "gancodec/simd/batch.hpp"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace gancodec::simd {

/// Whether a register of type Vector has instructions for bf16.
template <class Vector>
inline constexpr bool kHasBf16 = false;

template <class Vector>
struct Bf16;

#if defined(__AVX512BF16__)

template <class Arch>
    requires(sizeof(xsimd::batch<float, Arch>) == 64)
inline constexpr bool kHasBf16<xsimd::batch<float, Arch>> = true;

template <class Arch>
    requires(sizeof(xsimd::batch<float, Arch>) == 64)
struct Bf16<xsimd::batch<float, Arch>> {
    using Vector = xsimd::batch<float, Arch>;

    GANCODEC_INLINE static Vector pair(const Vector& first, const Vector& second) {
        // The sixteen of `first` lie below those of `second`: take one of each in turn.
        const __m512i zip = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                             21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
        const auto both = (__m512i)_mm512_cvtne2ps_pbh(second.data, first.data);
        return Vector(_mm512_castsi512_ps(_mm512_permutexvar_epi16(zip, both)));
    }
    GANCODEC_INLINE static void store(float* words, const Vector& v) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(words), (__m256i)_mm512_cvtneps_pbh(v.data));
    }
    /// In assembly: from the intrinsic compilers make copies of the sums.
    GANCODEC_INLINE static Vector dot(const Vector& a, const Vector& b, Vector sum) {
        asm("vdpbf16ps %2, %1, %0" : "+v"(sum.data) : "v"(a.data), "v"(b.data));
        return sum;
    }
};

#endif

}  // namespace gancodec::simd
