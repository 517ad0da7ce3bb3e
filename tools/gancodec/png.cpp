#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "image_readers.hpp"
#include "image_rows.hpp"

// libpng leaves a failed call by longjmp, which runs no destructor. Therefore every function that calls setjmp here is
// small, holds plain data only and answers with a bool; what owns memory lives in its callers.

namespace gancodec::cli {

namespace {

constexpr std::size_t kMessageBytes = 160;
constexpr std::uint64_t kPixelsPerByte = 8 * 1040;  // 1 bit a pixel, and deflate shrinks at most 1032 times

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

/// Bytes in memory, or a file.
struct Source {
    ByteView bytes;
    std::size_t at = 0;
    std::FILE* file = nullptr;
};
void on_read(png_structp png, png_bytep out, std::size_t size) {
    auto* source = static_cast<Source*>(png_get_io_ptr(png));
    if (source->file != nullptr) {
        if (std::fread(out, 1, size, source->file) != size) png_error(png, "the file ends too early");
        return;
    }
    if (source->bytes.size() - source->at < size) png_error(png, "the file ends too early");
    std::memcpy(out, source->bytes.data() + source->at, size);
    source->at += size;
}
/// Takes bytes; what it throws waits in `failure`.
struct Sink {
    std::function<void(ByteView)> write;
    std::exception_ptr failure = nullptr;
};
void on_write(png_structp png, png_bytep data, std::size_t size) {
    auto* sink = static_cast<Sink*>(png_get_io_ptr(png));
    try {
        sink->write({data, size});
    } catch (...) {
        sink->failure = std::current_exception();  // an exception must not cross libpng, which is C
    }
    if (sink->failure) png_error(png, "writing failed");
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

bool read_row(Reader& reader, png_bytep row) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_read_row(reader.png, row, nullptr);
    return true;
}
bool read_end(Reader& reader) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_read_end(reader.png, reader.info);
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

[[noreturn]] void refuse_transparency(const std::string& name) {
    refuse(Errc::unsupported, name, "an image without transparency (--flatten COLOUR lays a colour underneath)",
           "transparent pixels");
}
void note_alpha(bool opaque, const std::string& name, const ReadOptions& options) {
    options.note(name + (opaque ? ": the alpha channel was dropped, all of it is opaque"
                                : ": the transparency was flattened onto the colour given"));
}
bool is_opaque(const std::uint8_t* rgba, std::size_t pixels) {
    for (std::size_t i = 0; i < pixels; ++i)
        if (rgba[4 * i + 3] != 255) return false;
    return true;
}
void flatten(const std::uint8_t* rgba, std::size_t pixels, const ReadOptions& options, std::uint8_t* rgb) {
    const auto ground = options.flatten.value_or(std::array<std::uint8_t, 3>{});
    for (std::size_t i = 0; i < pixels; ++i) {
        const unsigned alpha = rgba[4 * i + 3];
        for (std::size_t c = 0; c < 3; ++c)
            rgb[3 * i + c] =
                static_cast<std::uint8_t>((rgba[4 * i + c] * alpha + ground[c] * (255 - alpha) + 127) / 255);
    }
}
/// Drops the alpha channel if it is opaque, lays `flatten` underneath if that was asked for, refuses otherwise.
void remove_alpha(const std::vector<std::uint8_t>& rgba, Image& image, const std::string& name,
                  const ReadOptions& options) {
    const bool opaque = is_opaque(rgba.data(), image.pixels());
    if (!opaque && !options.flatten) refuse_transparency(name);
    note_alpha(opaque, name, options);
    image.rgb.resize(3 * image.pixels());
    flatten(rgba.data(), image.pixels(), options, image.rgb.data());
}

/// Three steps of writing 8-bit RGB.
bool begin_png(Writer& writer, Sink& sink, int width, int height) {
    if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
    png_set_write_fn(writer.png, &sink, on_write, nullptr);
    png_set_user_limits(writer.png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(writer.png, writer.info);
    return true;
}
bool write_row(Writer& writer, const std::uint8_t* row) {
    if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
    png_write_row(writer.png, row);
    return true;
}
bool end_png(Writer& writer) {
    if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
    png_write_end(writer.png, nullptr);
    return true;
}

/// A PNG on its way to a sink.
class PngStream {
public:
    PngStream(std::function<void(ByteView)> write, int width, int height) : sink_{std::move(write)} {
        check(begin_png(writer_, sink_, width, height));
    }
    void write(const Image& rows) {
        for (int y = 0; y < rows.height; ++y) check(write_row(writer_, rows.at(0, y)));
    }
    void finish() { check(end_png(writer_)); }

private:
    void check(bool good) {
        if (good) return;
        if (sink_.failure) std::rethrow_exception(sink_.failure);
        throw Error(Errc::limit,
                    std::string("encode_png: expected to write a PNG, found libpng: ") + writer_.messages.error);
    }
    Writer writer_;
    Sink sink_;
};

class PngFileWriter : public RowWriter {
public:
    PngFileWriter(const std::filesystem::path& path, int width, int height)
        : file_(path), png_([this](ByteView bytes) { file_.write(bytes); }, width, height) {}
    void write(const Image& rows) override { png_.write(rows); }
    void finish() override {
        png_.finish();
        file_.commit(Survives::kill);
    }

private:
    PendingFile file_;
    PngStream png_;
};

class PngRows : public ImageRows {
public:
    PngRows(detail::OpenFile file, std::uint64_t file_bytes, std::string name, ReadOptions options)
        : file_(std::move(file)),
          file_bytes_(file_bytes),
          source_{{}, 0, file_.get()},
          name_(std::move(name)),
          options_(std::move(options)) {}

    /// Whether it can be read by rows.
    bool open() {
        if (!read_header(reader_, source_)) return false;
        png_bytep exif = nullptr;
        png_uint_32 exif_bytes = 0;
        if (png_get_interlace_type(reader_.png, reader_.info) != PNG_INTERLACE_NONE) return false;
        if (png_get_eXIf_1(reader_.png, reader_.info, &exif_bytes, &exif) != 0 &&
            exif_orientation({exif, exif_bytes}) != 1)
            return false;
        const png_uint_32 columns = png_get_image_width(reader_.png, reader_.info);
        const png_uint_32 rows = png_get_image_height(reader_.png, reader_.info);
        check_extents(name_, columns, rows, file_bytes_, kPixelsPerByte, options_);
        width = static_cast<int>(columns);
        height = static_cast<int>(rows);
        return true;
    }
    void read(Image& rows) override {
        if (row_ == 0) begin();
        for (int y = 0; y < rows.height; ++y, ++row_) {
            std::uint8_t* rgb = rows.at(0, y);
            if (!read_row(reader_, rgba_.empty() ? rgb : rgba_.data())) refuse_damaged(name_, reader_);
            if (rgba_.empty()) continue;
            const auto pixels = static_cast<std::size_t>(width);
            opaque_ = opaque_ && is_opaque(rgba_.data(), pixels);
            if (!opaque_ && !options_.flatten) refuse_transparency(name_);
            flatten(rgba_.data(), pixels, options_, rgb);
        }
        if (row_ < height) return;
        if (!read_end(reader_)) refuse_damaged(name_, reader_);
        if (!rgba_.empty()) note_alpha(opaque_, name_, options_);
        if (reader_.messages.warning[0] != '\0') options_.note(name_ + ": libpng: " + reader_.messages.warning);
    }

private:
    void begin() {
        note_what_is_dropped(reader_, name_, options_);
        if (!set_transformations(reader_)) refuse_damaged(name_, reader_);
        const std::size_t channels = png_get_channels(reader_.png, reader_.info);
        if (channels != 3 && channels != 4) refuse(Errc::unsupported, name_, "an RGB image", "another kind of PNG");
        if (channels == 4) rgba_.resize(4 * static_cast<std::size_t>(width));
    }

    detail::OpenFile file_;
    std::uint64_t file_bytes_;
    Source source_;
    Reader reader_;
    std::string name_;
    ReadOptions options_;
    std::vector<std::uint8_t> rgba_;  ///< a row, where there is an alpha channel
    bool opaque_ = true;
    int row_ = 0;
};

}  // namespace

std::unique_ptr<ImageRows> open_png_rows(detail::OpenFile file, std::uint64_t file_bytes, const std::string& name,
                                         const ReadOptions& options) {
    auto rows = std::make_unique<PngRows>(std::move(file), file_bytes, name, options);
    return rows->open() ? std::move(rows) : nullptr;
}
std::unique_ptr<RowWriter> open_png_writer(const std::filesystem::path& path, int width, int height) {
    return std::make_unique<PngFileWriter>(path, width, height);
}

Image decode_png(ByteView bytes, const std::string& name, const ReadOptions& options) {
    Reader reader;
    Source source{bytes};
    if (!read_header(reader, source)) refuse_damaged(name, reader);
    const png_uint_32 width = png_get_image_width(reader.png, reader.info);
    const png_uint_32 height = png_get_image_height(reader.png, reader.info);
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
    PngStream png([&](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }, image.width,
                  image.height);
    png.write(image);
    png.finish();
    return out;
}

}  // namespace gancodec::cli
