#include <algorithm>
#include <cmath>
#include <cstdint>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

TEST_CASE("scale tables are the rounded Gaussians they claim to be", "[latents][scale_table]") {
    const CdfTables tables = CdfTables::symmetric(scale_tables().half, scale_tables().begin);
    REQUIRE(tables.size() == std::size_t{kScales});
    for (int i = 0; i < kScales; ++i) {
        const double sigma = 0.11 * std::pow(64 / 0.11, i / 63.0);
        CHECK(std::abs(double{scale_sigma(i)} - sigma) < 1e-6 * sigma);
        CHECK(std::abs(0.11 * std::exp2(i * double{kScaleStepLog2}) - sigma) < 1e-5 * sigma);
        const auto upper = [&](double x) { return 0.5 * std::erfc(x / (sigma * std::sqrt(2.0))); };
        const auto index = static_cast<std::size_t>(i);
        const std::int32_t m = -tables.table(index).first;
        CHECK(tables.table(index).slots == static_cast<std::uint32_t>(2 * m + 2));
        double divergence_bits = 0;
        for (std::int32_t k = -m; k <= m; ++k) {
            const double exact = (upper(k - 0.5) - upper(k + 0.5)) * 65536;
            const double frequency = tables.frequency(index, k);
            CHECK(std::abs(frequency - exact) <= 5.0);
            if (exact > 1e-9) divergence_bits += exact / 65536 * std::log2(exact / frequency);
        }
        const double outside = 2 * upper(m + 0.5) * 65536;
        CHECK(outside <= 8.0);
        divergence_bits += outside / 65536 * std::log2(std::max(outside, 1e-9) / tables.frequency(index, m + 1));
        CHECK(divergence_bits < 1e-3);
    }
}
