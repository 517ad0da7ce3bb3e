// Tests of tools/gancodec: they link the objects of the command line, libpng and libjpeg, not only the library.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <jpeglib.h>
#include <png.h>

#include "gancodec/core/error.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/image/image.hpp"

#include "file_bytes.hpp"
#include "image_file.hpp"
#include "image_readers.hpp"
#include "support/catch.hpp"

using namespace gancodec;
using namespace gancodec::cli;

namespace {

namespace fs = std::filesystem;

Image noise(int width, int height) {
    Random random(7);
    Image image = make_image(width, height);
    for (auto& byte : image.rgb) byte = static_cast<std::uint8_t>(random.below(256));
    return image;
}

/// A picture that JPEG keeps nearly as it is, and that differs from each of its mirrorings and rotations.
Image slopes(int width, int height) {
    Image image = make_image(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            image.at(x, y)[0] = static_cast<std::uint8_t>(x * 255 / std::max(1, width - 1));
            image.at(x, y)[1] = static_cast<std::uint8_t>(y * 255 / std::max(1, height - 1));
            image.at(x, y)[2] = 40;
        }
    return image;
}

int largest_difference(const Image& a, const Image& b) {
    REQUIRE(a.width == b.width);
    REQUIRE(a.height == b.height);
    int largest = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) largest = std::max(largest, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
    return largest;
}

/// A PNG as libpng describes it: `samples` holds one number per channel and pixel, of `depth` bits.
struct PngRecipe {
    int width = 7, height = 5, colour_type = PNG_COLOR_TYPE_RGB, depth = 8;
    bool interlaced = false, profile = false;
    double gamma = 0;
    std::vector<png_color> palette = {};
    std::vector<png_byte> palette_alpha = {};
    int transparent_sample = -1;  ///< colour key, the same number in each channel
    std::vector<int> samples = {};
    Bytes exif = {};
};

/// The header of an ICC profile and one tag that does not compress: libpng takes chunks under 92 bytes for damaged.
Bytes tiny_profile() {
    Bytes profile(244, 0);
    const auto put = [&](std::size_t at, const char* text) {
        std::copy_n(text, 4, profile.begin() + static_cast<long>(at));
    };
    profile[3] = 244;
    profile[8] = 4;
    put(12, "mntr");
    put(16, "RGB ");
    put(20, "XYZ ");
    put(36, "acsp");
    profile[131] = 1;
    put(132, "cprt");
    profile[139] = 144;
    profile[143] = 100;
    Random random(11);
    for (std::size_t i = 152; i < profile.size(); ++i) profile[i] = static_cast<std::uint8_t>(random.below(256));
    put(144, "text");
    const std::uint8_t d50[12] = {0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d};
    std::copy_n(d50, 12, profile.begin() + 68);
    return profile;
}

Bytes make_png(const PngRecipe& r) {
    Bytes out;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(
        png, &out,
        [](png_structp p, png_bytep data, std::size_t size) {
            auto* bytes = static_cast<Bytes*>(png_get_io_ptr(p));
            bytes->insert(bytes->end(), data, data + size);
        },
        nullptr);
    const auto width = static_cast<png_uint_32>(r.width), height = static_cast<png_uint_32>(r.height);
    png_set_IHDR(png, info, width, height, r.depth, r.colour_type,
                 r.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (!r.palette.empty()) png_set_PLTE(png, info, r.palette.data(), static_cast<int>(r.palette.size()));
    if (!r.palette_alpha.empty())
        png_set_tRNS(png, info, r.palette_alpha.data(), static_cast<int>(r.palette_alpha.size()), nullptr);
    if (r.transparent_sample >= 0) {
        const auto key = static_cast<png_uint_16>(r.transparent_sample);
        const png_color_16 colour{0, key, key, key, key};
        png_set_tRNS(png, info, nullptr, 0, &colour);
    }
    if (r.gamma > 0) png_set_gAMA(png, info, r.gamma);
    const Bytes profile = tiny_profile();
    if (r.profile) png_set_iCCP(png, info, "tiny", 0, profile.data(), static_cast<png_uint_32>(profile.size()));
    if (!r.exif.empty()) {
        Bytes exif = r.exif;
        png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()), exif.data());
    }
    const std::size_t row_bytes = (r.samples.size() / height * static_cast<std::size_t>(r.depth) + 7) / 8;
    std::vector<std::vector<png_byte>> rows(height, std::vector<png_byte>(row_bytes));
    std::vector<png_bytep> pointers;
    const std::size_t per_row = r.samples.size() / height;
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t i = 0; i < per_row; ++i) {
            const int sample = r.samples[y * per_row + i];
            for (int bit = 0; bit < r.depth; ++bit) {
                const std::size_t at = i * static_cast<std::size_t>(r.depth) + static_cast<std::size_t>(bit);
                if ((sample >> (r.depth - 1 - bit) & 1) != 0)
                    rows[y][at / 8] = static_cast<png_byte>(rows[y][at / 8] | 0x80 >> at % 8);
            }
        }
        pointers.push_back(rows[y].data());
    }
    png_write_info(png, info);
    png_write_image(png, pointers.data());
    png_write_end(png, nullptr);
    png_destroy_write_struct(&png, &info);
    return out;
}

