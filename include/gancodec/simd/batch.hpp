#pragma once

// The only file that includes xsimd: what the kernels need of it, under names of our own.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "gancodec/core/config.hpp"
#include "gancodec/simd/unroll.hpp"

namespace gancodec::simd {

#if defined(__AVX2__) && defined(__FMA__)
using Avx2Arch = xsimd::fma3<xsimd::avx2>;
#endif

/// An architecture of plain C++ with `Lanes` floats in a register: it tests other widths than the machine's.
template <int Lanes>
struct EmulatedArch {};

/// The widest registers that the compiler was told of and that multiply and add at once; or, on 32-bit ARM and with the macro
/// GANCODEC_EMULATED_LANES set to 4, 8 or 16, plain C++, which has the very same results and is slow.
#if defined(GANCODEC_EMULATED_LANES)
using NativeArch = EmulatedArch<GANCODEC_EMULATED_LANES>;
#elif defined(__AVX512F__)
using NativeArch = xsimd::default_arch;
#elif defined(__AVX2__) && defined(__FMA__)
using NativeArch = Avx2Arch;  // not default_arch: avxvnni has no fused multiply-add in xsimd 14
#elif defined(__arm__)
using NativeArch = EmulatedArch<4>;  // NEON of 32 bits takes subnormal numbers for 0 and divides by approximation
#else
using NativeArch = xsimd::default_arch;
#endif

/// Whether this build multiplies and adds with one rounding; without it results are near, not equal.
#if defined(GANCODEC_EMULATED_LANES) || defined(__FMA__) || defined(__AVX512F__) || defined(__ARM_FEATURE_FMA) || \
    defined(__aarch64__) || defined(__arm__)
inline constexpr bool kHasFma = true;
#else
inline constexpr bool kHasFma = false;
#endif

/// The register of EmulatedArch.
template <int Lanes>
struct EmulatedFloats {
    static constexpr std::size_t size = Lanes;
    float lanes[Lanes];

