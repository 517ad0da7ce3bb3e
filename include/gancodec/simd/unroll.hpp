#pragma once

// Registers only hold an array of accumulators when every loop over it is unrolled, initialisation and stores
// included, and when nothing between takes its address: hence these words for the compilers.

#if defined(__clang__)
#define GANCODEC_UNROLL _Pragma("clang loop unroll(full)")
#define GANCODEC_INLINE __attribute__((always_inline)) inline
#elif defined(__GNUC__)
#define GANCODEC_UNROLL _Pragma("GCC unroll 64")
#define GANCODEC_INLINE __attribute__((always_inline)) inline
#else
#define GANCODEC_UNROLL
#define GANCODEC_INLINE inline
#endif
