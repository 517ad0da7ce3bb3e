#include "image_file.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>

#include "file_bytes.hpp"
#include "gancodec/core/file.hpp"
#include "image_readers.hpp"

namespace gancodec::cli {

namespace {

bool starts_with(ByteView bytes, std::initializer_list<int> magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(), [](int a, std::uint8_t b) { return a == b; });
}

std::string describe_start(ByteView bytes) {
    if (bytes.empty()) return "an empty file";
    if (starts_with(bytes, {'G', 'I', 'F', '8'})) return "a GIF";
    if (starts_with(bytes, {'R', 'I', 'F', 'F'}) && bytes.size() >= 12 && starts_with(bytes.subspan(8), {'W', 'E'}))
        return "a WebP";
    if (bytes.size() >= 8 && starts_with(bytes.subspan(4), {'f', 't', 'y', 'p'})) return "a HEIF or AVIF";
    if (starts_with(bytes, {'P'}) && bytes.size() >= 2 && bytes[1] >= '1' && bytes[1] <= '7')
        return std::string("a P") + static_cast<char>(bytes[1]) + " file";
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text = "a file that begins with bytes";
    for (const std::uint8_t b : bytes.first(std::min<std::size_t>(4, bytes.size())))
        text += std::string(" ") + kDigits[b >> 4] + kDigits[b & 15];
    return text;
}

}  // namespace

std::string lower_extension(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return extension;
}

void check_extents(const std::string& name, std::uint64_t width, std::uint64_t height, std::uint64_t file_bytes,
                   std::uint64_t pixels_per_byte, const ReadOptions& options) {
    const std::string extents = std::to_string(width) + "x" + std::to_string(height);
    constexpr std::uint64_t kMaxExtent = 0x7fffffff;
    if (width == 0 || height == 0) refuse(Errc::corrupt_stream, name, "an image of at least 1x1", extents);
    if (width > kMaxExtent || height > kMaxExtent || width * height > options.max_pixels)
        refuse(Errc::limit, name, "at most " + std::to_string(options.max_pixels) + " pixels", extents);
    if (width * height / pixels_per_byte > file_bytes)
        refuse(Errc::corrupt_stream, name, "enough data for " + extents + " pixels",
               "a file of " + std::to_string(file_bytes) + " bytes");
}

Image decode_image(ByteView bytes, const std::string& name, const ReadOptions& options) {
    if (starts_with(bytes, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'})) return decode_png(bytes, name, options);
    if (starts_with(bytes, {0xff, 0xd8, 0xff})) return decode_jpeg(bytes, name, options);
    if (starts_with(bytes, {'P', '6'}) || starts_with(bytes, {'P', '5'})) return decode_ppm(bytes, name, options);
    refuse(Errc::corrupt_stream, name, "a PNG, JPEG or binary PPM image", describe_start(bytes));
}

Image read_image(const std::filesystem::path& path, const ReadOptions& options) {
    return decode_image(read_file(path), path.string(), options);
}

bool is_image_extension(const std::filesystem::path& path) {
    const std::string extension = lower_extension(path);
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".ppm";
}

void check_image_extension(const std::filesystem::path& path) {
    const std::string extension = lower_extension(path);
    if (!is_image_extension(path))
        refuse(Errc::unsupported, path.string(), "a name that ends in .png, .jpg, .jpeg or .ppm",
               extension.empty() ? "no extension" : extension);
}

void lay_on(const Colour& ground, ByteView alpha, std::uint8_t* rgb) {
    for (std::size_t i = 0; i < alpha.size(); ++i)
        for (std::size_t c = 0; c < 3; ++c)
            rgb[3 * i + c] = static_cast<std::uint8_t>(
                (rgb[3 * i + c] * unsigned{alpha[i]} + ground[c] * (255u - alpha[i]) + 127) / 255);
}

void fit_attachments(const std::filesystem::path& path, const WriteOptions& options, Attachments& attachments,
                     const std::function<void(const std::string&)>& note) {
    const std::string extension = lower_extension(path);
    const bool png = extension == ".png", ppm = extension == ".ppm";
    if (!png && !attachments.alpha.empty())
        refuse(Errc::unsupported, path.string(),
               "a name that ends in .png for a picture with transparency (--flatten COLOUR lays a colour underneath)",
               extension);
    const auto drop = [&](Bytes& bytes, const char* what, std::size_t most_in_jpeg) {
        if (bytes.size() <= (png ? kMaxMetadataBytes : ppm ? 0 : most_in_jpeg)) return;
        note(path.string() + ": " + what + " of " + std::to_string(bytes.size()) + " bytes cannot be written there");
        bytes.clear();
    };
    if (options.grey && !ppm && !attachments.icc.empty()) {
        note(path.string() + ": the ICC profile is of RGB and cannot be written into a grey picture");
        attachments.icc.clear();
    }
    drop(attachments.icc, "an ICC profile", kMaxMetadataBytes);
    drop(attachments.exif, "EXIF", kMaxJpegExifBytes);
    drop(attachments.xmp, "XMP", kMaxJpegXmpBytes);
}

void write_image(const std::filesystem::path& path, const Image& image, const WriteOptions& options,
                 const Attachments& attachments) {
    check_image_extension(path);
    const std::string extension = lower_extension(path);
    write_file(path, extension == ".png"   ? encode_png(image, attachments, options)
                     : extension == ".ppm" ? encode_ppm(image)
                                           : encode_jpeg(image, options, attachments));
}

}  // namespace gancodec::cli