    EmulatedFloats() = default;
    explicit EmulatedFloats(float value) { std::fill_n(lanes, Lanes, value); }
    static EmulatedFloats load_aligned(const float* p) {
        EmulatedFloats v;
        std::copy_n(p, Lanes, v.lanes);
        return v;
    }
    static EmulatedFloats load_unaligned(const float* p) { return load_aligned(p); }
    void store_aligned(float* p) const { std::copy_n(lanes, Lanes, p); }
    friend EmulatedFloats operator+(EmulatedFloats a, const EmulatedFloats& b) {
        for (int i = 0; i < Lanes; ++i) a.lanes[i] += b.lanes[i];
        return a;
    }
    friend EmulatedFloats operator-(EmulatedFloats a, const EmulatedFloats& b) {
        for (int i = 0; i < Lanes; ++i) a.lanes[i] -= b.lanes[i];
        return a;
    }
    friend EmulatedFloats operator*(EmulatedFloats a, const EmulatedFloats& b) {
        for (int i = 0; i < Lanes; ++i) a.lanes[i] *= b.lanes[i];
        return a;
    }
};

namespace detail {
template <class Arch>
struct FloatsOf {
    using Type = xsimd::batch<float, Arch>;
};
template <int Lanes>
struct FloatsOf<EmulatedArch<Lanes>> {
    using Type = EmulatedFloats<Lanes>;
};
}  // namespace detail

/// A register of floats.
template <class Arch>
using Floats = typename detail::FloatsOf<Arch>::Type;

/// Floats in one register.
template <class Arch>
inline constexpr int kLanes = static_cast<int>(Floats<Arch>::size);

/// Registers that hold one block of channels.
template <class Arch>
inline constexpr int kVectors = kChannelBlock / kLanes<Arch>;

/// Registers of the machine: 32 for AVX-512 and NEON, 16 for AVX2.
template <class Arch>
inline constexpr int kRegisters = kLanes<Arch> == 8 ? 16 : 32;

template <class Arch>
[[nodiscard]] inline Floats<Arch> load(const float* p) {
    return Floats<Arch>::load_aligned(p);
}
/// From any address, aligned or not.
template <class Arch>
[[nodiscard]] inline Floats<Arch> load_anywhere(const float* p) {
    return Floats<Arch>::load_unaligned(p);
}
template <class Arch>
[[nodiscard]] inline Floats<Arch> broadcast(float value) {
    return Floats<Arch>(value);
}
/// The same value, in a register from here on: compilers would rather load it again for every use.
template <class Arch>
[[nodiscard]] GANCODEC_INLINE xsimd::batch<float, Arch> in_register(xsimd::batch<float, Arch> v) {
#if defined(__GNUC__) && defined(__x86_64__)
    asm("" : "+v"(v.data));
#elif defined(__GNUC__) && defined(__aarch64__)
    asm("" : "+w"(v.data));
#endif
    return v;
}
template <int Lanes>
[[nodiscard]] GANCODEC_INLINE EmulatedFloats<Lanes> in_register(EmulatedFloats<Lanes> v) {
    return v;
}
template <class Arch>
inline void store(float* p, const Floats<Arch>& v) {
    v.store_aligned(p);
}

/// Asks for the cache line at `p`, which will be read soon.
inline void prefetch([[maybe_unused]] const float* p) {
#if defined(__GNUC__)
    __builtin_prefetch(p);
#endif
}
/// Asks for the cache line at `p`, which will be written soon.
inline void prefetch_to_write([[maybe_unused]] const float* p) {
#if defined(__GNUC__)
    __builtin_prefetch(p, 1);
#endif
}

template <class Arch>
[[nodiscard]] inline xsimd::batch<float, Arch> abs(const xsimd::batch<float, Arch>& v) {
    return xsimd::abs(v);
}
template <int Lanes>
[[nodiscard]] inline EmulatedFloats<Lanes> abs(EmulatedFloats<Lanes> v) {
    for (float& lane : v.lanes) lane = std::abs(lane);
    return v;
}

#if defined(__aarch64__)
/// xsimd 14 has roots and quotients for arm64 from 32-bit NEON, which are approximations there.
template <class Arch>
inline constexpr bool kNeon = std::is_same_v<typename xsimd::batch<float, Arch>::register_type, float32x4_t>;
#endif

/// Correctly rounded, which IEEE 754 demands of it. Unlike std::sqrt it sets no errno, which would forbid vectors.
template <class Arch>
[[nodiscard]] inline xsimd::batch<float, Arch> sqrt(const xsimd::batch<float, Arch>& v) {
#if defined(__aarch64__)
    if constexpr (kNeon<Arch>) return vsqrtq_f32(v);
#endif
    return xsimd::sqrt(v);
}
template <int Lanes>
[[nodiscard]] inline EmulatedFloats<Lanes> sqrt(EmulatedFloats<Lanes> v) {
    for (float& lane : v.lanes) lane = std::sqrt(lane);
    return v;
}

/// a/b, correctly rounded.
template <class Arch>
[[nodiscard]] inline xsimd::batch<float, Arch> divide(const xsimd::batch<float, Arch>& a,
                                                      const xsimd::batch<float, Arch>& b) {
#if defined(__aarch64__)
    if constexpr (kNeon<Arch>) return vdivq_f32(a, b);
#endif
    return a / b;
}
template <int Lanes>
[[nodiscard]] inline EmulatedFloats<Lanes> divide(EmulatedFloats<Lanes> a, const EmulatedFloats<Lanes>& b) {
    for (int i = 0; i < Lanes; ++i) a.lanes[i] /= b.lanes[i];
    return a;
}

/// Lanes of `v` that are above 0, and of `other` elsewhere.
template <class Arch>
[[nodiscard]] inline xsimd::batch<float, Arch> positive_or(const xsimd::batch<float, Arch>& v,
                                                           const xsimd::batch<float, Arch>& other) {
    return xsimd::select(v > xsimd::batch<float, Arch>(0.0f), v, other);
}
template <int Lanes>
[[nodiscard]] inline EmulatedFloats<Lanes> positive_or(const EmulatedFloats<Lanes>& v, EmulatedFloats<Lanes> other) {
    for (int i = 0; i < Lanes; ++i)
        if (v.lanes[i] > 0.0f) other.lanes[i] = v.lanes[i];
    return other;
}

/// `value` with its sign turned where `x` is below 0, and 0 where `x` is 0: the gradient of |x| times `value`.
template <class Arch>
[[nodiscard]] inline xsimd::batch<float, Arch> signed_like(const xsimd::batch<float, Arch>& value,
                                                           const xsimd::batch<float, Arch>& x) {
    using Vector = xsimd::batch<float, Arch>;
    const Vector zero(0.0f);
    return xsimd::select(x > zero, value, xsimd::select(x < zero, value * Vector(-1.0f), zero));
}
template <int Lanes>
[[nodiscard]] inline EmulatedFloats<Lanes> signed_like(EmulatedFloats<Lanes> value, const EmulatedFloats<Lanes>& x) {
    for (int i = 0; i < Lanes; ++i)
        value.lanes[i] = x.lanes[i] > 0.0f ? value.lanes[i] : x.lanes[i] < 0.0f ? -value.lanes[i] : 0.0f;
    return value;
}

/// a·b + c, rounded once.
template <class Arch>
[[nodiscard]] inline xsimd::batch<float, Arch> fma(const xsimd::batch<float, Arch>& a,
                                                   const xsimd::batch<float, Arch>& b,
                                                   const xsimd::batch<float, Arch>& c) {
    return xsimd::fma(a, b, c);
}
template <int Lanes>
[[nodiscard]] inline EmulatedFloats<Lanes> fma(const EmulatedFloats<Lanes>& a, const EmulatedFloats<Lanes>& b,
                                               EmulatedFloats<Lanes> c) {
    for (int i = 0; i < Lanes; ++i) c.lanes[i] = std::fma(a.lanes[i], b.lanes[i], c.lanes[i]);
    return c;
}

/// Side of the squares that transpose_square() turns.
inline constexpr int kSquare = 4;

/// to[c·to_row + r] = from[r·from_row + c] for r and c below kSquare; any addresses.
template <class Arch>
inline void transpose_square(const float* from, std::ptrdiff_t from_row, float* to, std::ptrdiff_t to_row) {
    if constexpr (requires { typename Floats<Arch>::arch_type; }) {
        using Row = xsimd::make_sized_batch_t<float, kSquare>;
        Row rows[kSquare];
        GANCODEC_UNROLL for (int r = 0; r < kSquare; ++r) rows[r] = Row::load_unaligned(from + r * from_row);
        xsimd::transpose(rows, rows + kSquare);
        GANCODEC_UNROLL for (int c = 0; c < kSquare; ++c) rows[c].store_unaligned(to + c * to_row);
    } else {
        for (int r = 0; r < kSquare; ++r)
            for (int c = 0; c < kSquare; ++c) to[c * to_row + r] = from[r * from_row + c];
    }
}

}  // namespace gancodec::simd