/// A JPEG of a stored colour space with the components given; `markers` are put behind its first two bytes.
Bytes make_jpeg(J_COLOR_SPACE input, J_COLOR_SPACE stored, int components, int width, int height,
                const std::vector<std::uint8_t>& samples, const Bytes& markers = {}) {
    jpeg_compress_struct state = {};
    jpeg_error_mgr errors = {};
    state.err = jpeg_std_error(&errors);
    jpeg_create_compress(&state);
    unsigned char* buffer = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&state, &buffer, &size);
    state.image_width = static_cast<JDIMENSION>(width);
    state.image_height = static_cast<JDIMENSION>(height);
    state.input_components = components;
    state.in_color_space = input;
    jpeg_set_defaults(&state);
    jpeg_set_colorspace(&state, stored);
    jpeg_set_quality(&state, 98, TRUE);
    for (int c = 0; c < state.num_components; ++c)
        state.comp_info[c].h_samp_factor = state.comp_info[c].v_samp_factor = 1;
    jpeg_start_compress(&state, TRUE);
    std::vector<std::uint8_t> copy = samples;
    while (state.next_scanline < state.image_height) {
        JSAMPROW row = copy.data() + state.next_scanline * state.image_width * static_cast<unsigned>(components);
        jpeg_write_scanlines(&state, &row, 1);
    }
    jpeg_finish_compress(&state);
    jpeg_destroy_compress(&state);
    Bytes out(buffer, buffer + size);
    std::free(buffer);
    out.insert(out.begin() + 2, markers.begin(), markers.end());
    return out;
}

/// CRC-32 as PNG wants it, a bit at a time.
std::uint32_t crc_of_chunk(ByteView bytes) {
    std::uint32_t crc = 0xffffffffu;
    for (const std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1u) != 0 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

Bytes tiff_with_orientation(int orientation, bool little) {
    const auto o = static_cast<std::uint8_t>(orientation);
    if (little) return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, o, 0, 0, 0, 0, 0, 0, 0};
    return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, o, 0, 0, 0, 0, 0, 0};
}
Bytes exif_marker(const Bytes& tiff) {
    Bytes marker{0xff, 0xe1, 0, static_cast<std::uint8_t>(2 + 6 + tiff.size()), 'E', 'x', 'i', 'f', 0, 0};
    marker.insert(marker.end(), tiff.begin(), tiff.end());
    return marker;
}

Image rotate_clockwise(const Image& image) {
    Image out = make_image(image.height, image.width);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) std::copy_n(image.at(x, y), 3, out.at(image.height - 1 - y, x));
    return out;
}
Image mirror(const Image& image) {
    Image out = make_image(image.width, image.height);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) std::copy_n(image.at(x, y), 3, out.at(image.width - 1 - x, y));
    return out;
}
/// How a viewer rights an image, in the words of the EXIF standard's usual table.
Image upright(const Image& stored, int orientation) {
    const auto turn = [&](int quarters) {
        Image image = stored;
        for (int i = 0; i < quarters; ++i) image = rotate_clockwise(image);
        return image;
    };
    switch (orientation) {
        case 2:
            return mirror(stored);
        case 3:
            return turn(2);
        case 4:
            return mirror(turn(2));
        case 5:
            return mirror(turn(1));
        case 6:
            return turn(1);
        case 7:
            return mirror(turn(3));
        case 8:
            return turn(3);
        default:
            return stored;
    }
}

struct Notes {
    std::vector<std::string> texts;
    ReadOptions options;
    Notes() {
        options.note = [this](const std::string& text) { texts.push_back(text); };
    }
    [[nodiscard]] bool mention(const std::string& word) const {
        return std::any_of(texts.begin(), texts.end(),
                           [&](const std::string& text) { return text.find(word) != std::string::npos; });
    }
};

