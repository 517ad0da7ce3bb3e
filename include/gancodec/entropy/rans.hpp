#pragma once

#include <cstddef>
#include <cstdint>

#include "gancodec/core/config.hpp"

// What encoder and decoder of rANS agree on (Duda 2013, arXiv:1311.2540; interleaved states: Giesen 2014,
// arXiv:1402.3392).
//
// A state x holds everything coded so far as one number. Coding a slot [start, start + f) of 65536:
//   x <- floor(x / f) · 65536 + start + x mod f;   before it, bytes are pushed off the low end until x < f · 2^23.
// Decoding undoes this and pulls bytes back while x < 2^31. Encoding runs from the last symbol to the first.
//
// n symbols are coded like this:
//   n < 4096    in one state, which starts at 1, so that no bytes are lost on it.
//   otherwise   the tail, the last 2^k symbols or up to 3 more, is coded so; k is the smallest from 9 for which it
//               fills kRansForkBytes bytes. These become the starting values of four states, 2^32 + 32 bits each, which thus
//               cost next to nothing. The main part follows, symbol i in state i mod 4. Last, k is coded in 5 bits of
//               state 0. Where no tail is large enough, all is the tail and k is kRansNoFork.
//   A state is written in as few bytes as it has, highest first: a reader stops as soon as x >= 2^31.
//   In the file: state 0, the byte if any that coding k pushed, states 1 to 3, bytes of the main part, of the tail.
//   Decoding must end at x = 1 and with no byte left.

namespace gancodec {

inline constexpr std::uint64_t kRansLow = std::uint64_t{1} << 31;
inline constexpr int kRansLanes = 4;
inline constexpr std::size_t kRansForkFrom = 4096;  ///< fewer symbols are coded in one state
inline constexpr std::uint64_t kRansForkLow = std::uint64_t{1} << 32;
inline constexpr std::size_t kRansForkBytes = 4 * kRansLanes;
inline constexpr int kRansForkBits = 5;
inline constexpr std::uint32_t kRansNoFork = 31;
inline constexpr std::uint32_t kRansSmallestTail = 9;  ///< k of the smallest tail tried

/// How many of `count` symbols come before a tail of 2^k: whole rounds of the four states; 0 where none are left.
[[nodiscard]] constexpr std::size_t rans_main_count(std::size_t count, std::uint32_t k) {
    const std::size_t tail = std::size_t{1} << k;
    return tail >= count ? 0 : (count - tail) / kRansLanes * kRansLanes;
}

/// The upper 64 bits of the product, from four products of halves.
[[nodiscard]] constexpr std::uint64_t multiply_high_by_halves(std::uint64_t a, std::uint64_t b) {
    constexpr std::uint64_t kLow = 0xFFFFFFFFu;
    const std::uint64_t middle = (a >> 32) * (b & kLow) + ((a & kLow) * (b & kLow) >> 32);
    const std::uint64_t other = (a & kLow) * (b >> 32) + (middle & kLow);
    return (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
}
/// The same, by one instruction where the machine has it.
[[nodiscard]] GANCODEC_INLINE constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{a} * b) >> 64);
#else
    return multiply_high_by_halves(a, b);
#endif
}

}  // namespace gancodec
