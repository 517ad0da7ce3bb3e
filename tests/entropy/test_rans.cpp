#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

ConditionalPrior gaussian_prior() {
    return ConditionalPrior(CdfTables::symmetric(scale_tables().half, scale_tables().begin));
}

struct Message {
    std::vector<std::int32_t> symbols;
    std::vector<std::uint8_t> index;
};

/// Symbols as the tables expect them, from scales `low` to `high`; `wild` of a thousand lie anywhere.
Message gaussian_message(Random& random, std::size_t count, int low, int high, int wild) {
    Message m;
    for (std::size_t i = 0; i < count; ++i) {
        m.index.push_back(static_cast<std::uint8_t>(
            low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1)))));
        auto symbol = static_cast<std::int32_t>(std::nearbyint(random.normal() * double{scale_sigma(m.index.back())}));
        if (random.below(1000) < static_cast<std::uint64_t>(wild)) {
            symbol = static_cast<std::int32_t>(random.below(2 * kMaxSymbol + 1)) - kMaxSymbol;
            if (random.below(2) == 0) symbol >>= random.below(20);
        }
        m.symbols.push_back(symbol);
    }
    return m;
}

/// What the tables say the message costs; an escape's code is 2·n - 1 bits.
double ideal_bits(const CdfTables& tables, const Message& m) {
    double bits = 0;
    for (std::size_t i = 0; i < m.symbols.size(); ++i) {
        const auto& t = tables.table(m.index[i]);
        bits += 16 - std::log2(tables.frequency(m.index[i], m.symbols[i]));
        if (m.symbols[i] < t.first || m.symbols[i] >= t.first + static_cast<std::int32_t>(t.slots) - 1)
            bits += 2 * std::floor(std::log2(escape_code(m.symbols[i], t) + 1.0)) + 1;
    }
    return bits;
}

CdfTables random_tables(Random& random, int count) {
    CdfTables tables;
    for (int i = 0; i < count; ++i) {
        const std::size_t slots = 2 + random.below(i % 3 == 0 ? 3 : 300);
        std::vector<std::uint16_t> frequencies(slots, 1);
        auto left = static_cast<std::uint32_t>(65536 - slots);
        for (std::size_t s = 0; s + 1 < slots; ++s) {
            const auto share = static_cast<std::uint32_t>(random.below(left / 4 + 1));
            frequencies[s] = static_cast<std::uint16_t>(frequencies[s] + share);
            left -= share;
        }
        frequencies.back() = static_cast<std::uint16_t>(frequencies.back() + left);
        tables.add(static_cast<std::int32_t>(random.below(200)) - 100, frequencies, "random");
    }
    return tables;
}

/// An Error of the stream, or symbols within their limit.
bool decodes_safely(const ConditionalPrior& prior, const Bytes& bytes, const Message& m, bool& equal) {
    // A copy of exact size, so that a sanitizer sees any read beyond it.
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
    std::vector<std::int32_t> symbols(m.symbols.size());
    equal = false;
    try {
        prior.decode(exact, m.index, symbols);
    } catch (const Error& error) {
        return error.code() == Errc::corrupt_stream;
    }
    equal = symbols == m.symbols;
    return std::all_of(symbols.begin(), symbols.end(),
                       [](std::int32_t s) { return s >= -kMaxSymbol && s <= kMaxSymbol; });
}

}  // namespace

TEST_CASE("rANS returns every symbol at every length", "[entropy][rans]") {
    Random random(11);
    const ConditionalPrior gaussian = gaussian_prior();
    for (const std::size_t count :
         {0u, 1u, 2u, 3u, 4u, 5u, 17u, 1000u, 4095u, 4096u, 4097u, 4098u, 4099u, 5000u, 8192u, 30001u}) {
        for (const int wild : {0, 20, 1000}) {
            for (const int high : {0, 10, 63}) {
                const Message m = gaussian_message(random, count, high == 63 ? 40 : 0, high, wild);
                const Bytes bytes = gaussian.encode(m.symbols, m.index);
                std::vector<std::int32_t> decoded(count, 12345);
                gaussian.decode(bytes, m.index, decoded);
                REQUIRE(decoded == m.symbols);
            }
        }
    }
    for (int round = 0; round < 40; ++round) {
        const ConditionalPrior prior(random_tables(random, 1 + static_cast<int>(random.below(256))));
        Message m;
        for (std::size_t i = 0, count = random.below(10000); i < count; ++i) {
            m.index.push_back(static_cast<std::uint8_t>(random.below(prior.tables().size())));
            m.symbols.push_back(static_cast<std::int32_t>(random.below(600)) - 300);
        }
        std::vector<std::int32_t> decoded(m.symbols.size());
        prior.decode(prior.encode(m.symbols, m.index), m.index, decoded);
        REQUIRE(decoded == m.symbols);
    }
}

