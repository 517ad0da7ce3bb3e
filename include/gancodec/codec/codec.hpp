#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/bitstream/checksum.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "gancodec/codec/codec_weights.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/rate_control.hpp"
#include "gancodec/codec/symbol_order.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/entropy/factorized_prior.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/simd/batch.hpp"

namespace gancodec {

/// Reads a stream's header: extents, quality step, the id of the entropy tables it needs. No weights are wanted for that.
/// Errors  Error{corrupt_stream, unsupported, limit}.
[[nodiscard]] inline StreamHeader inspect(ByteView bytes, const DecodeOptions& options = {}) {
    return read_stream(bytes, options.limits).header;
}

class Codec;
void check_entropy_id(const Codec& codec, const std::string& where);
void check_self_test(Codec& codec, const std::string& where);

/// Encodes photographs to bytes and back.
///   Codec codec = Codec::load("gancodec.safetensors");
///   Bytes bytes = codec.encode(image, {.quality = 40});
///   Image again = codec.decode(bytes);
///
/// Read first: (1) the symbols in a stream decode alike everywhere, the pixels alike wherever there is fused
/// multiply-add; (2) a Codec keeps memory between images and serves one caller at a time: make one per thread;
/// (3) a stream decodes only with the entropy tables it was made with, and says so otherwise.
class Codec {
public:
    /// Reads weights and replays the self-test they carry.
    /// Errors  Error{io, corrupt_weights, wrong_weights}.
    [[nodiscard]] static Codec load(const std::filesystem::path& path, CodecUse use = CodecUse::encode_and_decode) {
        Codec codec(read_codec_weights(SafetensorsFile::load(path), use), use);
        check_entropy_id(codec, path.string());
        codec.forget_packed_weights();
        check_self_test(codec, path.string());
        return codec;
    }
    explicit Codec(CodecWeights weights, CodecUse use = CodecUse::encode_and_decode)
        : weights_(std::move(weights)),
          use_(use),
          entropy_id_(gancodec::entropy_id(weights_.hyper_scale, weights_.prior)),
          hyper_prior_(make_tables(weights_.prior)),
          latent_prior_(CdfTables::symmetric(scale_tables().half, scale_tables().begin)),
          context_(std::make_unique<Inference<float>>()) {
        if (use == CodecUse::decode)
            weights_.networks.prepare_decoders(false);
        else
            weights_.networks.prepare(false);
    }

    [[nodiscard]] std::uint32_t entropy_id() const { return entropy_id_; }
    /// The networks, ready to run. After load() the weights of convolutions are held only as their kernels want them.
    [[nodiscard]] const CodecWeights& weights() const { return weights_; }
    [[nodiscard]] CodecUse use() const { return use_; }
    /// Gives back what this Codec was made of. Requires it was made from CodecWeights, not by load().
    [[nodiscard]] CodecWeights release() && { return std::move(weights_); }
    /// Memory held for activations, in bytes; it grows with the largest image seen.
    [[nodiscard]] std::size_t memory_bytes() const { return context_->memory_bytes(); }

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
        return paint(symbols_of(stream, options), stream.header);
    }

    /// The integers of a stream, ẑ in the order [c][h/64][w/64] and r in [c][h/16][w/16].
    struct Symbols {
        std::vector<std::int32_t> z, residuals;
    };
    /// Entropy decoding alone, in integers from end to end: the same everywhere, with fused multiply-add or without.
    /// Errors  as decode().
    [[nodiscard]] Symbols decode_symbols(ByteView bytes, const DecodeOptions& options = {}) {
        return symbols_of(read_stream(bytes, options.limits), options);
    }

    /// The pixels of symbols, the other half of decode().
    /// Requires as many symbols as a stream with that header holds.
    [[nodiscard]] Image paint(const Symbols& symbols, const StreamHeader& header) {
        Value v = hyper_mean(symbols.z, hyper_extent(header));
        GANCODEC_ASSERT(symbols.residuals.size() == v.shape().logical_size());
        each_in_symbol_order(
            v.view(), [&](std::size_t i, float& element) { element += static_cast<float>(symbols.residuals[i]); });
        const double at = position(header.quality_step);
        v = apply_gain(*context_, std::move(v), weights_.networks.gain, std::span(&at, 1), GainDirection::divide);
        const Value out = weights_.networks.generator.all_but_last(*context_, std::move(v));
        return tensor_to_image(out.constant(), header.width, header.height, kPixels<Generator::Last>);
    }

private:
    using Value = Pooled<float>;
    /// Of the hyper latents.
    struct Extent {
        int h = 0, w = 0;
    };
    static constexpr int kLargestHyper = 127;
    /// Networks see x − ½. The pixel (un)shuffle at their outer end and the way from or to bytes are one pass: pictures
    /// never lie in memory as floats, which take 21 times their bytes.
    template <class Shuffle>
    static constexpr PixelLayout<float> kPixels{.shuffle = Shuffle::kFactor, .offset = -0.5f};

