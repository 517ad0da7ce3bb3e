#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/core/half.hpp"
#include "gancodec/core/mapped_file.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/weights/dtype.hpp"
#include "gancodec/weights/json_lite.hpp"

namespace gancodec {

/// One tensor of a safetensors file; `begin` and `end` count bytes from the start of the data section.
struct TensorEntry {
    Dtype dtype = Dtype::f32;
    std::vector<int> shape;
    std::size_t begin = 0, end = 0;

    [[nodiscard]] std::size_t size() const { return (end - begin) / dtype_bytes(dtype); }
};

/// A tensor that a network asks of a file.
struct TensorRequest {
    std::string name;
    std::vector<int> shape;
};

/// What require_tensors() says to tensors that nobody asked for.
enum class ExtraTensors { refuse, allow };

/// A safetensors file in memory, checked as a whole when it is read.
///   file = header length (8 bytes, little-endian) · header (JSON) · data
///   header = {"__metadata__": {string: string}, name: {"dtype": …, "shape": […], "data_offsets": [begin, end]}, …}
/// Safe     Any bytes: nothing is allocated before its size was compared with the file's own.
/// Errors   Error{Errc::corrupt_weights} where anything is damaged, overlaps, or leaves a gap.
class SafetensorsFile {
public:
    /// Longer headers are refused: thousands of tensors fit into one megabyte.
    static constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 24;

    SafetensorsFile() = default;
    /// Copies the bytes. `where` names the file in messages.
    [[nodiscard]] static SafetensorsFile parse(ByteView bytes, const std::string& where = "weights") {
        auto copy =
            std::make_shared<AlignedArray<std::uint8_t>>(AlignedArray<std::uint8_t>::uninitialised(bytes.size()));
        std::copy(bytes.begin(), bytes.end(), copy->begin());
        const ByteView view{copy->data(), copy->size()};
        return SafetensorsFile(std::move(copy), view, where);
    }
    /// Bytes that are there as long as the file and its copies, as those built into a program: nothing is copied.
    [[nodiscard]] static SafetensorsFile view(ByteView bytes, const std::string& where = "weights") {
        return SafetensorsFile(nullptr, bytes, where);
    }
    /// Requires and Errors   as MappedFile.
    [[nodiscard]] static SafetensorsFile load(const std::filesystem::path& path) {
        auto file = std::make_shared<const MappedFile>(path);
        const ByteView view = file->bytes();
        return SafetensorsFile(std::move(file), view, path.string());
    }

