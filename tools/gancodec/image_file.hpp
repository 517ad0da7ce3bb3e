#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "gancodec/codec/attachments.hpp"
#include "gancodec/core/bytes.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec::cli {

using Colour = std::array<std::uint8_t, 3>;

/// What a reader does with what an Image cannot hold.
/// With `attachments` transparency, profiles, EXIF and XMP are put there. Without, transparency is refused, unless
/// `flatten` names the colour to lay underneath, and profiles are dropped with a note that names the file. An opaque alpha
/// channel and bits beyond the eighth are dropped with a note in any case.
struct ReadOptions {
    std::optional<Colour> flatten;
    std::function<void(const std::string&)> note = [](const std::string&) {};
    std::uint64_t max_pixels = std::uint64_t{1} << 30;
    Attachments* attachments = nullptr;
};

/// Reads a PNG, JPEG or binary PPM/PGM; the first bytes decide which it is, never the name. EXIF orientation is applied.
/// Throws Error, one line that begins with the file's name: io, limit (before anything is allocated for the pixels),
/// unsupported (CMYK, transparency), corrupt_stream (damaged or of another format).
[[nodiscard]] Image read_image(const std::filesystem::path& path, const ReadOptions& options = {});
/// The same on bytes in memory; `name` stands for the file in messages.
[[nodiscard]] Image decode_image(ByteView bytes, const std::string& name, const ReadOptions& options = {});

/// How a picture is written: the first three are of JPEG.
struct WriteOptions {
    int quality = 95;               ///< 1..100 as libjpeg counts
    bool subsample_chroma = false;  ///< 4:2:0 instead of 4:4:4
    bool progressive = false;
    bool grey = false;  ///< its red alone, as the one channel of a grey PNG or JPEG; PPM always has three
};

/// Lays a colour under pixels: rgb = (rgb·alpha + ground·(255 − alpha))/255, rounded, one pixel for each byte of `alpha`.
void lay_on(const Colour& ground, ByteView alpha, std::uint8_t* rgb);

[[nodiscard]] Bytes encode_png(const Image& image, const Attachments& attachments = {},
                               const WriteOptions& options = {});
[[nodiscard]] Bytes encode_jpeg(const Image& image, const WriteOptions& options = {},
                                const Attachments& attachments = {});
[[nodiscard]] Bytes encode_ppm(const Image& image);

/// ".png" of "photo.PNG".
[[nodiscard]] std::string lower_extension(const std::filesystem::path& path);
/// Whether the extension is one that write_image() writes.
[[nodiscard]] bool is_image_extension(const std::filesystem::path& path);
/// Throws Error{unsupported} unless it is; call it before long work.
void check_image_extension(const std::filesystem::path& path);
/// Drops what a file of that name cannot hold beside its pixels, each with a note. Alpha is for the caller to lay on a colour.
/// Throws Error{unsupported} for alpha in a file that is no PNG.
void fit_attachments(const std::filesystem::path& path, const WriteOptions& options, Attachments& attachments,
                     const std::function<void(const std::string&)>& note);
/// Writes .png, .jpg, .jpeg or .ppm, as the extension says, by write_file(), with attachments that fit.
void write_image(const std::filesystem::path& path, const Image& image, const WriteOptions& options = {},
                 const Attachments& attachments = {});

}  // namespace gancodec::cli
