#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "image_readers.hpp"
#include "image_rows.hpp"
#include "png_support.hpp"

// Rules for functions that call setjmp: see png_support.hpp.

namespace gancodec::cli {

namespace {

using png::Reader;

constexpr std::size_t kMaxChunkBytes = std::size_t{1} << 24;  // of what is no pixel
constexpr std::uint64_t kPixelsPerByte = 8 * 1040;            // 1 bit a pixel, and deflate shrinks at most 1032 times

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
bool read_header(Reader& reader, Source& source) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_set_read_fn(reader.png, &source, on_read);
    png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);  // the area is checked by check_extents()
    png_set_chunk_malloc_max(reader.png, kMaxChunkBytes);
    // libpng itself would allocate as much for EXIF as the file says.
    png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_ALWAYS, reinterpret_cast<png_const_bytep>("eXIf"), 1);
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

ByteView find_exif(const Reader& reader) {
    png_unknown_chunkp chunks = nullptr;
    const int count = png_get_unknown_chunks(reader.png, reader.info, &chunks);
    for (int i = 0; i < count; ++i)
        if (std::memcmp(chunks[i].name, "eXIf", 4) == 0) return {chunks[i].data, chunks[i].size};
    return {};
}
/// What stands beside the pixels; where it is not wanted, a profile or gamma that changes colours is noted.
void keep_metadata(const Reader& reader, const std::string& name, const ReadOptions& options) {
    keep(MetadataTag::exif, find_exif(reader), name, options);
    png_textp texts = nullptr;
    int count = 0;
    png_get_text(reader.png, reader.info, &texts, &count);
    for (int i = 0; i < count; ++i) {
        const std::size_t size = std::max(texts[i].text_length, texts[i].itxt_length);
        if (std::strcmp(texts[i].key, png::kXmpKeyword) == 0)
            keep(MetadataTag::xmp, {reinterpret_cast<const std::uint8_t*>(texts[i].text), size}, name, options);
    }
    png_charp profile_name = nullptr;
    png_bytep profile = nullptr;
    png_uint_32 size = 0;
    int compression = 0;
    if (png_get_iCCP(reader.png, reader.info, &profile_name, &compression, &profile, &size) != 0) {
        keep(MetadataTag::icc, {profile, size}, name, options);
        return;
    }
    constexpr double kSrgbGamma = 1 / 2.2;
    double gamma = 0;
    if (png_get_valid(reader.png, reader.info, PNG_INFO_sRGB) == 0 &&
        png_get_gAMA(reader.png, reader.info, &gamma) != 0 && std::fabs(gamma / kSrgbGamma - 1) > 0.02)
        options.note(name + ": the gamma of " + std::to_string(gamma) + " was ignored, colours are taken as sRGB");
}
void note_depth(const Reader& reader, const std::string& name, const ReadOptions& options) {
    if (png_get_bit_depth(reader.png, reader.info) == 16)
        options.note(name + ": 16 bits per channel were reduced to 8");
}
bool has_alpha(const Reader& reader) {
    return (png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
           png_get_valid(reader.png, reader.info, PNG_INFO_tRNS) != 0;
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
/// RGB and alpha out of RGBA, the colours on the ground that the options name.
void split(const std::uint8_t* rgba, std::size_t pixels, const ReadOptions& options, std::uint8_t* rgb, Bytes& alpha) {
    alpha.resize(pixels);
    for (std::size_t i = 0; i < pixels; ++i) {
        std::copy_n(rgba + 4 * i, 3, rgb + 3 * i);
        alpha[i] = rgba[4 * i + 3];
    }
    if (options.flatten) lay_on(*options.flatten, alpha, rgb);
}
/// Drops the alpha channel if it is opaque, lays `flatten` underneath if that was asked for, keeps it where the options
/// want attachments, and refuses otherwise.
void remove_alpha(const std::vector<std::uint8_t>& rgba, Image& image, const std::string& name,
                  const ReadOptions& options) {
    const bool opaque = is_opaque(rgba.data(), image.pixels());
    const bool keeps = !opaque && !options.flatten && options.attachments != nullptr;
    if (!opaque && !options.flatten && !keeps) refuse_transparency(name);
    if (!keeps) note_alpha(opaque, name, options);
    image.rgb.resize(3 * image.pixels());
    Bytes alpha;
    split(rgba.data(), image.pixels(), options, image.rgb.data(), alpha);
    if (keeps) options.attachments->alpha = std::move(alpha);
}

/// The chunks of a file but those of pixels, in place of which one without any ends it: EXIF and XMP may stand behind them.
/// At most as many bytes as a chunk may have. Where the file ends too early, so does this.
Bytes without_pixels(std::FILE* file) {
    constexpr std::size_t kSignatureBytes = 8, kHeadBytes = 8, kChecksumBytes = 4;
    Bytes out(kSignatureBytes);
    const auto read = [&](std::uint8_t* to, std::size_t size) { return std::fread(to, 1, size, file) == size; };
    std::uint8_t head[kHeadBytes];
    for (bool more = read(out.data(), out.size()); more && read(head, kHeadBytes);) {
        const std::size_t size = std::size_t{png_get_uint_32(head)} + kChecksumBytes;
        if (std::memcmp(head + 4, "IEND", 4) == 0) break;
        if (std::memcmp(head + 4, "IDAT", 4) == 0) {
            more = std::fseek(file, static_cast<long>(size), SEEK_CUR) == 0;
            continue;
        }
        const std::size_t at = out.size() + kHeadBytes;
        if (at + size > kMaxChunkBytes) break;
        out.insert(out.end(), head, head + kHeadBytes);
        out.resize(at + size);
        more = read(out.data() + at, size);
        if (!more) out.resize(at - kHeadBytes);
    }
    constexpr std::uint8_t kNoPixels[] = {0, 0, 0, 0, 'I', 'D', 'A', 'T', 0x35, 0xaf, 0x06, 0x1e};
    out.insert(out.end(), std::begin(kNoPixels), std::end(kNoPixels));
    std::rewind(file);
    return out;
}

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
        const Bytes chunks = without_pixels(file_.get());
        Source beside{chunks};
        if (!read_header(beside_, beside) || !read_header(reader_, source_)) return false;
        if (png_get_interlace_type(reader_.png, reader_.info) != PNG_INTERLACE_NONE) return false;
        if (exif_orientation(find_exif(beside_)) != 1) return false;
        if (options_.attachments != nullptr && !options_.flatten && has_alpha(reader_)) return false;
        const png_uint_32 columns = png_get_image_width(reader_.png, reader_.info);
        const png_uint_32 rows = png_get_image_height(reader_.png, reader_.info);
        check_extents(name_, columns, rows, file_bytes_, kPixelsPerByte, options_);
        width = static_cast<int>(columns);
        height = static_cast<int>(rows);
        keep_metadata(beside_, name_, without_notes(options_));
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
            split(rgba_.data(), pixels, options_, rgb, alpha_);
        }
        if (row_ < height) return;
        if (!read_end(reader_)) refuse_damaged(name_, reader_);
        if (!rgba_.empty()) note_alpha(opaque_, name_, options_);
        if (reader_.messages.warning[0] != '\0') options_.note(name_ + ": libpng: " + reader_.messages.warning);
    }