/// The bytes in a block of exactly their size, so that a sanitizer sees a read beyond the end.
Image decode_exact(const Bytes& bytes, const ReadOptions& options = {}) {
    const Bytes exact(bytes);
    return decode_image(exact, "f", options);
}
Errc code_of(const Bytes& bytes, std::string* message = nullptr) {
    try {
        static_cast<void>(decode_exact(bytes));
    } catch (const Error& error) {
        const std::string text = error.what();
        CHECK(text.rfind("f: expected ", 0) == 0);
        CHECK(text.find('\n') == std::string::npos);
        if (message != nullptr) *message = text;
        return error.code();
    }
    FAIL("expected an Error");
    return Errc::io;
}

struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "gancodec_test_XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

}  // namespace

TEST_CASE("PNG, PPM and JPEG survive writing and reading", "[cli]") {
    const auto [width, height] = GENERATE(std::pair{1, 1}, std::pair{7, 5}, std::pair{1, 3000}, std::pair{300, 2});
    const Image image = noise(width, height);
    CHECK(decode_exact(encode_png(image)) == image);
    CHECK(decode_exact(encode_ppm(image)) == image);
    const Image smooth = slopes(width, height);
    CHECK(largest_difference(decode_exact(encode_jpeg(smooth, {.quality = 100})), smooth) <= 4);
    const Image gray = make_image(width, height, 90, 90, 90);
    CHECK(largest_difference(
              decode_exact(encode_jpeg(gray, {.quality = 1, .subsample_chroma = true, .progressive = true})), gray) <=
          20);
}

TEST_CASE("PNG of every colour type, depth and interlacing reads as the same RGB", "[cli]") {
    const bool interlaced = GENERATE(false, true);
    Random random(3);
    const auto random_samples = [&](std::size_t count, int depth) {
        std::vector<int> samples(count);
        for (int& s : samples) s = static_cast<int>(random.below(1u << depth));
        return samples;
    };
    const auto check = [&](PngRecipe recipe, int channels, auto&& rgb_of) {
        recipe.interlaced = interlaced;
        Notes notes;
        const Image image = decode_exact(make_png(recipe), notes.options);
        REQUIRE(image.width == recipe.width);
        REQUIRE(image.height == recipe.height);
        CHECK(notes.mention("16 bits") == (recipe.depth == 16));
        for (std::size_t i = 0; i < image.pixels(); ++i)
            for (int c = 0; c < 3; ++c)
                REQUIRE(int{image.rgb[3 * i + static_cast<std::size_t>(c)]} ==
                        rgb_of(recipe.samples.data() + i * static_cast<std::size_t>(channels), c));
    };
    SECTION("grey") {
        const int depth = GENERATE(1, 2, 4, 8, 16);
        PngRecipe recipe{.colour_type = PNG_COLOR_TYPE_GRAY, .depth = depth, .samples = random_samples(35, depth)};
        const int top = (1 << depth) - 1;
        check(recipe, 1, [&](const int* s, int) { return (s[0] * 255 + top / 2) / top; });
    }
    SECTION("grey with opaque alpha") {
        const int depth = GENERATE(8, 16);
        PngRecipe recipe{
            .colour_type = PNG_COLOR_TYPE_GRAY_ALPHA, .depth = depth, .samples = random_samples(70, depth)};
        const int top = (1 << depth) - 1;
        for (std::size_t i = 1; i < 70; i += 2) recipe.samples[i] = top;
        check(recipe, 2, [&](const int* s, int) { return (s[0] * 255 + top / 2) / top; });
    }
    SECTION("RGB") {
        const int depth = GENERATE(8, 16);
        PngRecipe recipe{.depth = depth, .samples = random_samples(105, depth)};
        const int top = (1 << depth) - 1;
        check(recipe, 3, [&](const int* s, int c) { return (s[c] * 255 + top / 2) / top; });
    }
    SECTION("RGB with opaque alpha") {
        const int depth = GENERATE(8, 16);
        PngRecipe recipe{
            .colour_type = PNG_COLOR_TYPE_RGB_ALPHA, .depth = depth, .samples = random_samples(140, depth)};
        const int top = (1 << depth) - 1;
        for (std::size_t i = 3; i < 140; i += 4) recipe.samples[i] = top;
        check(recipe, 4, [&](const int* s, int c) { return (s[c] * 255 + top / 2) / top; });
    }
    SECTION("palette") {
        const int depth = GENERATE(1, 2, 4, 8);
        PngRecipe recipe{.colour_type = PNG_COLOR_TYPE_PALETTE, .depth = depth, .samples = random_samples(35, depth)};
        for (int i = 0; i < 1 << depth; ++i)
            recipe.palette.push_back(
                {static_cast<png_byte>(i * 37), static_cast<png_byte>(255 - i), static_cast<png_byte>(i * 101)});
        check(recipe, 1, [&](const int* s, int c) {
            const png_color& p = recipe.palette[static_cast<std::size_t>(s[0])];
            return int{c == 0 ? p.red : c == 1 ? p.green : p.blue};
        });
    }
}

