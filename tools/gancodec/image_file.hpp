#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "gancodec/core/bytes.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec::cli {

/// What a reader does with what an Image cannot hold.
/// An opaque alpha channel, bits beyond the eighth and colour profiles are dropped, each with a note that names the file.
/// Real transparency is refused, unless `flatten` names the colour to lay underneath.
struct ReadOptions {
    std::optional<std::array<std::uint8_t, 3>> flatten;
    std::function<void(const std::string&)> note = [](const std::string&) {};
    std::uint64_t max_pixels = std::uint64_t{1} << 30;
};

/// Reads a PNG, JPEG or binary PPM/PGM; the first bytes decide which it is, never the name. EXIF orientation is applied.
/// Throws Error, one line that begins with the file's name: io, limit (before anything is allocated for the pixels),
/// unsupported (CMYK, transparency), corrupt_stream (damaged or of another format).
[[nodiscard]] Image read_image(const std::filesystem::path& path, const ReadOptions& options = {});
/// The same on bytes in memory; `name` stands for the file in messages.
[[nodiscard]] Image decode_image(ByteView bytes, const std::string& name, const ReadOptions& options = {});

struct JpegOptions {
    int quality = 95;               ///< 1..100 as libjpeg counts
    bool subsample_chroma = false;  ///< 4:2:0 instead of 4:4:4
    bool progressive = false;
};

[[nodiscard]] Bytes encode_png(const Image& image);
[[nodiscard]] Bytes encode_jpeg(const Image& image, const JpegOptions& options = {});
[[nodiscard]] Bytes encode_ppm(const Image& image);

/// ".png" of "photo.PNG".
[[nodiscard]] std::string lower_extension(const std::filesystem::path& path);
/// Throws Error{unsupported} unless the extension is one that write_image() writes; call it before long work.
void check_image_extension(const std::filesystem::path& path);
/// Writes .png, .jpg, .jpeg or .ppm, as the extension says, by write_file().
void write_image(const std::filesystem::path& path, const Image& image, const JpegOptions& jpeg = {});

}  // namespace gancodec::cli
