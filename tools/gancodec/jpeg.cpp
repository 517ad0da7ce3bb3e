#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <jpeglib.h>
// jerror.h follows jpeglib.h.
#include <jerror.h>

#include "gancodec/core/file.hpp"
#include "image_readers.hpp"
#include "image_rows.hpp"

// libjpeg leaves a failed call by longjmp, which runs no destructor: see png_support.hpp for the rules that follow from it.

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

/// Of bytes in memory, or of a file where there is one.
bool read_header(Reader& reader, ByteView bytes, std::FILE* file = nullptr) {
    if (setjmp(reader.errors.leave) != 0) return false;
    jpeg_create_decompress(&reader.state);
    reader.progress.progress_monitor = stop_at_too_many_scans;
    reader.state.progress = &reader.progress;
    if (file != nullptr)
        jpeg_stdio_src(&reader.state, file);
    else
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

template <std::size_t N>
ByteView marker_after(const jpeg_marker_struct& marker, const char (&signature)[N]) {
    const ByteView data{marker.data, marker.data_length};
    return data.size() >= N && std::memcmp(data.data(), signature, N) == 0 ? data.subspan(N) : ByteView{};
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

/// Metadata as markers, a long profile as several.
struct Marker {
    int number;
    Bytes bytes;
};
std::vector<Marker> markers_of(const Attachments& attachments) {
    std::vector<Marker> markers;
    const auto add = [&](int number, const auto& signature, std::initializer_list<std::uint8_t> more, ByteView bytes) {
        Bytes data(signature, signature + sizeof signature);
        data.insert(data.end(), more);
        data.insert(data.end(), bytes.begin(), bytes.end());
        markers.push_back({number, std::move(data)});
    };
    if (!attachments.exif.empty()) add(JPEG_APP0 + 1, kJpegExif, {}, attachments.exif);
    if (!attachments.xmp.empty()) add(JPEG_APP0 + 1, kJpegXmp, {}, attachments.xmp);
    constexpr std::size_t kPart = kMaxJpegMarkerBytes - sizeof kJpegIcc - 2;
    const ByteView icc = attachments.icc;
    const std::size_t parts = (icc.size() + kPart - 1) / kPart;
    for (std::size_t i = 0; i < parts; ++i)
        add(JPEG_APP0 + 2, kJpegIcc, {static_cast<std::uint8_t>(i + 1), static_cast<std::uint8_t>(parts)},
            icc.subspan(i * kPart, std::min(kPart, icc.size() - i * kPart)));
    return markers;
}

bool write_pixels(Writer& writer, const Image& image, const std::uint8_t* pixels, const WriteOptions& options,
                  const std::vector<Marker>& markers) {
    if (setjmp(writer.errors.leave) != 0) return false;
    jpeg_create_compress(&writer.state);
    jpeg_mem_dest(&writer.state, &writer.buffer, &writer.size);
    writer.state.image_width = static_cast<JDIMENSION>(image.width);
    writer.state.image_height = static_cast<JDIMENSION>(image.height);
    writer.state.input_components = options.grey ? 1 : 3;
    writer.state.in_color_space = options.grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&writer.state);
    jpeg_set_quality(&writer.state, options.quality, TRUE);
    const int factor = options.subsample_chroma && !options.grey ? 2 : 1;
    writer.state.comp_info[0].h_samp_factor = factor;
    writer.state.comp_info[0].v_samp_factor = factor;
    writer.state.optimize_coding = TRUE;
    if (options.progressive) jpeg_simple_progression(&writer.state);
    jpeg_start_compress(&writer.state, TRUE);
    const auto row_bytes = static_cast<std::size_t>(image.width) * (options.grey ? 1 : 3);
    for (const Marker& marker : markers)
        jpeg_write_marker(&writer.state, marker.number, marker.bytes.data(),
                          static_cast<unsigned>(marker.bytes.size()));
    while (writer.state.next_scanline < writer.state.image_height) {
        auto* row = const_cast<JSAMPROW>(pixels + writer.state.next_scanline * row_bytes);
        jpeg_write_scanlines(&writer.state, &row, 1);
    }
    jpeg_finish_compress(&writer.state);
    return true;
}

/// What the markers say.
class Markers {
public:
    explicit Markers(const Reader& reader) {
        for (const jpeg_marker_struct* m = reader.state.marker_list; m != nullptr; m = m->next) {
            const bool first = m->marker == JPEG_APP0 + 1;
            const ByteView exif = first ? marker_after(*m, kJpegExif) : ByteView{};
            const ByteView xmp = first ? marker_after(*m, kJpegXmp) : ByteView{};
            const ByteView part = first ? ByteView{} : marker_after(*m, kJpegIcc);
            if (!exif.empty()) exif_ = exif;
            if (!xmp.empty()) xmp_ = xmp;
            if (part.size() >= 2) parts_[part[0]] = part.subspan(2);
            if (part.size() >= 2) count_ = part[1];
        }
    }
    [[nodiscard]] int orientation() const { return exif_orientation(exif_); }
    void keep_metadata(const std::string& name, const ReadOptions& options) const {
        keep(MetadataTag::exif, exif_, name, options);
        keep(MetadataTag::xmp, xmp_, name, options);
        Bytes profile;  // its parts are numbered from 1
        for (const auto& [number, part] : parts_) profile.insert(profile.end(), part.begin(), part.end());
        if (parts_.size() == count_ &&
            (parts_.empty() || (parts_.begin()->first == 1 && parts_.rbegin()->first == count_)))
            keep(MetadataTag::icc, profile, name, options);
        else
            options.note(name + ": the ICC profile is damaged and was dropped, colours are taken as sRGB");
    }

private:
    ByteView exif_, xmp_;
    std::map<std::size_t, ByteView> parts_;
    std::size_t count_ = 0;
};
void note_warning(const Reader& reader, const std::string& name, const ReadOptions& options) {
    if (reader.errors.warning[0] != '\0') options.note(name + ": libjpeg: " + reader.errors.warning);
}
bool is_known(J_COLOR_SPACE space) { return space == JCS_GRAYSCALE || space == JCS_YCbCr || space == JCS_RGB; }
constexpr std::uint64_t kPixelsPerByte = 8 * 256;  // a bit at least for each block, of at most 16x16 pixels

class JpegRows : public ImageRows {
public:
    JpegRows(detail::OpenFile file, std::uint64_t file_bytes, std::string name, ReadOptions options)
        : file_(std::move(file)), file_bytes_(file_bytes), name_(std::move(name)), options_(std::move(options)) {}

    /// Whether it can be read by rows.
    bool open() {
        if (!read_header(reader_, {}, file_.get()) || jpeg_has_multiple_scans(&reader_.state) != 0) return false;
        if (!is_known(reader_.state.jpeg_color_space) || Markers(reader_).orientation() != 1) return false;
        check_extents(name_, reader_.state.image_width, reader_.state.image_height, file_bytes_, kPixelsPerByte,
                      options_);
        width = static_cast<int>(reader_.state.image_width);
        height = static_cast<int>(reader_.state.image_height);
        Markers(reader_).keep_metadata(name_, without_notes(options_));
        return true;
    }
    void read(Image& rows) override {
        if (reader_.state.output_scanline == 0) {
            Markers(reader_).keep_metadata(name_, options_);
            if (!start(reader_)) refuse_damaged(name_, reader_);
        }
        row_ += rows.height;
        if (!read_rows(reader_, rows)) refuse_damaged(name_, reader_);
        if (row_ == height) note_warning(reader_, name_, options_);
    }

private:
    detail::OpenFile file_;
    std::uint64_t file_bytes_;
    Reader reader_;
    std::string name_;
    ReadOptions options_;
    int row_ = 0;
};

}  // namespace

