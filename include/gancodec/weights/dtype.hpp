#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gancodec/core/error.hpp"

namespace gancodec {

/// Number formats of a safetensors file.
enum class Dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

namespace detail {
struct DtypeInfo {
    Dtype dtype;
    std::string_view name;
    std::size_t bytes;
};
/// In the order of the enumeration.
inline constexpr std::array<DtypeInfo, 13> kDtypes{{{Dtype::f64, "F64", 8},
                                                    {Dtype::f32, "F32", 4},
                                                    {Dtype::f16, "F16", 2},
                                                    {Dtype::bf16, "BF16", 2},
                                                    {Dtype::i64, "I64", 8},
                                                    {Dtype::i32, "I32", 4},
                                                    {Dtype::i16, "I16", 2},
                                                    {Dtype::i8, "I8", 1},
                                                    {Dtype::u64, "U64", 8},
                                                    {Dtype::u32, "U32", 4},
                                                    {Dtype::u16, "U16", 2},
                                                    {Dtype::u8, "U8", 1},
                                                    {Dtype::boolean, "BOOL", 1}}};
}  // namespace detail

[[nodiscard]] constexpr std::string_view dtype_name(Dtype dtype) {
    return detail::kDtypes[static_cast<std::size_t>(dtype)].name;
}
[[nodiscard]] constexpr std::size_t dtype_bytes(Dtype dtype) {
    return detail::kDtypes[static_cast<std::size_t>(dtype)].bytes;
}

/// A shape for messages: "[64, 3, 11, 11]".
[[nodiscard]] inline std::string shape_text(const std::vector<int>& shape) {
    std::string out = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    return out + "]";
}

/// Product of the extents, 1 for an empty shape.
/// Errors   `code` when an extent is negative or the product does not fit a size_t.
[[nodiscard]] inline std::size_t element_count(const std::vector<int>& shape, Errc code, const std::string& where) {
    std::size_t count = 1;
    for (const int extent : shape) {
        const auto e = static_cast<std::size_t>(extent < 0 ? 0 : extent);
        if (extent < 0 || (e != 0 && count > std::numeric_limits<std::size_t>::max() / e))
            raise_error(code, where + ": expected a shape that fits memory, found " + shape_text(shape));
        count *= e;
    }
    return count;
}

}  // namespace gancodec
