#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

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
        raise_error(Errc::corrupt_stream, std::string(field) + ": expected CRC-32 " + std::to_string(expected) +
                                              ", found " + std::to_string(found));
    return reader.position();
}

/// Hyper latents, whose CRC-32 covers the bytes from `from` on, which it moves behind it.
inline ByteView read_hyper_latents(ByteReader& reader, ByteView bytes, std::size_t& from) {
    const std::size_t length = reader.read_varint("hyper latents length");
    const ByteView payload = reader.read_bytes(length, "hyper latents section");
    from = check_checksum(reader, bytes, from, "hyper latents section");
    return payload;
}
/// Latents, which end with `bytes`.
inline ByteView read_latents(ByteReader& reader, ByteView bytes, std::size_t from) {
    if (reader.remaining() < 4)
        raise_error(Errc::corrupt_stream,
                    "latents section: expected at least 4 bytes, found " + std::to_string(reader.remaining()));
    const ByteView payload = reader.read_bytes(reader.remaining() - 4, "latents section");
    check_checksum(reader, bytes, from, "latents section");
    return payload;
}

}  // namespace detail

/// Where the parts of a stream lie: its header, metadata and index are checked, the bytes of symbols not looked at yet.
struct StreamLayout {
    /// Symbols of a tile, or of the picture without tiles: `bytes` from where their first CRC-32 begins to count, the length of the
    /// hyper latents at `start`.
    struct Part {
        ByteView bytes;
        std::size_t start = 0;
    };

    StreamHeader header;
    std::vector<MetadataSection> metadata;
    std::vector<Part> parts;  ///< one for each tile
};

/// Reads a part: the views and nothing else of the stream.
/// Errors   Error{Errc::corrupt_stream}; what was sound before stands in `symbols`.
inline void read_part(const StreamLayout::Part& part, StreamSymbols& symbols) {
    symbols = {};
    ByteReader reader(part.bytes);
    static_cast<void>(reader.read_bytes(part.start, "stream header"));
    std::size_t from = 0;
    symbols.hyper_latents = detail::read_hyper_latents(reader, part.bytes, from);
    symbols.latents = detail::read_latents(reader, part.bytes, from);
}

/// Finds the parts of a stream, and checks the limits and what stands before the symbols.
/// Safe     Any bytes; it allocates no more than a list of at most 255 metadata views and one of a part for each 9 bytes.
/// Errors   as read_stream()
[[nodiscard]] inline StreamLayout read_layout(ByteView bytes, const Limits& limits = {}) {
    ByteReader reader(bytes);
    StreamLayout layout;
    layout.header = read_header(reader, limits);
    std::size_t from = 0;
    if ((layout.header.flags & kFlagMetadata) != 0) {
        unsigned previous = 0;
        while (const unsigned tag = reader.read_byte("metadata tag")) {
            if (tag <= previous)
                raise_error(Errc::corrupt_stream, "metadata tag: expected one above " + std::to_string(previous) +
                                                      ", found " + std::to_string(tag));
            previous = tag;
            const std::size_t length = reader.read_varint("metadata length");
            require_metadata(static_cast<MetadataTag>(tag), length, "metadata");
            const ByteView payload = reader.read_bytes(length, "metadata section");
            from = detail::check_checksum(reader, bytes, from, "metadata section");
            layout.metadata.push_back({static_cast<MetadataTag>(tag), payload});
        }
        if (previous == 0)
            raise_error(Errc::corrupt_stream, "metadata tag: expected a section as the flags say, found none");
    }
    if (!layout.header.tiled()) {
        layout.parts.push_back({bytes.subspan(from), reader.position() - from});
        return layout;
    }
    const std::uint64_t tiles = layout.header.tiles();
    if (tiles > reader.remaining() / kSmallestTileBytes)
        raise_error(Errc::corrupt_stream, "tile index: expected bytes for " + std::to_string(tiles) + " tiles, found " +
                                              std::to_string(reader.remaining()));
    std::vector<std::size_t> lengths(static_cast<std::size_t>(tiles));
    for (std::size_t& length : lengths) {
        length = reader.read_varint("tile length");
        if (length < kSmallestTileBytes)
            raise_error(Errc::corrupt_stream, "tile length: expected at least " + std::to_string(kSmallestTileBytes) +
                                                  ", found " + std::to_string(length));
    }
    detail::check_checksum(reader, bytes, from, "tile index");
    for (const std::size_t length : lengths) layout.parts.push_back({reader.read_bytes(length, "tile"), 0});
    if (reader.remaining() != 0)
        raise_error(Errc::corrupt_stream, "stream: expected an end after the last tile, found " +
                                              std::to_string(reader.remaining()) + " more bytes");
    return layout;
}

/// Takes a stream apart: checks the limits, every length and every CRC-32; the sections are views into `bytes`.
/// Safe     as read_layout(), and a list of views for each tile.
/// Errors   Error{Errc::corrupt_stream}, {Errc::unsupported} for another version, {Errc::limit}.
[[nodiscard]] inline Stream read_stream(ByteView bytes, const Limits& limits = {}) {
    StreamLayout layout = read_layout(bytes, limits);
    std::vector<StreamSymbols> symbols(layout.parts.size());
    for (std::size_t i = 0; i < symbols.size(); ++i) read_part(layout.parts[i], symbols[i]);
    Stream stream{layout.header, std::move(layout.metadata), {}, {}};
    if (stream.header.tiled()) {
        stream.tiles = std::move(symbols);
    } else {
        stream.hyper_latents = symbols[0].hyper_latents;
        stream.latents = symbols[0].latents;
    }
    return stream;
}

}  // namespace gancodec