std::unique_ptr<ImageRows> open_jpeg_rows(detail::OpenFile file, std::uint64_t file_bytes, const std::string& name,
                                          const ReadOptions& options) {
    auto rows = std::make_unique<JpegRows>(std::move(file), file_bytes, name, options);
    return rows->open() ? std::move(rows) : nullptr;
}

Image decode_jpeg(ByteView bytes, const std::string& name, const ReadOptions& options) {
    Reader reader;
    if (!read_header(reader, bytes)) refuse_damaged(name, reader);
    const J_COLOR_SPACE space = reader.state.jpeg_color_space;
    if (!is_known(space)) refuse(Errc::unsupported, name, "a grey, YCbCr or RGB JPEG", colour_space_name(space));
    check_extents(name, reader.state.image_width, reader.state.image_height, bytes.size(), kPixelsPerByte, options);
    const Markers markers(reader);
    markers.keep_metadata(name, options);
    const int orientation = markers.orientation();  // what markers point at goes when the last row is read
    Image image = make_image(static_cast<int>(reader.state.image_width), static_cast<int>(reader.state.image_height));
    if (!start(reader) || !read_rows(reader, image)) refuse_damaged(name, reader);
    note_warning(reader, name, options);
    return apply_orientation(std::move(image), orientation, options);
}

Bytes encode_jpeg(const Image& image, const WriteOptions& options, const Attachments& attachments) {
    check_image(image, "encode_jpeg");
    if (image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION)
        refuse(Errc::limit, "encode_jpeg", "at most 65500 pixels a side",
               std::to_string(image.width) + "x" + std::to_string(image.height));
    Writer writer;
    Bytes reds;
    for (std::size_t i = 0; options.grey && i < image.rgb.size(); i += 3) reds.push_back(image.rgb[i]);
    if (!write_pixels(writer, image, options.grey ? reds.data() : image.rgb.data(), options, markers_of(attachments)))
        throw Error(Errc::limit,
                    std::string("encode_jpeg: expected to write a JPEG, found libjpeg: ") + writer.errors.error);
    return {writer.buffer, writer.buffer + writer.size};
}

}  // namespace gancodec::cli
