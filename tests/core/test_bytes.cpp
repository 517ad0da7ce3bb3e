#include <cstdint>
#include <string>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

TEST_CASE("integers are little-endian, whatever the machine", "[core][bytes]") {
    Bytes bytes;
    append_little_endian(bytes, std::uint8_t{0xAB});
    append_little_endian(bytes, std::uint16_t{0x1234});
    append_little_endian(bytes, std::uint32_t{0xDEADBEEF});
    append_little_endian(bytes, std::uint64_t{0x0123456789ABCDEF});
    const Bytes expected{0xAB, 0x34, 0x12, 0xEF, 0xBE, 0xAD, 0xDE, 0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01};
    CHECK(bytes == expected);
    CHECK(read_little_endian<std::uint8_t>(bytes.data()) == 0xAB);
    CHECK(read_little_endian<std::uint16_t>(bytes.data() + 1) == 0x1234);
    CHECK(read_little_endian<std::uint32_t>(bytes.data() + 3) == 0xDEADBEEF);
    CHECK(read_little_endian<std::uint64_t>(bytes.data() + 7) == 0x0123456789ABCDEF);
}

TEST_CASE("an Error carries its code and one line", "[core][error]") {
    const Error error(Errc::limit, "header: expected at most 1 px, found 2 px");
    CHECK(error.code() == Errc::limit);
    CHECK(std::string(error.what()) == "header: expected at most 1 px, found 2 px");
    CHECK_THROWS_AS(throw Error(error), std::runtime_error);
}
