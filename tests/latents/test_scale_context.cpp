#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

int bucket_of(int n, int d) {
    ScaleContext::Group ns{}, ds{};
    ns.back() = n;
    ds.back() = d;
    return ScaleContext::buckets(ns, ds).back();
}

ScaleContext random_context(std::uint64_t seed) {
    Random random(seed);
    std::vector<std::int32_t> offsets(std::size_t{ScaleContext::kRatios} * ScaleContext::kIndexGroups);
    for (auto& offset : offsets) offset = static_cast<std::int32_t>(random.below(2 * kScales - 1)) - (kScales - 1);
    return ScaleContext(offsets);
}

struct Block {
    int channels, h, w;
    std::vector<std::int32_t> symbols;
    std::vector<std::uint8_t> index;

    Block(int channels_, int h_, int w_, std::uint64_t seed) : channels(channels_), h(h_), w(w_) {
        Random random(seed);
        for (int i = 0; i < channels * h * w; ++i) {
            index.push_back(static_cast<std::uint8_t>(random.below(kScales)));
            symbols.push_back(
                static_cast<std::int32_t>(std::lround(2 * random.normal() * double{scale_sigma(index.back())})));
        }
        if (!symbols.empty()) symbols[symbols.size() / 2] = -100000;
    }
    [[nodiscard]] std::size_t at(int c, int y, int x) const { return static_cast<std::size_t>((c * h + y) * w + x); }
    /// What the comment of ScaleContext says, latent by latent.
    [[nodiscard]] int plain_bucket(int c, int y, int x) const {
        int n = 0, d = 0;
        const auto see = [&](int dy, int dx, int weight) {
            if (y + dy < 0 || x + dx < 0 || x + dx >= w) return;
            n += weight * static_cast<int>(ScaleContext::magnitude(symbols[at(c, y + dy, x + dx)]));
            d += weight * static_cast<int>(ScaleContext::expected(index[at(c, y + dy, x + dx)]));
        };
        see(0, -1, 2);
        see(-1, 0, 2);
        see(-1, -1, 1);
        see(-1, 1, 1);
        see(0, -2, 1);
        see(-2, 0, 1);
        return bucket_of(n, d);
    }
};

}  // namespace

TEST_CASE("expected magnitudes are those of the tables' Gaussians", "[latents][scale_context]") {
    for (int i = 0; i < kScales; ++i) {
        const double sigma = 0.11 * std::pow(64 / 0.11, i / 63.0);
        double mean = 0;
        for (int k = 1; k <= 1000; ++k)
            mean += std::min(k, 4) *
                    (std::erf((k + 0.5) / sigma / std::sqrt(2.0)) - std::erf((k - 0.5) / sigma / std::sqrt(2.0)));
        CHECK(std::abs(ScaleContext::expected(i) / 1024.0 - mean) < 1.5e-3);
    }
}

TEST_CASE("buckets of ratios rise by factors of e^0.2", "[latents][scale_context]") {
    CHECK(bucket_of(0, 0) == 8);  // nothing seen: as expected, just below 1 in sum
    CHECK(bucket_of(0, 8 * 4096) == 0);
    CHECK(bucket_of(32, 0) == ScaleContext::kRatios - 1);
    for (int d = 0; d < 8 * 4096; d += 37) {
        int last = 0;
        for (int n = 0; n <= 32; ++n) {
            const int bucket = bucket_of(n, d);
            CHECK(bucket >= last);
            const double ratio = std::log((n * 1024 + 273.0) / (d + 273.0)), place = (ratio + 1.6) / 0.2;
            if (std::abs(place - std::round(place)) > 0.06)
                CHECK(bucket == std::clamp(static_cast<int>(std::floor(place)) + 1, 0, ScaleContext::kRatios - 1));
            last = bucket;
        }
    }
}

TEST_CASE("a walk sees what the latents before it tell", "[latents][scale_context]") {
    for (const auto& [channels, h, w] :
         {std::array{1, 1, 1}, {3, 4, 1}, {1, 1, 7}, {128, 5, 6}, {17, 3, 2}, {20, 7, 3}}) {
        const Block block(channels, h, w, 5);
        Workspace ws;
        ScaleContextWalk walk(channels, w, ws);
        std::vector<std::int32_t> symbols(static_cast<std::size_t>(channels));
        std::vector<std::uint8_t> index(symbols.size());
        for (int y = 0; y < h; ++y)
            for (int x = 0; x < w; ++x) {
                std::size_t asked = 0;
                walk.each_bucket([&](std::size_t c, int bucket) {
                    CHECK(c == asked++);
                    CHECK(bucket == block.plain_bucket(static_cast<int>(c), y, x));
                });
                CHECK(asked == symbols.size());
                for (int c = 0; c < channels; ++c) {
                    symbols[static_cast<std::size_t>(c)] = block.symbols[block.at(c, y, x)];
                    index[static_cast<std::size_t>(c)] = block.index[block.at(c, y, x)];
                }
                walk.pass(symbols.data(), index.data());
            }
    }
}

