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

/// Throws Error{io} unless a file of that name can stand where it is to be written: called before long work.
void check_place(const std::filesystem::path& path);

}  // namespace gancodec::cli
