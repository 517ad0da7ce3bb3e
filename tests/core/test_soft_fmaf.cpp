#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include "../../examples/wasm/soft_fmaf.hpp"

// The libraries of these machines round once; that of WebAssembly, which the example replaces, does not.
TEST_CASE("soft fmaf equals the library's", "[soft_fmaf]") {
    const auto same = [](float a, float b, float c) {
        const float expected = std::fma(a, b, c), found = soft_fmaf(a, b, c);
        return std::isnan(expected) ? std::isnan(found)
                                    : std::bit_cast<std::uint32_t>(expected) == std::bit_cast<std::uint32_t>(found);
    };
    std::mt19937 random(1);
    const auto any = [&] { return std::bit_cast<float>(static_cast<std::uint32_t>(random())); };
    int different = 0, half_way = 0;
    for (int i = 0; i < 2'000'000; ++i) different += !same(any(), any(), any());
    // Products of 26 bits, which often lie half-way between two floats, and something small beside them.
    const auto of_bits = [&](std::uint32_t below, int lowest_exponent) {
        const auto magnitude = static_cast<float>(random() % below);
        return std::ldexp(random() % 2 != 0 ? magnitude : -magnitude,
                          lowest_exponent + static_cast<int>(random() % 40));
    };
    for (int i = 0; i < 2'000'000; ++i) {
        const float a = of_bits(8193, -20), b = of_bits(8193, -20), c = of_bits(5, -90);
        different += !same(a, b, c);
        // What rounds twice: the sum to a double, and that to a float.
        half_way += static_cast<float>(static_cast<double>(a) * b + c) != std::fma(a, b, c);
    }
    CHECK(different == 0);
    CHECK(half_way > 0);  // the numbers are such as tell

    constexpr float kInfinity = std::numeric_limits<float>::infinity(), kMost = std::numeric_limits<float>::max(),
                    kLeast = std::numeric_limits<float>::denorm_min();
    for (const float a : {0.0f, -0.0f, 1.0f, -1.0f, kMost, -kMost, kLeast, -kLeast, kInfinity, -kInfinity})
        for (const float b : {0.0f, -0.0f, 1.0f, 0.5f, -0.5f, kMost, kLeast, kInfinity})
            for (const float c : {0.0f, -0.0f, 1.0f, -1.0f, kMost, -kMost, kLeast, -kLeast, kInfinity, -kInfinity}) {
                CAPTURE(a, b, c);
                CHECK(same(a, b, c));
            }
}