    [[nodiscard]] const std::string& where() const { return where_; }
    [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
    [[nodiscard]] const std::map<std::string, TensorEntry>& tensors() const { return tensors_; }
    /// nullptr when the file has no such tensor.
    [[nodiscard]] const TensorEntry* find(const std::string& name) const {
        const auto found = tensors_.find(name);
        return found == tensors_.end() ? nullptr : &found->second;
    }
    /// The whole file.
    [[nodiscard]] ByteView bytes() const { return bytes_; }
    /// The bytes of a tensor as they lie in the file: little-endian, last axis fastest.
    [[nodiscard]] ByteView raw(const std::string& name) const { return raw(entry(name)); }

    /// The numbers of a tensor of dtype F32, F16 or BF16.
    /// Errors   Error{Errc::wrong_weights} when there is no such tensor, or it holds another dtype.
    [[nodiscard]] std::vector<float> read_float(const std::string& name) const {
        std::vector<float> out(entry(name).size());
        read_float(name, out);
        return out;
    }
    /// The same from number `first` on, as many as `out` has, into memory that is there. Requires the tensor has them.
    void read_float(const std::string& name, std::span<float> out, std::size_t first = 0) const {
        const TensorEntry& tensor = entry(name);
        GANCODEC_ASSERT(first <= tensor.size() && out.size() <= tensor.size() - first);
        const std::uint8_t* p = raw(tensor).data() + first * dtype_bytes(tensor.dtype);
        switch (tensor.dtype) {
            case Dtype::f32:
                return floats<std::uint32_t>(p, out, [](std::uint32_t x) { return std::bit_cast<float>(x); });
            case Dtype::f16:
                return floats<std::uint16_t>(p, out, [](std::uint16_t x) { return f16_to_float(x); });
            case Dtype::bf16:
                return floats<std::uint16_t>(p, out, [](std::uint16_t x) { return bf16_to_float(x); });
            default:
                wrong_dtype(name, tensor, "F32, F16 or BF16");
        }
    }
    /// The numbers of a tensor of dtype I8, U8, I16, U16 or I32.
    /// Errors   as read_float()
    [[nodiscard]] std::vector<std::int32_t> read_int(const std::string& name) const {
        const TensorEntry& tensor = entry(name);
        const std::uint8_t* p = raw(tensor).data();
        switch (tensor.dtype) {
            case Dtype::i8:
                return integers<std::int8_t>(tensor, p);
            case Dtype::u8:
                return integers<std::uint8_t>(tensor, p);
            case Dtype::i16:
                return integers<std::int16_t>(tensor, p);
            case Dtype::u16:
                return integers<std::uint16_t>(tensor, p);
            case Dtype::i32:
                return integers<std::int32_t>(tensor, p);
            default:
                wrong_dtype(name, tensor, "I8, U8, I16, U16 or I32");
        }
    }

private:
    SafetensorsFile(std::shared_ptr<const void> owner, ByteView bytes, std::string where)
        : where_(std::move(where)), owner_(std::move(owner)), bytes_(bytes) {
        read_header();
        check_layout();
    }
    [[noreturn]] void corrupt(const std::string& message) const {
        raise_error(Errc::corrupt_weights, where_ + ": " + message);
    }
    [[noreturn]] void wrong_dtype(const std::string& name, const TensorEntry& tensor, const char* wanted) const {
        raise_error(Errc::wrong_weights, where_ + ": expected tensor " + printable(name) + " of " + wanted +
                                             ", found " + std::string(dtype_name(tensor.dtype)));
    }
    [[nodiscard]] const TensorEntry& entry(const std::string& name) const {
        if (const TensorEntry* found = find(name)) return *found;
        raise_error(Errc::wrong_weights, where_ + ": expected a tensor " + printable(name) + ", found none");
    }
    [[nodiscard]] ByteView raw(const TensorEntry& tensor) const {
        return bytes().subspan(data_start_ + tensor.begin, tensor.end - tensor.begin);
    }
    template <class Stored, class Convert>
    static void floats(const std::uint8_t* p, std::span<float> out, Convert&& number) {
        parallel_spans(out.size(), [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i)
                out[i] = number(read_little_endian<Stored>(p + i * sizeof(Stored)));
        });
    }
    template <class Stored>
    static std::vector<std::int32_t> integers(const TensorEntry& tensor, const std::uint8_t* p) {
        std::vector<std::int32_t> out(tensor.size());
        for (std::int32_t& x : out) {
            x = static_cast<Stored>(read_little_endian<std::make_unsigned_t<Stored>>(p));
            p += sizeof(Stored);
        }
        return out;
    }

