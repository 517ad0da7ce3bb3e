#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;
using Catch::Matchers::ContainsSubstring;

namespace {

Codec& test_codec() {
    static Codec codec(random_codec_weights(1));
    return codec;
}

/// Decodes anything: an image, or an Error that names a cause. Anything else fails the test.
bool decodes(ByteView bytes) {
    try {
        const Image image = test_codec().decode(bytes);
        REQUIRE(image.rgb.size() == 3 * image.pixels());
        return true;
    } catch (const Error& error) {
        REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
        return false;
    }
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

}  // namespace

TEST_CASE("images of any size make the round trip", "[codec]") {
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 5}, {1, 300}, {300, 1}, {64, 64}, {65, 63}, {130, 70}}) {
        const Image image = test_picture(width, height);
        const Bytes bytes = test_codec().encode(image, {30});
        const Image again = test_codec().decode(bytes);
        CHECK(again.width == width);
        CHECK(again.height == height);
        CHECK(inspect(bytes).quality_step == quality_step(30));
        CHECK(test_codec().encode(image, {30}) == bytes);
        CHECK(test_codec().decode(bytes) == again);
    }
}

TEST_CASE("threads change nothing", "[codec]") {
    const Image image = test_picture(150, 90);
    const int before = threads();
    Bytes bytes;
    Image decoded;
    for (const int count : {1, 2, 3}) {
        set_threads(count);
        const Bytes now = test_codec().encode(image, {60});
        const Image picture = test_codec().decode(now);
        if (count == 1) {
            bytes = now;
            decoded = picture;
        }
        CHECK(now == bytes);
        CHECK(picture == decoded);
    }
    set_threads(before);
}

TEST_CASE("a stream cut anywhere, or with any bit flipped, is refused or decodes", "[codec]") {
    const Bytes bytes = test_codec().encode(test_picture(20, 9), {50});
    for (std::size_t length = 0; length < bytes.size(); ++length) CHECK_FALSE(decodes(ByteView(bytes).first(length)));
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        Bytes flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        CHECK_FALSE(decodes(flipped));  // the CRC-32 sees every single bit
    }
}

TEST_CASE("damage that a correct CRC hides does no harm", "[codec]") {
    const Bytes bytes = test_codec().encode(test_picture(40, 30), {50});
    const Stream stream = read_stream(bytes);
    Random random(5);
    for (int trial = 0; trial < 300; ++trial) {
        Bytes hyper(stream.hyper_latents.begin(), stream.hyper_latents.end());
        Bytes latents(stream.latents.begin(), stream.latents.end());
        Bytes& victim = trial % 2 == 0 ? hyper : latents;
        for (int i = 0; i < 3; ++i) victim[random.below(victim.size())] = static_cast<std::uint8_t>(random.next());
        if (trial % 5 == 0) victim.resize(random.below(victim.size() + 1));
        static_cast<void>(decodes(write_stream({stream.header, {}, hyper, latents})));
    }
}

TEST_CASE("limits are checked before anything is allocated", "[codec]") {
    const Bytes bytes = test_codec().encode(test_picture(40, 30));
    Stream stream = read_stream(bytes);
    stream.header.width = stream.header.height = 1 << 20;
    const Bytes large = write_stream(stream);
    CHECK(code_of([&] { static_cast<void>(test_codec().decode(large)); }) == Errc::limit);
    DecodeOptions tight;
    tight.limits.max_memory_bytes = 1000;
    CHECK(code_of([&] { static_cast<void>(test_codec().decode(bytes, tight)); }) == Errc::limit);
}

TEST_CASE("wrong arguments are refused", "[codec]") {
    CHECK(code_of([] { static_cast<void>(test_codec().encode(Image{})); }) == Errc::invalid_argument);
    CHECK(code_of([] { static_cast<void>(test_codec().encode(test_picture(8, 8), {101})); }) == Errc::invalid_argument);
    CHECK(code_of([] { static_cast<void>(test_codec().encode(test_picture(8, 8), {std::nan("")})); }) ==
          Errc::invalid_argument);
}

TEST_CASE("a stream of other weights is refused by name", "[codec]") {
    const Bytes bytes = test_codec().encode(test_picture(40, 30));
    Codec other(random_codec_weights(2));
    CHECK(other.entropy_id() != test_codec().entropy_id());
    CHECK_THROWS_WITH(other.decode(bytes), ContainsSubstring(detail::hex32(test_codec().entropy_id()).substr(2)) &&
                                               ContainsSubstring(detail::hex32(other.entropy_id())));
    CHECK(code_of([&] { static_cast<void>(other.decode(bytes)); }) == Errc::wrong_weights);
}

