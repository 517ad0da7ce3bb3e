#include <cstddef>
#include <functional>
#include <string>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// An encoder that only knows sizes; counts how often it is asked.
struct Sizes {
    std::function<std::size_t(int)> size;
    int calls = 0;
    Bytes operator()(int step) {
        ++calls;
        return Bytes(size(step), static_cast<std::uint8_t>(step));
    }
};

}  // namespace

TEST_CASE("encode_to_size finds the highest step that fits, for every possible target", "[codec]") {
    const auto size = [](int step) { return static_cast<std::size_t>(100 + 3 * step); };
    for (std::size_t most = 100; most <= 900; ++most) {
        Sizes encoder{size};
        const SizedStream found = encode_to_size(most, encoder);
        REQUIRE(found.bytes.size() <= most);
        REQUIRE(found.bytes.size() == size(found.step));
        REQUIRE((found.step == kHighestQualityStep || size(found.step + 1) > most));
        REQUIRE(encoder.calls <= 12);
    }
}

TEST_CASE("encode_to_size looks beyond a step that is too large by a hair", "[codec]") {
    // 127 is the first middle of the bisection and far too large; without it 129 would be the answer.
    Sizes encoder{[](int step) { return static_cast<std::size_t>(step == 127 ? 5000 : 1000 + step); }};
    const SizedStream found = encode_to_size(1129, encoder);
    CHECK(found.step == 129);
    CHECK(found.bytes == Bytes(1129, 129));
}

TEST_CASE("encode_to_size says how much the lowest quality needs when nothing fits", "[codec]") {
    Sizes encoder{[](int step) { return static_cast<std::size_t>(500 + step); }};
    try {
        static_cast<void>(encode_to_size(499, encoder));
        FAIL("expected an Error");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::limit);
        CHECK(std::string(error.what()).find("at most 499 bytes, found 500 bytes") != std::string::npos);
    }
}

TEST_CASE("encode_to_size with one step only", "[codec]") {
    Sizes encoder{[](int) { return std::size_t{10}; }};
    CHECK(encode_to_size(10, encoder, 7, 7).step == 7);
    CHECK_THROWS_AS(encode_to_size(9, encoder, 7, 7), Error);
}
