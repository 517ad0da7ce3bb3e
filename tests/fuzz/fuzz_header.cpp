// libFuzzer: hostile containers. Checksums would stop every mutation at the door, so each is also tried with its own
// repaired; what is read must be written back to the same bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "gancodec/core/error.hpp"

namespace {

using namespace gancodec;

void read_and_write_back(ByteView bytes) {
    try {
        const Stream stream = read_stream(bytes);
        const Bytes again = write_stream(stream);
        if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt_stream && error.code() != Errc::limit && error.code() != Errc::unsupported)
            std::abort();
    }
}

/// Walks over the sections as a reader would and writes sound checksums where they belong.
Bytes repaired(ByteView bytes) {
    Bytes out(bytes.begin(), bytes.end());
    try {
        ByteReader reader(bytes);
        const StreamHeader header = read_header(reader);
        std::size_t from = 0;
        const auto repair = [&](std::size_t at) {
            const std::uint32_t crc = crc32(ByteView(out).subspan(from, at - from));
            for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<std::uint8_t>(crc >> (8 * i));
            from = at + 4;
        };
        const auto section = [&] {
            reader.read_bytes(reader.read_varint("length"), "payload");
            const std::size_t at = reader.position();
            reader.read_u32("checksum");
            repair(at);
        };
        if ((header.flags & kFlagMetadata) != 0)
            while (reader.read_byte("tag") != 0) section();
        std::vector<std::size_t> ends{bytes.size()};
        if (header.tiled() && header.tiles() <= reader.remaining()) {
            std::vector<std::size_t> lengths;
            for (std::uint64_t tile = 0; tile < header.tiles(); ++tile)
                lengths.push_back(reader.read_varint("tile length"));
            repair(reader.position());
            reader.read_u32("checksum");
            ends.assign(1, reader.position() + lengths[0]);
            for (std::size_t tile = 1; tile < lengths.size(); ++tile) ends.push_back(ends.back() + lengths[tile]);
        }
        for (const std::size_t end : ends) {
            section();
            if (end > bytes.size() || end < reader.position() + 4) break;
            reader.read_bytes(end - reader.position() - 4, "payload");
            repair(reader.position());
            reader.read_u32("checksum");
        }
    } catch (const Error&) {
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    read_and_write_back(bytes);
    read_and_write_back(repaired(bytes));
    return 0;
}
