#pragma once

#include <filesystem>
#include <functional>

#include "gancodec/core/bytes.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec::cli {

/// A decoder of CompressAI's streams with the networks that `weights` names, of any N and M in its zoo. The networks are
/// compiled once, in compressai.cpp.
/// Errors   Error{io, corrupt_weights, wrong_weights}; Error{unsupported} for another architecture, N or M.
[[nodiscard]] std::function<Image(ByteView)> load_compressai_decoder(const std::filesystem::path& weights);

}  // namespace gancodec::cli