TEST_CASE("the upper half of a product is the same from products of halves", "[entropy][rans]") {
    Random random(3);
    for (int i = 0; i < 100000; ++i) {
        const std::uint64_t a = random.next() >> random.below(64), b = random.next() >> random.below(64);
        REQUIRE(multiply_high_by_halves(a, b) == multiply_high(a, b));
    }
    constexpr std::uint64_t kMost = ~std::uint64_t{0};
    STATIC_REQUIRE(multiply_high_by_halves(kMost, kMost) == kMost - 1);
}

TEST_CASE("rANS codes the extreme symbols and refuses larger ones", "[entropy][rans]") {
    const ConditionalPrior prior = gaussian_prior();
    for (const std::size_t count : {1u, 6000u}) {
        for (const std::int32_t symbol : {kMaxSymbol, -kMaxSymbol}) {
            const std::vector<std::int32_t> symbols(count, symbol);
            const std::vector<std::uint8_t> index(count, 0);
            std::vector<std::int32_t> decoded(count);
            prior.decode(prior.encode(symbols, index), index, decoded);
            CHECK(decoded == symbols);
        }
        for (const std::int32_t symbol : {kMaxSymbol + 1, -kMaxSymbol - 1, INT32_MAX, INT32_MIN}) {
            const std::vector<std::int32_t> symbols(count, symbol);
            const std::vector<std::uint8_t> index(count, 63);
            CHECK_THROWS_AS(prior.encode(symbols, index), Error);
        }
    }
}

TEST_CASE("coded size is within 0.1 % and a few bytes of the entropy of the tables", "[entropy][rans]") {
    Random random(12);
    const ConditionalPrior prior = gaussian_prior();
    double waste = 0;
    int cases = 0;
    for (const std::size_t count : {1u, 10u, 300u, 4000u, 5000u, 50000u, 300000u}) {
        for (const auto& [low, high] : {std::pair{0, 3}, {0, 15}, {0, 63}, {48, 63}}) {
            const Message m = gaussian_message(random, count, low, high, low == 48 ? 1 : 0);
            const double ideal = ideal_bits(prior.tables(), m) / 8;
            const auto size = static_cast<double>(prior.encode(m.symbols, m.index).size());
            INFO("count " << count << " scales " << low << " to " << high << " ideal " << ideal << " size " << size);
            CHECK(size <= ideal * 1.001 + (count < kRansForkFrom ? 3.5 : 7));
            CHECK(size >= ideal - 1);
            waste += size - ideal * 1.0002;
            ++cases;
        }
    }
    CHECK(waste / cases < 3.0);
}

TEST_CASE("latents that end in silence still fork, and silence alone costs next to nothing", "[entropy][rans]") {
    Random random(13);
    const ConditionalPrior prior = gaussian_prior();
    Message m = gaussian_message(random, 40000, 20, 40, 0);
    for (std::size_t i = 10000; i < 40000; ++i) m.index[i] = 0, m.symbols[i] = 0;
    const Bytes bytes = prior.encode(m.symbols, m.index);
    CHECK(static_cast<double>(bytes.size()) < ideal_bits(prior.tables(), m) / 8 * 1.001 + 7);
    std::vector<std::int32_t> decoded(m.symbols.size());
    prior.decode(bytes, m.index, decoded);
    CHECK(decoded == m.symbols);

    const std::vector<std::int32_t> silence(4096, 0);
    const std::vector<std::uint8_t> index(4096, 0);
    const Bytes quiet = prior.encode(silence, index);
    CHECK(quiet.size() <= 4);
    decoded.assign(4096, 1);
    prior.decode(quiet, index, decoded);
    CHECK(decoded == silence);
    CHECK(prior.encode({}, {}).empty());
}

