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

/// Appends the CRC-32 of everything since `from` and returns where the next CRC begins.
inline std::size_t append_checksum(Bytes& out, std::size_t from) {
    append_little_endian(out, crc32(ByteView(out).subspan(from)));
    return out.size();
}

inline void append_sized(Bytes& out, ByteView payload, const char* where) {
    if (payload.size() >= kVarintLimit)
        throw Error(Errc::limit, std::string(where) + ": expected fewer than " + std::to_string(kVarintLimit) +
                                     " bytes, found " + std::to_string(payload.size()));
    append_varint(out, static_cast<std::uint32_t>(payload.size()));
    out.insert(out.end(), payload.begin(), payload.end());
}

}  // namespace detail

/// Writes a whole stream as format.hpp specifies it; kFlagMetadata follows from `stream.metadata`.
/// Requires metadata tags rise strictly and none is 0.
/// Errors   Error{Errc::limit} for what the format cannot hold, Error{Errc::invalid_argument} for flags or tags.
[[nodiscard]] inline Bytes write_stream(const Stream& stream) {
    StreamHeader header = stream.header;
    header.flags = static_cast<std::uint8_t>((header.flags & ~unsigned{kFlagMetadata}) |
                                             (stream.metadata.empty() ? 0u : unsigned{kFlagMetadata}));
    Bytes out;
    write_header(out, header);
    std::size_t from = 0;
    unsigned previous = 0;
    for (const MetadataSection& section : stream.metadata) {
        const unsigned tag = static_cast<unsigned>(section.tag);
        if (tag <= previous)
            throw Error(Errc::invalid_argument, "metadata to write: expected a tag above " + std::to_string(previous) +
                                                    ", found " + std::to_string(tag));
        previous = tag;
        out.push_back(static_cast<std::uint8_t>(tag));
        detail::append_sized(out, section.bytes, "metadata to write");
        from = detail::append_checksum(out, from);
    }
    if (!stream.metadata.empty()) out.push_back(0);
    detail::append_sized(out, stream.hyper_latents, "hyper latents to write");
    from = detail::append_checksum(out, from);
    out.insert(out.end(), stream.latents.begin(), stream.latents.end());
    detail::append_checksum(out, from);
    return out;
}

}  // namespace gancodec
