#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// Streams of a small model of CompressAI, with what CompressAI makes of them (tools/make_goldens.py).
template <class Network>
struct Golden {
    static constexpr int kStreams = 3;

    explicit Golden(const std::string& name)
        : file(SafetensorsFile::load(std::filesystem::path(GANCODEC_TEST_DATA) / "compressai" /
                                     (name + ".safetensors"))),
          decoder(file) {}

    Bytes bytes(int i) {
        const ByteView raw = file.raw("stream." + std::to_string(i));
        return Bytes(raw.begin(), raw.end());
    }
    /// "y" or "z"; empty where the model has none.
    std::vector<std::int32_t> symbols(const std::string& name, int i) {
        const std::string key = name + "." + std::to_string(i);
        return file.find(key) != nullptr ? file.read_int(key) : std::vector<std::int32_t>();
    }

    CompressAiTables conditional_tables() {
        const std::string prefix = "gaussian_conditional.";
        return CompressAiTables(file.read_int(prefix + "_quantized_cdf"), file.read_int(prefix + "_cdf_length"),
                                file.read_int(prefix + "_offset"), "tables");
    }

    SafetensorsFile file;
    CompressAiDecoder<Network> decoder;
};

template <class Network>
void check_streams(const std::string& name) {
    Golden<Network> golden(name);
    for (int i = 0; i < golden.kStreams; ++i) {
        CAPTURE(name, i);
        const Bytes bytes = golden.bytes(i);
        const CompressAiStream stream = read_compressai_stream(bytes);
        const CompressAiSymbols symbols = golden.decoder.decode_symbols(stream);
        CHECK(symbols.y == golden.symbols("y", i));
        CHECK(symbols.z == golden.symbols("z", i));
        const Image image = golden.decoder.decode(stream);
        const ByteView expected = golden.file.raw("pixels." + std::to_string(i));
        REQUIRE(image.rgb.size() == expected.size());
        int largest = 0;
        for (std::size_t k = 0; k < expected.size(); ++k)
            largest = std::max(largest, std::abs(int{image.rgb[k]} - int{expected[k]}));
        CHECK(largest <= 1);
    }
}

/// The code of the Error that f() throws; nothing where it throws none.
template <class F>
std::string refusal(const F& f) {
    try {
        f();
    } catch (const Error& error) {
        const std::string message = error.what();
        CHECK(message.find(": expected ") != std::string::npos);
        CHECK(message.find('\n') == std::string::npos);
        return message;
    }
    return "";
}

/// The file with a CRC-32 that fits, so that damage reaches what lies behind it.
Bytes sealed(Bytes bytes) {
    if (bytes.size() < 4) return bytes;
    bytes.resize(bytes.size() - 4);
    append_little_endian(bytes, crc32(bytes));
    return bytes;
}

/// Decodes or is refused.
template <class Network>
bool decodes(CompressAiDecoder<Network>& decoder, const Bytes& bytes) {
    const Bytes exact(bytes.begin(), bytes.end());  // no spare capacity, so that a sanitizer sees any read beyond it
    const DecodeOptions options{.limits = {.max_area_px = 1 << 13}};
    return refusal([&] { static_cast<void>(decoder.decode(read_compressai_stream(exact, options.limits), options)); })
        .empty();
}

Bytes words(std::initializer_list<std::uint32_t> values) {
    Bytes out;
    for (const std::uint32_t value : values) append_little_endian(out, value);
    return out;
}

CompressAiTables one_table(std::vector<std::int32_t> cdf, std::int32_t length, std::int32_t offset) {
    return CompressAiTables(cdf, std::vector{length}, std::vector{offset}, "tables");
}

std::vector<std::int32_t> decode(const Bytes& bytes, std::size_t count, const CompressAiTables& tables) {
    std::vector<std::int32_t> symbols(count);
    CompressAiRansDecoder::decode(bytes, symbols, tables, [](std::size_t) { return std::size_t{0}; });
    return symbols;
}

}  // namespace

TEST_CASE("streams of CompressAI give its symbols and its pixels", "[compressai]") {
    check_streams<zoo::FactorizedPrior<4, 6>>("bmshj2018-factorized");
    check_streams<zoo::ScaleHyperprior<4, 6>>("bmshj2018-hyperprior");
    check_streams<zoo::MeanScaleHyperprior<4, 6>>("mbt2018-mean");
}