TEST_CASE("opaque alpha is noted, transparency refused or flattened on demand", "[cli]") {
    PngRecipe recipe{.width = 2, .height = 1, .colour_type = PNG_COLOR_TYPE_RGB_ALPHA};
    recipe.samples = {10, 20, 30, 255, 40, 50, 60, 255};
    Notes notes;
    CHECK(decode_exact(make_png(recipe), notes.options).rgb == std::vector<std::uint8_t>{10, 20, 30, 40, 50, 60});
    CHECK(notes.mention("alpha channel was dropped"));

    recipe.samples[7] = 51;  // a fifth
    std::string message;
    CHECK(code_of(make_png(recipe), &message) == Errc::unsupported);
    CHECK(message.find("--flatten") != std::string::npos);

    Notes flatten;
    flatten.options.flatten = {255, 0, 5};
    CHECK(decode_exact(make_png(recipe), flatten.options).rgb == std::vector<std::uint8_t>{10, 20, 30, 212, 10, 16});
    CHECK(flatten.mention("flattened"));
}

TEST_CASE("transparency by palette and by colour key is seen", "[cli]") {
    PngRecipe palette{.width = 2, .height = 1, .colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 1};
    palette.palette = {{1, 2, 3}, {4, 5, 6}};
    palette.palette_alpha = {255, 0};
    palette.samples = {0, 1};
    CHECK(code_of(make_png(palette)) == Errc::unsupported);
    palette.samples = {0, 0};  // the transparent entry is not used
    CHECK(decode_exact(make_png(palette)).rgb == std::vector<std::uint8_t>{1, 2, 3, 1, 2, 3});

    PngRecipe key{.width = 2, .height = 1, .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 4, .transparent_sample = 9};
    key.samples = {3, 9};
    CHECK(code_of(make_png(key)) == Errc::unsupported);
    key.samples = {3, 8};
    CHECK(decode_exact(make_png(key)).rgb == std::vector<std::uint8_t>{51, 51, 51, 136, 136, 136});
}

TEST_CASE("profiles and foreign gammas are dropped with a note", "[cli]") {
    PngRecipe recipe{.width = 1, .height = 1, .samples = {1, 2, 3}};
    {
        Notes notes;
        recipe.gamma = 0.45455;
        CHECK(decode_exact(make_png(recipe), notes.options).rgb == std::vector<std::uint8_t>{1, 2, 3});
        CHECK(notes.texts.empty());
    }
    {
        Notes notes;
        recipe.gamma = 1.0;
        CHECK(decode_exact(make_png(recipe), notes.options).rgb == std::vector<std::uint8_t>{1, 2, 3});
        CHECK(notes.mention("gamma"));
    }
    {
        Notes notes;
        recipe.gamma = 0;
        recipe.profile = true;
        CHECK(decode_exact(make_png(recipe), notes.options).rgb == std::vector<std::uint8_t>{1, 2, 3});
        CAPTURE(notes.texts);
        CHECK(notes.mention("ICC profile was dropped"));
    }
    Bytes marker{0xff, 0xe2, 0, 18};
    const char text[] = "ICC_PROFILE\0\1\1xx";
    marker.insert(marker.end(), text, text + 16);
    Notes notes;
    static_cast<void>(decode_exact(make_jpeg(JCS_RGB, JCS_YCbCr, 3, 8, 8, slopes(8, 8).rgb, marker), notes.options));
    CHECK(notes.mention("ICC profile was dropped"));
}

