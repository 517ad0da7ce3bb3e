// libFuzzer: hostile streams through a whole codec of small networks: in one piece and in tiles, whole, by region and
// tolerant. No more memory may be allocated than the header admits, and windows must give the pixels of one piece.
// Input: flags, x, y and extent of a region, then a stream, tried as it is and with sound checksums and entropy id.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "capped_memory.hpp"
#include "gancodec/codec/attachments.hpp"
#include "sealed.hpp"
#include "support/small_model.hpp"

namespace {

using namespace gancodec;

constexpr std::size_t kSlack = std::size_t{1} << 18;  ///< lists, messages of errors, coders' tables of a tile

/// What decoding may take: the plan of the networks, or the memory that the options give, and the picture twice, as its
/// rows are gathered.
std::size_t admitted_bytes(SmallCodec& codec, ByteView bytes, const DecodeOptions& options) {
    try {
        const StreamHeader header = read_layout(bytes, options.limits).header;
        const std::size_t picture =
            6 * static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.height);
        if (header.tiled() || options.region || options.tolerant) return options.memory_bytes + picture + kSlack;
        return codec.decode_memory_bytes(header) + picture + kSlack;
    } catch (const Error&) {
        return kSlack;
    }
}

/// Damaged alpha is told; what is sound has a byte for every pixel.
void read_all_attachments(ByteView bytes, const DecodeOptions& options) {
    const StreamHeader header = read_layout(bytes, options.limits).header;
    const std::size_t pixels = static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.height);
    const fuzz::MemoryCap cap(pixels + bytes.size() + kSlack);
    try {
        const Attachments found = read_attachments(bytes, options.limits);
        if (!found.alpha.empty() && found.alpha.size() != pixels) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt_stream) std::abort();
    }
}

void decode(SmallCodec& codec, ByteView bytes, const DecodeOptions& options) {
    try {
        const std::size_t admitted = admitted_bytes(codec, bytes, options);
        Image image;
        {
            const fuzz::MemoryCap cap(admitted);
            image = codec.decode(bytes, options);
        }
        read_all_attachments(bytes, options);
        const StreamHeader header = read_layout(bytes, options.limits).header;
        const Region region = options.region.value_or(Region::whole(header));
        if (image.width != region.width || image.height != region.height || image.rgb.size() != 3 * image.pixels())
            std::abort();
        if (options.tolerant) return;
        const Image whole = codec.paint(codec.decode_symbols(bytes, options), header);
        for (int y = 0; y < image.height; ++y)
            if (!std::equal(image.at(0, y), image.at(0, y) + 3 * image.width, whole.at(region.x, region.y + y)))
                std::abort();
    } catch (const Error& error) {
        const Errc code = error.code();
        const bool expected = code == Errc::corrupt_stream || code == Errc::limit || code == Errc::unsupported ||
                              code == Errc::wrong_weights || (options.region && code == Errc::invalid_argument);
        // A region reads some of the tiles: of others the damage shows when all are read.
        if (!expected) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static SmallCodec codec = [] {
        set_threads(1);
        return small_codec();
    }();
    constexpr std::size_t kControl = 4;
    if (size < kControl) return 0;
    DecodeOptions options;
    options.limits = {std::uint64_t{1} << 15, std::uint64_t{1} << 25};
    options.memory_bytes = std::size_t{1} << 23;
    options.tolerant = (data[0] & 1) != 0;
    if ((data[0] & 2) != 0) options.region = Region{data[1], data[2], 1 + data[3] % 16, 1 + data[3] / 16};
    const ByteView bytes(data + kControl, size - kControl);
    decode(codec, bytes, options);
    Bytes owned(bytes.begin(), bytes.end());
    for (std::size_t i = 0; i < 3 && 3 + i < owned.size(); ++i)
        owned[3 + i] = static_cast<std::uint8_t>(codec.entropy_id() >> (8 * i));
    decode(codec, fuzz::sealed(owned), options);
    return 0;
}