    /// Convolutions, whose weights have four axes, have packed them.
    void forget_packed_weights() {
        weights_.networks.each_parameter("", [](const std::string&, Parameter<float>& p) {
            if (p.shape.size() == 4) p.value = {};
        });
    }
    static int padded(int side) { return round_up(side, kImageMultiple); }
    static Extent hyper_extent(const StreamHeader& header) {
        return {padded(header.height) / kImageMultiple, padded(header.width) / kImageMultiple};
    }
    static double position(int step) { return step * (kQualityLevels - 1) / 255.0; }
    /// Activations of a decoder, at most: 40 numbers for each padded pixel, as measured, rounded up.
    static std::uint64_t memory_estimate(const StreamHeader& header) {
        constexpr std::uint64_t kBytesPerPixel = 40 * sizeof(float);
        return static_cast<std::uint64_t>(padded(header.width)) * static_cast<std::uint64_t>(padded(header.height)) *
               kBytesPerPixel;
    }

    Value analyse(const Image& image) {
        if (use_ == CodecUse::decode)
            throw Error(Errc::invalid_argument, "encode: expected a codec that encodes, found one loaded to decode");
        check_image(image, "encode");
        require_area(static_cast<std::uint64_t>(image.width), static_cast<std::uint64_t>(image.height), {}, "encode");
        constexpr int r = Encoder::First::kFactor;
        auto x = context_->make({1, 3 * r * r, padded(image.height) / r, padded(image.width) / r});
        image_to_tensor(image, x.view(), 0, kPixels<Encoder::First>);
        return weights_.networks.encoder.all_but_first(*context_, std::move(x));
    }
    Bytes encode_latents(const Value& y, const Image& image, int step) {
        const double at = position(step);
        const Value v = apply_gain(*context_, y, weights_.networks.gain, std::span(&at, 1), GainDirection::multiply);
        const Value z_value = weights_.networks.hyper_encoder(*context_, v);
        const Extent extent{z_value.shape().h, z_value.shape().w};
        Symbols symbols;
        symbols.z.resize(z_value.shape().logical_size());
        each_in_symbol_order(z_value.constant(),
                             [&](std::size_t i, float value) { symbols.z[i] = round_to_int(value, kLargestHyper); });
        const auto index = scale_indices(symbols.z, extent, step);
        Value residual = hyper_mean(symbols.z, extent);
        sub(v.constant(), residual.constant(), residual.view());
        symbols.residuals.resize(index.size());
        each_in_symbol_order(residual.constant(), [&](std::size_t i, float value) {
            symbols.residuals[i] = round_to_int(value, kMaxSymbol);
        });
        StreamHeader header;
        header.width = image.width;
        header.height = image.height;
        header.quality_step = static_cast<std::uint8_t>(step);
        header.entropy_id = entropy_id_ & kStreamEntropyIdMask;
        const Bytes hyper_latents = hyper_prior_.encode(symbols.z);
        const Bytes latents = latent_prior_.encode(symbols.residuals, index);
        return write_stream({header, {}, hyper_latents, latents});
    }
    Symbols symbols_of(const Stream& stream, const DecodeOptions& options) {
        const StreamHeader& header = stream.header;
        if (header.entropy_id != (entropy_id_ & kStreamEntropyIdMask))
            throw Error(Errc::wrong_weights, "stream: expected weights whose entropy id ends in " +
                                                 detail::hex32(header.entropy_id).substr(2) + ", found " +
                                                 detail::hex32(entropy_id_));
        require_memory(memory_estimate(header), options.limits, "stream");
        const Extent extent = hyper_extent(header);
        Symbols symbols;
        symbols.z.resize(static_cast<std::size_t>(kHyperChannels) * static_cast<std::size_t>(extent.h) *
                         static_cast<std::size_t>(extent.w));
        hyper_prior_.decode(stream.hyper_latents, symbols.z);
        const auto index = scale_indices(symbols.z, extent, header.quality_step);
        symbols.residuals.resize(index.size());
        latent_prior_.decode(stream.latents, index, symbols.residuals);
        return symbols;
    }
    std::vector<std::uint8_t> scale_indices(std::span<const std::int32_t> z, Extent extent, int step) {
        std::vector<std::int16_t> clamped(z.size());  // a hostile stream may hold larger ones
        std::transform(z.begin(), z.end(), clamped.begin(), [](std::int32_t value) {
            return static_cast<std::int16_t>(std::clamp(value, -kLargestHyper, kLargestHyper));
        });
        return weights_.hyper_scale.run(clamped, extent.h, extent.w, step, context_->scratch());
    }
    Value hyper_mean(std::span<const std::int32_t> z, Extent extent) {
        Value z_hat = context_->make({1, kHyperChannels, extent.h, extent.w});
        GANCODEC_ASSERT(z.size() == z_hat.shape().logical_size());
        fill_in_symbol_order(z_hat.view(), [&](std::size_t i) {
            return static_cast<float>(std::clamp(z[i], -kLargestHyper, kLargestHyper));
        });
        return weights_.networks.hyper_mean(*context_, std::move(z_hat));
    }
    /// Nearest integer, ties to even, within ±largest; NaN becomes 0.
    static std::int32_t round_to_int(float value, std::int32_t largest) {
        const auto limit = static_cast<float>(largest);
        return std::isnan(value) ? 0 : static_cast<std::int32_t>(std::nearbyint(std::clamp(value, -limit, limit)));
    }