TEST_CASE("weights with a scale context decode what the same weights wrote without one", "[codec]") {
    CodecWeights plain = random_codec_weights(1);
    CHECK_FALSE(plain.scale_context.empty());
    plain.scale_context = {};
    Codec before(std::move(plain));
    CHECK(before.entropy_id() != test_codec().entropy_id());
    const Image picture = test_picture(200, 130);
    for (const int tile_px : {0, 64}) {
        const Bytes bytes = before.encode(picture, {.quality = 40, .tile_px = tile_px});
        CHECK(test_codec().decode(bytes) == before.decode(bytes));
        const Bytes now = test_codec().encode(picture, {.quality = 40, .tile_px = tile_px});
        CHECK(now != bytes);
        CHECK(test_codec().decode(now) == before.decode(bytes));
        CHECK(code_of([&] { static_cast<void>(before.decode(now)); }) == Errc::wrong_weights);
    }
}

TEST_CASE("the symbols of a stream are those that were encoded", "[codec]") {
    const Image picture = test_picture(70, 30);
    const Symbols symbols = test_codec().decode_symbols(test_codec().encode(picture));
    CHECK(symbols.z.size() == 64u * 2 * 1);
    CHECK(symbols.residuals.size() == 128u * 8 * 4);
    CHECK(std::any_of(symbols.residuals.begin(), symbols.residuals.end(), [](std::int32_t r) { return r != 0; }));
    CHECK(code_of([] { static_cast<void>(test_codec().decode_symbols(Bytes(30))); }) == Errc::corrupt_stream);
}

TEST_CASE("a size is met from below", "[codec]") {
    const Image image = test_picture(128, 96);
    const std::size_t smallest = test_codec().encode(image, {0}).size(),
                      largest = test_codec().encode(image, {100}).size();
    REQUIRE(smallest < largest);
    const std::size_t target = (smallest + largest) / 2;
    const SizedStream found = test_codec().encode_to_size(image, target);
    CHECK(found.bytes.size() <= target);
    CHECK(inspect(found.bytes).quality_step == found.step);
    CHECK(code_of([&] { static_cast<void>(test_codec().encode_to_size(image, 10)); }) == Errc::limit);
}

TEST_CASE("weights files round trip, and every damage is told", "[codec][weights]") {
    CodecWeights weights = random_codec_weights(3);
    const Bytes file = write_codec_weights(weights).bytes();
    const std::string path = (std::filesystem::temp_directory_path() / "gancodec_test_weights.safetensors").string();
    write_codec_weights(weights).save(path);
    Codec direct(std::move(weights)), loaded = Codec::load(path);
    std::filesystem::remove(path);
    const Bytes bytes = direct.encode(test_picture(70, 50));
    CHECK(loaded.encode(test_picture(70, 50)) == bytes);
    CHECK(loaded.decode(bytes) == direct.decode(bytes));

    const auto read = [](const SafetensorsWriter& writer) {
        return read_codec_weights(SafetensorsFile::parse(writer.bytes(), "damaged"));
    };
    // Two faults are listed in one message.
    CodecWeights good = random_codec_weights(3);
    SafetensorsWriter broken;
    const auto source = SafetensorsFile::parse(file);
    for (const auto& [key, value] : source.metadata()) broken.metadata(key, value);
    for (const auto& [name, tensor] : source.tensors()) {
        if (name == "gain.log2_gain") continue;
        auto shape = tensor.shape;
        if (name == "encoder.1.bias") shape = {2, shape[0] / 2};
        if (tensor.dtype == Dtype::f16)
            broken.add_float(name, shape, source.read_float(name), Dtype::f16);
        else
            broken.add_int(name, shape, source.read_int(name), tensor.dtype);
    }
    CHECK_THROWS_WITH(read(broken), ContainsSubstring("gain.log2_gain") && ContainsSubstring("encoder.1.bias"));
    SafetensorsWriter foreign;
    foreign.metadata("architecture", "another-1");
    CHECK_THROWS_WITH(read(foreign), ContainsSubstring("another-1"));
    good.prior.frequencies[5] ^= 1u;
    CHECK(code_of([&] { static_cast<void>(Codec(std::move(good))); }) == Errc::corrupt_weights);

    CodecWeights changed = random_codec_weights(3);
    changed.metadata["self_test_pixels"] = "00000000";
    const std::string bad = (std::filesystem::temp_directory_path() / "gancodec_test_bad.safetensors").string();
    write_codec_weights(changed).save(bad);
    if (simd::kHasFma) CHECK_THROWS_WITH(Codec::load(bad), ContainsSubstring("self-test"));
    std::filesystem::remove(bad);
}
