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

#include "gancodec/bitstream/checksum.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "gancodec/codec/codec_weights.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/rate_control.hpp"
#include "gancodec/codec/transform.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/entropy/factorized_prior.hpp"
#include "gancodec/simd/batch.hpp"

namespace gancodec {

/// Reads a stream's header: extents, quality step, the id of the entropy tables it needs. No weights are wanted for that.
/// Errors  Error{corrupt_stream, unsupported, limit}.
[[nodiscard]] inline StreamHeader inspect(ByteView bytes, const DecodeOptions& options = {}) {
    return read_stream(bytes, options.limits).header;
}

template <class Networks>
class BasicCodec;
template <class Networks>
void check_entropy_id(const BasicCodec<Networks>& codec, const std::string& where);
template <class Networks>
void check_self_test(BasicCodec<Networks>& codec, const std::string& where);

using Codec = BasicCodec<Model<float>>;

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

    [[nodiscard]] std::uint32_t entropy_id() const { return entropy_id_; }
    /// The networks, ready to run. After load() the weights of convolutions are held only as their kernels want them.
    [[nodiscard]] const Weights& weights() const { return weights_; }
    [[nodiscard]] const LoadOptions& options() const { return options_; }
    /// Gives back what this Codec was made of. Requires it was made from weights in memory, not by load().
    [[nodiscard]] Weights release() && { return std::move(weights_); }
    /// Memory that decode() needs beside the weights and the picture it returns: activations, kernels' scratch, symbols.
    /// Found by going through the networks without computing, and allocated at once before the first layer runs.
    [[nodiscard]] std::size_t decode_memory_bytes(const StreamHeader& header) const {
        const HyperExtent extent = extent_of(header);
        const MemoryPlan plan =
            Inference<float>::plan([&](Inference<float>& context) { transform().run_decoder(context, extent); });
        return plan.bytes<float>() + (extent.hyper_latents() + extent.latents()) * sizeof(std::int32_t);
    }

    /// Errors  Error{invalid_argument} for an image without pixels, a quality outside 0..100, or a Codec that only decodes;
    ///         Error{limit}.
    [[nodiscard]] Bytes encode(const Image& image, const EncodeOptions& options = {}) {
        if (!(options.quality >= 0 && options.quality <= 100))
            throw Error(Errc::invalid_argument,
                        "encode: expected a quality of 0 to 100, found " + std::to_string(options.quality));
        return encode_latents(analyse(image), image, quality_step(options.quality));
    }
    /// The best quality whose whole stream has at most `max_bytes`; the image is analysed once.
    /// Errors  as encode(), and Error{limit} when even the lowest quality needs more.
    [[nodiscard]] SizedStream encode_to_size(const Image& image, std::size_t max_bytes) {
        const Value y = analyse(image);
        return gancodec::encode_to_size(max_bytes, [&](int step) { return encode_latents(y, image, step); });
    }
    /// Errors  Error{corrupt_stream, unsupported, limit, wrong_weights}.
    [[nodiscard]] Image decode(ByteView bytes, const DecodeOptions& options = {}) {
        const Stream stream = read_stream(bytes, options.limits);
        read_symbols(stream, options, symbols_);
        return paint(symbols_, stream.header);
    }

    /// Entropy coding alone: the stream of an image of `width` x `height` with these symbols.
    /// Requires as many symbols as an image of that size has.
    [[nodiscard]] Bytes encode_symbols(const Symbols& symbols, int width, int height, int step) {
        const HyperExtent extent = HyperExtent::of(width, height);
        GANCODEC_ASSERT(symbols.z.size() == extent.hyper_latents() && symbols.residuals.size() == extent.latents());
        const Workspace::Scope scope(context_->scratch());
        const auto index = transform().scale_indices(*context_, symbols.z, extent, step);
        return write_symbols(symbols, index, width, height, step);
    }
    /// Entropy decoding alone, in integers from end to end: the same everywhere, with fused multiply-add or without.
    /// Errors  as decode().
    [[nodiscard]] Symbols decode_symbols(ByteView bytes, const DecodeOptions& options = {}) {
        Symbols symbols;
        read_symbols(read_stream(bytes, options.limits), options, symbols);
        return symbols;
    }

    /// The pixels of symbols, the other half of decode().
    /// Requires as many symbols as a stream with that header holds.
    [[nodiscard]] Image paint(const Symbols& symbols, const StreamHeader& header) {
        const HyperExtent extent = extent_of(header);
        GANCODEC_ASSERT(symbols.z.size() == extent.hyper_latents() && symbols.residuals.size() == extent.latents());
        reserve_for_decoding(extent);
        const Value x_hat = transform().synthesise(*context_, symbols, extent, header.quality_step);
        return Transform::to_image(x_hat, header.width, header.height);
    }

private:
    using Value = Pooled<float>;
    using Transform = BasicTransform<Networks>;

    BasicCodec(const LoadOptions& options, Weights weights)
        : weights_(std::move(weights)),
          options_(options),
          entropy_id_(gancodec::entropy_id(weights_.hyper_scale, weights_.prior)),
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
                    if (p.shape.size() == 4) p.value = {};
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

