#include <cstdint>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

struct Example {
    Bytes icc = {1, 2, 3, 4, 5}, exif = Bytes(300, 7), hyper = {9, 8, 7}, latents = Bytes(40, 6);
    Stream stream;

    explicit Example(bool with_metadata, int width = 768, int height = 512) {
        stream.header = {width, height, 117, 0xADBEEF, 0};
        if (with_metadata) stream.metadata = {{MetadataTag::icc, icc}, {MetadataTag::exif, exif}};
        stream.hyper_latents = hyper;
        stream.latents = latents;
    }
    Example(const Example&) = delete;
};

bool same(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

/// The code of the Error that reading `bytes` gives; the test fails where there is none.
Errc refusal(const Bytes& bytes, const Limits& limits = {}) {
    const Bytes exact(bytes.begin(), bytes.end());  // no spare capacity, so that a sanitizer sees any read beyond it
    try {
        static_cast<void>(read_stream(exact, limits));
    } catch (const Error& error) {
        const std::string message = error.what();
        CHECK(message.find(": expected ") != std::string::npos);
        CHECK(message.find('\n') == std::string::npos);
        return error.code();
    }
    FAIL("a damaged stream was read");
    return Errc::io;
}

/// A stream without metadata whose header is `header`, with sound checksums: only the header can be at fault.
Bytes with_header(Bytes header) {
    Bytes out = std::move(header);
    out.push_back(0);
    append_little_endian(out, crc32(out));
    append_little_endian(out, crc32(ByteView()));
    return out;
}

Bytes header_bytes(std::uint8_t version_and_flags, std::initializer_list<std::uint8_t> sides) {
    Bytes out = {0xC7, 0x4E, version_and_flags, 1, 2, 3};
    out.insert(out.end(), sides);
    out.push_back(50);
    return out;
}

}  // namespace

TEST_CASE("crc32 is that of zlib", "[bitstream][checksum]") {
    const std::string digits = "123456789";
    CHECK(crc32(Bytes(digits.begin(), digits.end())) == 0xCBF43926u);
    CHECK(crc32({}) == 0);
    CHECK(crc32(Bytes(32, 0)) == 0x190A55ADu);
}

TEST_CASE("a stream comes back as it was written", "[bitstream]") {
    for (const bool with_metadata : {false, true}) {
        for (const auto& [width, height] :
             {std::pair{1, 1}, {768, 512}, {128, 129}, {16384, 16384}, {1 << 28, 1}, {3, 3000}}) {
            const Example example(with_metadata, width, height);
            const Bytes bytes = write_stream(example.stream);
            const Stream read = read_stream(bytes);
            StreamHeader expected = example.stream.header;
            expected.flags = with_metadata ? kFlagMetadata : 0;
            CHECK(read.header == expected);
            CHECK(same(read.hyper_latents, example.hyper));
            CHECK(same(read.latents, example.latents));
            REQUIRE(read.metadata.size() == example.stream.metadata.size());
            for (std::size_t i = 0; i < read.metadata.size(); ++i) {
                CHECK(read.metadata[i].tag == example.stream.metadata[i].tag);
                CHECK(same(read.metadata[i].bytes, example.stream.metadata[i].bytes));
            }
            ByteReader reader(bytes);
            CHECK(read_header(reader) == expected);
        }
    }
}

TEST_CASE("the container costs what the specification says", "[bitstream]") {
    Example example(false, 16384, 16384);
    example.hyper.assign(200, 1);
    example.stream.hyper_latents = example.hyper;
    CHECK(write_stream(example.stream).size() - example.hyper.size() - example.latents.size() == 21);
    Example small(false, 128, 1);
    CHECK(write_stream(small.stream).size() - small.hyper.size() - small.latents.size() == 18);
}

TEST_CASE("the bytes of a container never change", "[bitstream]") {
    const Bytes hyper = {0xAA}, latents = {0xBB, 0xCC};
    Stream stream;
    stream.header = {768, 512, 117, 0xADBEEF, 0};
    stream.hyper_latents = hyper;
    stream.latents = latents;
    const Bytes expected = {0xC7, 0x4E, 0x10, 0xEF, 0xBE, 0xAD, 0xFF, 0x05, 0xFF, 0x03, 0x75, 0x01,
                            0xAA, 0x00, 0x89, 0x4B, 0x08, 0xBB, 0xCC, 0x17, 0xEB, 0x3A, 0xD4};
    CHECK(write_stream(stream) == expected);
}

TEST_CASE("every cut stream is refused", "[bitstream][hostile]") {
    for (const bool with_metadata : {false, true}) {
        const Example example(with_metadata);
        const Bytes bytes = write_stream(example.stream);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const Errc code = refusal(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
            CHECK(code == Errc::corrupt_stream);
        }
    }
}

