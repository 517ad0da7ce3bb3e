#include <cstdint>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

using Frequencies = std::vector<std::uint16_t>;

bool refused(std::int32_t first, const Frequencies& frequencies) {
    CdfTables tables;
    try {
        tables.add(first, frequencies, "prior.3");
    } catch (const Error& error) {
        return error.code() == Errc::corrupt_weights && std::string(error.what()).starts_with("prior.3: expected ") &&
               tables.size() == 0;
    }
    return false;
}

}  // namespace

TEST_CASE("tables from a file are checked", "[entropy][cdf]") {
    CHECK_FALSE(refused(0, {1, 65535}));
    CHECK_FALSE(refused(-2, {6, 30000, 30000, 5530}));
    CHECK(refused(0, {}));
    CHECK(refused(0, {65535}));
    CHECK(refused(0, {0, 65535, 1}));
    CHECK(refused(0, {1, 65534, 0, 1}));
    CHECK(refused(0, {1, 65534}));
    CHECK(refused(0, {2, 65535}));
    CHECK(refused(0, {1, 65535, 65535, 1}));
    CHECK(refused(kMaxSymbol, {1, 65534, 1}));
    CHECK(refused(-kMaxSymbol - 1, {1, 65535}));
    CHECK(refused(INT32_MIN, {1, 65535}));
    CHECK(refused(INT32_MAX, {1, 65535}));
    CHECK(refused(0, Frequencies(CdfTables::kMaxSlots * 2, 8)));
    CHECK_FALSE(refused(0, Frequencies(CdfTables::kMaxSlots, 16)));
}

TEST_CASE("slots, buckets and frequencies describe the same table", "[entropy][cdf]") {
    CdfTables tables;
    tables.add(5, Frequencies{1, 65535}, "a");
    tables.add(-3, Frequencies{100, 1, 1, 1, 40000, 25433}, "b");
    tables.add(0, Frequencies(4096, 16), "c");
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const auto& t = tables.table(i);
        std::uint32_t position = 0;
        for (std::uint32_t slot = 0; slot < t.slots; ++slot) {
            const std::uint32_t s = tables.decode_slots(t)[slot];
            REQUIRE((s & 0xFFFFu) == position);
            position += s >> 16;
        }
        REQUIRE(position == kProbabilityTotal);
        for (std::uint32_t bucket = 0; bucket < CdfTables::kBuckets; ++bucket) {
            const std::uint32_t s = tables.decode_slots(t)[tables.buckets(i)[bucket]];
            REQUIRE(bucket * 64 - (s & 0xFFFFu) < s >> 16);
        }
    }
    CHECK(tables.frequency(0, 5) == 65535);
    CHECK(tables.frequency(0, 4) == 1);
    CHECK(tables.frequency(0, 6) == 1);
    CHECK(tables.frequency(1, -3) == 1);
    CHECK(tables.frequency(1, 0) == 40000);
    CHECK(tables.frequency(1, 1) == 25433);
    CHECK(tables.frequency(1, 2) == 100);
    CHECK(tables.frequency(1, INT32_MIN) == 100);
}

TEST_CASE("the reciprocal divides exactly", "[entropy][cdf]") {
    __extension__ using Wide = unsigned __int128;
    for (std::uint32_t frequency = 1; frequency < 65536; ++frequency) {
        CdfTables tables;
        tables.add(0, Frequencies{static_cast<std::uint16_t>(65536 - frequency), static_cast<std::uint16_t>(frequency)},
                   "t");
        const auto& s = tables.encode_slots(tables.table(0))[1];
        const std::uint64_t limit = std::uint64_t{frequency} << 23;
        for (const std::uint64_t x :
             {std::uint64_t{1}, std::uint64_t{frequency} - 1 + (frequency == 1), std::uint64_t{frequency}, limit / 3,
              limit / 3 * frequency / 65536 + 1, limit - 1, limit - frequency, limit / 2 + 1}) {
            const std::uint64_t quotient = static_cast<std::uint64_t>((Wide{x} * s.reciprocal) >> 64) >> s.shift;
            const std::uint64_t coded = x + s.bias + quotient * (65536 - frequency);
            if (coded != x / frequency * 65536 + (65536 - frequency) + x % frequency)
                FAIL("frequency " << frequency << " x " << x);
        }
    }
}

