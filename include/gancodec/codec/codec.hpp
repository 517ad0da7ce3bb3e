#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "gancodec/codec/codec_weights.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/rate_control.hpp"
#include "gancodec/codec/rows.hpp"
#include "gancodec/codec/self_test.hpp"
#include "gancodec/codec/tiles.hpp"
#include "gancodec/codec/transform.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/entropy/factorized_prior.hpp"

namespace gancodec {

/// Reads a stream's header: extents, quality step, the id of the entropy tables it needs. No weights are wanted for that.
/// Errors  Error{corrupt_stream, unsupported, limit}.
[[nodiscard]] inline StreamHeader inspect(ByteView bytes, const DecodeOptions& options = {}) {
    return read_stream(bytes, options.limits).header;
}

/// Encodes photographs to bytes and back.
///   Codec codec = Codec::load("gancodec.safetensors");
///   Bytes bytes = codec.encode(image, {.quality = 40});
///   Image again = codec.decode(bytes);
///
/// Read first: (1) the symbols in a stream decode alike everywhere, the pixels alike wherever there is fused
/// multiply-add; (2) a Codec keeps memory between images and serves one caller at a time: make one per thread;
/// (3) a stream decodes only with the entropy tables it was made with, and says so otherwise.
template <class Networks>
class BasicCodec {
public:
    using Weights = BasicCodecWeights<Networks>;

    /// Reads weights and replays the self-test they carry.
    /// Errors  Error{io, corrupt_weights, wrong_weights, invalid_argument}.
    [[nodiscard]] static BasicCodec load(const std::filesystem::path& path, const LoadOptions& options = {}) {
        return load(SafetensorsFile::load(path), options);
    }
    /// The same from a file in memory, which is let go as soon as it is read.
    [[nodiscard]] static BasicCodec load(SafetensorsFile file, const LoadOptions& options = {}) {
        BasicCodec codec(file, options);
        const std::string where = std::exchange(file, {}).where();
        check_entropy_id(codec, where);
        check_self_test(codec, where);
        return codec;
    }
    /// Weights in memory, as a trainer has them: nothing is tested.
    explicit BasicCodec(Weights weights, const LoadOptions& options = {}) : BasicCodec(options, std::move(weights)) {
        const std::vector<std::vector<float>> plain = detail::mix_realism(weights_, realism_step(options.realism));
        each_running_network([&](const std::string&, auto& network) { network.prepare(false); });
        detail::unmix_realism(weights_, plain);
    }

    /// What its streams carry.
    [[nodiscard]] std::uint32_t entropy_id() const { return ids_.with_context; }
    /// The networks, ready to run. After load() the weights of convolutions are held only as their kernels want them.
    [[nodiscard]] const Weights& weights() const { return weights_; }
    [[nodiscard]] const LoadOptions& options() const { return options_; }
    /// Gives back what this Codec was made of. Requires it was made from weights in memory, not by load().
    [[nodiscard]] Weights release() && { return std::move(weights_); }
    /// Memory that decode() needs beside the weights and the picture it returns: activations, kernels' scratch, symbols.
    /// Found by going through the networks without computing, and allocated at once before the first layer runs. Of a stream in
    /// tiles, with as much memory as DecodeOptions give by default.
    [[nodiscard]] std::size_t decode_memory_bytes(const StreamHeader& header) const {
        if (header.tiled()) return tiles().window_size(header, Region::whole(header), kWindowMemoryBytes).memory_bytes;
        const HyperExtent extent = extent_of(header);
        const MemoryPlan plan =
            Inference<float>::plan([&](Inference<float>& context) { transform().run_decoder(context, extent); });
        return plan.bytes<float>() + (extent.hyper_latents() + extent.latents()) * sizeof(std::int32_t);
    }

    /// Gives back the memory that is kept between images.
    void forget() {
        context_->forget();
        symbols_ = {};
    }

