#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

namespace {

Codec& test_codec() {
    static Codec codec(random_codec_weights(1));
    return codec;
}

template <class F>
Errc code_of(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
        return error.code();
    }
    FAIL("expected an Error");
    return Errc::io;
}

int below(Random& random, int count) { return static_cast<int>(random.below(static_cast<std::uint64_t>(count))); }

/// Runs f(memory_bytes) with as little memory as it accepts, to the next of a few steps.
template <class F>
auto with_little_memory(F&& f) {
    for (std::size_t bytes = std::size_t{1} << 20;; bytes += bytes / 2) {
        try {
            return f(bytes);
        } catch (const Error& error) {
            REQUIRE(error.code() == Errc::limit);
            REQUIRE(bytes < (std::size_t{1} << 30));
        }
    }
}

/// Where each tile's bytes begin in a stream, and where the last ends.
std::vector<std::size_t> tile_starts(ByteView stream) {
    const StreamLayout layout = read_layout(stream);
    std::vector<std::size_t> starts;
    for (const StreamLayout::Part& part : layout.parts)
        starts.push_back(static_cast<std::size_t>(part.bytes.data() - stream.data()));
    starts.push_back(stream.size());
    return starts;
}

/// What tolerant decoding should show: the picture of symbols of which those of damaged tiles are zeros.
Image conceal(const Bytes& sound, const std::vector<TileDamage>& damages) {
    const StreamHeader header = inspect(sound);
    const TileGrid grid = TileGrid::of(header);
    Symbols symbols = test_codec().decode_symbols(sound);
    const auto clear = [](std::vector<std::int32_t>& numbers, const Area& area, int h, int w) {
        const std::size_t plane = static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
        for (std::size_t c = 0; c < numbers.size() / plane; ++c)
            for (int y = area.y.first; y < area.y.end; ++y)
                for (int x = area.x.first; x < area.x.end; ++x)
                    numbers[c * plane + static_cast<std::size_t>(y * w + x)] = 0;
    };
    for (const TileDamage& damage : damages) {
        const Area places = grid.places(damage.tile);
        clear(symbols.residuals, places.finer(kLatentsPerHyper), grid.h * kLatentsPerHyper, grid.w * kLatentsPerHyper);
        if (damage.hyper_latents) clear(symbols.z, places, grid.h, grid.w);
    }
    return test_codec().paint(symbols, header);
}

}  // namespace

TEST_CASE("tiles and windows change neither symbols nor pixels", "[tiles]") {
    constexpr int kPictures = 200, kLong = 12;
    Random random(11);
    for (int i = 0; i < kPictures; ++i) {
        int width = 1 + below(random, 180), height = 1 + below(random, 180);
        if (i < kLong) {  // longer than windows reach
            width = 1 + below(random, 100);
            height = 1300 + below(random, 900);
            if (i % 2 == 0) std::swap(width, height);
        }
        const Image image = test_picture(width, height, static_cast<std::uint64_t>(i));
        const double quality = below(random, 101);
        EncodeOptions tiled{.quality = quality, .tile_px = kTileStepPx * (1 + below(random, 6))};
        CAPTURE(width, height, tiled.tile_px, quality);
        const Bytes whole = test_codec().encode(image, {.quality = quality});
        const Image expected = test_codec().decode(whole);
        const bool little = i % 4 == 0;  // which takes long: windows overlap many times over
        const Bytes bytes = !little ? test_codec().encode(image, tiled) : with_little_memory([&](std::size_t memory) {
            tiled.memory_bytes = memory;
            return test_codec().encode(image, tiled);
        });
        CHECK(inspect(bytes).tile_px == tiled.tile_px);
        const Symbols one = test_codec().decode_symbols(whole), many = test_codec().decode_symbols(bytes);
        CHECK(one.z == many.z);
        CHECK(one.residuals == many.residuals);
        DecodeOptions options;
        CHECK(test_codec().decode(bytes, options) == expected);
        if (little)
            CHECK(with_little_memory([&](std::size_t memory) {
                      options.memory_bytes = memory;
                      return test_codec().decode(bytes, options);
                  }) == expected);
        // Of a stream in one piece too.
        const int x = below(random, width), y = below(random, height);
        const Region region{x, y, 1 + below(random, width - x), 1 + below(random, height - y)};
        options.region = region;
        const Image part = crop(expected, region.x, region.y, region.width, region.height);
        CHECK(test_codec().decode(bytes, options) == part);
        options.memory_bytes = kWindowMemoryBytes;
        CHECK(test_codec().decode(whole, options) == part);
    }
}

