#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gancodec/codec/options.hpp"
#include "gancodec/codec/rate_control.hpp"
#include "gancodec/codec/rows.hpp"
#include "gancodec/core/bytes.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec {
struct Symbols;
}

namespace gancodec::cli {

/// The codec of the weights behind a wall: the networks are compiled once, in session.cpp and zoo_session.cpp, not once for
/// every command.
class Session {
public:
    /// Errors  Error{io, corrupt_weights, wrong_weights}; Error{invalid_argument} for `realism` outside 0..1, or of weights
    ///         of another model, which have one look.
    explicit Session(const std::filesystem::path& weights, CodecUse use = CodecUse::encode_and_decode,
                     std::optional<double> realism = {});
    ~Session();

    /// Whether the weights are of another model, whose one quality cannot be asked for: then encode() and decode() remain.
    [[nodiscard]] bool has_one_quality() const;
    /// At `quality` 0..100; the library's default without.
    /// Errors  Error{invalid_argument} for a quality where there is one only; encode_to_size() and encode_symbols() too.
    [[nodiscard]] SizedStream encode(const Image& image, std::optional<double> quality) const;
    /// At the best quality that fits.
    [[nodiscard]] SizedStream encode_to_size(const Image& image, std::size_t max_bytes) const;
    /// The same, but the lowest quality where nothing fits: its size shows that the target was missed.
    [[nodiscard]] SizedStream encode_to_size_or_smallest(const Image& image, std::size_t max_bytes) const;
    /// The stream of symbols that somebody else chose for the image.
    [[nodiscard]] Bytes encode_symbols(const Symbols& symbols, const Image& image, int step) const;
    /// Errors  Error{invalid_argument} for a precision other than fp32 with weights of another model.
    [[nodiscard]] Image decode(ByteView bytes, const DecodeOptions& options = {}) const;
    /// In tiles, row by row: at `quality`, or at about the best one that fits where there are `max_bytes`.
    /// Errors  Error{invalid_argument} for weights of another model; decode_rows() too.
    [[nodiscard]] SizedStream encode_rows(const RowSource& source, int width, int height, std::optional<double> quality,
                                          std::optional<std::size_t> max_bytes, EncodeOptions options) const;
    std::vector<TileDamage> decode_rows(ByteView bytes, const RowSink& sink, const DecodeOptions& options) const;
    /// Pixels around a tile that its symbols reach.
    [[nodiscard]] int tile_reach_px() const;
    /// Memory that decoding takes beside the weights and the picture.
    [[nodiscard]] std::size_t decode_memory_bytes(ByteView bytes) const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// The most bytes that a file may have at `bpp` bits per pixel.
[[nodiscard]] std::size_t bytes_at(double bpp, int width, int height);

}  // namespace gancodec::cli
