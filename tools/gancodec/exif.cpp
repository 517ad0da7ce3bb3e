#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "image_readers.hpp"

namespace gancodec::cli {

namespace {

/// Numbers in the byte order of an EXIF block.
struct Tiff {
    ByteView bytes;
    bool little;

    [[nodiscard]] std::size_t number(std::size_t at, std::size_t size) const {
        std::size_t value = 0;
        for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[little ? at + size - 1 - i : at + i];
        return value;
    }
};

/// Where the orientation stands, 2 bytes in the byte order of the block; 0 where there is none.
std::size_t find_orientation(const Tiff& tiff) {
    const ByteView bytes = tiff.bytes;
    if (bytes.size() < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M')) return 0;
    const std::size_t directory = tiff.number(4, 4);
    if (directory > bytes.size() - 2) return 0;
    const std::size_t entries = tiff.number(directory, 2);
    for (std::size_t i = 0; i < entries; ++i) {
        constexpr std::size_t kEntryBytes = 12, kOrientationTag = 0x0112, kShort = 3;
        const std::size_t at = directory + 2 + i * kEntryBytes;
        if (at + kEntryBytes > bytes.size()) return 0;
        if (tiff.number(at, 2) == kOrientationTag && tiff.number(at + 2, 2) == kShort) return at + 8;
    }
    return 0;
}
Tiff tiff_of(ByteView bytes) { return {bytes, !bytes.empty() && bytes[0] == 'I'}; }

/// Pixels of a plane turned upright; the stored one is the upright one mirrored and, from 5 on, transposed.
Bytes turned(const Bytes& stored, int width, int height, int channels, int orientation) {
    const bool transpose = orientation >= 5;
    const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    Bytes upright(stored.size());
    std::uint8_t* to = upright.data();
    for (int y = 0; y < (transpose ? width : height); ++y)
        for (int x = 0; x < (transpose ? height : width); ++x, to += channels) {
            const int column = transpose ? y : x, row = transpose ? x : y;
            const auto from =
                static_cast<std::size_t>(flip_y ? height - 1 - row : row) * static_cast<std::size_t>(width) +
                static_cast<std::size_t>(flip_x ? width - 1 - column : column);
            std::copy_n(stored.data() + from * static_cast<std::size_t>(channels), channels, to);
        }
    return upright;
}

}  // namespace

int exif_orientation(ByteView bytes) {
    const Tiff tiff = tiff_of(bytes);
    const std::size_t at = find_orientation(tiff), value = at == 0 ? 1 : tiff.number(at, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

Image apply_orientation(Image image, int orientation, const ReadOptions& options) {
    if (orientation <= 1 || orientation > 8) return image;
    if (options.attachments != nullptr && !options.attachments->alpha.empty())
        options.attachments->alpha = turned(options.attachments->alpha, image.width, image.height, 1, orientation);
    image.rgb = turned(image.rgb, image.width, image.height, 3, orientation);
    if (orientation >= 5) std::swap(image.width, image.height);
    return image;
}

void keep(MetadataTag tag, ByteView bytes, const std::string& name, const ReadOptions& options) {
    if (bytes.empty()) return;
    const bool profile = tag == MetadataTag::icc;
    if (options.attachments == nullptr) {
        if (profile) options.note(name + ": the ICC profile was dropped, colours are taken as sRGB");
        return;
    }
    constexpr std::size_t kColourSpaceAt = 16;
    if (profile && (bytes.size() < kColourSpaceAt + 4 ||
                    std::string(bytes.begin() + kColourSpaceAt, bytes.begin() + kColourSpaceAt + 4) != "RGB ")) {
        options.note(name + ": the ICC profile is not of RGB and was dropped, colours are taken as sRGB");
        return;
    }
    if (bytes.size() > kMaxMetadataBytes) {
        options.note(name + ": " +
                     (profile                    ? "an ICC profile"
                      : tag == MetadataTag::exif ? "EXIF"
                                                 : "XMP") +
                     " of " + std::to_string(bytes.size()) + " bytes was dropped, at most " +
                     std::to_string(kMaxMetadataBytes) + " are kept");
        return;
    }
    Attachments& kept = *options.attachments;
    Bytes& to = profile ? kept.icc : tag == MetadataTag::exif ? kept.exif : kept.xmp;
    to.assign(bytes.begin(), bytes.end());
    if (tag != MetadataTag::exif) return;
    const Tiff tiff = tiff_of(bytes);
    const std::size_t at = find_orientation(tiff);
    if (at != 0) to[at + (tiff.little ? 0 : 1)] = 1, to[at + (tiff.little ? 1 : 0)] = 0;
}

}  // namespace gancodec::cli
