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
        raise_error(Errc::limit, std::string(where) + ": expected fewer than " + std::to_string(kVarintLimit) +
                                     " bytes, found " + std::to_string(payload.size()));
    append_varint(out, static_cast<std::uint32_t>(payload.size()));
    out.insert(out.end(), payload.begin(), payload.end());
}

}  // namespace detail

/// Bytes of hyper latents and latents with their lengths and CRC-32s, of which the first covers the bytes from `from` on.
inline void append_symbols(Bytes& out, const StreamSymbols& symbols, std::size_t from) {
    detail::append_sized(out, symbols.hyper_latents, "hyper latents to write");
    from = detail::append_checksum(out, from);
    out.insert(out.end(), symbols.latents.begin(), symbols.latents.end());
    detail::append_checksum(out, from);
}

/// Writes a whole stream as format.hpp specifies it; the flags follow from `stream.metadata` and `stream.header.tile_px`.
/// Requires metadata tags rise strictly and none is 0; as many tiles as the header says.
/// Errors   Error{Errc::limit} for what the format cannot hold, Error{Errc::invalid_argument} for flags, tags or tiles.
[[nodiscard]] inline Bytes write_stream(const Stream& stream) {
    StreamHeader header = stream.header;
    header.flags = static_cast<std::uint8_t>((header.flags & ~unsigned{kFlagsKnown}) |
                                             (stream.metadata.empty() ? 0u : unsigned{kFlagMetadata}) |
                                             (header.tiled() ? unsigned{kFlagTiles} : 0u));
    Bytes out;
    write_header(out, header);
    std::size_t from = 0;
    unsigned previous = 0;
    for (const MetadataSection& section : stream.metadata) {
        const unsigned tag = static_cast<unsigned>(section.tag);
        if (tag <= previous)
            raise_error(Errc::invalid_argument, "metadata to write: expected a tag above " + std::to_string(previous) +
                                                    ", found " + std::to_string(tag));
        previous = tag;
        require_metadata(section.tag, section.bytes.size(), "metadata to write");
        out.push_back(static_cast<std::uint8_t>(tag));
        detail::append_sized(out, section.bytes, "metadata to write");
        from = detail::append_checksum(out, from);
    }
    if (!stream.metadata.empty()) out.push_back(0);
    if (!header.tiled()) {
        append_symbols(out, {stream.hyper_latents, stream.latents}, from);
        return out;
    }
    if (stream.tiles.size() != header.tiles())
        raise_error(Errc::invalid_argument, "stream to write: expected " + std::to_string(header.tiles()) +
                                                " tiles, found " + std::to_string(stream.tiles.size()));
    Bytes tiles;
    for (const StreamSymbols& tile : stream.tiles) {
        const std::size_t start = tiles.size();
        append_symbols(tiles, tile, start);
        if (tiles.size() - start >= kVarintLimit)
            raise_error(Errc::limit, "tile to write: expected fewer than " + std::to_string(kVarintLimit) +
                                         " bytes, found " + std::to_string(tiles.size() - start));
        append_varint(out, static_cast<std::uint32_t>(tiles.size() - start));
    }
    detail::append_checksum(out, from);
    out.insert(out.end(), tiles.begin(), tiles.end());
    return out;
}

}  // namespace gancodec
