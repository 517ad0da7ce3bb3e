#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "image_readers.hpp"

// libpng leaves a failed call by longjmp, which runs no destructor. Therefore every function that calls setjmp here is
// small, holds plain data only and answers with a bool; what owns memory lives in its callers.

namespace gancodec::cli {

namespace {

constexpr std::size_t kMessageBytes = 160;

struct Messages {
    char error[kMessageBytes] = {};
    char warning[kMessageBytes] = {};  // the first one: a damaged file can give thousands
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
    auto* messages = static_cast<Messages*>(png_get_error_ptr(png));
    std::snprintf(messages->error, kMessageBytes, "%s", text);
    std::longjmp(*png_set_longjmp_fn(png, std::longjmp, sizeof(std::jmp_buf)), 1);
}
void on_warning(png_structp png, png_const_charp text) {
    auto* messages = static_cast<Messages*>(png_get_error_ptr(png));
    if (messages->warning[0] == '\0') std::snprintf(messages->warning, kMessageBytes, "%s", text);
}

struct Source {
    ByteView bytes;
    std::size_t at = 0;
};
void on_read(png_structp png, png_bytep out, std::size_t size) {
    auto* source = static_cast<Source*>(png_get_io_ptr(png));
    if (source->bytes.size() - source->at < size) png_error(png, "the file ends too early");
    std::memcpy(out, source->bytes.data() + source->at, size);
    source->at += size;
}
void on_write(png_structp png, png_bytep data, std::size_t size) {
    auto* out = static_cast<Bytes*>(png_get_io_ptr(png));
    bool full = false;
    try {
        out->insert(out->end(), data, data + size);
    } catch (const std::bad_alloc&) {
        full = true;  // an exception must not cross libpng, which is C
    }
    if (full) png_error(png, "out of memory");
}

struct Reader {
    Messages messages;
    png_structp png = nullptr;
    png_infop info = nullptr;

    Reader() : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &messages, on_error, on_warning)) {
        if (png != nullptr) info = png_create_info_struct(png);
        if (info == nullptr) {
            png_destroy_read_struct(&png, nullptr, nullptr);
            throw std::bad_alloc();
        }
    }
    ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
};

struct Writer {
    Messages messages;
    png_structp png = nullptr;
    png_infop info = nullptr;

    Writer() : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, &messages, on_error, on_warning)) {
        if (png != nullptr) info = png_create_info_struct(png);
        if (info == nullptr) {
            png_destroy_write_struct(&png, nullptr);
            throw std::bad_alloc();
        }
    }
    ~Writer() { png_destroy_write_struct(&png, &info); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
};

bool read_header(Reader& reader, Source& source) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_set_read_fn(reader.png, &source, on_read);
    png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);  // the area is checked by check_extents()
    png_set_chunk_malloc_max(reader.png, png_alloc_size_t{1} << 24);
    png_read_info(reader.png, reader.info);
    return true;
}

/// Asks for 8-bit RGB or, where the file has any transparency, RGBA.
bool set_transformations(Reader& reader) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_set_expand(reader.png);  // palettes, fewer than 8 bits, and the colour key into an alpha channel
    png_set_scale_16(reader.png);
    png_set_gray_to_rgb(reader.png);
    png_set_interlace_handling(reader.png);
    png_read_update_info(reader.png, reader.info);
    return true;
}

bool read_pixels(Reader& reader, png_bytepp rows) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_read_image(reader.png, rows);
    png_read_end(reader.png, reader.info);
    return true;
}

[[noreturn]] void refuse_damaged(const std::string& name, const Reader& reader) {
    refuse(Errc::corrupt_stream, name, "an intact PNG", std::string("libpng: ") + reader.messages.error);
}

void note_what_is_dropped(const Reader& reader, const std::string& name, const ReadOptions& options) {
    if (png_get_bit_depth(reader.png, reader.info) == 16)
        options.note(name + ": 16 bits per channel were reduced to 8");
    if (png_get_valid(reader.png, reader.info, PNG_INFO_iCCP) != 0) {
        options.note(name + ": the ICC profile was dropped, colours are taken as sRGB");
        return;
    }
    constexpr double kSrgbGamma = 1 / 2.2;
    double gamma = 0;
    if (png_get_valid(reader.png, reader.info, PNG_INFO_sRGB) == 0 &&
        png_get_gAMA(reader.png, reader.info, &gamma) != 0 && std::fabs(gamma / kSrgbGamma - 1) > 0.02)
        options.note(name + ": the gamma of " + std::to_string(gamma) + " was ignored, colours are taken as sRGB");
}