    /// Errors  Error{invalid_argument} for an image without pixels, a quality outside 0..100, or a Codec that only decodes;
    ///         Error{limit}.
    [[nodiscard]] Bytes encode(const Image& image, const EncodeOptions& options = {}) {
        if (!(options.quality >= 0 && options.quality <= 100))
            raise_error(Errc::invalid_argument,
                        "encode: expected a quality of 0 to 100, found " + std::to_string(options.quality));
        if (options.tile_px == 0) return encode_latents(analyse(image), image, quality_step(options.quality));
        check_image(image, "encode");
        return encode_rows(rows_of(image), image.width, image.height, options);
    }
    /// The same for a picture of which only rows are ever in memory, in tiles.
    /// Errors  as encode(), Error{invalid_argument} without tiles, Error{limit} for too little memory, and what `source` throws.
    [[nodiscard]] Bytes encode_rows(const RowSource& source, int width, int height, const EncodeOptions& options) {
        return encode_rows_at(source, width, height, quality_step(options.quality), options);
    }
    /// The same at about the best quality whose whole stream has at most `max_bytes`. What a quality costs is guessed from up to 16
    /// squares of the picture, which is read once for them and encoded up to five times: until it fills 97 % of the size.
    /// Errors  as encode_rows(), and Error{limit} when even the lowest quality needs more.
    [[nodiscard]] SizedStream encode_rows_to_size(const RowSource& source, int width, int height, std::size_t max_bytes,
                                                  const EncodeOptions& options) {
        require_encoder();
        const std::vector<Image> squares = sample_squares(source, width, height);
        std::vector<Tensor<float>> latents;  // of their own: held in the pool, they would keep its largest pieces
        double sampled_px = 0;
        for (const Image& square : squares) {
            const Value y = analyse(square);
            latents.emplace_back(y.shape());
            std::copy_n(y.constant().data, y.shape().size(), latents.back().data());
            sampled_px += static_cast<double>(square.pixels());
        }
        const auto estimate = [&](int step) {
            double bytes = 0;
            for (std::size_t i = 0; i < squares.size(); ++i)
                bytes += static_cast<double>(encode_latents(context_->copy(latents[i]), squares[i], step).size());
            return bytes / sampled_px * width * height;
        };
        return gancodec::encode_to_estimated_size(
            max_bytes, estimate, [&](int step) { return encode_rows_at(source, width, height, step, options); });
    }
    /// The best quality whose whole stream has at most `max_bytes`; the image is analysed once.
    /// Errors  as encode(), and Error{limit} when even the lowest quality needs more.
    [[nodiscard]] SizedStream encode_to_size(const Image& image, std::size_t max_bytes) {
        const Value y = analyse(image);
        return gancodec::encode_to_size(max_bytes, [&](int step) { return encode_latents(y, image, step); });
    }
    /// Errors  Error{corrupt_stream, unsupported, limit, wrong_weights}.
    [[nodiscard]] Image decode(ByteView bytes, const DecodeOptions& options = {}) {
        const StreamLayout layout = read_layout(bytes, options.limits);
        if (layout.header.tiled() || options.region || options.tolerant) {
            const Region region = options.region.value_or(Region::whole(layout.header));
            Image image;
            check_weights(layout.header);
            // Where all tiles are wanted sound, damage shows before any is decoded.
            if (!options.region && !options.tolerant) static_cast<void>(read_stream(bytes, options.limits));
            const auto side = [](int asked, int there) {
                return static_cast<std::uint64_t>(std::clamp(asked, 0, there));
            };
            require_memory(3 * side(region.width, layout.header.width) * side(region.height, layout.header.height),
                           options.limits, "picture");
            static_cast<void>(tiles().paint(layout, options, [&](int y, const Image& rows) {
                if (image.rgb.empty()) image = make_image(region.width, region.height);
                std::copy(rows.rgb.begin(), rows.rgb.end(), image.at(0, y));
            }));
            return image;
        }
        read_symbols(layout, options, symbols_);
        return paint(symbols_, layout.header, options.precision);
    }
    /// The same row by row: memory is bounded by the options, however large the picture. Returns which tiles were damaged, where
    /// that is tolerated.
    /// Errors  as decode(), Error{invalid_argument} for a region not inside the picture, Error{limit} for too little memory, and
    ///         what `sink` throws.
    std::vector<TileDamage> decode_rows(ByteView bytes, const RowSink& sink, const DecodeOptions& options = {}) {
        const StreamLayout layout = read_layout(bytes, options.limits);
        check_weights(layout.header);
        return tiles().paint(layout, options, sink);
    }
    /// Pixels beyond a tile whose symbols still reach it: so far around a damaged one pixels may differ from what was encoded.
    [[nodiscard]] static int tile_reach_px() { return BasicWindowPainter<Networks>::halo_px(); }

