#include <set>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

TEST_CASE("round_up gives the next multiple", "[core][shape]") {
    STATIC_CHECK(round_up(0, 16) == 0);
    STATIC_CHECK(round_up(1, 16) == 16);
    STATIC_CHECK(round_up(16, 16) == 16);
    STATIC_CHECK(round_up(17, 16) == 32);
}

TEST_CASE("sizes of a channel-blocked shape", "[core][shape]") {
    constexpr Shape shape{2, 17, 3, 5};
    STATIC_CHECK(shape.blocks() == 2);
    STATIC_CHECK(shape.padded_c() == 32);
    STATIC_CHECK(shape.plane() == 15);
    STATIC_CHECK(shape.size() == 2 * 32 * 15);
    STATIC_CHECK(shape.logical_size() == 2 * 17 * 15);
    STATIC_CHECK(Shape{}.size() == 0);
    STATIC_CHECK(Shape{1, 16, 1, 1}.size() == 16);
}

TEST_CASE("offset follows [n][c/16][h][w][16] and meets every element once", "[core][shape]") {
    constexpr Shape shape{2, 20, 3, 5};
    STATIC_CHECK(shape.offset(0, 0, 0, 0) == 0);
    STATIC_CHECK(shape.offset(0, 1, 0, 0) == 1);
    STATIC_CHECK(shape.offset(0, 0, 0, 1) == 16);
    STATIC_CHECK(shape.offset(0, 0, 1, 0) == 5 * 16);
    STATIC_CHECK(shape.offset(0, 16, 0, 0) == 3 * 5 * 16);
    STATIC_CHECK(shape.offset(1, 0, 0, 0) == 2 * 3 * 5 * 16);
    std::set<std::size_t> seen;
    for (int n = 0; n < shape.n; ++n)
        for (int c = 0; c < shape.padded_c(); ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) seen.insert(shape.offset(n, c, y, x));
    CHECK(seen.size() == shape.size());
    CHECK(*seen.rbegin() == shape.size() - 1);
}

TEST_CASE("sizes do not overflow an int", "[core][shape]") {
    constexpr Shape shape{1, 16, 65536, 65536};
    STATIC_CHECK(shape.size() == std::size_t{16} << 32);
    STATIC_CHECK(shape.offset(0, 15, 65535, 65535) == shape.size() - 1);
}
