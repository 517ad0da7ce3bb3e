#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"

// The stream, byte by byte (this comment is the specification).
//
//   size   field
//   2      magic C7 4E ("GN", the first letter with its high bit set)
//   1      version in the high four bits (1), flags in the low four:
//            bit 0   metadata sections follow the header
//            bit 1   tiles: the picture lies in squares, each with sections of its own
//            bits 2, 3   reserved, zero
//   3      entropy id, little-endian: the low 24 bits of a hash of every integer that selects or holds a probability;
//          of weights with a scale context there are two, with its integers and without
//   1..4   width - 1, varint
//   1..4   height - 1, varint
//   1      quality step, 0..255
//   only with flag bit 1
//     1..2   side of a tile in 64 px, minus 1, varint below 2^10
//   only with flag bit 0: one or more metadata sections, tags strictly rising, then the byte 0
//     1      tag, 1..255; unknown tags are skipped
//              1   ICC profile
//              2   EXIF, from its byte order mark on
//              3   XMP, its packet
//              4   alpha, 255 is opaque, for width x height pixels: see entropy/plane_coder.hpp
//     1..4   length n, varint; of other tags than 4 at most 2^20
//     n      payload
//     4      CRC-32, little-endian
//   without flag bit 1
//     hyper latents
//       1..4   length n, varint
//       n      payload: rANS bytes, see entropy/rans_decoder.hpp
//       4      CRC-32, little-endian
//     latents
//       n      payload: rANS bytes, up to the last four bytes of the file; with the id that has a scale context by
//              rows, columns, channels (latents/contextual_prior.hpp), else by channels, rows, columns
//       4      CRC-32, little-endian: the file ends here
//   with flag bit 1
//     index
//       for every tile, row by row, 2..4   bytes that it takes below, varint: no less than 9
//       4      CRC-32, little-endian
//     for every tile, in the same order
//       its hyper latents and its latents, each as above; what is said there of the file holds for the tile
//
// Tiles  The tiles of the last row and column end with the picture, which is padded to multiples of 64 px. A tile holds the symbols
//        of its own places, in the order of a picture of its size, and the tables of its latents are chosen from its hyper
//        latents as if beyond it were zeros: so that it is read without any other, and damage to it stays in it. Means and
//        pixels are those of the whole picture: what the networks see beyond a tile is its neighbours.
//
// varint  seven bits a byte, lowest first, high bit set on all but the last byte, in its shortest form; below 2^28.
// CRC-32  (IEEE 802.3) of every byte since the previous CRC, or since the start of the file: it covers the header, tags
//         and lengths too.
//
// A tile costs 12 bytes (of at most 2^14) beside its symbols, and the states of its coder.
//
// Overhead without metadata and tiles, for a side of at most 2^14 px and hyper latents below 2^14 bytes: 21 bytes. The rANS states add less than 3
// (entropy/rans.hpp), so that a whole file costs at most 24 bytes more than the information in it.

namespace gancodec {

inline constexpr std::uint8_t kStreamMagic[2] = {0xC7, 0x4E};
inline constexpr int kStreamVersion = 1;
inline constexpr std::uint32_t kStreamEntropyIdMask = 0xFFFFFF;
inline constexpr std::uint8_t kFlagMetadata = 1;
inline constexpr std::uint8_t kFlagTiles = 2;
inline constexpr std::uint8_t kFlagsKnown = kFlagMetadata | kFlagTiles;
inline constexpr std::uint32_t kVarintLimit = std::uint32_t{1} << 28;
inline constexpr int kTileStepPx = 64;        ///< sides of tiles are multiples of it
inline constexpr int kLargestTilePx = 65536;  ///< and no larger
inline constexpr std::size_t kSmallestTileBytes = 9;
inline constexpr std::size_t kMaxMetadataBytes = std::size_t{1} << 20;  ///< of a section that is not alpha

/// What a decoder admits before it allocates anything.
struct Limits {
    std::uint64_t max_area_px = std::uint64_t{1} << 30;
    std::uint64_t max_memory_bytes = std::uint64_t{1} << 34;
};

/// Everything in front of the sections.
struct StreamHeader {
    int width = 0, height = 0;
    std::uint8_t quality_step = 0;
    std::uint32_t entropy_id = 0;  ///< 24 bits: an entropy id & kStreamEntropyIdMask
    std::uint8_t flags = 0;        ///< kFlag...; write_stream() sets them from what there is
    int tile_px = 0;               ///< side of the tiles; 0 without kFlagTiles

    [[nodiscard]] bool tiled() const { return tile_px > 0; }
    /// Tiles along a side of the picture; without tiles 1.
    [[nodiscard]] int tiles_along(int side_px) const {
        return tiled() ? static_cast<int>((std::int64_t{side_px} + tile_px - 1) / tile_px) : 1;
    }
    [[nodiscard]] std::uint64_t tiles() const {
        return static_cast<std::uint64_t>(tiles_along(width)) * static_cast<std::uint64_t>(tiles_along(height));
    }

    friend bool operator==(const StreamHeader&, const StreamHeader&) = default;
};

enum class MetadataTag : std::uint8_t { icc = 1, exif = 2, xmp = 3, alpha = 4 };

struct MetadataSection {
    MetadataTag tag{};
    ByteView bytes;
};

/// The coded symbols of a picture or of a tile.
struct StreamSymbols {
    ByteView hyper_latents, latents;
};

/// A whole stream; the views point into bytes that someone else owns.
struct Stream {
    StreamHeader header;
    std::vector<MetadataSection> metadata;
    ByteView hyper_latents, latents;        ///< without tiles
    std::vector<StreamSymbols> tiles = {};  ///< or these, row by row
};

/// Refuses an image that the limits do not admit, before anything is allocated for it.
/// Errors   Error{Errc::limit}, also where a side is below 1 or above 2^28.
inline void require_area(std::uint64_t width, std::uint64_t height, const Limits& limits, const std::string& where) {
    const std::string found = std::to_string(width) + " x " + std::to_string(height) + " px";
    if (width < 1 || height < 1 || width > kVarintLimit || height > kVarintLimit)
        raise_error(Errc::limit,
                    where + ": expected sides of 1 to " + std::to_string(kVarintLimit) + " px, found " + found);
    if (width * height > limits.max_area_px)
        raise_error(Errc::limit,
                    where + ": expected at most " + std::to_string(limits.max_area_px) + " px of area, found " + found);
}

/// Refuses a section of metadata that is too long; that of alpha is as long as its pixels need.
/// Errors   Error{Errc::limit}.
inline void require_metadata(MetadataTag tag, std::size_t bytes, const std::string& where) {
    if (tag != MetadataTag::alpha && bytes > kMaxMetadataBytes)
        raise_error(Errc::limit, where + ": expected a section of at most " + std::to_string(kMaxMetadataBytes) +
                                     " bytes, found " + std::to_string(bytes));
}

/// Refuses work that needs more memory than the limits admit.
/// Errors   Error{Errc::limit}.
inline void require_memory(std::uint64_t needed_bytes, const Limits& limits, const std::string& where) {
    if (needed_bytes > limits.max_memory_bytes)
        raise_error(Errc::limit, where + ": expected at most " + std::to_string(limits.max_memory_bytes) +
                                     " bytes of memory, found a need for " + std::to_string(needed_bytes));
}

}  // namespace gancodec
