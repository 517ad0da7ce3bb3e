#pragma once

// Registers only hold an array of accumulators when every loop over it is unrolled, initialisation and stores
// included, and when nothing between takes its address: hence these words for the compilers.

#include "gancodec/core/config.hpp"  // GANCODEC_INLINE

#if defined(__clang__)
#define GANCODEC_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define GANCODEC_UNROLL _Pragma("GCC unroll 64")
#else
#define GANCODEC_UNROLL
#endif