TEST_CASE("symmetric tables unfold", "[entropy][cdf]") {
    const Frequencies half = {4, 60000, 2000, 766, 1, 65533, 1};
    const std::vector<std::uint16_t> begin = {0, 4, 7};
    const CdfTables tables = CdfTables::symmetric(half, begin);
    REQUIRE(tables.size() == 2);
    CHECK(tables.table(0).first == -2);
    CHECK(tables.table(0).slots == 6);
    const std::uint32_t expected[] = {4, 766, 2000, 60000, 2000, 766, 4};
    for (int symbol = -3; symbol <= 3; ++symbol) CHECK(tables.frequency(0, symbol) == expected[symbol + 3]);
    CHECK_THROWS_AS(CdfTables::symmetric(half, std::vector<std::uint16_t>{0, 1}), Error);
    CHECK_THROWS_AS(CdfTables::symmetric(half, std::vector<std::uint16_t>{0, 8}), Error);
    CHECK_THROWS_AS(CdfTables::symmetric(half, std::vector<std::uint16_t>{4, 0}), Error);
}

TEST_CASE("escape codes are a bijection outside the table", "[entropy][escape]") {
    for (const CdfTables::Table t : {CdfTables::Table{-2, 6, 0}, CdfTables::Table{7, 2, 0},
                                     CdfTables::Table{-kMaxSymbol, 2, 0}, CdfTables::Table{kMaxSymbol, 2, 0}}) {
        const std::int32_t end = t.first + static_cast<std::int32_t>(t.slots) - 1;
        for (const std::int32_t symbol :
             {-kMaxSymbol, -1000, t.first - 2, t.first - 1, end, end + 1, 1000, kMaxSymbol}) {
            if (symbol < -kMaxSymbol || symbol > kMaxSymbol || (symbol >= t.first && symbol < end)) continue;
            const std::uint32_t code = escape_code(symbol, t);
            CHECK(code < (1u << kMaxEscapeBits) - 1);
            CHECK(escape_symbol(code, t) == symbol);
            std::vector<std::uint32_t> bits;
            put_escape_backwards(code, [&](std::uint32_t bit) { bits.push_back(bit); });
            CHECK(get_escape([&] {
                      const std::uint32_t bit = bits.back();
                      bits.pop_back();
                      return bit;
                  }) == std::int64_t{code});
            CHECK(bits.empty());
        }
    }
    int asked = 0;
    CHECK(get_escape([&] { return ++asked, 0u; }) == -1);
    CHECK(asked == kMaxEscapeBits);
}

TEST_CASE("the table hash sees every number, its place and the lengths", "[entropy][table_hash]") {
    const auto hash = [](std::vector<std::int32_t> a, std::vector<std::int32_t> b) {
        TableHash h;
        h.update(std::span<const std::int32_t>(a));
        h.update(std::span<const std::int32_t>(b));
        return h.value();
    };
    const std::uint32_t base = hash({1, 2, 3}, {4});
    CHECK(base == hash({1, 2, 3}, {4}));
    CHECK(base != hash({1, 2}, {3, 4}));
    CHECK(base != hash({1, 2, 3}, {5}));
    CHECK(base != hash({1, 3, 2}, {4}));
    CHECK(base != hash({1, 2, 3}, {-4}));
    CHECK(base == 0x3594C7B1u);  // streams carry these names: the function must never change

    const auto table_hash = [](std::uint16_t escape) {
        CdfTables tables;
        tables.add(0, Frequencies{escape, static_cast<std::uint16_t>(65536 - escape)}, "t");
        TableHash h;
        tables.hash(h);
        return h.value();
    };
    CHECK(table_hash(1) != table_hash(2));
}