TEST_CASE("every flipped bit is noticed", "[bitstream][hostile]") {
    for (const bool with_metadata : {false, true}) {
        const Example example(with_metadata);
        Bytes bytes = write_stream(example.stream);
        for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
            const Errc code = refusal(bytes);
            CHECK((code == Errc::corrupt_stream || code == Errc::unsupported || code == Errc::limit));
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
        }
    }
}

TEST_CASE("trailing bytes are refused", "[bitstream][hostile]") {
    Bytes bytes = write_stream(Example(false).stream);
    for (int i = 0; i < 9; ++i) {
        bytes.push_back(0);
        CHECK(refusal(bytes) == Errc::corrupt_stream);
    }
}

TEST_CASE("headers outside the format are refused", "[bitstream][hostile]") {
    CHECK_NOTHROW(read_stream(with_header(header_bytes(0x10, {9, 9}))));
    CHECK(refusal(with_header(header_bytes(0x00, {9, 9}))) == Errc::unsupported);
    CHECK(refusal(with_header(header_bytes(0x20, {9, 9}))) == Errc::unsupported);
    CHECK(refusal(with_header(header_bytes(0x12, {9, 9}))) == Errc::corrupt_stream);
    CHECK(refusal(with_header(header_bytes(0x14, {9, 9}))) == Errc::corrupt_stream);
    CHECK(refusal(with_header(header_bytes(0x18, {9, 9}))) == Errc::corrupt_stream);
    CHECK(refusal(with_header(header_bytes(0x10, {0x80, 0x00, 9}))) == Errc::corrupt_stream);
    CHECK(refusal(with_header(header_bytes(0x10, {0x80, 0x80, 0x80, 0x80, 0x01, 9}))) == Errc::corrupt_stream);
    CHECK(refusal(with_header(header_bytes(0x10, {0xFF, 0xFF, 0xFF, 0x80, 9}))) == Errc::corrupt_stream);
    Bytes png = {0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A};
    CHECK(refusal(png) == Errc::corrupt_stream);
    CHECK(refusal({}) == Errc::corrupt_stream);
}

TEST_CASE("limits hold before anything is allocated", "[bitstream][hostile]") {
    // 18 bytes that ask for 2^56 pixels.
    const Bytes huge = with_header(header_bytes(0x10, {0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F}));
    CHECK(refusal(huge) == Errc::limit);
    CHECK_NOTHROW(read_stream(huge, Limits{std::uint64_t{1} << 56, 0}));
    const Bytes bytes = write_stream(Example(false, 100, 50).stream);
    CHECK_NOTHROW(read_stream(bytes, Limits{5000, 0}));
    CHECK(refusal(bytes, Limits{4999, 0}) == Errc::limit);
    CHECK_NOTHROW(require_memory(1000, Limits{0, 1000}, "decoder"));
    CHECK_THROWS_AS(require_memory(1001, Limits{0, 1000}, "decoder"), Error);
}

TEST_CASE("metadata sections keep their order", "[bitstream][hostile]") {
    Bytes head = header_bytes(0x11, {9, 9});
    const auto section = [](Bytes bytes, std::size_t from, std::uint8_t tag) {
        bytes.insert(bytes.end(), {tag, 1, 42});
        append_little_endian(bytes, crc32(ByteView(bytes).subspan(from)));
        return bytes;
    };
    const auto closed = [](Bytes bytes, std::size_t from) {
        bytes.insert(bytes.end(), {0, 0});
        append_little_endian(bytes, crc32(ByteView(bytes).subspan(from)));
        append_little_endian(bytes, std::uint32_t{0});
        return bytes;
    };
    const Bytes one = section(head, 0, 2);
    CHECK(read_stream(closed(one, one.size())).metadata.size() == 1);
    const Bytes two = section(one, one.size(), 200);
    CHECK(read_stream(closed(two, two.size())).metadata.size() == 2);
    const Bytes twice = section(one, one.size(), 2);
    CHECK(refusal(closed(twice, twice.size())) == Errc::corrupt_stream);
    const Bytes falling = section(one, one.size(), 1);
    CHECK(refusal(closed(falling, falling.size())) == Errc::corrupt_stream);
    CHECK(refusal(closed(head, 0)) == Errc::corrupt_stream);
}

