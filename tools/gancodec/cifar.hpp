#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec::cli {

/// The pictures of a file in CIFAR-10's binary form: records of a label, 0 to 9, and 32x32 pixels, all red ones, then green,
/// then blue (Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009). `name` is for errors.
/// Throws Error{corrupt_stream} for bytes that are no whole number of such records.
[[nodiscard]] std::vector<Image> parse_cifar10(ByteView bytes, const std::string& name);

/// Whether a file is named as CIFAR-10's are: data_batch_1.bin, test_batch.bin.
[[nodiscard]] bool is_cifar10(const std::filesystem::path& path);

}  // namespace gancodec::cli
