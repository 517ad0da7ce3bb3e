#pragma once

#include <array>
#include <cstdint>

#include "gancodec/core/bytes.hpp"

namespace gancodec {

namespace detail {

inline constexpr std::array<std::uint32_t, 256> kCrc32Table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t remainder = i;
        for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1u) != 0 ? 0xEDB88320u : 0u);
        table[i] = remainder;
    }
    return table;
}();

}  // namespace detail

/// CRC-32 of IEEE 802.3 (that of zlib and PNG): any burst of up to 32 flipped bits changes it.
[[nodiscard]] constexpr std::uint32_t crc32(ByteView bytes) {
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ detail::kCrc32Table[(crc ^ byte) & 0xFFu];
    return crc ^ 0xFFFFFFFFu;
}

}  // namespace gancodec
