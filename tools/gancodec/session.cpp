#include "session.hpp"

#include <cmath>
#include <utility>

#include "gancodec/codec/codec.hpp"
#include "zoo_session.hpp"

namespace gancodec::cli {

namespace {

[[noreturn]] void refuse(const char* what) {
    throw Error(
        Errc::invalid_argument,
        std::string(what) + ": expected gancodec's own weights, found those of a model with one quality and one look");
}

}  // namespace

/// One of the two.
struct Session::Parts {
    std::unique_ptr<ZooSession> zoo;
    std::optional<Codec> codec;
};

Session::Session(const std::filesystem::path& weights, CodecUse use, std::optional<double> realism)
    : parts_(new Parts{}) {
    SafetensorsFile file = SafetensorsFile::load(weights);
    parts_->zoo = load_zoo_session(file);
    if (parts_->zoo && realism) refuse("realism");
    if (!parts_->zoo)
        parts_->codec = Codec::load(std::move(file), {.use = use, .realism = realism.value_or(LoadOptions{}.realism)});
}
Session::~Session() = default;

bool Session::has_one_quality() const { return parts_->zoo != nullptr; }

SizedStream Session::encode(const Image& image, std::optional<double> quality) const {
    if (parts_->zoo) {
        if (quality) refuse("quality");
        return {0, parts_->zoo->encode(image)};
    }
    EncodeOptions options;
    if (quality) options.quality = *quality;
    Bytes bytes = parts_->codec->encode(image, options);
    const int step = inspect(bytes).quality_step;
    return {step, std::move(bytes)};
}

SizedStream Session::encode_to_size(const Image& image, std::size_t max_bytes) const {
    if (parts_->zoo) refuse("size of a stream");
    return parts_->codec->encode_to_size(image, max_bytes);
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
    if (parts_->zoo) refuse("symbols");
    return parts_->codec->encode_symbols(symbols, image.width, image.height, step);
}

Image Session::decode(ByteView bytes, const DecodeOptions& options) const {
    if (parts_->zoo && options.precision != Precision::fp32) refuse("precision");
    return parts_->zoo ? parts_->zoo->decode(bytes) : parts_->codec->decode(bytes, options);
}

SizedStream Session::encode_rows(const RowSource& source, int width, int height, std::optional<double> quality,
                                 std::optional<std::size_t> max_bytes, EncodeOptions options) const {
    if (parts_->zoo) refuse("tiles");
    if (max_bytes) return parts_->codec->encode_rows_to_size(source, width, height, *max_bytes, options);
    if (quality) options.quality = *quality;
    return {quality_step(options.quality), parts_->codec->encode_rows(source, width, height, options)};
}

std::vector<TileDamage> Session::decode_rows(ByteView bytes, const RowSink& sink, const DecodeOptions& options) const {
    if (parts_->zoo) refuse("tiles, regions and tolerance");
    return parts_->codec->decode_rows(bytes, sink, options);
}

int Session::tile_reach_px() const { return Codec::tile_reach_px(); }

std::size_t Session::decode_memory_bytes(ByteView bytes) const {
    return parts_->zoo ? parts_->zoo->decode_memory_bytes(bytes) : parts_->codec->decode_memory_bytes(inspect(bytes));
}

std::size_t bytes_at(double bpp, int width, int height) {
    return static_cast<std::size_t>(std::floor(bpp / 8 * width * height));
}

}  // namespace gancodec::cli