    /// Entropy coding alone: the stream of an image of `width` x `height` with these symbols.
    /// Requires as many symbols as an image of that size has.
    [[nodiscard]] Bytes encode_symbols(const Symbols& symbols, int width, int height, int step) {
        const HyperExtent extent = HyperExtent::of(width, height);
        GANCODEC_ASSERT(symbols.z.size() == extent.hyper_latents() && symbols.residuals.size() == extent.latents());
        const Workspace::Scope scope(context_->scratch());
        const auto index = transform().scale_indices(context_->scratch(), symbols.z, extent, step);
        return write_symbols(symbols, index, width, height, step);
    }
    /// Entropy decoding alone, in integers from end to end: the same everywhere, with fused multiply-add or without.
    /// Errors  as decode().
    [[nodiscard]] Symbols decode_symbols(ByteView bytes, const DecodeOptions& options = {}) {
        Symbols symbols;
        read_symbols(read_layout(bytes, options.limits), options, symbols);
        return symbols;
    }

    /// The pixels of symbols, the other half of decode().
    /// Requires as many symbols as a stream with that header holds.
    [[nodiscard]] Image paint(const Symbols& symbols, const StreamHeader& header,
                              Precision precision = Precision::fp32) {
        const HyperExtent extent = extent_of(header);
        GANCODEC_ASSERT(symbols.z.size() == extent.hyper_latents() && symbols.residuals.size() == extent.latents());
        reserve_for_decoding(extent);
        const Value x_hat = transform().synthesise(*context_, symbols, extent, header.quality_step, precision);
        return Transform::to_image(x_hat, header.width, header.height);
    }

private:
    using Value = Pooled<float>;
    using Transform = BasicTransform<Networks>;

    BasicCodec(const LoadOptions& options, Weights weights)
        : weights_(std::move(weights)),
          options_(options),
          ids_(EntropyIds::of(weights_)),
          hyper_prior_(make_tables(weights_.prior)),
          latent_prior_(CdfTables::symmetric(scale_tables().half, scale_tables().begin)),
          context_(std::make_unique<Inference<float>>()) {}

    /// Reads and packs layer by layer: of convolutions, whose weights have four axes, the packed form alone stays, and the
    /// memory of the other serves the next layer. Nothing is ever held of a network that does not run.
    BasicCodec(const SafetensorsFile& file, const LoadOptions& options) : BasicCodec(options, all_but_networks(file)) {
        const detail::StoredParameters read(file, realism_step(options.realism));
        weights_.networks.gain.each_parameter("gain.", read);
        each_running_network([&](const std::string& name, auto& network) {
            std::size_t index = 0;
            const auto pack = [&](auto& layer) {
                layer.each_parameter(name + std::to_string(index++) + ".", read);
                layer.prepare(false);
                layer.each_parameter("", [](const std::string&, Parameter<float>& p) {
                    if (p.shape.size() == 4) p.value = std::vector<float>();  // {} would keep the memory
                });
            };
            std::apply([&](auto&... layer) { (pack(layer), ...); }, network.layers);
        });
    }
    [[nodiscard]] static Weights all_but_networks(const SafetensorsFile& file) {
        const NumbersLater later;
        Weights weights;
        detail::require_codec_tensors(file, weights.networks);
        detail::read_codec_integers(file, weights);
        return weights;
    }
    template <class F>
    void each_running_network(F&& f) {
        auto& networks = weights_.networks;
        if (options_.use == CodecUse::encode_and_decode) {
            f("encoder.", networks.encoder);
            f("hyper_encoder.", networks.hyper_encoder);
        }
        f("hyper_mean.", networks.hyper_mean);
        f("generator.", networks.generator);
    }
    [[nodiscard]] Transform transform() const { return Transform(weights_); }
    static HyperExtent extent_of(const StreamHeader& header) { return HyperExtent::of(header.width, header.height); }
    void reserve_for_decoding(HyperExtent extent) {
        context_->reserve_for([&](Inference<float>& context) { transform().run_decoder(context, extent); });
    }

