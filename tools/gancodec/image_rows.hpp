#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "gancodec/core/file.hpp"
#include "gancodec/image/image.hpp"
#include "image_file.hpp"

namespace gancodec::cli {

/// A picture that is read from its file row by row, never whole in memory.
class ImageRows {
public:
    virtual ~ImageRows() = default;
    /// The next rows.height rows; `rows` is as wide as the picture. Errors and notes as read_image().
    virtual void read(Image& rows) = 0;

    int width = 0, height = 0;
};
/// Nothing for what cannot be read by rows: interlaced PNG, JPEG in several scans, pictures to be turned, transparency that is
/// to be kept, pipes, damaged headers. For those there is read_image().
[[nodiscard]] std::unique_ptr<ImageRows> open_image_rows(const std::filesystem::path& path, const ReadOptions& options);

/// A picture that is written to its file row by row: PNG and PPM. JPEGs, whose tables follow from all pixels, and what is
/// written to devices are gathered first.
class RowWriter {
public:
    virtual ~RowWriter() = default;
    virtual void write(const Image& rows) = 0;
    /// After the last row; without it no file appears. Throws Error{io}.
    virtual void finish() = 0;
};
/// Errors  as write_image()
[[nodiscard]] std::unique_ptr<RowWriter> open_row_writer(const std::filesystem::path& path, int width, int height,
                                                         const WriteOptions& options,
                                                         const Attachments& attachments = {});

// Of single formats.
[[nodiscard]] std::unique_ptr<ImageRows> open_png_rows(detail::OpenFile file, std::uint64_t file_bytes,
                                                       const std::string& name, const ReadOptions& options);
[[nodiscard]] std::unique_ptr<ImageRows> open_jpeg_rows(detail::OpenFile file, std::uint64_t file_bytes,
                                                        const std::string& name, const ReadOptions& options);
[[nodiscard]] std::unique_ptr<ImageRows> open_ppm_rows(detail::OpenFile file, std::uint64_t file_bytes,
                                                       const std::string& name, const ReadOptions& options);
[[nodiscard]] std::unique_ptr<RowWriter> open_png_writer(const std::filesystem::path& path, int width, int height,
                                                         const WriteOptions& options, const Attachments& attachments);
[[nodiscard]] std::unique_ptr<RowWriter> open_ppm_writer(const std::filesystem::path& path, int width, int height);

}  // namespace gancodec::cli
