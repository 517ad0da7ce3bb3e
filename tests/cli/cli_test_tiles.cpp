// Tiles on the command line, and pictures that are read and written row by row.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "cli/bench.hpp"
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