/// Drops the alpha channel if it is opaque, lays `flatten` underneath if that was asked for, refuses otherwise.
void remove_alpha(const std::vector<std::uint8_t>& rgba, Image& image, const std::string& name,
                  const ReadOptions& options) {
    bool opaque = true;
    for (std::size_t i = 3; i < rgba.size(); i += 4) opaque = opaque && rgba[i] == 255;
    if (!opaque && !options.flatten)
        refuse(Errc::unsupported, name, "an image without transparency (--flatten COLOUR lays a colour underneath)",
               "transparent pixels");
    options.note(name + (opaque ? ": the alpha channel was dropped, all of it is opaque"
                                : ": the transparency was flattened onto the colour given"));
    const auto ground = options.flatten.value_or(std::array<std::uint8_t, 3>{});
    image.rgb.resize(3 * image.pixels());
    for (std::size_t i = 0; i < image.pixels(); ++i) {
        const unsigned alpha = rgba[4 * i + 3];
        for (std::size_t c = 0; c < 3; ++c)
            image.rgb[3 * i + c] =
                static_cast<std::uint8_t>((rgba[4 * i + c] * alpha + ground[c] * (255 - alpha) + 127) / 255);
    }
}

/// Requires png 8-bit RGB rows of `image`.
bool write_pixels(Writer& writer, Bytes& out, const Image& image, png_bytepp rows) {
    if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
    png_set_write_fn(writer.png, &out, on_write, nullptr);
    png_set_user_limits(writer.png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
                 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(writer.png, writer.info);
    png_write_image(writer.png, rows);
    png_write_end(writer.png, nullptr);
    return true;
}

}  // namespace

Image decode_png(ByteView bytes, const std::string& name, const ReadOptions& options) {
    Reader reader;
    Source source{bytes};
    if (!read_header(reader, source)) refuse_damaged(name, reader);
    const png_uint_32 width = png_get_image_width(reader.png, reader.info);
    const png_uint_32 height = png_get_image_height(reader.png, reader.info);
    constexpr std::uint64_t kPixelsPerByte = 8 * 1040;  // 1 bit a pixel, and deflate shrinks at most 1032 times
    check_extents(name, width, height, bytes.size(), kPixelsPerByte, options);
    note_what_is_dropped(reader, name, options);
    if (!set_transformations(reader)) refuse_damaged(name, reader);

    Image image{static_cast<int>(width), static_cast<int>(height), {}};
    const std::size_t channels = png_get_channels(reader.png, reader.info);
    if (channels != 3 && channels != 4) refuse(Errc::unsupported, name, "an RGB image", "another kind of PNG");
    std::vector<std::uint8_t> pixels(image.pixels() * channels);
    std::vector<png_bytep> rows(height);
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = pixels.data() + y * width * channels;
    if (!read_pixels(reader, rows.data())) refuse_damaged(name, reader);
    if (reader.messages.warning[0] != '\0') options.note(name + ": libpng: " + reader.messages.warning);

    if (channels == 3)
        image.rgb = std::move(pixels);
    else
        remove_alpha(pixels, image, name, options);
    png_bytep exif = nullptr;
    png_uint_32 exif_bytes = 0;
    if (png_get_eXIf_1(reader.png, reader.info, &exif_bytes, &exif) == 0) return image;
    return apply_orientation(std::move(image), exif_orientation({exif, exif_bytes}));
}

Bytes encode_png(const Image& image) {
    check_image(image, "encode_png");
    Bytes out;
    std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
    for (int y = 0; y < image.height; ++y)
        rows[static_cast<std::size_t>(y)] = const_cast<png_bytep>(image.at(0, y));  // libpng only reads them
    Writer writer;
    if (!write_pixels(writer, out, image, rows.data()))
        throw Error(Errc::limit,
                    std::string("encode_png: expected to write a PNG, found libpng: ") + writer.messages.error);
    return out;
}

}  // namespace gancodec::cli