    [[nodiscard]] Bytes encode_rows_at(const RowSource& source, int width, int height, int step,
                                       const EncodeOptions& options) const {
        require_encoder();
        StreamHeader header = stream_header(width, height, step);
        header.tile_px = options.tile_px;
        return tiles().encode(source, header, options.memory_bytes);
    }
    void require_encoder() const {
        if (options_.use == CodecUse::decode)
            raise_error(Errc::invalid_argument, "encode: expected a codec that encodes, found one loaded to decode");
    }
    Value analyse(const Image& image) {
        require_encoder();
        check_image(image, "encode");
        require_area(static_cast<std::uint64_t>(image.width), static_cast<std::uint64_t>(image.height), {}, "encode");
        const HyperExtent extent = HyperExtent::of(image.width, image.height);
        context_->reserve_for([&](Inference<float>& context) { transform().run_encoder(context, extent); });
        return transform().analyse(*context_, &image, extent);
    }
    Bytes encode_latents(const Value& y, const Image& image, int step) {
        const Workspace::Scope scope(context_->scratch());
        const auto index = transform().quantise(*context_, y, step, symbols_);
        return write_symbols(symbols_, index, image.width, image.height, step);
    }
    [[nodiscard]] Bytes write_symbols(const Symbols& symbols, std::span<const std::uint8_t> index, int width,
                                      int height, int step) const {
        const StreamHeader header = stream_header(width, height, step);
        const Bytes hyper_latents = hyper_prior_.encode(symbols.z);
        const Bytes latents = ContextualPrior(latent_prior_, weights_.scale_context)
                                  .encode(symbols.residuals, index, kLatentChannels,
                                          HyperExtent::of(width, height).w * kLatentsPerHyper, context_->scratch());
        return write_stream({header, {}, hyper_latents, latents});
    }
    [[nodiscard]] StreamHeader stream_header(int width, int height, int step) const {
        StreamHeader header;
        header.width = width;
        header.height = height;
        header.quality_step = static_cast<std::uint8_t>(step);
        header.entropy_id = entropy_id() & kStreamEntropyIdMask;
        return header;
    }
    void check_weights(const StreamHeader& header) const {
        if (header.entropy_id != (ids_.with_context & kStreamEntropyIdMask) &&
            header.entropy_id != (ids_.without & kStreamEntropyIdMask))
            raise_error(Errc::wrong_weights, "stream: expected weights whose entropy id ends in " +
                                                 detail::hex32(header.entropy_id).substr(2) + ", found " +
                                                 detail::hex32(entropy_id()));
    }
    void read_symbols(const StreamLayout& layout, const DecodeOptions& options, Symbols& symbols) {
        const StreamHeader& header = layout.header;
        StreamSymbols coded;
        if (!header.tiled()) read_part(layout.parts[0], coded);  // a damaged header is told from one of other weights
        check_weights(header);
        const HyperExtent extent = extent_of(header);
        if (header.tiled()) {
            require_memory((extent.hyper_latents() + extent.latents()) * sizeof(std::int32_t), options.limits,
                           "stream");
            return tiles().read_symbols(layout, symbols);
        }
        require_memory(decode_memory_bytes(header), options.limits, "stream");
        reserve_for_decoding(extent);
        const auto coder = tiles().coder(header);
        coder.decode_hyper_latents(coded.hyper_latents, extent, symbols);
        coder.decode_latents(coded.latents, extent, symbols, context_->scratch());
    }
    [[nodiscard]] BasicTiles<Networks> tiles() const {
        return {weights_, hyper_prior_, latent_prior_, entropy_id(), *context_};
    }

    Weights weights_;
    LoadOptions options_;
    EntropyIds ids_;
    FactorizedPrior hyper_prior_;
    ConditionalPrior latent_prior_;
    std::unique_ptr<Inference<float>> context_;
    Symbols symbols_;  ///< of the last image: its memory serves the next
};
using Codec = BasicCodec<Model<float>>;

}  // namespace gancodec
