#pragma once

// Version and build-wide constants. Everything here is plain C++20 and the standard library.

#define GANCODEC_VERSION_MAJOR 0
#define GANCODEC_VERSION_MINOR 1
#define GANCODEC_VERSION_PATCH 0

#if defined(__FAST_MATH__)
#pragma message( \
    "gancodec: -ffast-math changes decoded pixels (never symbols); weights whose self-test sees it are refused when they load")
#endif

/// GANCODEC_INLINE: for small functions on the way of every number; compilers that judge them too large for a loop leave
/// calls in it. GANCODEC_RARE: for what is seldom called from such a loop, and must not crowd it.
#if defined(__GNUC__)
#define GANCODEC_INLINE __attribute__((always_inline)) inline
#define GANCODEC_RARE __attribute__((noinline, cold))
#else
#define GANCODEC_INLINE inline
#define GANCODEC_RARE
#endif

namespace gancodec {

/// Channels are stored in blocks of this many floats, on every machine: 1 AVX-512 register, 2 of AVX2, 4 of NEON.
inline constexpr int kChannelBlock = 16;

/// Alignment in bytes of every tensor and of every packed weight.
inline constexpr int kAlignmentBytes = 64;

}  // namespace gancodec
