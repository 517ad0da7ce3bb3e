#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

namespace fs = std::filesystem;

const fs::path kStreams = fs::path(GANCODEC_SOURCE_DIR) / "tests/exactness/streams";

Bytes content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
/// The numbers of pixels.json, by the names of streams.
std::map<std::string, std::uint32_t> expected_pixels() {
    std::map<std::string, std::uint32_t> pixels;
    std::ifstream file(kStreams / "pixels.json");
    for (std::string name, number; file >> name && (name == "{" || name == "}" || file >> number);)
        if (name.size() > 3) pixels[name.substr(1, name.size() - 3)] = static_cast<std::uint32_t>(std::stoul(number));
    return pixels;
}

}  // namespace

TEST_CASE("committed streams of version 1 decode to the pixels they always had", "[codec][goldens]") {
    Codec codec =
        Codec::load(fs::path(GANCODEC_SOURCE_DIR) / "weights/gancodec.safetensors", {.use = CodecUse::decode});
    const auto expected = expected_pixels();
    REQUIRE(expected.size() >= 11);
    int tiled = 0;
    for (const auto& entry : fs::directory_iterator(kStreams)) {
        if (entry.path().extension() != ".gnc") continue;
        const std::string name = entry.path().filename().string();
        CAPTURE(name);
        const Bytes stream = content(entry.path());
        CHECK(crc32(codec.decode(stream).rgb) == expected.at(name));
        if (!inspect(stream).tiled()) continue;
        ++tiled;
        // By rows in little memory, and its transparency, which rises from row to row.
        std::vector<std::uint8_t> rows;
        DecodeOptions options;
        options.memory_bytes = std::size_t{40} << 20;
        static_cast<void>(codec.decode_rows(
            stream, [&](int, const Image& part) { rows.insert(rows.end(), part.rgb.begin(), part.rgb.end()); },
            options));
        CHECK(crc32(rows) == expected.at(name));
        const Bytes alpha = read_attachments(stream).alpha;
        REQUIRE(alpha.size() == rows.size() / 3);
        CHECK(std::is_sorted(alpha.begin(), alpha.end()));
        CHECK((alpha.front() < 5 && alpha.back() > 250));
    }
    CHECK(tiled >= 2);
}
