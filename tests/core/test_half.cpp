#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// Counts the patterns of a 16-bit format for which rounding goes wrong: every finite pattern comes back as itself, every number up to
/// the middle of two neighbours goes to the nearer one, and the middle itself to the even pattern.
template <class ToHalf, class ToFloat>
int rounding_failures(std::uint32_t infinity, ToHalf&& to_half, ToFloat&& to_float) {
    int failures = 0;
    for (std::uint32_t sign : {0u, 0x8000u}) {
        for (std::uint32_t i = 0; i < infinity; ++i) {
            const auto low = static_cast<std::uint16_t>(sign | i), high = static_cast<std::uint16_t>(sign | (i + 1));
            const float a = to_float(low);
            if (to_half(a) != low) ++failures;
            if (i + 1 == infinity) continue;
            const float b = to_float(high), away = std::signbit(b) ? -INFINITY : INFINITY;
            const float middle = static_cast<float>((static_cast<double>(a) + static_cast<double>(b)) / 2);
            if (to_half(middle) != ((i & 1u) == 0 ? low : high)) ++failures;
            if (to_half(std::nextafter(middle, -away)) != low) ++failures;
            if (to_half(std::nextafter(middle, away)) != high) ++failures;
        }
    }
    return failures;
}

}  // namespace

TEST_CASE("f16: every pattern comes back and every middle rounds to even") {
    CHECK(rounding_failures(0x7C00, float_to_f16, f16_to_float) == 0);
}

TEST_CASE("bf16: every pattern comes back and every middle rounds to even") {
    CHECK(rounding_failures(0x7F80, float_to_bf16, bf16_to_float) == 0);
}

TEST_CASE("16-bit formats: known patterns") {
    CHECK(float_to_f16(1.0f) == 0x3C00);
    CHECK(float_to_f16(-2.0f) == 0xC000);
    CHECK(float_to_f16(65504.0f) == 0x7BFF);
    CHECK(float_to_f16(std::nextafter(65520.0f, 0.0f)) == 0x7BFF);
    CHECK(float_to_f16(65520.0f) == 0x7C00);
    CHECK(float_to_f16(1e30f) == 0x7C00);
    CHECK(float_to_f16(-INFINITY) == 0xFC00);
    CHECK(float_to_f16(0x1.0p-24f) == 0x0001);
    CHECK(float_to_f16(0x1.0p-25f) == 0x0000);
    CHECK(float_to_f16(-0x1.8p-25f) == 0x8001);
    CHECK(f16_to_float(0x0001) == 0x1.0p-24f);
    CHECK(f16_to_float(0x3555) == 0x1.554p-2f);
    CHECK(f16_to_float(0x7C00) == INFINITY);
    CHECK(float_to_bf16(1.0f) == 0x3F80);
    CHECK(float_to_bf16(std::numeric_limits<float>::max()) == 0x7F80);
    CHECK(bf16_to_float(0xC040) == -3.0f);
}

TEST_CASE("16-bit formats: NaN stays NaN whatever its payload") {
    for (const std::uint32_t bits : {0x7F800001u, 0x7FC00000u, 0xFF800001u, 0x7FFFFFFFu}) {
        const float nan = std::bit_cast<float>(bits);
        CHECK(std::isnan(f16_to_float(float_to_f16(nan))));
        CHECK(std::isnan(bf16_to_float(float_to_bf16(nan))));
    }
}
