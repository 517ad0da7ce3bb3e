#include "gancodec/entropy/plane_coder.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "gancodec/core/random.hpp"
#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// A disc that fades out over `soft` pixels.
Bytes soft_disc(int width, int height, double soft) {
    Bytes plane;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const double beyond = std::hypot(x - width / 2.0, y - height / 2.0) - 0.35 * width;
            plane.push_back(
                static_cast<std::uint8_t>(std::lround(std::clamp(127.5 - beyond * 255 / soft, 0.0, 255.0))));
        }
    return plane;
}
Bytes noise(std::size_t size, std::uint64_t values) {
    Random random(1);
    Bytes plane(size);
    for (std::uint8_t& pixel : plane) pixel = static_cast<std::uint8_t>(random.below(values));
    return plane;
}
bool comes_back(const Bytes& plane, int width, int height) {
    return decode_plane(encode_plane(plane, width, height), width, height) == plane;
}
bool decodes(ByteView bytes, int width, int height) {
    try {
        const Bytes plane = decode_plane(bytes, width, height);
        REQUIRE(plane.size() == static_cast<std::size_t>(width * height));
        return true;
    } catch (const Error& error) {
        REQUIRE(error.code() == Errc::corrupt_stream);
        return false;
    }
}

}  // namespace

TEST_CASE("planes of every kind and size come back", "[entropy][plane]") {
    for (const auto& [width, height] : {std::pair{1, 1}, {2, 1}, {1, 9}, {37, 5}, {300, 301}, {65536, 1}, {256, 256}}) {
        CAPTURE(width, height);
        const auto size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
        for (const std::uint64_t values : {1u, 2u, 7u, 256u}) CHECK(comes_back(noise(size, values), width, height));
        CHECK(comes_back(Bytes(size, 255), width, height));
        CHECK(comes_back(soft_disc(width, height, 5), width, height));
    }
}

TEST_CASE("a mask with soft edges costs little", "[entropy][plane]") {
    // As 8-bit PNG by zlib at its best 3,742 and 8,991 bytes (Pillow 13, optimize).
    CHECK(encode_plane(soft_disc(256, 256, 10), 256, 256).size() <= 2700);
    CHECK(encode_plane(soft_disc(768, 512, 10), 768, 512).size() <= 5500);
    CHECK(encode_plane(Bytes(1000000, 255), 1000, 1000).size() <= 150);
    CHECK(encode_plane(noise(90000, 256), 300, 300).size() <= 91500);
}

TEST_CASE("the bytes of a plane never change", "[entropy][plane]") {
    const Bytes plane = {0, 255, 255, 10, 20, 30};
    const Bytes coded = encode_plane(plane, 3, 2);
    CAPTURE(coded);
    CHECK(coded == Bytes{0x01, 0x09, 0x7F, 0xC2, 0xAD, 0x35, 0x70, 0x00});
}

TEST_CASE("a plane cut, lengthened or with a bit flipped is refused or another plane", "[entropy][plane][hostile]") {
    const Bytes coded = encode_plane(soft_disc(40, 30, 6), 40, 30);
    for (std::size_t size = 0; size < coded.size(); ++size) CHECK_FALSE(decodes(ByteView(coded).first(size), 40, 30));
    Bytes changed = coded;
    changed.push_back(0);
    CHECK_FALSE(decodes(changed, 40, 30));
    changed.pop_back();
    for (std::size_t bit = 0; bit < 8 * coded.size(); ++bit) {
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
        static_cast<void>(decodes(changed, 40, 30));
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
    }
    CHECK_FALSE(decodes(coded, 41, 30));
}