    void read_header() {
        constexpr std::size_t kLengthBytes = 8;
        if (bytes_.size() < kLengthBytes)
            corrupt("expected a safetensors file, found " + std::to_string(bytes_.size()) + " bytes");
        const auto length = read_little_endian<std::uint64_t>(bytes_.data());
        if (length > kMaxHeaderBytes || length > bytes_.size() - kLengthBytes)
            corrupt("expected a safetensors header inside a file of " + std::to_string(bytes_.size()) +
                    " bytes, found a header of " + std::to_string(length));
        data_start_ = kLengthBytes + static_cast<std::size_t>(length);
        const auto* text = reinterpret_cast<const char*>(bytes_.data() + kLengthBytes);
        JsonReader json({text, static_cast<std::size_t>(length)}, where_ + ": header");
        bool metadata_seen = false;
        json.object([&](const std::string& name) {
            if (name == "__metadata__") {
                if (std::exchange(metadata_seen, true)) json.fail("one __metadata__");
                json.object([&](const std::string& key) {
                    if (!metadata_.emplace(key, json.string()).second) json.fail("metadata keys that differ");
                });
            } else if (!tensors_.emplace(name, read_entry(json, name)).second) {
                json.fail("tensor names that differ, not " + printable(name) + " again");
            }
        });
        json.finish();
    }
    [[nodiscard]] TensorEntry read_entry(JsonReader& json, const std::string& name) const {
        constexpr std::size_t kMaxRank = 8;
        TensorEntry tensor;
        bool dtype_seen = false, shape_seen = false, offsets_seen = false;
        json.object([&](const std::string& key) {
            if (key == "dtype" && !std::exchange(dtype_seen, true)) {
                tensor.dtype = read_dtype(json);
            } else if (key == "shape" && !std::exchange(shape_seen, true)) {
                json.list('[', ']', [&] {
                    const std::uint64_t extent = json.unsigned_integer();
                    if (tensor.shape.size() == kMaxRank || extent > std::numeric_limits<int>::max())
                        json.fail("at most 8 extents below 2^31");
                    tensor.shape.push_back(static_cast<int>(extent));
                });
            } else if (key == "data_offsets" && !std::exchange(offsets_seen, true)) {
                json.expect('[');
                tensor.begin = read_offset(json);
                json.expect(',');
                tensor.end = read_offset(json);
                json.expect(']');
            } else {
                json.fail("dtype, shape and data_offsets once each, not " + printable(key));
            }
        });
        if (!dtype_seen || !shape_seen || !offsets_seen) json.fail("dtype, shape and data_offsets");
        const std::string which = where_ + ": tensor " + printable(name);
        const std::size_t count = element_count(tensor.shape, Errc::corrupt_weights, which);
        const std::size_t bytes = dtype_bytes(tensor.dtype);
        if (tensor.begin > tensor.end || (tensor.end - tensor.begin) % bytes != 0 || tensor.size() != count)
            raise_error(Errc::corrupt_weights, which + ": expected offsets that hold " +
                                                   std::string(dtype_name(tensor.dtype)) + " " +
                                                   shape_text(tensor.shape) + ", found " +
                                                   std::to_string(tensor.begin) + " to " + std::to_string(tensor.end));
        return tensor;
    }
    [[nodiscard]] static Dtype read_dtype(JsonReader& json) {
        const std::string name = json.string();
        for (const auto& known : detail::kDtypes)
            if (known.name == name) return known.dtype;
        json.fail("a known dtype, not " + printable(name));
    }
    [[nodiscard]] std::size_t read_offset(JsonReader& json) const {
        const std::uint64_t offset = json.unsigned_integer();
        if (offset > bytes_.size() - data_start_)
            json.fail("an offset of at most " + std::to_string(bytes_.size() - data_start_));
        return static_cast<std::size_t>(offset);
    }
    /// The format demands that tensors cover the data section without overlap and without gaps.
    void check_layout() const {
        std::vector<std::pair<std::size_t, std::size_t>> spans;
        for (const auto& [name, tensor] : tensors_) spans.emplace_back(tensor.begin, tensor.end);
        std::sort(spans.begin(), spans.end());
        std::size_t covered = 0;
        for (const auto& [begin, end] : spans) {
            if (begin != covered)
                corrupt("expected a tensor that begins at byte " + std::to_string(covered) +
                        " of the data, found one at " + std::to_string(begin));
            covered = end;
        }
        if (covered != bytes_.size() - data_start_)
            corrupt("expected " + std::to_string(covered) + " bytes of data, found " +
                    std::to_string(bytes_.size() - data_start_));
    }

    std::string where_;
    std::shared_ptr<const void> owner_;  ///< of the bytes, which copies of a file share
    ByteView bytes_;
    std::size_t data_start_ = 0;
    std::map<std::string, std::string> metadata_;
    std::map<std::string, TensorEntry> tensors_;
};

/// Checks that `file` holds exactly the tensors asked for (or, with ExtraTensors::allow, at least those).
/// Errors   ONE Error{Errc::wrong_weights} that lists everything missing, mis-shaped and unexpected, in one line.
inline void require_tensors(const SafetensorsFile& file, std::span<const TensorRequest> requests,
                            ExtraTensors extra = ExtraTensors::refuse) {
    std::string missing, misshaped, unexpected;
    std::map<std::string, bool> asked;
    for (const TensorRequest& request : requests) {
        asked[request.name] = true;
        const TensorEntry* found = file.find(request.name);
        if (found == nullptr)
            missing += " " + printable(request.name);
        else if (found->shape != request.shape)
            misshaped += " " + printable(request.name) + " (expected " + shape_text(request.shape) + ", found " +
                         shape_text(found->shape) + ")";
    }
    if (extra == ExtraTensors::refuse)
        for (const auto& [name, tensor] : file.tensors())
            if (asked.find(name) == asked.end()) unexpected += " " + printable(name);
    if (missing.empty() && misshaped.empty() && unexpected.empty()) return;
    std::string message = file.where() + ": expected the tensors of another architecture";
    if (!missing.empty()) message += "; missing:" + missing;
    if (!misshaped.empty()) message += "; of another shape:" + misshaped;
    if (!unexpected.empty()) message += "; unexpected:" + unexpected;
    raise_error(Errc::wrong_weights, message);
}

}  // namespace gancodec
