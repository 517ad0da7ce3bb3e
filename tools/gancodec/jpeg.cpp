#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <jpeglib.h>
// jerror.h follows jpeglib.h.
#include <jerror.h>

#include "file_bytes.hpp"
#include "image_readers.hpp"
#include "image_rows.hpp"

// libjpeg leaves a failed call by longjmp, which runs no destructor: see png.cpp for the rules that follow from it.

namespace gancodec::cli {

namespace {

struct Errors {
    jpeg_error_mgr manager = {};  // first: libjpeg hands its address back
    std::jmp_buf leave = {};
    char error[JMSG_LENGTH_MAX] = {};
    char warning[JMSG_LENGTH_MAX] = {};
};

[[noreturn]] void on_error(j_common_ptr state) {
    auto* errors = reinterpret_cast<Errors*>(state->err);
    state->err->format_message(state, errors->error);
    std::longjmp(errors->leave, 1);
}

/// libjpeg paints over damage and only warns; to us damage is an error. Oddities that cost no pixel become notes.
void on_message(j_common_ptr state, int level) {
    if (level >= 0) return;
    auto* errors = reinterpret_cast<Errors*>(state->err);
    switch (state->err->msg_code) {
        case JWRN_EXTRANEOUS_DATA:
        case JWRN_ADOBE_XFORM:
        case JWRN_BOGUS_PROGRESSION:
        case JWRN_JFIF_MAJOR:
        case JWRN_TOO_MUCH_DATA:
            if (errors->warning[0] == '\0') state->err->format_message(state, errors->warning);
            return;
        default:
            on_error(state);
    }
}

jpeg_error_mgr* prepare(Errors& errors) {
    jpeg_std_error(&errors.manager);
    errors.manager.error_exit = on_error;
    errors.manager.emit_message = on_message;
    return &errors.manager;
}

/// A hostile progressive file may hold thousands of tiny scans, each of which costs a pass over the image.
void stop_at_too_many_scans(j_common_ptr state) {
    constexpr int kMostScans = 200;
    if (state->is_decompressor != 0 && reinterpret_cast<j_decompress_ptr>(state)->input_scan_number > kMostScans)
        ERREXIT(state, JERR_BAD_PROGRESSION);
}

struct Reader {
    Errors errors;
    jpeg_progress_mgr progress = {};
    jpeg_decompress_struct state = {};

    Reader() { state.err = prepare(errors); }
    ~Reader() { jpeg_destroy_decompress(&state); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
};

bool read_header(Reader& reader, ByteView bytes) {
    if (setjmp(reader.errors.leave) != 0) return false;
    jpeg_create_decompress(&reader.state);
    reader.progress.progress_monitor = stop_at_too_many_scans;
    reader.state.progress = &reader.progress;
    jpeg_mem_src(&reader.state, bytes.data(), bytes.size());
    constexpr unsigned kWholeMarker = 0xffff;
    jpeg_save_markers(&reader.state, JPEG_APP0 + 1, kWholeMarker);
    jpeg_save_markers(&reader.state, JPEG_APP0 + 2, kWholeMarker);
    jpeg_read_header(&reader.state, TRUE);
    return true;
}

bool start(Reader& reader) {
    if (setjmp(reader.errors.leave) != 0) return false;
    reader.state.out_color_space = JCS_RGB;
    reader.state.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&reader.state);
    return true;
}
/// The next rows, and the end of the file behind the last.
bool read_rows(Reader& reader, Image& rows) {
    if (setjmp(reader.errors.leave) != 0) return false;
    for (int y = 0; y < rows.height; ++y) {
        JSAMPROW row = rows.at(0, y);
        jpeg_read_scanlines(&reader.state, &row, 1);
    }
    if (reader.state.output_scanline == reader.state.output_height) jpeg_finish_decompress(&reader.state);
    return true;
}

[[noreturn]] void refuse_damaged(const std::string& name, const Reader& reader) {
    refuse(Errc::corrupt_stream, name, "an intact JPEG", std::string("libjpeg: ") + reader.errors.error);
}

const char* colour_space_name(J_COLOR_SPACE space) {
    switch (space) {
        case JCS_CMYK:
            return "CMYK";
        case JCS_YCCK:
            return "YCCK (CMYK)";
        default:
            return "an unknown colour space";
    }
}

ByteView marker_after(const jpeg_marker_struct& marker, const char* signature, std::size_t size) {
    const ByteView data{marker.data, marker.data_length};
    return data.size() >= size && std::memcmp(data.data(), signature, size) == 0 ? data.subspan(size) : ByteView{};
}

struct Writer {
    Errors errors;
    jpeg_compress_struct state = {};
    unsigned char* buffer = nullptr;
    unsigned long size = 0;

