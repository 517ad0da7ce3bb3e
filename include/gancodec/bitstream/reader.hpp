#pragma once

#include <cstddef>
#include <string>

#include "gancodec/bitstream/checksum.hpp"
#include "gancodec/bitstream/format.hpp"
#include "gancodec/bitstream/header.hpp"
#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"

namespace gancodec {

namespace detail {

/// Compares the CRC-32 of everything since `from` with the four bytes that follow; returns where the next begins.
inline std::size_t check_checksum(ByteReader& reader, ByteView bytes, std::size_t from, const char* field) {
    const std::uint32_t expected = crc32(bytes.subspan(from, reader.position() - from));
    const std::uint32_t found = reader.read_u32(field);
    if (found != expected)
        throw Error(Errc::corrupt_stream, std::string(field) + ": expected CRC-32 " + std::to_string(expected) +
                                              ", found " + std::to_string(found));
    return reader.position();
}

}  // namespace detail

/// Takes a stream apart: checks the limits, every length and every CRC-32; the sections are views into `bytes`.
/// Safe     Any bytes; it allocates no more than a list of at most 255 metadata views.
/// Errors   Error{Errc::corrupt_stream}, {Errc::unsupported} for another version, {Errc::limit}.
[[nodiscard]] inline Stream read_stream(ByteView bytes, const Limits& limits = {}) {
    ByteReader reader(bytes);
    Stream stream;
    stream.header = read_header(reader, limits);
    std::size_t from = 0;
    if ((stream.header.flags & kFlagMetadata) != 0) {
        unsigned previous = 0;
        while (const unsigned tag = reader.read_byte("metadata tag")) {
            if (tag <= previous)
                throw Error(Errc::corrupt_stream, "metadata tag: expected one above " + std::to_string(previous) +
                                                      ", found " + std::to_string(tag));
            previous = tag;
            const std::size_t length = reader.read_varint("metadata length");
            const ByteView payload = reader.read_bytes(length, "metadata section");
            from = detail::check_checksum(reader, bytes, from, "metadata section");
            stream.metadata.push_back({static_cast<MetadataTag>(tag), payload});
        }
        if (previous == 0)
            throw Error(Errc::corrupt_stream, "metadata tag: expected a section as the flags say, found none");
    }
    const std::size_t length = reader.read_varint("hyper latents length");
    stream.hyper_latents = reader.read_bytes(length, "hyper latents section");
    from = detail::check_checksum(reader, bytes, from, "hyper latents section");
    if (reader.remaining() < 4)
        throw Error(Errc::corrupt_stream,
                    "latents section: expected at least 4 bytes, found " + std::to_string(reader.remaining()));
    stream.latents = reader.read_bytes(reader.remaining() - 4, "latents section");
    detail::check_checksum(reader, bytes, from, "latents section");
    return stream;
}

}  // namespace gancodec
