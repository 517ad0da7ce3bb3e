#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gancodec/bitstream/checksum.hpp"
#include "gancodec/bitstream/format.hpp"
#include "gancodec/bitstream/header.hpp"
#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"

// A file that carries what CompressAI's model.compress() gave for one picture (this comment is the specification;
// tools/compressai_stream.py writes it; *.cai).
//
//   size   field
//   3      magic "CAI"
//   1      version, 1
//   1      length n of the model's name, 1..64
//   n      the name as the zoo spells it, "bmshj2018-hyperprior"
//   varints:
//          N, M of the model
//          width - 1, height - 1, left, top: the picture in px, and where its corner lies in what was compressed
//          h, w: the "shape" of compress(), extents of the last latents (of y for the factorised model, else of z)
//          1 or 2: the number of strings
//   each string in the order of "strings": y, then z if there is one
//     1..4   length m, varint
//     m      the string, see entropy/compressai_rans.hpp
//   4      CRC-32 of everything before, little-endian: the file ends here
//
// varint, CRC-32   as in bitstream/format.hpp

namespace gancodec {

inline constexpr std::uint8_t kCompressAiMagic[3] = {'C', 'A', 'I'};
inline constexpr int kCompressAiVersion = 1;

/// A whole file; the strings point into bytes that someone else owns.
struct CompressAiStream {
    std::string model;
    int N = 0, M = 0;
    int width = 0, height = 0, left = 0, top = 0;
    int h = 0, w = 0;
    std::vector<ByteView> strings;

    /// Pixels of what was compressed for one of the last latents, along each axis.
    [[nodiscard]] int latent_px() const { return strings.size() == 1 ? 16 : 64; }
};

/// Takes a file apart, and holds the extents against each other and against the limits.
/// Safe     Any bytes.
/// Errors   Error{Errc::corrupt_stream}, {Errc::unsupported} for another version, {Errc::limit}.
[[nodiscard]] inline CompressAiStream read_compressai_stream(ByteView bytes, const Limits& limits = {}) {
    const auto refuse = [](const std::string& field, const std::string& expected, const std::string& found) {
        raise_error(Errc::corrupt_stream, field + ": expected " + expected + ", found " + found);
    };
    ByteReader reader(bytes);
    const ByteView magic = reader.read_bytes(sizeof kCompressAiMagic, "CompressAI file magic");
    if (!std::equal(magic.begin(), magic.end(), kCompressAiMagic))
        refuse("CompressAI file magic", "bytes \"CAI\"", "others");
    const int version = reader.read_byte("CompressAI file version");
    if (version != kCompressAiVersion)
        raise_error(Errc::unsupported, "CompressAI file version: expected " + std::to_string(kCompressAiVersion) +
                                           ", found " + std::to_string(version));
    if (reader.remaining() < 4) refuse("CompressAI file", "a CRC-32", "its end");
    const ByteView body = bytes.first(bytes.size() - 4);
    const auto stated = read_little_endian<std::uint32_t>(bytes.data() + body.size());
    if (crc32(body) != stated)
        refuse("CompressAI file", "CRC-32 " + std::to_string(stated), std::to_string(crc32(body)));

    reader = ByteReader(body);
    static_cast<void>(reader.read_bytes(sizeof kCompressAiMagic + 1, "CompressAI file magic"));
    const std::size_t length = reader.read_byte("model name length");
    if (length < 1 || length > 64) refuse("model name length", "1 to 64", std::to_string(length));
    const ByteView name = reader.read_bytes(length, "model name");
    CompressAiStream stream;
    stream.model.assign(name.begin(), name.end());
    const auto number = [&](const char* field, int smallest) {
        const std::uint32_t value = reader.read_varint(field);
        if (value < static_cast<std::uint32_t>(smallest))
            refuse(field, "at least " + std::to_string(smallest), std::to_string(value));
        return static_cast<int>(value);
    };
    stream.N = number("N", 1);
    stream.M = number("M", 1);
    stream.width = number("picture width", 0) + 1;
    stream.height = number("picture height", 0) + 1;
    stream.left = number("picture left", 0);
    stream.top = number("picture top", 0);
    stream.h = number("latents height", 1);
    stream.w = number("latents width", 1);
    const int count = number("number of strings", 1);
    if (count > 2) refuse("number of strings", "1 or 2", std::to_string(count));
    for (int i = 0; i < count; ++i)
        stream.strings.push_back(reader.read_bytes(reader.read_varint("string length"), "string"));
    if (reader.remaining() != 0)
        refuse("CompressAI file", "an end", std::to_string(reader.remaining()) + " more bytes");

    const auto px = [&](int latents) {
        return static_cast<std::uint64_t>(latents) * static_cast<std::uint64_t>(stream.latent_px());
    };
    require_area(px(stream.w), px(stream.h), limits, "CompressAI file");
    const auto end = [](int corner, int side) {
        return static_cast<std::uint64_t>(corner) + static_cast<std::uint64_t>(side);
    };
    if (end(stream.left, stream.width) > px(stream.w) || end(stream.top, stream.height) > px(stream.h))
        refuse("picture", "it inside " + std::to_string(px(stream.w)) + " x " + std::to_string(px(stream.h)) + " px",
               std::to_string(stream.width) + " x " + std::to_string(stream.height) + " px at " +
                   std::to_string(stream.left) + ", " + std::to_string(stream.top));
    return stream;
}

}  // namespace gancodec
