#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gancodec {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// Little-endian integers, whatever the machine. Requires the span holds sizeof(Integer) bytes.
template <class Integer>
[[nodiscard]] constexpr Integer read_little_endian(const std::uint8_t* p) {
    Integer value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        value = static_cast<Integer>(value | static_cast<Integer>(static_cast<Integer>(p[i]) << (8 * i)));
    return value;
}
template <class Integer>
void append_little_endian(Bytes& out, Integer value) {
    for (std::size_t i = 0; i < sizeof(Integer); ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace gancodec
