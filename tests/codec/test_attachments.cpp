#include <cstdint>
#include <string>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/small_model.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

namespace {

SmallCodec& test_codec() {
    static SmallCodec codec = small_codec();
    return codec;
}

template <class F>
Errc code_of(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("expected an Error");
    return Errc::io;
}

Attachments all_kinds(int width, int height) {
    Attachments attachments;
    for (int i = 0; i < width * height; ++i) attachments.alpha.push_back(static_cast<std::uint8_t>(i / 7));
    attachments.icc = Bytes(500, 1);
    attachments.exif = {'I', 'I', 42, 0};
    attachments.xmp = Bytes(200, 'x');
    return attachments;
}

}  // namespace

TEST_CASE("attachments come back, and change nothing else", "[codec][attachments]") {
    const Image picture = test_picture(70, 50);
    const Attachments attachments = all_kinds(70, 50);
    for (const int tile_px : {0, 64}) {
        const Bytes plain = test_codec().encode(picture, {.tile_px = tile_px});
        const CodedAttachments coded(attachments, 70, 50);
        const Bytes bytes = coded.attach(plain);
        CHECK(bytes.size() == plain.size() + coded.bytes());
        CHECK(read_attachments(bytes) == attachments);
        CHECK(read_attachments(plain).empty());
        CHECK(test_codec().decode(bytes) == test_codec().decode(plain));
        CHECK(CodedAttachments().attach(bytes) == plain);
        DecodeOptions region;
        region.region = Region{3, 4, 20, 10};
        CHECK(test_codec().decode(bytes, region) == test_codec().decode(plain, region));
    }
    CHECK(CodedAttachments({}, 70, 50).bytes() == 0);
}

TEST_CASE("attachments that do not fit are refused", "[codec][attachments]") {
    const auto refusal = [](const Attachments& attachments) {
        return code_of([&] { static_cast<void>(CodedAttachments(attachments, 10, 10)); });
    };
    Attachments attachments;
    attachments.alpha = Bytes(99);
    CHECK(refusal(attachments) == Errc::invalid_argument);
    attachments = {};
    attachments.icc = Bytes(kMaxMetadataBytes);
    CHECK_NOTHROW(CodedAttachments(attachments, 10, 10));
    attachments.icc.push_back(0);
    CHECK(refusal(attachments) == Errc::limit);
    // What a stream may hold, whoever wrote it.
    Stream stream = read_stream(test_codec().encode(test_picture(10, 10)));
    const Bytes many(kMaxMetadataBytes + 1);
    stream.metadata = {{MetadataTag::xmp, many}};
    CHECK(code_of([&] { static_cast<void>(write_stream(stream)); }) == Errc::limit);
}

TEST_CASE("the memory of alpha is held against the limits, its bytes against its pixels",
          "[codec][attachments][hostile]") {
    const Bytes bytes = CodedAttachments(all_kinds(70, 50), 70, 50).attach(test_codec().encode(test_picture(70, 50)));
    Limits tight;
    tight.max_memory_bytes = 70 * 50 - 1;
    CHECK(code_of([&] { static_cast<void>(read_attachments(bytes, tight)); }) == Errc::limit);
    Stream stream = read_stream(bytes);
    stream.metadata.back().bytes = stream.metadata.back().bytes.first(20);
    const Bytes cut = write_stream(stream);
    CHECK(code_of([&] { static_cast<void>(read_attachments(cut)); }) == Errc::corrupt_stream);
    CHECK(test_codec().decode(cut).width == 70);  // the colours are whole
}

TEST_CASE("every cut and flipped bit of a stream with attachments is noticed", "[codec][attachments][hostile]") {
    Bytes bytes = CodedAttachments(all_kinds(20, 9), 20, 9).attach(test_codec().encode(test_picture(20, 9)));
    const auto noticed = [](ByteView damaged) {
        return code_of([&] { static_cast<void>(test_codec().decode(damaged)); }) != Errc::io;
    };
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK(noticed(ByteView(bytes).first(size)));
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
        CHECK(noticed(bytes));
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
    }
}
