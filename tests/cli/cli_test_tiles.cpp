// Tiles on the command line, and pictures that are read and written row by row.

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

#include "cli/bench.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "image_rows.hpp"

using namespace gancodec;
using namespace gancodec::cli;

namespace {

Image picture(int width, int height) {
    Image image = make_image(width, height);
    Random random(3);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] = static_cast<std::uint8_t>(x * (c + 1) + 2 * y + static_cast<int>(random.below(9)));
    return image;
}

Image read_by_rows(const fs::path& path, int step) {
    const auto rows = open_image_rows(path, {});
    REQUIRE(rows != nullptr);
    Image image = make_image(rows->width, rows->height);
    for (int y = 0; y < image.height; y += step) {
        Image part = make_image(image.width, std::min(step, image.height - y));
        rows->read(part);
        std::copy(part.rgb.begin(), part.rgb.end(), image.at(0, y));
    }
    return image;
}

}  // namespace

TEST_CASE("rows of a picture are those of the whole", "[cli][rows]") {
    const fs::path folder = fs::temp_directory_path() / ("gancodec_rows_" + std::to_string(getpid()));
    fs::create_directory(folder);
    const Image image = picture(61, 45);
    for (const char* name : {"a.png", "a.ppm", "a.jpg"}) {
        const fs::path path = folder / name, again = folder / ("again_" + std::string(name));
        write_image(path, image);
        const Image whole = read_image(path);
        for (const int step : {1, 7, 45}) CHECK(read_by_rows(path, step) == whole);
        const auto writer = open_row_writer(again, image.width, image.height, {});
        for (int y = 0; y < image.height; y += 10)
            writer->write({image.width,
                           std::min(10, image.height - y),
                           {image.at(0, y), image.at(0, y) + 3 * image.width * std::min(10, image.height - y)}});
        CHECK_FALSE(fs::exists(again));
        writer->finish();
        CHECK(read_file(again) == read_file(path));
        // Cut, it is refused on the way; what is not a picture is left to read_image().
        Bytes cut = read_file(path);
        cut.resize(cut.size() / 2);
        write_file(path, cut);
        CHECK_THROWS_AS(read_by_rows(path, 9), Error);
    }
    write_image(folder / "p.jpg", image, {.progressive = true});
    CHECK(open_image_rows(folder / "p.jpg", {}) == nullptr);
    std::ofstream(folder / "text.png") << "not a picture";
    CHECK(open_image_rows(folder / "text.png", {}) == nullptr);
    CHECK(open_image_rows(folder / "missing.png", {}) == nullptr);
    fs::remove_all(folder);
}

TEST_CASE("rows of a damaged picture are an Error, or those of the whole", "[cli][rows][hostile]") {
    const fs::path folder = fs::temp_directory_path() / ("gancodec_damaged_" + std::to_string(getpid()));
    fs::create_directory(folder);
    const Image image = picture(9, 7);
    Attachments attachments;
    for (int i = 0; i < 9; ++i) attachments.xmp.push_back('x');
    write_image(folder / "a.png", image, {}, attachments);
    write_image(folder / "a.jpg", image, {.quality = 40, .subsample_chroma = true});
    write_image(folder / "a.ppm", image);
    for (const char* name : {"a.png", "a.jpg", "a.ppm"}) {
        const fs::path path = folder / name;
        const Bytes sound = read_file(path);
        int read = 0;
        const auto check = [&](const Bytes& bytes) {
            write_file(path, bytes);
            try {
                const auto rows = open_image_rows(path, {});
                if (!rows || rows->width > 300 || rows->height > 300) return;
                const Image by_rows = read_by_rows(path, 2);
                CHECK(by_rows == decode_image(bytes, "f"));
                ++read;
            } catch (const Error& error) {
                CHECK(std::string(error.what()).rfind(path.string(), 0) == 0);
            }
        };
        for (std::size_t size = 0; size < sound.size(); ++size)
            check({sound.begin(), sound.begin() + static_cast<long>(size)});
        for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
            Bytes flipped = sound;
            flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
            check(flipped);
        }
        CHECK(read > 50);
    }
    fs::remove_all(folder);
}

