#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "image_readers.hpp"
#include "image_rows.hpp"
#include "png_support.hpp"

namespace gancodec::cli {

namespace {

using png::Writer;

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

void set_metadata(Writer& writer, const Attachments& attachments, std::string& xmp) {
    const auto size = [](const Bytes& bytes) { return static_cast<png_uint_32>(bytes.size()); };
    png_set_benign_errors(writer.png, 1);  // a profile that libpng does not like is left out
    if (!attachments.icc.empty())
        png_set_iCCP(writer.png, writer.info, "icc", 0, attachments.icc.data(), size(attachments.icc));
    if (!attachments.exif.empty())
        png_set_eXIf_1(writer.png, writer.info, size(attachments.exif), const_cast<png_bytep>(attachments.exif.data()));
    if (attachments.xmp.empty()) return;
    png_text text = {};
    text.compression = PNG_ITXT_COMPRESSION_NONE;
    text.key = const_cast<png_charp>(png::kXmpKeyword);
    text.text = xmp.data();
    text.itxt_length = xmp.size();
    png_set_text(writer.png, writer.info, &text, 1);
}
/// Three steps of writing 8 bits a channel.
bool begin_png(Writer& writer, Sink& sink, int width, int height, int colour_type, const Attachments& attachments,
               std::string& xmp) {
    if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
    png_set_write_fn(writer.png, &sink, on_write, nullptr);
    png_set_user_limits(writer.png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
                 colour_type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    set_metadata(writer, attachments, xmp);
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
    PngStream(std::function<void(ByteView)> write, int width, int height, bool grey, Attachments attachments)
        : sink_{std::move(write)}, colours_(grey ? 1 : 3), attachments_(std::move(attachments)) {
        std::string xmp(attachments_.xmp.begin(), attachments_.xmp.end());
        const int type = (grey ? 0 : PNG_COLOR_MASK_COLOR) | (attachments_.alpha.empty() ? 0 : PNG_COLOR_MASK_ALPHA);
        check(begin_png(writer_, sink_, width, height, type, attachments_, xmp));
    }
    void write(const Image& rows) {
        for (int y = 0; y < rows.height; ++y) {
            row_.clear();
            for (int x = 0; x < rows.width; ++x) {
                row_.insert(row_.end(), rows.at(x, y), rows.at(x, y) + colours_);
                if (!attachments_.alpha.empty()) row_.push_back(attachments_.alpha[pixel_++]);
            }
            check(write_row(writer_, row_.data()));
        }
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
    std::ptrdiff_t colours_;
    Attachments attachments_;
    std::vector<std::uint8_t> row_;
    std::size_t pixel_ = 0;  ///< of alpha, the next
};

class PngFileWriter : public RowWriter {
public:
    PngFileWriter(const std::filesystem::path& path, int width, int height, bool grey, Attachments attachments)
        : file_(path),
          png_([this](ByteView bytes) { file_.write(bytes); }, width, height, grey, std::move(attachments)) {}
    void write(const Image& rows) override { png_.write(rows); }
    void finish() override {
        png_.finish();
        file_.commit(Survives::kill);
    }

private:
    PendingFile file_;
    PngStream png_;
};

}  // namespace

std::unique_ptr<RowWriter> open_png_writer(const std::filesystem::path& path, int width, int height,
                                           const WriteOptions& options, const Attachments& attachments) {
    return std::make_unique<PngFileWriter>(path, width, height, options.grey, attachments);
}

Bytes encode_png(const Image& image, const Attachments& attachments, const WriteOptions& options) {
    check_image(image, "encode_png");
    Bytes out;
    PngStream png([&](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }, image.width, image.height,
                  options.grey, attachments);
    png.write(image);
    png.finish();
    return out;
}

}  // namespace gancodec::cli
