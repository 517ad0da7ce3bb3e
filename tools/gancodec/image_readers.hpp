#pragma once

#include <cstdint>
#include <string>

#include "gancodec/bitstream/format.hpp"
#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"
#include "image_file.hpp"

// What the readers of single formats share; only image_file.cpp and the readers include it.

namespace gancodec::cli {

/// What a marker of a JPEG has room for.
inline constexpr std::size_t kMaxJpegMarkerBytes = 65533;
inline constexpr char kJpegExif[] = "Exif\0", kJpegXmp[] = "http://ns.adobe.com/xap/1.0/", kJpegIcc[] = "ICC_PROFILE";
inline constexpr std::size_t kMaxJpegExifBytes = kMaxJpegMarkerBytes - sizeof kJpegExif;
inline constexpr std::size_t kMaxJpegXmpBytes = kMaxJpegMarkerBytes - sizeof kJpegXmp;

[[nodiscard]] Image decode_png(ByteView bytes, const std::string& name, const ReadOptions& options);
[[nodiscard]] Image decode_jpeg(ByteView bytes, const std::string& name, const ReadOptions& options);
[[nodiscard]] Image decode_ppm(ByteView bytes, const std::string& name, const ReadOptions& options);

/// The orientation (1..8) that an EXIF block asks for; 1 where it says nothing or is damaged. `tiff` begins at the byte
/// order mark "II" or "MM".
[[nodiscard]] int exif_orientation(ByteView tiff);
/// The image turned and mirrored as EXIF orientation 1..8 says, and the alpha that was kept with it.
[[nodiscard]] Image apply_orientation(Image image, int orientation, const ReadOptions& options = {});

/// Keeps what belongs to a picture beside its pixels, where the options want it: EXIF as that of an upright picture. A profile
/// that is not kept is noted, as is what is longer than a stream may hold.
void keep(MetadataTag tag, ByteView bytes, const std::string& name, const ReadOptions& options);
[[nodiscard]] inline ReadOptions without_notes(ReadOptions options) {
    options.note = [](const std::string&) {};
    return options;
}

/// Throws Error{limit} unless width·height is within the options' limit, Error{corrupt_stream} when `file_bytes` cannot
/// possibly hold that many pixels: `pixels_per_byte` is the best that the format can do.
void check_extents(const std::string& name, std::uint64_t width, std::uint64_t height, std::uint64_t file_bytes,
                   std::uint64_t pixels_per_byte, const ReadOptions& options);

[[noreturn]] inline void refuse(Errc code, const std::string& name, const std::string& expected,
                                const std::string& found) {
    throw Error(code, name + ": expected " + expected + ", found " + found);
}

}  // namespace gancodec::cli