TEST_CASE("the bytes of a stream never change", "[entropy][rans]") {
    // Integers only, so that the message itself is the same on every machine.
    Random random(14);
    const ConditionalPrior prior = gaussian_prior();
    Message m;
    for (int i = 0; i < 9000; ++i) {
        m.index.push_back(static_cast<std::uint8_t>(random.next() % 64));
        m.symbols.push_back(static_cast<std::int32_t>(random.next() % 7) - 3);
    }
    const Bytes long_stream = prior.encode(m.symbols, m.index);
    CHECK(long_stream.size() == 7673);
    CHECK(crc32(long_stream) == 2674211803u);
    m.symbols.resize(500);
    m.index.resize(500);
    const Bytes short_stream = prior.encode(m.symbols, m.index);
    CHECK(short_stream.size() == 413);
    CHECK(crc32(short_stream) == 2769779396u);
}

TEST_CASE("a cut stream gives an Error or symbols", "[entropy][rans][hostile]") {
    Random random(15);
    const ConditionalPrior prior = gaussian_prior();
    for (const std::size_t count : {1u, 60u, 4200u}) {
        const Message m = gaussian_message(random, count, 0, count > 1000 ? 20 : 63, 5);
        const Bytes bytes = prior.encode(m.symbols, m.index);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            bool equal = false;
            REQUIRE(decodes_safely(prior, Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)), m,
                                   equal));
            CHECK_FALSE(equal);
        }
        Bytes longer = bytes;
        longer.push_back(0);
        bool equal = false;
        REQUIRE(decodes_safely(prior, longer, m, equal));
        CHECK_FALSE(equal);
    }
}

TEST_CASE("a flipped bit gives an Error or other symbols", "[entropy][rans][hostile]") {
    Random random(16);
    const ConditionalPrior prior = gaussian_prior();
    for (const std::size_t count : {1u, 60u, 4200u}) {
        const Message m = gaussian_message(random, count, 0, count > 1000 ? 12 : 63, 5);
        Bytes bytes = prior.encode(m.symbols, m.index);
        for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
            bool equal = false;
            REQUIRE(decodes_safely(prior, bytes, m, equal));
            CHECK_FALSE(equal);
            bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
        }
    }
}

TEST_CASE("random bytes give an Error or symbols", "[entropy][rans][hostile]") {
    Random random(17);
    const ConditionalPrior prior = gaussian_prior();
    for (int round = 0; round < 3000; ++round) {
        Message m = gaussian_message(random, round % 4 == 0 ? 4096 + random.below(200) : random.below(300), 0, 63, 0);
        Bytes bytes(random.below(200));
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(round % 3 == 0 ? 0 : random.next());
        bool equal = false;
        REQUIRE(decodes_safely(prior, bytes, m, equal));
    }
}

TEST_CASE("an index without a table is refused", "[entropy][conditional_prior]") {
    const ConditionalPrior prior = gaussian_prior();
    const std::vector<std::int32_t> symbols(3, 0);
    const std::vector<std::uint8_t> index = {0, 64, 1};
    std::vector<std::int32_t> decoded(3);
    CHECK_THROWS_AS(prior.encode(symbols, index), Error);
    CHECK_THROWS_AS(prior.decode(Bytes{1, 2, 3}, index, decoded), Error);
}

TEST_CASE("the factorised prior gives every channel its own table", "[entropy][factorized_prior]") {
    Random random(18);
    const FactorizedPrior prior(random_tables(random, 64));
    for (const std::size_t plane : {1u, 6u, 96u, 400u}) {
        std::vector<std::int32_t> symbols;
        double ideal = 0;
        for (std::size_t channel = 0; channel < 64; ++channel) {
            const auto& t = prior.tables().table(channel);
            for (std::size_t i = 0; i < plane; ++i) {
                symbols.push_back(t.first + static_cast<std::int32_t>(random.below(t.slots - 1)));
                ideal += 16 - std::log2(prior.tables().frequency(channel, symbols.back()));
            }
        }
        const Bytes bytes = prior.encode(symbols);
        CHECK(static_cast<double>(bytes.size()) < ideal / 8 * 1.001 + 7);
        std::vector<std::int32_t> decoded(symbols.size());
        prior.decode(bytes, decoded);
        CHECK(decoded == symbols);
    }
    std::vector<std::int32_t> nothing;
    prior.decode(prior.encode(nothing), nothing);
}