TEST_CASE("tiles on the command line", "[program]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"encode", "192x176.png", "whole.gnc"}));
    static_cast<void>(bench.good({"decode", "whole.gnc", "whole.ppm"}));
    const Image whole = read_image(bench.path("whole.ppm"));
    const Json encoded = Json::parse(bench.good({"encode", "192x176.png", "tiled.gnc", "--tile-px", "64", "--json"}));
    CHECK(encoded["tile_px"] == 64);
    const Json info = Json::parse(bench.good({"info", "tiled.gnc", "--json"}));
    CHECK(info["tile_px"] == 64);
    CHECK(info["tiles"] == 9);
    for (const char* name : {"tiled.ppm", "tiled.png"}) {
        static_cast<void>(bench.good({"decode", "tiled.gnc", name, "--memory-mb", "40"}));
        CHECK(read_image(bench.path(name)) == whole);
    }
    static_cast<void>(bench.good({"decode", "tiled.gnc", "part.ppm", "--region", "70,11,100,50"}));
    const Image part = read_image(bench.path("part.ppm"));
    CHECK(part.width == 100);
    CHECK(part.height == 50);
    for (int y = 0; y < 50; ++y) CHECK(std::equal(part.at(0, y), part.at(0, y) + 300, whole.at(70, 11 + y)));

    const Json target = Json::parse(
        bench.good({"encode", "192x176.png", "t.gnc", "--tile-px", "128", "--max-bytes", "9000", "--json"}));
    CHECK(target["bytes"] <= 9000);
    CHECK(bench.bad(1, {"decode", "tiled.gnc", "no.png", "--region", "0,0,193,5"}).find("192 x 176") !=
          std::string::npos);
    CHECK(bench.bad(1, {"decode", "tiled.gnc", "no.png", "--memory-mb", "1"}).find("memory") != std::string::npos);
    CHECK(bench.bad(1, {"encode", "192x176.png", "no.gnc", "--tile-px", "65"}).find("steps of 64") !=
          std::string::npos);
    static_cast<void>(bench.bad(1, {"encode", "192x176.png", "no.gnc", "--tile-px", "64", "--effort", "1"}));
    static_cast<void>(bench.bad(2, {"decode", "tiled.gnc", "no.png", "--region", "1,2,3"}));
    CHECK_FALSE(fs::exists(bench.path("no.png")));

    Bytes bytes = read_file(bench.path("tiled.gnc"));
    bytes[bytes.size() - 6] ^= 1;
    write_file(bench.path("damaged.gnc"), bytes);
    static_cast<void>(bench.bad(1, {"decode", "damaged.gnc", "no.png"}));
    CHECK_FALSE(fs::exists(bench.path("no.png")));
    const Outcome outcome = bench.run({"decode", "damaged.gnc", "yes.png", "--tolerant", "--json"});
    CHECK(outcome.status == 3);
    CHECK(outcome.error.find("tile 8 (64x48 pixels at 128,128)") != std::string::npos);
    const Json report = Json::parse(outcome.out);
    REQUIRE(report["damaged_tiles"].size() == 1);
    CHECK(report["damaged_tiles"][0]["tile"] == 8);
    CHECK(report["damaged_tiles"][0]["means"] == true);
    CHECK(read_image(bench.path("yes.png")).width == 192);
    const Json sound = Json::parse(bench.good({"decode", "tiled.gnc", "yes.png", "--tolerant", "--json"}));
    CHECK(sound["damaged_tiles"].empty());
    CHECK(read_image(bench.path("yes.png")) == whole);
}

TEST_CASE("of a region's stream no other tiles are read", "[program]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"encode", "1x3000.png", "long.gnc", "--tile-px", "64"}));
    static_cast<void>(bench.good({"decode", "long.gnc", "long.png", "--region", "0,0,1,9"}));
    // Tiles that the region does not reach become holes: 3.7 GB of them in a file of few bytes, which is never read whole.
    const Bytes bytes = read_file(bench.path("long.gnc"));
    const StreamLayout layout = read_layout(bytes);
    constexpr std::size_t kSound = 20, kHoleBytes = std::size_t{140} << 20;
    REQUIRE(layout.parts.size() == 47);
    Bytes front, tiles;
    write_header(front, layout.header);
    for (std::size_t i = 0; i < layout.parts.size(); ++i) {
        const ByteView part = layout.parts[i].bytes;
        append_varint(front, static_cast<std::uint32_t>(i < kSound ? part.size() : kHoleBytes));
        if (i < kSound) tiles.insert(tiles.end(), part.begin(), part.end());
    }
    detail::append_checksum(front, 0);
    front.insert(front.end(), tiles.begin(), tiles.end());
    write_file(bench.path("holes.gnc"), front);
    fs::resize_file(bench.path("holes.gnc"), front.size() + (layout.parts.size() - kSound) * kHoleBytes);
    REQUIRE(fs::file_size(bench.path("holes.gnc")) > kMaxFileBytes);
    static_cast<void>(bench.good({"decode", "holes.gnc", "holes.png", "--region", "0,0,1,9"}));
    CHECK(read_image(bench.path("holes.png")) == read_image(bench.path("long.png")));
    rusage used{};  // the largest of all that ran so far; pages of a mapped file count once they are read
    REQUIRE(getrusage(RUSAGE_CHILDREN, &used) == 0);
    CHECK(static_cast<std::uint64_t>(used.ru_maxrss) * 1024 < kMaxFileBytes);
    static_cast<void>(bench.bad(1, {"decode", "holes.gnc", "no.png", "--region", "0,2990,1,9"}));
    fs::remove(bench.path("holes.gnc"));
}