TEST_CASE("what the format cannot hold is not written", "[bitstream]") {
    const auto refuses = [](auto change) {
        Example example(true);
        change(example.stream);
        try {
            static_cast<void>(write_stream(example.stream));
        } catch (const Error& error) {
            return error.code();
        }
        return Errc::io;
    };
    CHECK(refuses([](Stream& s) { s.header.width = 0; }) == Errc::limit);
    CHECK(refuses([](Stream& s) { s.header.height = -1; }) == Errc::limit);
    CHECK(refuses([](Stream& s) { s.header.height = (1 << 28) + 1; }) == Errc::limit);
    CHECK(refuses([](Stream& s) { s.header.flags = 4; }) == Errc::invalid_argument);
    CHECK(refuses([](Stream& s) { s.header.entropy_id = 1u << 24; }) == Errc::invalid_argument);
    CHECK(refuses([](Stream& s) { s.metadata[0].tag = MetadataTag{}; }) == Errc::invalid_argument);
    CHECK(refuses([](Stream& s) { s.metadata[1].tag = MetadataTag::icc; }) == Errc::invalid_argument);
}

namespace {

/// A stream of 3 x 2 tiles.
struct TiledExample {
    std::vector<Bytes> parts;
    Stream stream;

    TiledExample() {
        stream.header = {300, 200, 9, 0x123456, 0, 128};
        for (std::uint8_t i = 0; i < 12; ++i) parts.push_back(Bytes(std::size_t{i} % 5 * 40, i));
        for (std::size_t i = 0; i < 6; ++i) stream.tiles.push_back({parts[2 * i], parts[2 * i + 1]});
    }
};

}  // namespace

TEST_CASE("a stream in tiles comes back as it was written", "[bitstream][tiles]") {
    const TiledExample example;
    const Bytes bytes = write_stream(example.stream);
    const Stream read = read_stream(bytes);
    StreamHeader expected = example.stream.header;
    expected.flags = kFlagTiles;
    CHECK(read.header == expected);
    REQUIRE(read.tiles.size() == 6);
    std::size_t payload = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(same(read.tiles[i].hyper_latents, example.parts[2 * i]));
        CHECK(same(read.tiles[i].latents, example.parts[2 * i + 1]));
        payload += example.parts[2 * i].size() + example.parts[2 * i + 1].size();
    }
    CHECK(bytes.size() - payload == 12 + 10 + 4 + 55);  // header, index, its CRC-32; lengths and CRC-32s of tiles
    const StreamLayout layout = read_layout(bytes);
    CHECK(layout.parts.size() == 6);
    CHECK(layout.parts[5].bytes.data() + layout.parts[5].bytes.size() == bytes.data() + bytes.size());
}

TEST_CASE("the bytes of a container with tiles never change", "[bitstream][tiles]") {
    const Bytes hyper = {0xAA}, latents = {0xBB, 0xCC};
    Stream stream;
    stream.header = {65, 64, 117, 0xADBEEF, 0, 64};
    stream.tiles = {{hyper, latents}, {latents, hyper}};
    const Bytes expected = {0xC7, 0x4E, 0x12, 0xEF, 0xBE, 0xAD, 0x40, 0x3F, 0x75, 0x00, 0x0C, 0x0C, 0x7F, 0xDA,
                            0xC8, 0x2D, 0x01, 0xAA, 0x48, 0x69, 0xC1, 0x6E, 0xBB, 0xCC, 0x17, 0xEB, 0x3A, 0xD4,
                            0x02, 0xBB, 0xCC, 0x94, 0xF4, 0x26, 0x69, 0xAA, 0x7B, 0xA5, 0x01, 0xE4};
    CHECK(write_stream(stream) == expected);
}

TEST_CASE("every cut and every flipped bit of a stream in tiles is noticed", "[bitstream][tiles][hostile]") {
    const TiledExample example;
    Bytes bytes = write_stream(example.stream);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK(refusal(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))) == Errc::corrupt_stream);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
        const Errc code = refusal(bytes);
        CHECK((code == Errc::corrupt_stream || code == Errc::unsupported || code == Errc::limit));
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    }
}

TEST_CASE("an index that promises too much allocates nothing", "[bitstream][tiles][hostile]") {
    // 32768 x 32768 pixels in tiles of 64: 2^18 of them, in a few bytes.
    const Bytes head = {0xC7, 0x4E, 0x12, 0, 0, 0, 0xFF, 0xFF, 0x01, 0xFF, 0xFF, 0x01, 0, 0, 9, 9, 9};
    CHECK(refusal(head) == Errc::corrupt_stream);
    TiledExample example;
    example.stream.tiles.pop_back();
    CHECK_THROWS_AS(write_stream(example.stream), Error);
    example.stream.header.tile_px = 100;
    CHECK_THROWS_AS(write_stream(example.stream), Error);
}
