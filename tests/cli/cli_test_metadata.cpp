// What belongs to a picture beside its colours, through the readers and writers and through the program.

#include <algorithm>
#include <string>
#include <vector>

#include "bench.hpp"
#include "gancodec/codec/attachments.hpp"
#include "image_readers.hpp"
#include "image_rows.hpp"

using namespace gancodec;
using namespace gancodec::cli;

namespace {

/// The header of an ICC profile of RGB and one tag that does not compress.
Bytes tiny_profile(std::size_t size = 244) {
    Bytes profile(size, 0);
    const auto put = [&](std::size_t at, const char* text) {
        std::copy_n(text, 4, profile.begin() + static_cast<long>(at));
    };
    for (std::size_t i = 0; i < 4; ++i) profile[i] = static_cast<std::uint8_t>(size >> (24 - 8 * i));
    profile[8] = 4;
    put(12, "mntr");
    put(16, "RGB ");
    put(20, "XYZ ");
    put(36, "acsp");
    profile[131] = 1;
    put(132, "cprt");
    profile[139] = 144;
    for (std::size_t i = 0; i < 4; ++i) profile[140 + i] = static_cast<std::uint8_t>((size - 144) >> (24 - 8 * i));
    Random random(11);
    for (std::size_t i = 152; i < size; ++i) profile[i] = static_cast<std::uint8_t>(random.below(256));
    put(144, "text");
    const std::uint8_t d50[12] = {0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d};
    std::copy_n(d50, 12, profile.begin() + 68);
    return profile;
}
Bytes tiff(std::uint8_t orientation) {
    return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0};
}
Image picture(int width, int height) {
    Image image = make_image(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            image.at(x, y)[0] = static_cast<std::uint8_t>(3 * x);
            image.at(x, y)[1] = static_cast<std::uint8_t>(5 * y);
        }
    return image;
}
Attachments all_kinds(int width, int height, std::size_t profile_bytes = 244) {
    Attachments attachments;
    for (int i = 0; i < width * height; ++i) attachments.alpha.push_back(static_cast<std::uint8_t>(i));
    attachments.icc = tiny_profile(profile_bytes);
    attachments.exif = tiff(1);
    const std::string xmp = "<x:xmpmeta>here</x:xmpmeta>";
    attachments.xmp.assign(xmp.begin(), xmp.end());
    return attachments;
}
struct Read {
    Image image;
    Attachments attachments;
    std::vector<std::string> notes;

    explicit Read(ByteView bytes) {
        ReadOptions options;
        options.attachments = &attachments;
        options.note = [this](const std::string& note) { notes.push_back(note); };
        image = decode_image(bytes, "picture", options);
    }
};

}  // namespace

TEST_CASE("a PNG comes back with all that belongs to it", "[cli][metadata]") {
    const Image image = picture(20, 30);
    const Attachments attachments = all_kinds(20, 30);
    const Read read(encode_png(image, attachments));
    CHECK(read.image == image);
    CHECK(read.attachments == attachments);
    CHECK(read.notes.empty());
}

namespace {

/// A PNG whose EXIF and XMP stand behind the pixels, as the format allows.
Bytes with_metadata_last(Bytes png) {
    constexpr std::size_t kSignatureBytes = 8, kAroundBytes = 12;  // length, name, CRC-32
    Bytes front(png.begin(), png.begin() + kSignatureBytes), late, end;
    for (std::size_t at = kSignatureBytes; at < png.size();) {
        std::size_t length = kAroundBytes;
        for (std::size_t i = 0; i < 4; ++i) length += std::size_t{png[at + i]} << (24 - 8 * i);
        const std::string name(png.begin() + static_cast<long>(at + 4), png.begin() + static_cast<long>(at + 8));
        Bytes& to = name == "eXIf" || name == "iTXt" ? late : name == "IEND" ? end : front;
        to.insert(to.end(), png.begin() + static_cast<long>(at), png.begin() + static_cast<long>(at + length));
        at += length;
    }
    front.insert(front.end(), late.begin(), late.end());
    front.insert(front.end(), end.begin(), end.end());
    return front;
}

}  // namespace

TEST_CASE("EXIF and XMP behind the pixels of a PNG are found before its rows are read", "[cli][metadata][rows]") {
    const fs::path path = Bench::get().path("late.png");
    Attachments all = all_kinds(20, 30), found;
    all.alpha = {};
    const Bytes png = with_metadata_last(encode_png(picture(20, 30), all));
    CHECK(Read(png).attachments == all);
    write_file(path, png);
    ReadOptions options;
    options.attachments = &found;
    const auto rows = open_image_rows(path, options);
    REQUIRE(rows != nullptr);
    CHECK(found == all);
    Image image = make_image(20, 30);
    rows->read(image);
    CHECK(image == picture(20, 30));
    // Turned pictures are read whole, wherever it is said.
    all.exif = tiff(6);
    write_file(path, with_metadata_last(encode_png(picture(20, 30), all)));
    CHECK(open_image_rows(path, options) == nullptr);
    // What is damaged there is left out, which is said once the pixels have been read.
    Bytes damaged = png;
    damaged[damaged.size() - 20] ^= 1;
    write_file(path, damaged);
    found = {};
    std::string notes;
    options.note = [&](const std::string& note) { notes += note; };
    const auto damaged_rows = open_image_rows(path, options);
    REQUIRE(damaged_rows != nullptr);
    CHECK((found.xmp.empty() && !found.exif.empty() && notes.empty()));
    damaged_rows->read(image);
    CHECK(notes.find("libpng: iTXt: CRC error") != std::string::npos);
}

