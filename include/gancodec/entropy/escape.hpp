#pragma once

#include <bit>
#include <cstdint>

#include "gancodec/entropy/cdf.hpp"

// A symbol outside its table is coded as the escape slot, then the Exp-Golomb code of how far outside it lies, in
// equiprobable bits: n - 1 zeros and the n bits of code + 1, highest first.

namespace gancodec {

/// Largest n: codes of symbols within ±kMaxSymbol stay below 2^22.
inline constexpr int kMaxEscapeBits = 23;

/// Numbers the symbols outside `table` 0, 1, 2, … by their distance, above and below in turn.
/// Requires |symbol| <= kMaxSymbol and symbol lies outside the table.
[[nodiscard]] constexpr std::uint32_t escape_code(std::int32_t symbol, const CdfTables::Table& table) {
    const std::int32_t end = table.first + static_cast<std::int32_t>(table.slots) - 1;
    return symbol >= end ? 2u * static_cast<std::uint32_t>(symbol - end)
                         : 2u * static_cast<std::uint32_t>(table.first - 1 - symbol) + 1u;
}

/// Inverse of escape_code(); whoever reads a stream checks the result against kMaxSymbol.
/// Requires code < 2^23.
[[nodiscard]] constexpr std::int32_t escape_symbol(std::uint32_t code, const CdfTables::Table& table) {
    const auto distance = static_cast<std::int32_t>(code >> 1);
    return (code & 1u) == 0 ? table.first + static_cast<std::int32_t>(table.slots) - 1 + distance
                            : table.first - 1 - distance;
}

/// Calls put_bit(bit) for every bit of the code, the last first, because rANS encodes backwards.
template <class PutBit>
constexpr void put_escape_backwards(std::uint32_t code, const PutBit& put_bit) {
    const std::uint32_t value = code + 1;
    const int bits = static_cast<int>(std::bit_width(value));
    for (int i = 0; i < bits; ++i) put_bit((value >> i) & 1u);
    for (int i = 1; i < bits; ++i) put_bit(0u);
}

/// Reads what put_escape_backwards() wrote, by calls of get_bit().
/// Returns a code < 2^23, or -1 where the bits hold none.
template <class GetBit>
constexpr std::int64_t get_escape(const GetBit& get_bit) {
    int bits = 1;
    while (get_bit() == 0u)
        if (++bits > kMaxEscapeBits) return -1;
    std::uint32_t value = 1;
    for (int i = 1; i < bits; ++i) value = (value << 1) | get_bit();
    return std::int64_t{value} - 1;
}

}  // namespace gancodec