    CodecWeights weights_;
    CodecUse use_;
    std::uint32_t entropy_id_;
    FactorizedPrior hyper_prior_;
    ConditionalPrior latent_prior_;
    std::unique_ptr<Inference<float>> context_;
};

/// Errors  Error{corrupt_weights} when the weights do not state the id of their entropy tables.
inline void check_entropy_id(const Codec& codec, const std::string& where) {
    const auto& metadata = codec.weights().metadata;
    const auto stated = metadata.find("entropy_id");
    const std::string found = detail::hex32(codec.entropy_id());
    if (stated == metadata.end() || stated->second != found)
        throw Error(Errc::corrupt_weights,
                    where + ": expected entropy tables with id " +
                        (stated == metadata.end() ? "(none stated)" : printable(stated->second)) + ", found " + found);
}

/// What a weights file says about itself, so that a machine can find out whether it computes what the trainer computed:
/// the CRC-32 of a test picture's stream, and of the pixels of test symbols.
struct SelfTest {
    static constexpr int kWidth = 72, kHeight = 56;

    /// Encodes a picture made from integers alone.
    [[nodiscard]] static std::uint32_t stream(Codec& codec) {
        Image picture = make_image(kWidth, kHeight);
        Random random(1);
        for (int y = 0; y < kHeight; ++y)
            for (int x = 0; x < kWidth; ++x)
                for (int c = 0; c < 3; ++c)
                    picture.at(x, y)[c] =
                        static_cast<std::uint8_t>((x * (c + 1) + y * (3 - c) + random.next() % 32) & 0xFF);
        return crc32(codec.encode(picture));
    }
    /// Paints small random symbols.
    [[nodiscard]] static std::uint32_t pixels(Codec& codec) {
        constexpr int kHyperPlaces =
            round_up(kWidth, kImageMultiple) / kImageMultiple * (round_up(kHeight, kImageMultiple) / kImageMultiple);
        Random random(2);
        Codec::Symbols symbols;
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
inline void check_self_test(Codec& codec, const std::string& where) {
    const auto& metadata = codec.weights().metadata;
    const auto stream = metadata.find("self_test_stream"), pixels = metadata.find("self_test_pixels");
    if (!simd::kHasFma || stream == metadata.end() || pixels == metadata.end()) return;
    const auto check = [&](const char* what, const std::string& expected, std::uint32_t found) {
        if (expected != detail::hex32(found))
            throw Error(Errc::wrong_weights, where + ": expected a self-test with " + what + " " + printable(expected) +
                                                 ", found " + detail::hex32(found));
    };
    check("pixels", pixels->second, SelfTest::pixels(codec));
    if (codec.use() == CodecUse::encode_and_decode) check("a stream", stream->second, SelfTest::stream(codec));
}

}  // namespace gancodec
