#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/file.hpp"
#include "image_readers.hpp"
#include "image_rows.hpp"

namespace gancodec::cli {

namespace {

/// Reads the numbers of a PNM header: white space and comments before each, digits, never past the end.
class HeaderScanner {
public:
    HeaderScanner(ByteView bytes, const std::string& name) : bytes_(bytes), name_(name) {}

    std::uint64_t number(const char* what) {
        while (at_ < bytes_.size() && (is_space(bytes_[at_]) || bytes_[at_] == '#')) {
            if (bytes_[at_] == '#')
                while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
            else
                ++at_;
        }
        std::uint64_t value = 0;
        const std::size_t start = at_;
        for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9' && value < 1'000'000'000u; ++at_)
            value = value * 10 + (bytes_[at_] - std::uint64_t{'0'});
        if (at_ == start) refuse(Errc::corrupt_stream, name_, std::string("the ") + what + " of a PPM", "no number");
        return value;
    }
    /// Where the pixels begin: after the one white space that ends the header.
    std::size_t pixels() {
        if (at_ >= bytes_.size() || !is_space(bytes_[at_]))
            refuse(Errc::corrupt_stream, name_, "white space after a PPM header", "none");
        return at_ + 1;
    }

private:
    static bool is_space(std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

    ByteView bytes_;
    const std::string& name_;
    std::size_t at_ = 2;
};

/// What a header says.
struct Layout {
    std::uint64_t width, height, maximum;
    std::size_t start, channels, depth;

    [[nodiscard]] std::size_t row_bytes() const { return static_cast<std::size_t>(width) * channels * depth; }
};
Layout read_layout(ByteView bytes, const std::string& name) {
    HeaderScanner header(bytes, name);
    Layout layout{};
    layout.width = header.number("width");
    layout.height = header.number("height");
    layout.maximum = header.number("maximum");
    if (layout.maximum < 1 || layout.maximum > 65535)
        refuse(Errc::corrupt_stream, name, "a maximum of 1 to 65535", std::to_string(layout.maximum));
    layout.start = header.pixels();
    layout.channels = bytes[1] == '6' ? 3 : 1;
    layout.depth = layout.maximum > 255 ? 2 : 1;
    return layout;
}
void note_depth(const Layout& layout, const std::string& name, const ReadOptions& options) {
    if (layout.depth == 2) options.note(name + ": 16 bits per channel were reduced to 8");
}
/// `count` bytes of RGB from the file's samples.
void convert(const Layout& layout, const std::uint8_t* from, std::size_t count, const std::string& name,
             std::uint8_t* rgb) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t* p = from + (layout.channels == 3 ? i : i / 3) * layout.depth;
        const std::uint64_t sample = layout.depth == 2 ? std::uint64_t{p[0]} << 8 | p[1] : p[0];
        if (sample > layout.maximum)
            refuse(Errc::corrupt_stream, name, "samples up to " + std::to_string(layout.maximum),
                   std::to_string(sample));
        rgb[i] = static_cast<std::uint8_t>((sample * 255 + layout.maximum / 2) / layout.maximum);
    }
}

std::string header_text(int width, int height) {
    return "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n";
}
ByteView bytes_of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

class PpmRows : public ImageRows {
public:
    PpmRows(detail::OpenFile file, const Layout& layout, std::string name, ReadOptions options)
        : file_(std::move(file)),
          layout_(layout),
          name_(std::move(name)),
          options_(std::move(options)),
          row_(layout.row_bytes()) {
        width = static_cast<int>(layout.width);
        height = static_cast<int>(layout.height);
    }
    void read(Image& rows) override {
        if (!noted_) note_depth(layout_, name_, options_);
        noted_ = true;
        for (int y = 0; y < rows.height; ++y) {
            if (std::fread(row_.data(), 1, row_.size(), file_.get()) != row_.size())
                refuse(Errc::corrupt_stream, name_, "pixels for all rows", "the end of the file");
            convert(layout_, row_.data(), 3 * static_cast<std::size_t>(width), name_, rows.at(0, y));
        }
    }

private:
    detail::OpenFile file_;
    Layout layout_;
    std::string name_;
    ReadOptions options_;
    std::vector<std::uint8_t> row_;
    bool noted_ = false;
};

class PpmFileWriter : public RowWriter {
public:
    PpmFileWriter(const std::filesystem::path& path, int width, int height) : file_(path) {
        file_.write(bytes_of(header_text(width, height)));
    }
    void write(const Image& rows) override { file_.write(rows.rgb); }
    void finish() override { file_.commit(Survives::kill); }

private:
    PendingFile file_;
};

}  // namespace

Image decode_ppm(ByteView bytes, const std::string& name, const ReadOptions& options) {
    const Layout layout = read_layout(bytes, name);
    check_extents(name, layout.width, layout.height, bytes.size(), 1, options);
    Image image{static_cast<int>(layout.width), static_cast<int>(layout.height), {}};
    const std::size_t pixel_bytes = layout.row_bytes() * static_cast<std::size_t>(layout.height);
    if (bytes.size() - layout.start < pixel_bytes)
        refuse(Errc::corrupt_stream, name, std::to_string(pixel_bytes) + " bytes of pixels",
               std::to_string(bytes.size() - layout.start));
    note_depth(layout, name, options);
    image.rgb.resize(3 * image.pixels());
    convert(layout, bytes.data() + layout.start, image.rgb.size(), name, image.rgb.data());
    return image;
}

std::unique_ptr<ImageRows> open_ppm_rows(detail::OpenFile file, std::uint64_t file_bytes, const std::string& name,
                                         const ReadOptions& options) {
    Bytes head(4096);  // longer comments make it a picture for decode_ppm()
    head.resize(std::fread(head.data(), 1, head.size(), file.get()));
    try {
        const Layout layout = read_layout(head, name);
        check_extents(name, layout.width, layout.height, file_bytes, 1, options);
        if (std::fseek(file.get(), static_cast<long>(layout.start), SEEK_SET) != 0) return nullptr;
        return std::make_unique<PpmRows>(std::move(file), layout, name, options);
    } catch (const Error&) {
        return nullptr;
    }
}
std::unique_ptr<RowWriter> open_ppm_writer(const std::filesystem::path& path, int width, int height) {
    return std::make_unique<PpmFileWriter>(path, width, height);
}

Bytes encode_ppm(const Image& image) {
    check_image(image, "encode_ppm");
    const std::string header = header_text(image.width, image.height);
    Bytes bytes(header.begin(), header.end());
    bytes.insert(bytes.end(), image.rgb.begin(), image.rgb.end());
    return bytes;
}

}  // namespace gancodec::cli