TEST_CASE("a CompressAI file cut anywhere, or with any bit flipped, is refused or decodes", "[compressai][hostile]") {
    Golden<zoo::ScaleHyperprior<4, 6>> golden("bmshj2018-hyperprior");
    const Bytes bytes = golden.bytes(1);
    REQUIRE(decodes(golden.decoder, bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_FALSE(decodes(golden.decoder, cut));
        CHECK_FALSE(decodes(golden.decoder, sealed(cut)));
    }
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        Bytes flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        CHECK_FALSE(decodes(golden.decoder, flipped));  // the CRC-32 sees every single bit
        if (bit % 3 == 0) static_cast<void>(decodes(golden.decoder, sealed(flipped)));
    }
    Random random(1);
    for (int round = 0; round < 300; ++round) {
        Bytes damaged = bytes;
        for (int i = 0; i < 4; ++i)
            damaged[4 + random.next() % (bytes.size() - 4)] = static_cast<std::uint8_t>(random.next());
        static_cast<void>(decodes(golden.decoder, sealed(damaged)));
    }
}

TEST_CASE("one scale on the other side of a threshold is noticed", "[compressai]") {
    Golden<zoo::ScaleHyperprior<4, 6>> golden("bmshj2018-hyperprior");
    const Bytes bytes = golden.bytes(0);
    const CompressAiStream stream = read_compressai_stream(bytes);
    const CompressAiSymbols symbols = golden.decoder.decode_symbols(stream);
    const CompressAiTables tables = golden.conditional_tables();
    std::vector<std::int32_t> y(symbols.y.size());
    std::size_t noticed = 0;
    for (std::size_t flipped = 0; flipped < y.size(); ++flipped) {
        const std::string message = refusal([&] {
            CompressAiRansDecoder::decode(stream.strings[0], y, tables, [&](std::size_t i) {
                return i != flipped ? symbols.index[i] : std::size_t{symbols.index[i] == 0};
            });
        });
        if (!message.empty()) {
            ++noticed;
        } else {  // both tables have a slot there, of different symbols: nothing else is wrong
            y[flipped] = symbols.y[flipped];
            CHECK(y == symbols.y);
        }
    }
    CHECK(noticed + 2 > y.size());
}

TEST_CASE("scales that the encoder rounded to the other side of a threshold are found again", "[compressai]") {
    Golden<zoo::MeanScaleHyperprior<4, 6>> golden("mbt2018-mean");
    const Bytes bytes = golden.bytes(2);
    const CompressAiStream stream = read_compressai_stream(bytes);
    const CompressAiSymbols symbols = golden.decoder.decode_symbols(stream);
    const CompressAiTables tables = golden.conditional_tables();
    std::vector<std::uint16_t> index = symbols.index;
    std::vector<ScaleTie> ties;
    for (const std::size_t at :
         {std::size_t{5}, index.size() / 2, index.size() - 3, std::size_t{40}, std::size_t{60}}) {
        const auto other = static_cast<std::uint16_t>(index[at] == 0 ? 1 : index[at] - 1);
        const bool turned = ties.size() % 2 == 0;
        ties.push_back({at, turned ? index[at] : other, 0});
        if (turned) index[at] = other;
    }
    const std::vector<std::uint16_t> before = index;
    std::vector<std::int32_t> y(symbols.y.size());
    decode_with_ties(stream.strings[0], y, tables, index, ties);
    CHECK(y == symbols.y);
    CHECK(index == symbols.index);

    index = before;
    ties.pop_back();
    CHECK_FALSE(refusal([&] { decode_with_ties(stream.strings[0], y, tables, index, ties); }).empty());
    CHECK(index == before);
}

TEST_CASE("scales choose tables as CompressAI counts, and know how near a threshold they are", "[compressai]") {
    const CompressAiScales scales({0.5f, 1, 2, 4}, "scales");
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    CHECK(scales.index(-1) == 0);
    CHECK(scales.index(0.5f) == 0);
    CHECK(scales.index(0.6f) == 1);
    CHECK(scales.index(2) == 2);
    CHECK(scales.index(std::nextafter(2.0f, 3.0f)) == 3);
    CHECK(scales.index(kInfinity) == 3);
    CHECK(scales.index(std::numeric_limits<float>::quiet_NaN()) == 3);
    std::vector<ScaleTie> ties;
    for (const float scale : {0.7f, 4.0f, 1.00001f, kInfinity, 0.5f, std::nextafter(2.0f, 3.0f)})
        scales.add_tie(ties.size(), scale, ties);
    REQUIRE(ties.size() == 3);
    CHECK(ties[0].other == 1);  // 0.5
    CHECK(ties[1].other == 2);  // above 2
    CHECK(ties[2].other == 1);  // 1.00001
    for (int i = 0; i < 50; ++i) scales.add_tie(0, 1, ties);
    CHECK(ties.size() == CompressAiScales::kMaxTies);
    for (const std::vector<float>& table : {std::vector<float>{}, {0, 1}, {1, 1}, {2, 1}, {1, kInfinity}})
        CHECK_FALSE(refusal([&] { CompressAiScales(table, "scales"); }).empty());
}

