#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/half.hpp"
#include "gancodec/weights/dtype.hpp"
#include "gancodec/weights/json_lite.hpp"

namespace gancodec {

/// Collects tensors and writes them as one safetensors file; the bytes do not depend on the order of the calls.
/// Errors   Error{Errc::invalid_argument} for a name given twice or not UTF-8, numbers that do not fit the shape, or a
///          number that the dtype cannot hold.
class SafetensorsWriter {
public:
    void metadata(const std::string& key, const std::string& value) {
        if (!is_utf8(key) || !is_utf8(value)) refuse("metadata: expected valid UTF-8, found other bytes");
        metadata_[key] = value;
    }
    /// Rounds to nearest, ties to even. `dtype` is F32, F16 or BF16.
    void add_float(const std::string& name, const std::vector<int>& shape, std::span<const float> values,
                   Dtype dtype = Dtype::f32) {
        if (dtype != Dtype::f32 && dtype != Dtype::f16 && dtype != Dtype::bf16)
            refuse("tensor " + name + ": expected F32, F16 or BF16, found " + std::string(dtype_name(dtype)));
        Bytes out;
        out.reserve(values.size() * dtype_bytes(dtype));
        for (const float value : values) {
            if (dtype == Dtype::f32) {
                append_little_endian(out, std::bit_cast<std::uint32_t>(value));
                continue;
            }
            const std::uint16_t half = dtype == Dtype::f16 ? float_to_f16(value) : float_to_bf16(value);
            const float back = dtype == Dtype::f16 ? f16_to_float(half) : bf16_to_float(half);
            if (std::isinf(back) && !std::isinf(value)) does_not_fit(name, std::to_string(value), dtype);
            append_little_endian(out, half);
        }
        add(name, shape, values.size(), dtype, std::move(out));
    }
    /// `dtype` is I8, U8, I16, U16 or I32.
    void add_int(const std::string& name, const std::vector<int>& shape, std::span<const std::int32_t> values,
                 Dtype dtype = Dtype::i32) {
        const bool is_signed = dtype == Dtype::i8 || dtype == Dtype::i16 || dtype == Dtype::i32;
        if (!is_signed && dtype != Dtype::u8 && dtype != Dtype::u16)
            refuse("tensor " + name + ": expected I8, U8, I16, U16 or I32, found " + std::string(dtype_name(dtype)));
        const auto bits = static_cast<int>(8 * dtype_bytes(dtype));
        const std::int64_t low = is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
        const std::int64_t high = low + (std::int64_t{1} << bits) - 1;
        Bytes out;
        out.reserve(values.size() * dtype_bytes(dtype));
        for (const std::int32_t value : values) {
            if (value < low || value > high) does_not_fit(name, std::to_string(value), dtype);
            for (int shift = 0; shift < bits; shift += 8)
                out.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(value) >> shift));
        }
        add(name, shape, values.size(), dtype, std::move(out));
    }

    /// The file. Wide dtypes come first and the header is padded to 8 bytes, so every tensor is aligned.
    [[nodiscard]] Bytes bytes() const {
        std::vector<std::pair<const std::string*, const Tensor*>> order;
        for (const auto& [name, tensor] : tensors_) order.emplace_back(&name, &tensor);
        std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
            return dtype_bytes(a.second->dtype) > dtype_bytes(b.second->dtype);
        });
        std::string header = "{\"__metadata__\":{";
        for (const auto& [key, value] : metadata_)
            header += (header.back() == '{' ? "" : ",") + json_quote(key) + ":" + json_quote(value);
        header += "}";
        std::size_t offset = 0;
        for (const auto& [name, tensor] : order) {
            header += "," + json_quote(*name) + ":{\"dtype\":\"" + std::string(dtype_name(tensor->dtype)) +
                      "\",\"shape\":" + shape_text(tensor->shape) + ",\"data_offsets\":[" + std::to_string(offset);
            offset += tensor->data.size();
            header += "," + std::to_string(offset) + "]}";
        }
        header += "}";
        header.append((8 - header.size() % 8) % 8, ' ');
        Bytes out;
        out.reserve(8 + header.size() + offset);
        append_little_endian(out, std::uint64_t{header.size()});
        out.insert(out.end(), header.begin(), header.end());
        for (const auto& [name, tensor] : order) out.insert(out.end(), tensor->data.begin(), tensor->data.end());
        return out;
    }
    /// Readers see the old file or the whole new one: core/file.hpp.
    /// Errors   Error{Errc::io}
    void save(const std::filesystem::path& path) const { write_file(path, bytes(), Survives::power_cut); }

private:
    struct Tensor {
        Dtype dtype;
        std::vector<int> shape;
        Bytes data;
    };
    [[noreturn]] static void refuse(const std::string& message) { raise_error(Errc::invalid_argument, message); }
    [[noreturn]] static void does_not_fit(const std::string& name, const std::string& value, Dtype dtype) {
        refuse("tensor " + name + ": expected numbers that " + std::string(dtype_name(dtype)) + " holds, found " +
               value);
    }
    void add(const std::string& name, const std::vector<int>& shape, std::size_t count, Dtype dtype, Bytes data) {
        if (!is_utf8(name) || name == "__metadata__") refuse("expected a tensor name in UTF-8, not __metadata__");
        if (element_count(shape, Errc::invalid_argument, "tensor " + name) != count)
            refuse("tensor " + name + ": expected numbers for " + shape_text(shape) + ", found " +
                   std::to_string(count));
        if (!tensors_.emplace(name, Tensor{dtype, shape, std::move(data)}).second)
            refuse("tensor " + name + ": expected a new name, found it twice");
    }

    std::map<std::string, std::string> metadata_;
    std::map<std::string, Tensor> tensors_;
};

}  // namespace gancodec
