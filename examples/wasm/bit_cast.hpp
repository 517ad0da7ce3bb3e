#pragma once

// For Emscripten 3.1 of Debian 12, whose C++ library has no std::bit_cast: em++ -include examples/wasm/bit_cast.hpp
#include <bit>
#include <version>

#if !defined(__cpp_lib_bit_cast)
namespace std {
template <class To, class From>
constexpr To bit_cast(const From& from) noexcept {
    return __builtin_bit_cast(To, from);
}
}  // namespace std
#endif