TEST_CASE("CompressAI files say what is wrong with them", "[compressai][hostile]") {
    Golden<zoo::FactorizedPrior<4, 6>> golden("bmshj2018-factorized");
    const Bytes bytes = golden.bytes(0);
    CompressAiStream stream = read_compressai_stream(bytes);
    const auto said = [&] { return refusal([&] { static_cast<void>(golden.decoder.decode(stream)); }); };
    CHECK(said().empty());
    stream.M = 7;
    CHECK(said().find("N 4 and M 7, found \"bmshj2018-factorized\" with N 4 and M 6") != std::string::npos);
    stream.M = 6;
    stream.model = "x\ny";
    CHECK(said().find("expected weights of") != std::string::npos);
    stream = read_compressai_stream(bytes);
    stream.strings.push_back(stream.strings[0]);
    CHECK(said().find("expected 1 strings, found 2") != std::string::npos);
    CHECK(refusal([&] { static_cast<void>(read_compressai_stream(bytes, {.max_area_px = 100})); }).find("100 px") !=
          std::string::npos);
    stream = read_compressai_stream(bytes);
    CHECK(refusal([&] {
              static_cast<void>(golden.decoder.decode(stream, {.limits = {.max_memory_bytes = 100}}));
          }).find("bytes of memory") != std::string::npos);
}

TEST_CASE("weights without CompressAI's tables, or with others, are refused", "[compressai][hostile]") {
    const auto zoo = std::filesystem::path(GANCODEC_TEST_DATA) / "zoo";
    const SafetensorsFile plain = SafetensorsFile::load(zoo / "bmshj2018-factorized.safetensors");
    CHECK(refusal([&] { CompressAiDecoder<zoo::FactorizedPrior<4, 6>> decoder(plain); }).find("update()") !=
          std::string::npos);
    CHECK_FALSE(refusal([&] { CompressAiDecoder<zoo::FactorizedPrior<128, 192>> decoder(plain); }).empty());

    constexpr std::int32_t kTotal = 65536;
    for (const std::vector<std::int32_t>& cdf :
         {std::vector<std::int32_t>{1, 9, kTotal}, {0, 9, kTotal - 1}, {0, 0, kTotal}, {0, -5, kTotal}, {0, 9, 9}})
        CHECK_FALSE(refusal([&] { one_table(cdf, 3, 0); }).empty());
    for (const std::int32_t length : {std::numeric_limits<std::int32_t>::min(), -1, 0, 1, 4})
        CHECK_FALSE(refusal([&] { one_table({0, 9, kTotal}, length, 0); }).empty());
    CHECK_FALSE(refusal([&] { one_table({0, 9, kTotal}, 3, std::numeric_limits<std::int32_t>::min()); }).empty());
    CHECK_FALSE(refusal([&] { CompressAiTables({}, {}, {}, "tables"); }).empty());
    CHECK(one_table({0, 9, kTotal}, 3, -2).size() == 1);
}

TEST_CASE("hostile strings are refused", "[compressai][hostile]") {
    constexpr std::int32_t kTotal = 65536;
    const CompressAiTables symbol_and_escape = one_table({0, kTotal / 2, kTotal}, 3, -1);
    CHECK(decode(words({1u << 31, 0}), 0, symbol_and_escape).empty());
    for (const Bytes& bytes : {Bytes(), Bytes(7, 0), words({0}), words({0, 0}), words({1u << 31, 0, 0})})
        CHECK_FALSE(refusal([&] { static_cast<void>(decode(bytes, 3, symbol_and_escape)); }).empty());
    // Nothing but escapes whose numbers never end.
    Bytes ones(4096, 0xFF);
    CHECK(refusal([&] { static_cast<void>(decode(ones, 3, symbol_and_escape)); }).find("at most 32 bits") !=
          std::string::npos);
    Random random(3);
    for (int round = 0; round < 2000; ++round) {
        Bytes bytes(4 * (random.next() % 40));
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
        static_cast<void>(refusal([&] { static_cast<void>(decode(bytes, 50, symbol_and_escape)); }));
    }
}
