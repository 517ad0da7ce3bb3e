#include "session.hpp"

#include <cmath>
#include <utility>

#include "gancodec/codec/codec.hpp"

namespace gancodec::cli {

struct Session::Parts {
    Codec codec;
};

Session::Session(const std::filesystem::path& weights, const LoadOptions& options)
    : parts_(new Parts{Codec::load(weights, options)}) {}
Session::~Session() = default;

SizedStream Session::encode(const Image& image, std::optional<double> quality) const {
    EncodeOptions options;
    if (quality) options.quality = *quality;
    Bytes bytes = parts_->codec.encode(image, options);
    const int step = inspect(bytes).quality_step;
    return {step, std::move(bytes)};
}

SizedStream Session::encode_to_size(const Image& image, std::size_t max_bytes) const {
    return parts_->codec.encode_to_size(image, max_bytes);
}

SizedStream Session::encode_to_size_or_smallest(const Image& image, std::size_t max_bytes) const {
    try {
        return encode_to_size(image, max_bytes);
    } catch (const Error& error) {
        if (error.code() != Errc::limit) throw;
        return encode(image, 0);
    }
}

Bytes Session::encode_symbols(const Symbols& symbols, const Image& image, int step) const {
    return parts_->codec.encode_symbols(symbols, image.width, image.height, step);
}

Image Session::decode(ByteView bytes) const { return parts_->codec.decode(bytes); }

std::size_t Session::decode_memory_bytes(ByteView bytes) const {
    return parts_->codec.decode_memory_bytes(inspect(bytes));
}

std::size_t bytes_at(double bpp, const Image& image) {
    return static_cast<std::size_t>(std::floor(bpp / 8 * static_cast<double>(image.pixels())));
}

}  // namespace gancodec::cli
