#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "gancodec/bitstream/format.hpp"
#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"

namespace gancodec {

/// Reads bytes, integers and varints in order and never past the end.
/// Errors   Error{Errc::corrupt_stream} naming the field that was cut or malformed.
class ByteReader {
public:
    explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

    [[nodiscard]] std::size_t position() const { return position_; }
    [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }

    ByteView read_bytes(std::size_t count, const char* field) {
        if (count > remaining())
            raise_error(Errc::corrupt_stream, std::string(field) + ": expected " + std::to_string(count) +
                                                  " more bytes, found " + std::to_string(remaining()));
        const ByteView view = bytes_.subspan(position_, count);
        position_ += count;
        return view;
    }
    std::uint8_t read_byte(const char* field) { return read_bytes(1, field)[0]; }
    std::uint32_t read_u32(const char* field) { return read_little_endian<std::uint32_t>(read_bytes(4, field).data()); }
    std::uint32_t read_u24(const char* field) {
        const ByteView b = read_bytes(3, field);
        return b[0] | std::uint32_t{b[1]} << 8 | std::uint32_t{b[2]} << 16;
    }
    std::uint32_t read_varint(const char* field) {
        std::uint32_t value = 0;
        for (unsigned shift = 0; shift < 28; shift += 7) {
            const std::uint8_t byte = read_byte(field);
            value |= (byte & 0x7Fu) << shift;
            if ((byte & 0x80u) != 0) continue;
            if (byte == 0 && shift > 0)
                raise_error(Errc::corrupt_stream,
                            std::string(field) + ": expected a varint in its shortest form, found a padded one");
            return value;
        }
        raise_error(Errc::corrupt_stream,
                    std::string(field) + ": expected a varint of at most 4 bytes, found a longer one");
    }

private:
    ByteView bytes_;
    std::size_t position_ = 0;
};

/// Requires value < 2^28.
inline void append_varint(Bytes& out, std::uint32_t value) {
    for (; value >= 0x80u; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80u));
    out.push_back(static_cast<std::uint8_t>(value));
}

/// Appends a header as format.hpp specifies it.
/// Errors   Error{Errc::limit} for a side that the format cannot hold, {Errc::invalid_argument} for reserved flags or an
///          entropy id of more than 24 bits.
inline void write_header(Bytes& out, const StreamHeader& header) {
    const auto side = [](int px) { return px < 1 ? std::uint64_t{0} : static_cast<std::uint64_t>(px); };
    require_area(side(header.width), side(header.height), Limits{~std::uint64_t{0}, 0}, "stream to write");
    if ((header.flags & ~unsigned{kFlagsKnown}) != 0)
        raise_error(Errc::invalid_argument,
                    "stream to write: expected reserved flags to be 0, found flags " + std::to_string(header.flags));
    if (header.entropy_id > kStreamEntropyIdMask)
        raise_error(Errc::invalid_argument,
                    "stream to write: expected an entropy id of 24 bits, found " + std::to_string(header.entropy_id));
    out.insert(out.end(), {kStreamMagic[0], kStreamMagic[1]});
    out.push_back(static_cast<std::uint8_t>((kStreamVersion << 4) | header.flags));
    for (int shift = 0; shift < 24; shift += 8) out.push_back(static_cast<std::uint8_t>(header.entropy_id >> shift));
    append_varint(out, static_cast<std::uint32_t>(header.width - 1));
    append_varint(out, static_cast<std::uint32_t>(header.height - 1));
    out.push_back(header.quality_step);
    const bool tiled = (header.flags & kFlagTiles) != 0;
    if (tiled != header.tiled() || header.tile_px % kTileStepPx != 0 || header.tile_px > kLargestTilePx)
        raise_error(Errc::invalid_argument, "stream to write: expected tiles of " + std::to_string(kTileStepPx) +
                                                " to " + std::to_string(kLargestTilePx) + " px in steps of " +
                                                std::to_string(kTileStepPx) + ", found " +
                                                std::to_string(header.tile_px));
    if (tiled) append_varint(out, static_cast<std::uint32_t>(header.tile_px / kTileStepPx - 1));
}

/// Reads a header and holds it against the limits.
/// Errors   Error{Errc::corrupt_stream}, Error{Errc::unsupported} for another version, Error{Errc::limit}.
inline StreamHeader read_header(ByteReader& reader, const Limits& limits = {}) {
    const ByteView magic = reader.read_bytes(2, "stream magic");
    if (magic[0] != kStreamMagic[0] || magic[1] != kStreamMagic[1])
        raise_error(Errc::corrupt_stream, "stream magic: expected bytes 199 78 of a gancodec stream, found " +
                                              std::to_string(magic[0]) + " " + std::to_string(magic[1]));
    const std::uint8_t version_and_flags = reader.read_byte("stream version");
    if (version_and_flags >> 4 != kStreamVersion)
        raise_error(Errc::unsupported, "stream version: expected " + std::to_string(kStreamVersion) + ", found " +
                                           std::to_string(version_and_flags >> 4));
    StreamHeader header;
    header.flags = version_and_flags & 0x0Fu;
    if ((header.flags & ~unsigned{kFlagsKnown}) != 0)
        raise_error(Errc::corrupt_stream,
                    "stream flags: expected reserved flags to be 0, found flags " + std::to_string(header.flags));
    header.entropy_id = reader.read_u24("stream entropy id");
    const std::uint64_t width = std::uint64_t{reader.read_varint("stream width")} + 1;
    const std::uint64_t height = std::uint64_t{reader.read_varint("stream height")} + 1;
    require_area(width, height, limits, "stream header");
    header.width = static_cast<int>(width);
    header.height = static_cast<int>(height);
    header.quality_step = reader.read_byte("stream quality");
    if ((header.flags & kFlagTiles) != 0) {
        const std::uint32_t steps = reader.read_varint("tile side");
        if (steps >= kLargestTilePx / kTileStepPx)
            raise_error(Errc::corrupt_stream, "tile side: expected a number below " +
                                                  std::to_string(kLargestTilePx / kTileStepPx) + ", found " +
                                                  std::to_string(steps));
        header.tile_px = static_cast<int>(steps + 1) * kTileStepPx;
    }
    return header;
}

}  // namespace gancodec