TEST_CASE("threads change nothing in tiles", "[tiles]") {
    const Image image = test_picture(200, 190);
    const int before = threads();
    const Bytes expected = test_codec().encode(image, {.quality = 30, .tile_px = 64});
    const Image picture = test_codec().decode(expected);
    for (const int count : {1, 2, 5}) {
        set_threads(count);
        CHECK(test_codec().encode(image, {.quality = 30, .tile_px = 64}) == expected);
        CHECK(test_codec().decode(expected) == picture);
    }
    set_threads(before);
}

TEST_CASE("a region reads the bytes of its tiles alone", "[tiles]") {
    const Image image = test_picture(100, 3000);
    Bytes bytes = test_codec().encode(image, {.quality = 20, .tile_px = 128});
    DecodeOptions options;
    options.region = Region{10, 20, 50, 60};
    const Image expected = test_codec().decode(bytes, options);
    const std::vector<std::size_t> starts = tile_starts(bytes);
    const auto reach = static_cast<std::size_t>((20 + 60 + Codec::tile_reach_px() + 127) / 128);
    REQUIRE(reach + 3 < starts.size());
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(starts[reach]), bytes.end(), std::uint8_t{0x5A});
    CHECK(test_codec().decode(bytes, options) == expected);
    CHECK(code_of([&] { static_cast<void>(test_codec().decode(bytes)); }) == Errc::corrupt_stream);
}

TEST_CASE("a region that is not inside is refused, as is too little memory", "[tiles]") {
    const Bytes bytes = test_codec().encode(test_picture(70, 50), {.tile_px = 64});
    for (const Region& region : {Region{0, 0, 71, 50},
                                 {0, 0, 70, 51},
                                 {-1, 0, 5, 5},
                                 {69, 49, 2, 1},
                                 {0, 0, 0, 5},
                                 {2147483647, 0, 1, 1},
                                 {0, 0, 2147483647, 1}}) {
        DecodeOptions options;
        options.region = region;
        CHECK(code_of([&] { static_cast<void>(test_codec().decode(bytes, options)); }) == Errc::invalid_argument);
    }
    DecodeOptions little;
    little.memory_bytes = 1000;
    CHECK(code_of([&] { static_cast<void>(test_codec().decode(bytes, little)); }) == Errc::limit);
    const Image image = test_picture(70, 50);
    CHECK(code_of([&] { static_cast<void>(test_codec().encode(image, {.tile_px = 64, .memory_bytes = 1000})); }) ==
          Errc::limit);
    for (const int side : {-64, 1, 65, 65600})
        CHECK(code_of([&] { static_cast<void>(test_codec().encode(image, {.tile_px = side})); }) ==
              Errc::invalid_argument);
}

TEST_CASE("damage stays in its tile", "[tiles][hostile]") {
    // As long as damage reaches, and one wide enough for neighbours on all sides.
    for (const auto& [width, height, damaged_bytes] : {std::tuple{64, 4200, 2}, {500, 400, 100}, {330, 450, 7}}) {
        const Bytes sound = test_codec().encode(test_picture(width, height), {.quality = 40, .tile_px = 64});
        const Image whole = test_codec().decode(sound);
        Bytes bytes = sound;
        const std::vector<std::size_t> starts = tile_starts(sound);
        Random random(5);
        std::set<int> hit;
        for (int i = 0; i < damaged_bytes; ++i) {
            const std::size_t at = starts[0] + random.below(sound.size() - starts[0]);
            bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1 + random.below(255)));
            hit.insert(static_cast<int>(std::upper_bound(starts.begin(), starts.end(), at) - starts.begin()) - 1);
        }
        CHECK(code_of([&] { static_cast<void>(test_codec().decode(bytes)); }) == Errc::corrupt_stream);
        DecodeOptions options;
        options.tolerant = true;
        Image image = make_image(width, height);
        const auto damages = test_codec().decode_rows(
            bytes, [&](int y, const Image& rows) { std::copy(rows.rgb.begin(), rows.rgb.end(), image.at(0, y)); },
            options);
        std::set<int> reported;
        for (const TileDamage& damage : damages) reported.insert(damage.tile);
        CHECK(reported == hit);
        CHECK(image == conceal(sound, damages));
        const TileGrid grid = TileGrid::of(inspect(sound));
        const int reach = Codec::tile_reach_px();
        int exact = 0;
        for (int y = 0; y < height; ++y) {
            const bool far = std::none_of(damages.begin(), damages.end(), [&](const TileDamage& damage) {
                const Area px = grid.pixels(damage.tile);
                return y >= px.y.first - reach && y < px.y.end + reach;
            });
            exact += far ? 1 : 0;
            if (far) CHECK(std::equal(image.at(0, y), image.at(0, y) + 3 * width, whole.at(0, y)));
        }
        if (height == 4200) CHECK(exact > 0);
    }
}