TEST_CASE("EXIF orientations 1 to 8 are applied", "[cli]") {
    const int orientation = GENERATE(1, 2, 3, 4, 5, 6, 7, 8);
    const bool little = GENERATE(false, true);
    const Image exact = noise(7, 5);
    CHECK(apply_orientation(exact, orientation) == upright(exact, orientation));
    const Bytes tiff = tiff_with_orientation(orientation, little);
    CHECK(exif_orientation(tiff) == orientation);
    const Image stored = slopes(24, 16);
    const Bytes jpeg = make_jpeg(JCS_RGB, JCS_YCbCr, 3, 24, 16, stored.rgb, exif_marker(tiff));
    CHECK(largest_difference(decode_exact(jpeg), upright(stored, orientation)) <= 12);
    PngRecipe png{.exif = tiff};
    png.samples.assign(exact.rgb.begin(), exact.rgb.end());
    CHECK(decode_exact(make_png(png)) == upright(exact, orientation));
}

TEST_CASE("a damaged EXIF block means upright, whatever it holds", "[cli]") {
    for (const bool little : {false, true}) {
        const Bytes whole = tiff_with_orientation(6, little);
        for (std::size_t size = 0; size < 22; ++size)
            CHECK(exif_orientation(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))) == 1);
        for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
            Bytes flipped = whole;
            flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
            const int orientation = exif_orientation(flipped);
            CHECK((orientation >= 1 && orientation <= 8));
        }
        for (const int wrong : {0, 9, 255}) CHECK(exif_orientation(tiff_with_orientation(wrong, little)) == 1);
    }
}

TEST_CASE("grey and RGB JPEG are read, CMYK and YCCK refused by name", "[cli]") {
    const std::vector<std::uint8_t> grey(64, 77);
    CHECK(largest_difference(decode_exact(make_jpeg(JCS_GRAYSCALE, JCS_GRAYSCALE, 1, 8, 8, grey)),
                             make_image(8, 8, 77, 77, 77)) <= 2);
    const Image image = slopes(8, 8);
    CHECK(largest_difference(decode_exact(make_jpeg(JCS_RGB, JCS_RGB, 3, 8, 8, image.rgb)), image) <= 12);
    const std::vector<std::uint8_t> cmyk(256, 100);
    for (const J_COLOR_SPACE stored : {JCS_CMYK, JCS_YCCK}) {
        std::string message;
        CHECK(code_of(make_jpeg(JCS_CMYK, stored, 4, 8, 8, cmyk), &message) == Errc::unsupported);
        CHECK(message.find("CMYK") != std::string::npos);
    }
}

TEST_CASE("PGM, comments, other maxima and 16 bits in PPM", "[cli]") {
    const auto bytes = [](const std::string& text) { return Bytes(text.begin(), text.end()); };
    CHECK(decode_exact(bytes("P5 # grey\n#\n2\t1 15\n\x03\x0f")).rgb ==
          std::vector<std::uint8_t>{51, 51, 51, 255, 255, 255});
    Notes notes;
    const std::string wide("P6\n1 1 65535\n\xff\xff\x80\x80\x00\x01", 19);
    CHECK(decode_exact(bytes(wide), notes.options).rgb == std::vector<std::uint8_t>{255, 128, 0});
    CHECK(notes.mention("16 bits"));
    for (const char* wrong :
         {"P6", "P6 ", "P6 1", "P6 1 1", "P6 1 1 255", "P6 1 1 255\n", "P6 1 1 0\nxxx", "P6 1 1 65536\nxxx",
          "P6 1 1 255xyz", "P6 -1 1 255\nxyz", "P5 1 1 7\n\x08", "P6 0 1 255\n", "P6 # no end"})
        CHECK(code_of(bytes(wrong)) == Errc::corrupt_stream);
    CHECK(code_of(bytes("P6 99999 99999 255\nxyz")) == Errc::limit);
    CHECK(code_of(bytes("P6 99999999999999999999 1 255\nxyz")) == Errc::limit);
}

TEST_CASE("other formats and nonsense are refused by what they are", "[cli]") {
    std::string message;
    const auto refused_as = [&](Bytes bytes, const char* name) {
        code_of(bytes, &message);
        return message.find(name) != std::string::npos;
    };
    CHECK(refused_as({}, "an empty file"));
    CHECK(refused_as({'G', 'I', 'F', '8', '9', 'a'}, "a GIF"));
    CHECK(refused_as({'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P'}, "a WebP"));
    CHECK(refused_as({0, 0, 0, 24, 'f', 't', 'y', 'p', 'a', 'v', 'i', 'f'}, "a HEIF or AVIF"));
    CHECK(refused_as({'P', '3', ' '}, "a P3 file"));
    CHECK(refused_as({0xc7, 0x4e, 1}, "c7 4e 01"));
}