    Writer() { state.err = prepare(errors); }
    ~Writer() {
        jpeg_destroy_compress(&state);
        std::free(buffer);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
};

bool write_pixels(Writer& writer, const Image& image, const JpegOptions& options) {
    if (setjmp(writer.errors.leave) != 0) return false;
    jpeg_create_compress(&writer.state);
    jpeg_mem_dest(&writer.state, &writer.buffer, &writer.size);
    writer.state.image_width = static_cast<JDIMENSION>(image.width);
    writer.state.image_height = static_cast<JDIMENSION>(image.height);
    writer.state.input_components = 3;
    writer.state.in_color_space = JCS_RGB;
    jpeg_set_defaults(&writer.state);
    jpeg_set_quality(&writer.state, options.quality, TRUE);
    const int factor = options.subsample_chroma ? 2 : 1;
    writer.state.comp_info[0].h_samp_factor = factor;
    writer.state.comp_info[0].v_samp_factor = factor;
    writer.state.optimize_coding = TRUE;
    if (options.progressive) jpeg_simple_progression(&writer.state);
    jpeg_start_compress(&writer.state, TRUE);
    while (writer.state.next_scanline < writer.state.image_height) {
        auto* row = const_cast<JSAMPROW>(image.at(0, static_cast<int>(writer.state.next_scanline)));
        jpeg_write_scanlines(&writer.state, &row, 1);
    }
    jpeg_finish_compress(&writer.state);
    return true;
}

/// What the markers say.
struct Markers {
    int orientation = 1;
    bool profile = false;

    explicit Markers(const Reader& reader) {
        for (const jpeg_marker_struct* m = reader.state.marker_list; m != nullptr; m = m->next) {
            const ByteView tiff = m->marker == JPEG_APP0 + 1 ? marker_after(*m, "Exif\0", 6) : ByteView{};
            if (!tiff.empty()) orientation = exif_orientation(tiff);
            profile = profile || (m->marker == JPEG_APP0 + 2 && !marker_after(*m, "ICC_PROFILE", 12).empty());
        }
    }
    void note(const std::string& name, const ReadOptions& options) const {
        if (profile) options.note(name + ": the ICC profile was dropped, colours are taken as sRGB");
    }
};
void note_warning(const Reader& reader, const std::string& name, const ReadOptions& options) {
    if (reader.errors.warning[0] != '\0') options.note(name + ": libjpeg: " + reader.errors.warning);
}
bool is_known(J_COLOR_SPACE space) { return space == JCS_GRAYSCALE || space == JCS_YCbCr || space == JCS_RGB; }
constexpr std::uint64_t kPixelsPerByte = 8 * 256;  // a bit at least for each block, of at most 16x16 pixels

class JpegRows : public ImageRows {
public:
    JpegRows(Bytes bytes, std::string name, ReadOptions options)
        : bytes_(std::move(bytes)), name_(std::move(name)), options_(std::move(options)) {}

    /// Whether it can be read by rows.
    bool open() {
        if (!read_header(reader_, bytes_) || jpeg_has_multiple_scans(&reader_.state) != 0) return false;
        if (!is_known(reader_.state.jpeg_color_space) || Markers(reader_).orientation != 1) return false;
        check_extents(name_, reader_.state.image_width, reader_.state.image_height, bytes_.size(), kPixelsPerByte,
                      options_);
        width = static_cast<int>(reader_.state.image_width);
        height = static_cast<int>(reader_.state.image_height);
        return true;
    }
    void read(Image& rows) override {
        if (reader_.state.output_scanline == 0) {
            Markers(reader_).note(name_, options_);
            if (!start(reader_)) refuse_damaged(name_, reader_);
        }
        row_ += rows.height;
        if (!read_rows(reader_, rows)) refuse_damaged(name_, reader_);
        if (row_ == height) note_warning(reader_, name_, options_);
    }

private:
    Bytes bytes_;
    Reader reader_;
    std::string name_;
    ReadOptions options_;
    int row_ = 0;
};

}  // namespace

std::unique_ptr<ImageRows> open_jpeg_rows(const std::filesystem::path& path, const ReadOptions& options) {
    auto rows = std::make_unique<JpegRows>(read_file(path), path.string(), options);
    return rows->open() ? std::move(rows) : nullptr;
}

Image decode_jpeg(ByteView bytes, const std::string& name, const ReadOptions& options) {
    Reader reader;
    if (!read_header(reader, bytes)) refuse_damaged(name, reader);
    const J_COLOR_SPACE space = reader.state.jpeg_color_space;
    if (!is_known(space)) refuse(Errc::unsupported, name, "a grey, YCbCr or RGB JPEG", colour_space_name(space));
    check_extents(name, reader.state.image_width, reader.state.image_height, bytes.size(), kPixelsPerByte, options);
    const Markers markers(reader);
    markers.note(name, options);
    Image image = make_image(static_cast<int>(reader.state.image_width), static_cast<int>(reader.state.image_height));
    if (!start(reader) || !read_rows(reader, image)) refuse_damaged(name, reader);
    note_warning(reader, name, options);
    return apply_orientation(std::move(image), markers.orientation);
}

Bytes encode_jpeg(const Image& image, const JpegOptions& options) {
    check_image(image, "encode_jpeg");
    if (image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION)
        refuse(Errc::limit, "encode_jpeg", "at most 65500 pixels a side",
               std::to_string(image.width) + "x" + std::to_string(image.height));
    Writer writer;
    if (!write_pixels(writer, image, options))
        throw Error(Errc::limit,
                    std::string("encode_jpeg: expected to write a JPEG, found libjpeg: ") + writer.errors.error);
    return {writer.buffer, writer.buffer + writer.size};
}

}  // namespace gancodec::cli