TEST_CASE("a damaged stream in one piece is concealed by its means", "[tiles][hostile]") {
    Bytes bytes = test_codec().encode(test_picture(100, 80), {.quality = 40});
    const Bytes sound = bytes;
    bytes[bytes.size() - 9] ^= 1;
    DecodeOptions options;
    options.tolerant = true;
    CHECK(test_codec().decode(bytes, options) == conceal(sound, {{0, false}}));
    CHECK(test_codec().decode(sound, options) == test_codec().decode(sound));
    bytes[20] ^= 1;  // the hyper latents, and who knows what of the header
    CHECK(code_of([&] { static_cast<void>(test_codec().decode(bytes, options)); }) == Errc::corrupt_stream);
}

TEST_CASE("a stream in tiles cut anywhere, or with any bit flipped, is refused or decodes", "[tiles][hostile]") {
    const Bytes bytes = test_codec().encode(test_picture(130, 60), {.quality = 0, .tile_px = 64});
    DecodeOptions tolerant;
    tolerant.tolerant = true;
    tolerant.limits.max_area_px = 1 << 16;
    const auto decodes = [&](ByteView damaged, const DecodeOptions& options) {
        try {
            const Image image = test_codec().decode(damaged, options);
            REQUIRE(image.rgb.size() == 3 * image.pixels());
            return true;
        } catch (const Error& error) {
            REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
            return false;
        }
    };
    for (std::size_t size = 0; size < bytes.size(); size += size < 200 ? 1 : 7) {
        CHECK_FALSE(decodes(ByteView(bytes).first(size), {}));
        CHECK_FALSE(decodes(ByteView(bytes).first(size), tolerant));  // the index says where it should end
    }
    Bytes flipped = bytes;
    const std::size_t payload = tile_starts(bytes)[0];
    for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += bit < 8 * payload ? 1 : 5) {
        flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
        CHECK_FALSE(decodes(flipped, {}));
        const bool sampled = bit < 8 * payload || bit % 131 == 0;  // painting takes its time
        if (sampled) CHECK(decodes(flipped, tolerant) == (bit >= 8 * payload));
        flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
    }
}

TEST_CASE("sound checksums around nonsense in tiles are refused or concealed", "[tiles][hostile]") {
    const Bytes bytes = test_codec().encode(test_picture(130, 60), {.quality = 30, .tile_px = 64});
    Stream stream = read_stream(bytes);
    Random random(3);
    for (int i = 0; i < 40; ++i) {
        Bytes nonsense(random.below(60));
        for (std::uint8_t& byte : nonsense) byte = static_cast<std::uint8_t>(random.next());
        Stream changed = stream;
        StreamSymbols& tile = changed.tiles[random.below(changed.tiles.size())];
        (i % 2 == 0 ? tile.hyper_latents : tile.latents) = nonsense;
        const Bytes written = write_stream(changed);
        DecodeOptions tolerant;
        tolerant.tolerant = true;
        CHECK(test_codec().decode(written, tolerant).width == 130);
        if (i % 2 == 1)
            CHECK(code_of([&] { static_cast<void>(test_codec().decode(written)); }) == Errc::corrupt_stream);
    }
}

TEST_CASE("rows that are encoded to a size meet it from below", "[tiles]") {
    const Image image = test_picture(400, 300);
    const EncodeOptions options{.tile_px = 128};
    const std::size_t low = test_codec().encode(image, {.quality = 0, .tile_px = 128}).size();
    const std::size_t high = test_codec().encode(image, {.quality = 100, .tile_px = 128}).size();
    int passes = 0;
    const RowSource source = [&, rows = rows_of(image)](int y, Image& into) {
        passes += y == 0 ? 1 : 0;
        rows(y, into);
    };
    const auto encode = [&](std::size_t most) {
        passes = 0;
        SizedStream stream = test_codec().encode_rows_to_size(source, 400, 300, most, options);
        CHECK(stream.bytes.size() <= most);
        CHECK(inspect(stream.bytes).quality_step == stream.step);
        CHECK(passes <= 6);
        return stream;
    };
    const std::size_t middle = (low + high) / 2;
    CHECK(static_cast<double>(encode(middle).bytes.size()) > 0.9 * static_cast<double>(middle));
    CHECK(encode(2 * high).step == kHighestQualityStep);
    CHECK(encode(low).step == 0);
    CHECK(code_of([&] { static_cast<void>(encode(low - 1)); }) == Errc::limit);
}

TEST_CASE("what a source or a sink throws passes through", "[tiles]") {
    struct Stop {};
    const RowSource broken = [](int y, Image&) {
        if (y > 0) throw Stop();
    };
    CHECK_THROWS_AS(test_codec().encode_rows(broken, 100, 300, {.tile_px = 64}), Stop);
    const Bytes bytes = test_codec().encode(test_picture(70, 50), {.tile_px = 64});
    CHECK_THROWS_AS(test_codec().decode_rows(bytes, [](int, const Image&) { throw Stop(); }), Stop);
}