    Value analyse(const Image& image) {
        if (options_.use == CodecUse::decode)
            throw Error(Errc::invalid_argument, "encode: expected a codec that encodes, found one loaded to decode");
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
        StreamHeader header;
        header.width = width;
        header.height = height;
        header.quality_step = static_cast<std::uint8_t>(step);
        header.entropy_id = entropy_id_ & kStreamEntropyIdMask;
        const Bytes hyper_latents = hyper_prior_.encode(symbols.z);
        const Bytes latents = latent_prior_.encode(symbols.residuals, index);
        return write_stream({header, {}, hyper_latents, latents});
    }
    void read_symbols(const Stream& stream, const DecodeOptions& options, Symbols& symbols) {
        const StreamHeader& header = stream.header;
        if (header.entropy_id != (entropy_id_ & kStreamEntropyIdMask))
            throw Error(Errc::wrong_weights, "stream: expected weights whose entropy id ends in " +
                                                 detail::hex32(header.entropy_id).substr(2) + ", found " +
                                                 detail::hex32(entropy_id_));
        require_memory(decode_memory_bytes(header), options.limits, "stream");
        const HyperExtent extent = extent_of(header);
        reserve_for_decoding(extent);
        symbols.z.resize(extent.hyper_latents());
        hyper_prior_.decode(stream.hyper_latents, symbols.z);
        const Workspace::Scope scope(context_->scratch());
        const auto index = transform().scale_indices(*context_, symbols.z, extent, header.quality_step);
        symbols.residuals.resize(extent.latents());
        latent_prior_.decode(stream.latents, index, symbols.residuals);
    }
    Weights weights_;
    LoadOptions options_;
    std::uint32_t entropy_id_;
    FactorizedPrior hyper_prior_;
    ConditionalPrior latent_prior_;
    std::unique_ptr<Inference<float>> context_;
    Symbols symbols_;  ///< of the last image: its memory serves the next
};

/// Errors  Error{corrupt_weights} when the weights do not state the id of their entropy tables.
template <class Networks>
void check_entropy_id(const BasicCodec<Networks>& codec, const std::string& where) {
    const auto& metadata = codec.weights().metadata;
    const auto stated = metadata.find("entropy_id");
    const std::string found = detail::hex32(codec.entropy_id());
    if (stated == metadata.end() || stated->second != found)
        throw Error(Errc::corrupt_weights,
                    where + ": expected entropy tables with id " +
                        (stated == metadata.end() ? "(none stated)" : printable(stated->second)) + ", found " + found);
}

/// What a weights file says about itself, so that a machine can find out whether it computes what the trainer computed:
/// the CRC-32 of a test picture's stream, and of the pixels of test symbols at every setting of realism.
struct SelfTest {
    static constexpr int kWidth = 72, kHeight = 56;

    /// The CRC at a setting of realism, from as many as the weights state; where they state one, it is that of every setting.
    [[nodiscard]] static std::string pick(const std::string& stated, int realism) {
        constexpr std::size_t kStride = 9;  // 8 digits and a space
        const std::size_t at = stated.size() < kStride ? 0 : static_cast<std::size_t>(realism) * kStride;
        return at < stated.size() ? stated.substr(at, kStride - 1) : "";
    }
    /// Encodes a picture made from integers alone.
    template <class Networks>
    [[nodiscard]] static std::uint32_t stream(BasicCodec<Networks>& codec) {
        Image picture = make_image(kWidth, kHeight);
        Random random(1);
        for (int y = 0; y < kHeight; ++y)
            for (int x = 0; x < kWidth; ++x)
                for (int c = 0; c < 3; ++c)
                    picture.at(x, y)[c] =
                        static_cast<std::uint8_t>(x * (c + 1) + y * (3 - c) + static_cast<int>(random.next() % 32));
        return crc32(codec.encode(picture));
    }
    /// Paints small random symbols.
    template <class Networks>
    [[nodiscard]] static std::uint32_t pixels(BasicCodec<Networks>& codec) {
        constexpr int kHyperPlaces =
            round_up(kWidth, kImageMultiple) / kImageMultiple * (round_up(kHeight, kImageMultiple) / kImageMultiple);
        Random random(2);
        Symbols symbols;
        for (int i = 0; i < kHyperChannels * kHyperPlaces; ++i)
            symbols.z.push_back(static_cast<std::int32_t>(random.next() % 5) - 2);
        for (int i = 0; i < kLatentChannels * 16 * kHyperPlaces; ++i)
            symbols.residuals.push_back(static_cast<std::int32_t>(random.next() % 3) - 1);
        StreamHeader header;
        header.width = kWidth;
        header.height = kHeight;
        header.quality_step = 128;
        return crc32(codec.paint(symbols, header).rgb);
    }
};

/// Errors  Error{wrong_weights} when the weights carry a self-test and this build computes something else. A build
///         without fused multiply-add is known to differ in last digits, and is not tested.
template <class Networks>
void check_self_test(BasicCodec<Networks>& codec, const std::string& where) {
    const auto& metadata = codec.weights().metadata;
    const auto stream = metadata.find("self_test_stream"), pixels = metadata.find("self_test_pixels");
    if (!simd::kHasFma || stream == metadata.end() || pixels == metadata.end()) return;
    const auto check = [&](const char* what, const std::string& expected, std::uint32_t found) {
        if (expected != detail::hex32(found))
            throw Error(Errc::wrong_weights, where + ": expected a self-test with " + what + " " + printable(expected) +
                                                 ", found " + detail::hex32(found));
    };
    const std::string expected = SelfTest::pick(pixels->second, realism_step(codec.options().realism));
    check("pixels", expected, SelfTest::pixels(codec));
    if (codec.options().use == CodecUse::encode_and_decode) check("a stream", stream->second, SelfTest::stream(codec));
}

}  // namespace gancodec