TEST_CASE("residuals come back through a context", "[latents][scale_context]") {
    const ConditionalPrior prior(CdfTables::symmetric(scale_tables().half, scale_tables().begin));
    Workspace ws;
    for (const auto& context : {random_context(1), ScaleContext()})
        for (const auto& [channels, h, w] :
             {std::array{1, 1, 1}, {128, 1, 1}, {128, 4, 8}, {128, 12, 8}, {5, 40, 33}}) {
            const ContextualPrior contextual(prior, context);
            const Block block(channels, h, w, 7);
            const Bytes bytes = contextual.encode(block.symbols, block.index, channels, w, ws);
            std::vector<std::int32_t> again(block.symbols.size());
            contextual.decode(bytes, block.index, channels, w, again, ws);
            CHECK(again == block.symbols);
            if (context.empty()) CHECK(bytes == prior.encode(block.symbols, block.index));
        }
}

TEST_CASE("damaged bytes and indices without a table are refused through a context", "[latents][scale_context]") {
    const ConditionalPrior prior(CdfTables::symmetric(scale_tables().half, scale_tables().begin));
    const ScaleContext context = random_context(2);
    const ContextualPrior contextual(prior, context);
    Workspace ws;
    Block block(16, 6, 8, 3);
    const Bytes bytes = contextual.encode(block.symbols, block.index, block.channels, block.w, ws);
    std::vector<std::int32_t> again(block.symbols.size());
    Random random(4);
    int refused = 0;
    for (int trial = 0; trial < 300; ++trial) {
        Bytes damaged = bytes;
        damaged[random.below(damaged.size())] ^= static_cast<std::uint8_t>(1u << random.below(8));
        if (trial % 3 == 0) damaged.resize(random.below(damaged.size()));
        try {
            contextual.decode(damaged, block.index, block.channels, block.w, again, ws);
        } catch (const Error& error) {
            CHECK(error.code() == Errc::corrupt_stream);
            ++refused;
        }
    }
    CHECK(refused > 250);
    block.index[3] = kScales;
    CHECK_THROWS_AS(contextual.decode(bytes, block.index, block.channels, block.w, again, ws), Error);
    CHECK_THROWS_AS(contextual.encode(block.symbols, block.index, block.channels, block.w, ws), Error);
}

TEST_CASE("offsets of a context are checked", "[latents][scale_context]") {
    std::vector<std::int32_t> offsets(320);
    CHECK(ScaleContext(offsets).moved(3, 7) == 7);
    offsets[5] = 64;
    CHECK_THROWS_AS(ScaleContext(offsets), Error);
    offsets.pop_back();
    CHECK_THROWS_AS(ScaleContext(offsets), Error);
}

TEST_CASE("a fitted context finds scales that neighbours tell", "[latents][scale_context][train]") {
    // Scales that are four times the promised ones in one half of the block, and a quarter in the other.
    Block block(32, 24, 24, 9);
    Random random(11);
    for (int c = 0; c < block.channels; ++c)
        for (int y = 0; y < block.h; ++y)
            for (int x = 0; x < block.w; ++x) {
                const std::size_t i = block.at(c, y, x);
                block.index[i] = 20;
                block.symbols[i] = static_cast<std::int32_t>(
                    std::lround(random.normal() * double{scale_sigma(20)} * (x < 12 ? 4 : 0.25)));
            }
    ScaleContextFit fit;
    fit.add(block.symbols, block.index, block.channels, block.w);
    const ScaleContext context = fit.fit();
    CHECK(fit.bits(context) < 0.8 * fit.bits({}));
    const ConditionalPrior prior(CdfTables::symmetric(scale_tables().half, scale_tables().begin));
    Workspace ws;
    const auto bytes = [&](const ScaleContext& by) {
        return static_cast<double>(
            ContextualPrior(prior, by).encode(block.symbols, block.index, block.channels, block.w, ws).size());
    };
    CHECK(std::abs(8 * bytes(context) - fit.bits(context)) < 0.01 * fit.bits(context));
    CHECK(std::abs(8 * bytes({}) - fit.bits({})) < 0.01 * fit.bits({}));
}
