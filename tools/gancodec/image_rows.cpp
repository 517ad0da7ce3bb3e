#include "image_rows.hpp"

#include <algorithm>
#include <cstdio>
#include <system_error>

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

/// Gathers the picture.
class WholeWriter : public RowWriter {
public:
    WholeWriter(fs::path path, int width, int height, const WriteOptions& options, const Attachments& attachments)
        : path_(std::move(path)), options_(options), attachments_(attachments), image_(make_image(width, height)) {}
    void write(const Image& rows) override {
        std::copy(rows.rgb.begin(), rows.rgb.end(), image_.at(0, row_));
        row_ += rows.height;
    }
    void finish() override { write_image(path_, image_, options_, attachments_); }

private:
    fs::path path_;
    WriteOptions options_;
    Attachments attachments_;
    Image image_;
    int row_ = 0;
};

}  // namespace

std::unique_ptr<ImageRows> open_image_rows(const fs::path& path, const ReadOptions& options) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return nullptr;
    detail::OpenFile file(std::fopen(path.c_str(), "rb"));
    unsigned char magic[3] = {};
    if (!file || std::fread(magic, 1, sizeof magic, file.get()) != sizeof magic) return nullptr;
    std::rewind(file.get());
    const std::uint64_t file_bytes = fs::file_size(path);
    if (magic[0] == 0x89 && magic[1] == 'P') return open_png_rows(std::move(file), file_bytes, path.string(), options);
    if (magic[0] == 'P' && (magic[1] == '5' || magic[1] == '6'))
        return open_ppm_rows(std::move(file), file_bytes, path.string(), options);
    if (magic[0] == 0xff && magic[1] == 0xd8 && magic[2] == 0xff)
        return open_jpeg_rows(std::move(file), file_bytes, path.string(), options);
    return nullptr;
}

std::unique_ptr<RowWriter> open_row_writer(const fs::path& path, int width, int height, const WriteOptions& options,
                                           const Attachments& attachments) {
    check_image_extension(path);
    std::error_code ignored;
    const bool device = fs::exists(path, ignored) && !fs::is_regular_file(path, ignored);
    const std::string extension = lower_extension(path);
    if (!device && extension == ".png") return open_png_writer(path, width, height, options, attachments);
    if (!device && extension == ".ppm") return open_ppm_writer(path, width, height);
    return std::make_unique<WholeWriter>(path, width, height, options, attachments);
}

}  // namespace gancodec::cli