private:
    void begin() {
        note_depth(reader_, name_, options_);
        keep_metadata(beside_, name_, options_);
        if (!set_transformations(reader_)) refuse_damaged(name_, reader_);
        const std::size_t channels = png_get_channels(reader_.png, reader_.info);
        if (channels != 3 && channels != 4) refuse(Errc::unsupported, name_, "an RGB image", "another kind of PNG");
        if (channels == 4) rgba_.resize(4 * static_cast<std::size_t>(width));
    }

    detail::OpenFile file_;
    std::uint64_t file_bytes_;
    Source source_;
    Reader reader_, beside_;  ///< the latter of all that is no pixel
    std::string name_;
    ReadOptions options_;
    std::vector<std::uint8_t> rgba_;  ///< a row, where there is an alpha channel
    Bytes alpha_;
    bool opaque_ = true;
    int row_ = 0;
};

}  // namespace

std::unique_ptr<ImageRows> open_png_rows(detail::OpenFile file, std::uint64_t file_bytes, const std::string& name,
                                         const ReadOptions& options) {
    auto rows = std::make_unique<PngRows>(std::move(file), file_bytes, name, options);
    return rows->open() ? std::move(rows) : nullptr;
}
Image decode_png(ByteView bytes, const std::string& name, const ReadOptions& options) {
    Reader reader;
    Source source{bytes};
    if (!read_header(reader, source)) refuse_damaged(name, reader);
    const png_uint_32 width = png_get_image_width(reader.png, reader.info);
    const png_uint_32 height = png_get_image_height(reader.png, reader.info);
    check_extents(name, width, height, bytes.size(), kPixelsPerByte, options);
    note_depth(reader, name, options);
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
    keep_metadata(reader, name, options);
    return apply_orientation(std::move(image), exif_orientation(find_exif(reader)), options);
}

}  // namespace gancodec::cli
