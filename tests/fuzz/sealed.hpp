#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/bitstream/reader.hpp"

namespace fuzz {

/// Walks over the sections of a stream as a reader would and writes sound checksums where they belong: they would stop
/// every mutation at the door.
inline gancodec::Bytes sealed(gancodec::ByteView bytes) {
    using namespace gancodec;
    Bytes out(bytes.begin(), bytes.end());
    try {
        ByteReader reader(bytes);
        const StreamHeader header = read_header(reader);
        std::size_t from = 0;
        const auto checksum = [&] {
            const std::size_t at = reader.position();
            reader.read_u32("checksum");
            const std::uint32_t crc = crc32(ByteView(out).subspan(from, at - from));
            for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<std::uint8_t>(crc >> (8 * i));
            from = at + 4;
        };
        const auto section = [&] {
            reader.read_bytes(reader.read_varint("length"), "payload");
            checksum();
        };
        if ((header.flags & kFlagMetadata) != 0)
            while (reader.read_byte("tag") != 0) section();
        std::vector<std::size_t> ends{bytes.size()};
        if (header.tiled() && header.tiles() <= reader.remaining()) {
            std::vector<std::size_t> lengths;
            for (std::uint64_t tile = 0; tile < header.tiles(); ++tile)
                lengths.push_back(reader.read_varint("tile length"));
            checksum();
            ends.assign(1, reader.position() + lengths[0]);
            for (std::size_t tile = 1; tile < lengths.size(); ++tile) ends.push_back(ends.back() + lengths[tile]);
        }
        for (const std::size_t end : ends) {
            section();
            if (end > bytes.size() || end < reader.position() + 4) break;
            reader.read_bytes(end - reader.position() - 4, "payload");
            checksum();
        }
    } catch (const Error&) {
    }
    return out;
}

}  // namespace fuzz