TEST_CASE("a JPEG keeps profile, EXIF and XMP, a long profile in parts", "[cli][metadata]") {
    Attachments attachments = all_kinds(20, 30, 200000);
    attachments.alpha = {};
    const Read read(encode_jpeg(picture(20, 30), {}, attachments));
    CHECK(read.attachments == attachments);
    CHECK(read.notes.empty());
    Bytes damaged = encode_jpeg(picture(20, 30), {}, attachments);
    const std::string mark = "ICC_PROFILE";
    const auto found = std::search(damaged.begin(), damaged.end(), mark.begin(), mark.end());
    REQUIRE(found != damaged.end());
    found[12] = 9;  // the number of the first part
    const Read without(damaged);
    CHECK(without.attachments.icc.empty());
    REQUIRE(without.notes.size() == 1);
    CHECK(without.notes[0].find("ICC profile is damaged") != std::string::npos);
}

TEST_CASE("EXIF says upright when pixels and alpha were turned", "[cli][metadata]") {
    Attachments attachments = all_kinds(20, 30);
    attachments.exif = tiff(6);
    const Read read(encode_png(picture(20, 30), attachments));
    CHECK(read.image.width == 30);
    CHECK(read.attachments.exif == tiff(1));
    Image alpha = make_image(20, 30);  // turned as any picture is
    for (std::size_t i = 0; i < alpha.pixels(); ++i) alpha.rgb[3 * i] = attachments.alpha[i];
    alpha = apply_orientation(alpha, 6);
    for (std::size_t i = 0; i < alpha.pixels(); ++i) CHECK(read.attachments.alpha[i] == alpha.rgb[3 * i]);
}

TEST_CASE("profiles of grey, and what is too long, are dropped with a note", "[cli][metadata]") {
    Attachments found;
    std::vector<std::string> notes;
    ReadOptions options;
    options.attachments = &found;
    options.note = [&](const std::string& note) { notes.push_back(note); };
    Bytes grey = tiny_profile();
    std::copy_n("GRAY", 4, grey.begin() + 16);
    keep(MetadataTag::icc, grey, "picture", options);
    keep(MetadataTag::xmp, Bytes(kMaxMetadataBytes + 1), "picture", options);
    CHECK(found.empty());
    REQUIRE(notes.size() == 2);
    CHECK(notes[0].find("not of RGB") != std::string::npos);
    CHECK(notes[1].find("at most 1048576") != std::string::npos);
}

TEST_CASE("EXIF that claims more than there is allocates nothing", "[cli][metadata][hostile]") {
    Attachments attachments;
    attachments.exif = tiff(1);
    Bytes png = encode_png(picture(9, 7), attachments);
    const std::string mark = "eXIf";
    const auto found = std::search(png.begin(), png.end(), mark.begin(), mark.end());
    REQUIRE(found != png.end());
    found[-4] = 0x7c;  // two gigabytes
    CHECK_THROWS_AS(Read(png), Error);
}

