#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "gancodec/core/bytes.hpp"

namespace gancodec::cli {

/// No input file of the command line may be larger than this.
inline constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 31;

/// The whole file. Throws Error{io} naming it when it cannot be read, Error{limit} when it is larger than `max_bytes`.
[[nodiscard]] Bytes read_file(const std::filesystem::path& path, std::uint64_t max_bytes = kMaxFileBytes);

/// Writes the file under a temporary name beside `path` and renames it when it is complete, so that `path` never holds
/// half a file; devices and pipes are written directly. Throws Error{io} naming the file.
void write_file(const std::filesystem::path& path, ByteView bytes);

}  // namespace gancodec::cli
