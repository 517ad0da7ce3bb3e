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

int exif_orientation(ByteView tiff) {
    if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
    const bool little = tiff[0] == 'I';
    const auto number = [&](std::size_t at, std::size_t size) {
        std::size_t value = 0;
        for (std::size_t i = 0; i < size; ++i) value = value << 8 | tiff[little ? at + size - 1 - i : at + i];
        return value;
    };
    const std::size_t directory = number(4, 4);
    if (directory > tiff.size() - 2) return 1;
    const std::size_t entries = number(directory, 2);
    for (std::size_t i = 0; i < entries; ++i) {
        constexpr std::size_t kEntryBytes = 12, kOrientationTag = 0x0112, kShort = 3;
        const std::size_t at = directory + 2 + i * kEntryBytes;
        if (at + kEntryBytes > tiff.size()) return 1;
        if (number(at, 2) != kOrientationTag || number(at + 2, 2) != kShort) continue;
        const std::size_t value = number(at + 8, 2);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

Image apply_orientation(Image image, int orientation) {
    if (orientation <= 1 || orientation > 8) return image;
    // The stored image is the upright one mirrored and, from 5 on, transposed: walk the upright one, fetch the stored.
    const bool transpose = orientation >= 5;
    const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    Image upright = transpose ? make_image(image.height, image.width) : make_image(image.width, image.height);
    for (int y = 0; y < upright.height; ++y)
        for (int x = 0; x < upright.width; ++x) {
            const int column = transpose ? y : x, row = transpose ? x : y;
            const std::uint8_t* from =
                image.at(flip_x ? image.width - 1 - column : column, flip_y ? image.height - 1 - row : row);
            std::copy_n(from, 3, upright.at(x, y));
        }
    return upright;
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

void check_image_extension(const std::filesystem::path& path) {
    const std::string extension = lower_extension(path);
    if (extension != ".png" && extension != ".jpg" && extension != ".jpeg" && extension != ".ppm")
        refuse(Errc::unsupported, path.string(), "a name that ends in .png, .jpg, .jpeg or .ppm",
               extension.empty() ? "no extension" : extension);
}

void write_image(const std::filesystem::path& path, const Image& image, const JpegOptions& jpeg) {
    check_image_extension(path);
    const std::string extension = lower_extension(path);
    write_file(path, extension == ".png"   ? encode_png(image)
                     : extension == ".ppm" ? encode_ppm(image)
                                           : encode_jpeg(image, jpeg));
}

}  // namespace gancodec::cli