TEST_CASE("transparency and profile go through the program, EXIF and XMP when asked for", "[program]") {
    const Bench& bench = Bench::get();
    const Attachments all = all_kinds(150, 90);
    write_file(bench.path("clear.png"), encode_png(picture(150, 90), all));
    const auto read = [&](const std::string& name) { return Read(read_file(bench.path(name))).attachments; };
    for (const std::string tile_px : {"0", "64"}) {
        static_cast<void>(bench.good({"encode", "clear.png", "clear.gnc", "--tile-px", tile_px}));
        static_cast<void>(bench.good({"decode", "clear.gnc", "out.png"}));
        Attachments expected = all;
        expected.exif = expected.xmp = {};
        CHECK(read("out.png") == expected);
        const Json info = Json::parse(bench.good({"info", "clear.gnc", "--json"}));
        CHECK(info["metadata"].size() == 2);
        CHECK(info["metadata"]["icc"] == 244);
        static_cast<void>(bench.good({"decode", "clear.gnc", "part.png", "--region", "10,20,30,40"}));
        const Bytes part = read("part.png").alpha;
        REQUIRE(part.size() == 30 * 40);
        CHECK(part[31] == all.alpha[21 * 150 + 11]);
    }
    static_cast<void>(bench.good({"encode", "clear.png", "kept.gnc", "--keep-metadata"}));
    static_cast<void>(bench.good({"decode", "kept.gnc", "kept.png"}));
    CHECK(read("kept.png") == all);

    CHECK(bench.bad(1, {"decode", "kept.gnc", "kept.jpg"}).find("--flatten") != std::string::npos);
    static_cast<void>(bench.good({"decode", "kept.gnc", "kept.jpg", "--flatten", "white"}));
    Attachments flat = all;
    flat.alpha = {};
    CHECK(read("kept.jpg") == flat);
    const Outcome ppm = bench.run({"decode", "kept.gnc", "kept.ppm", "--flatten", "white"});
    CHECK(ppm.status == 0);
    CHECK(std::count(ppm.error.begin(), ppm.error.end(), '\n') == 3);  // a note for each that a PPM cannot hold

    // Metadata count towards a target.
    const std::size_t whole = read_file(bench.path("clear.gnc")).size();
    static_cast<void>(bench.good({"encode", "clear.png", "small.gnc", "--max-bytes", std::to_string(whole)}));
    CHECK(read_file(bench.path("small.gnc")).size() <= whole);
    CHECK(bench.bad(1, {"encode", "clear.png", "tiny.gnc", "--max-bytes", "300"}).find("metadata") !=
          std::string::npos);
}

TEST_CASE("grey pictures of any kind are coded, and decoded into one channel when asked for", "[program]") {
    const Bench& bench = Bench::get();
    Image grey = picture(90, 70);
    for (std::size_t i = 0; i < grey.rgb.size(); i += 3) grey.rgb[i + 1] = grey.rgb[i + 2] = grey.rgb[i];
    // The second picture has 16 bits, of which the lower ones are noise.
    std::string pgm = "P5\n90 70\n255\n", deep = "P5\n90 70\n65535\n";
    for (std::size_t i = 0; i < grey.rgb.size(); i += 3) {
        pgm += static_cast<char>(grey.rgb[i]);
        deep += static_cast<char>(grey.rgb[i]);
        deep += static_cast<char>(grey.rgb[i]);
    }
    bench.write(pgm, "grey.pgm");
    bench.write(deep, "deep.pgm");
    write_file(bench.path("one.png"), encode_png(grey, {}, {.grey = true}));
    write_file(bench.path("one.jpg"), encode_jpeg(grey, {.quality = 100, .grey = true}));
    CHECK(read_image(bench.path("one.png")) == grey);
    static_cast<void>(bench.good({"encode", "grey.pgm", "grey.gnc"}));
    for (const char* name : {"one.png", "deep.pgm"}) {
        static_cast<void>(bench.good({"encode", name, "same.gnc"}));
        CHECK(read_file(bench.path("same.gnc")) == read_file(bench.path("grey.gnc")));
    }
    static_cast<void>(bench.good({"encode", "one.jpg", "jpeg.gnc"}));

    const auto neutral = [](const Image& image) {
        for (std::size_t i = 0; i < image.rgb.size(); i += 3)
            if (image.rgb[i] != image.rgb[i + 1] || image.rgb[i] != image.rgb[i + 2]) return false;
        return true;
    };
    static_cast<void>(bench.good({"decode", "grey.gnc", "g.ppm", "--grey"}));
    const Image expected = read_image(bench.path("g.ppm"));
    CHECK(neutral(expected));
    constexpr std::size_t kColourTypeAt = 25;
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--region", "0,0,90,70"}}) {
        for (const char* name : {"g.png", "g.jpg"}) {
            std::vector<std::string> words{"decode", "grey.gnc", name, "--grey"};
            words.insert(words.end(), more.begin(), more.end());
            static_cast<void>(bench.good(words));
            CHECK(neutral(read_image(bench.path(name))));
        }
        CHECK(read_image(bench.path("g.png")) == expected);
        CHECK(read_file(bench.path("g.png"))[kColourTypeAt] == 0);
    }
    // With transparency and a profile, which is of RGB.
    const Attachments all = all_kinds(90, 70);
    write_file(bench.path("clear.png"), encode_png(grey, all));
    static_cast<void>(bench.good({"encode", "clear.png", "clear.gnc"}));
    const Outcome outcome = bench.run({"decode", "clear.gnc", "g.png", "--grey"});
    CHECK(outcome.status == 0);
    CHECK(outcome.error.find("profile is of RGB") != std::string::npos);
    const Bytes png = read_file(bench.path("g.png"));
    CHECK(png[kColourTypeAt] == 4);
    const Read read(png);
    CHECK(read.image == expected);
    CHECK(read.attachments.alpha == all.alpha);
    CHECK(read.attachments.icc.empty());
    static_cast<void>(bench.good({"decode", "clear.gnc", "g.jpg", "--grey", "--flatten", "ff0000"}));
    CHECK(neutral(read_image(bench.path("g.jpg"))));
}
