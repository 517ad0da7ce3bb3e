#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <gancodec.hpp>

#include "support/catch.hpp"

namespace {

using namespace gancodec;

/// Numbers with bits at random: every kind, NaN, infinite and subnormal ones included.
float any_float(Random& random) { return std::bit_cast<float>(static_cast<std::uint32_t>(random.next() >> 32)); }

/// A word of two bf16 with exponents in [first, first + count).
float any_word(Random& random, std::uint32_t first, std::uint32_t count) {
    const auto half = [&] {
        const auto bits = static_cast<std::uint32_t>(random.next() >> 32);
        return (bits & 0x807Fu) | (first + (bits >> 16) % count) << 7;
    };
    return std::bit_cast<float>(half() | half() << 16);
}

/// The same bits, or both are NaN.
bool same(float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

template <class Arch>
void check_lanes() {
    using Vector = simd::Floats<Arch>;
    constexpr int kLanes = simd::kLanes<Arch>;
    CAPTURE(kLanes);
    Random random(5);
    alignas(kAlignmentBytes) float a[kChannelBlock], b[kChannelBlock], sum[kChannelBlock], out[kChannelBlock];
    int wrong_pairs = 0, wrong_neighbours = 0, wrong_sums = 0;
    for (int round = 0; round < 20000; ++round) {
        for (int i = 0; i < kLanes; ++i) a[i] = any_float(random), b[i] = any_float(random);
        simd::store<Arch>(out, simd::pair_bf16(simd::load<Arch>(a), simd::load<Arch>(b)));
        for (int i = 0; i < kLanes; ++i)
            wrong_pairs +=
                std::bit_cast<std::uint32_t>(out[i]) != std::bit_cast<std::uint32_t>(simd::pair_bf16(a[i], b[i]));
        simd::store_bf16(out, simd::load<Arch>(a));
        for (int i = 0; i < kLanes / 2; ++i)
            wrong_neighbours += std::bit_cast<std::uint32_t>(out[i]) !=
                                std::bit_cast<std::uint32_t>(simd::pair_bf16(a[2 * i], a[2 * i + 1]));
        // Everyday numbers, all kinds, and sums that become subnormal.
        for (int i = 0; i < kLanes; ++i) {
            const int kind = (round + i) % 3;
            const std::uint32_t first = kind == 0 ? 120 : kind == 1 ? 1 : 40, count = kind == 1 ? 255 : 24;
            a[i] = any_word(random, first, count);
            b[i] = any_word(random, first, count);
            sum[i] = kind == 0 ? static_cast<float>(random.normal()) : any_float(random);
            if (kind == 2) sum[i] *= 0x1p-100f;
        }
        const Vector total = simd::dot_bf16(simd::load<Arch>(a), simd::load<Arch>(b), simd::load<Arch>(sum));
        simd::store<Arch>(out, total);
        for (int i = 0; i < kLanes; ++i) wrong_sums += !same(out[i], simd::dot_bf16(a[i], b[i], sum[i]));
    }
    CHECK(wrong_pairs == 0);
    CHECK(wrong_neighbours == 0);
    CHECK(wrong_sums == 0);
}

}  // namespace

TEST_CASE("bf16: a word of two numbers, rounded to nearest even, subnormal numbers zero", "[simd][bf16]") {
    const auto bits = [](float first, float second) {
        return std::bit_cast<std::uint32_t>(simd::pair_bf16(first, second));
    };
    CHECK(bits(1.0f, -2.0f) == 0xC0003F80u);
    CHECK(bits(1.0f + 0x1p-8f, 1.0f + 0x3p-8f) == 0x3F823F80u);  // ties
    CHECK(bits(1.0f + 0x1.01p-8f, 0x1p-127f) == 0x00003F81u);
    CHECK(bits(-0x1p-127f, std::numeric_limits<float>::max()) == 0x7F808000u);
}

TEST_CASE("bf16: a dot product adds the second product first, each rounded once", "[simd][bf16]") {
    CHECK(simd::dot_bf16(simd::pair_bf16(2.0f, 3.0f), simd::pair_bf16(5.0f, 7.0f), 0.5f) == 31.5f);
    // 2^24 + 1 is no float: + 1 is lost when it comes before − 2^24.
    CHECK(simd::dot_bf16(simd::pair_bf16(1.0f, -0x1p24f), simd::pair_bf16(1.0f, 1.0f), 0x1p24f) == 1.0f);
    CHECK(simd::dot_bf16(simd::pair_bf16(-0x1p24f, 1.0f), simd::pair_bf16(1.0f, 1.0f), 0x1p24f) == 0.0f);
    // The sum and its parts are never subnormal.
    CHECK(simd::dot_bf16(simd::pair_bf16(0.0f, 0.0f), simd::pair_bf16(1.0f, 1.0f), 0x1p-130f) == 0.0f);
    CHECK(simd::dot_bf16(simd::pair_bf16(0.0f, 0x1p-70f), simd::pair_bf16(1.0f, 0x1p-70f), 0.0f) == 0.0f);
}

TEST_CASE("bf16: every register does what the plain functions do", "[simd][bf16]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    check_lanes<simd::EmulatedArch<4>>();
    check_lanes<simd::EmulatedArch<8>>();
    check_lanes<simd::EmulatedArch<16>>();
    check_lanes<simd::NativeArch>();
#if defined(__AVX2__) && defined(__FMA__)
    check_lanes<simd::Avx2Arch>();
#endif
}