TEST_CASE("a file cut at every byte is an Error", "[cli]") {
    const Image image = noise(9, 7);
    PngRecipe interlaced{.width = 9, .height = 7, .interlaced = true};
    interlaced.samples.assign(image.rgb.begin(), image.rgb.end());
    for (const Bytes& whole : {encode_png(image), make_png(interlaced), encode_ppm(image), encode_jpeg(image),
                               encode_jpeg(image, {.quality = 60, .subsample_chroma = true, .progressive = true})}) {
        REQUIRE(decode_exact(whole).width == 9);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            INFO("cut to " << size << " of " << whole.size());
            CHECK_THROWS_AS(decode_exact(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))), Error);
        }
    }
}

TEST_CASE("a file with any single bit flipped is an Error or an image", "[cli]") {
    const Image image = noise(9, 7);
    int images = 0, errors = 0;
    for (const Bytes& whole : {encode_png(image), encode_ppm(image), encode_jpeg(image),
                               encode_jpeg(image, {.quality = 60, .subsample_chroma = true, .progressive = true})})
        for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
            Bytes flipped = whole;
            flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
            ReadOptions options;
            options.max_pixels = 1u << 22;
            try {
                check_image(decode_exact(flipped, options), "flipped");
                ++images;
            } catch (const Error&) {
                ++errors;
            }
        }
    CHECK(images > 100);
    CHECK(errors > 100);
}

TEST_CASE("headers that promise more than the file can hold allocate nothing", "[cli]") {
    Bytes png = encode_png(noise(3, 3));
    const auto set_extents = [&](std::uint32_t width, std::uint32_t height) {
        for (std::size_t i = 0; i < 4; ++i) {
            png[16 + i] = static_cast<std::uint8_t>(width >> (24 - 8 * i));
            png[20 + i] = static_cast<std::uint8_t>(height >> (24 - 8 * i));
        }
        const auto crc = crc_of_chunk(ByteView(png).subspan(12, 17));
        for (std::size_t i = 0; i < 4; ++i) png[29 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    };
    set_extents(100'000, 100'000);
    CHECK(code_of(png) == Errc::limit);
    set_extents(0x7fffffff, 0x7fffffff);
    CHECK(code_of(png) == Errc::limit);
    set_extents(10'000, 10'000);
    std::string message;
    CHECK(code_of(png, &message) == Errc::corrupt_stream);
    CHECK(message.find("enough data") != std::string::npos);

    Bytes jpeg = encode_jpeg(noise(3, 3));
    const std::uint8_t frame[] = {0xff, 0xc0};
    const auto at = std::search(jpeg.begin(), jpeg.end(), frame, frame + 2) - jpeg.begin();
    for (const int i : {5, 6, 7, 8}) jpeg[static_cast<std::size_t>(at + i)] = 0xf0;
    CHECK(code_of(jpeg) == Errc::limit);
    for (const int i : {5, 7}) jpeg[static_cast<std::size_t>(at + i)] = 0x20;
    CHECK(code_of(jpeg) == Errc::corrupt_stream);
}

TEST_CASE("files are written whole or not at all, in the format of their extension", "[cli]") {
    const Folder folder;
    const Image image = slopes(30, 20);
    for (const char* name : {"a.png", "a.ppm", "a.PNG"}) {
        write_image(folder.path / name, image);
        CHECK(read_image(folder.path / name) == image);
    }
    write_image(folder.path / "a.jpeg", image);
    write_image(folder.path / "a.png", noise(3, 3));  // over an old file
    CHECK(read_image(folder.path / "a.png") == noise(3, 3));
    CHECK(read_file(folder.path / "a.jpeg")[1] == 0xd8);
    CHECK_THROWS_AS(write_image(folder.path / "a.bmp", image), Error);
    CHECK_THROWS_AS(write_image(folder.path / "a", image), Error);
    CHECK_THROWS_AS(write_image(folder.path / "none" / "a.png", image), Error);
    fs::create_directory(folder.path / "folder.png");
    CHECK_THROWS_AS(write_image(folder.path / "folder.png", image), Error);
    CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 5);  // nothing left over
    CHECK_THROWS_AS(read_file(folder.path), Error);
    CHECK_THROWS_AS(read_file(folder.path / "missing"), Error);
    CHECK_THROWS_AS(read_file(folder.path / "a.ppm", 100), Error);
    if (fs::exists("/dev/full")) CHECK_THROWS_AS(write_file("/dev/full", Bytes(100)), Error);
}
