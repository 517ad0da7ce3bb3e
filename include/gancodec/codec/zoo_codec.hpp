#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "gancodec/codec/codec_weights.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/symbol_order.hpp"
#include "gancodec/codec/zoo_weights.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/entropy/factorized_prior.hpp"
#include "gancodec/entropy/table_hash.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/latents/scale_table.hpp"
#include "gancodec/nn/gain.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/weights/parameters.hpp"
#include "gancodec/weights/safetensors.hpp"

namespace gancodec {

/// The integers of a stream of a ZooCodec: residuals of y in [c][h/16][w/16]; z in [c][h/64][w/64], where the model has it.
struct ZooSymbols {
    std::vector<std::int32_t> z, residuals;
};

/// Other people's models in our own stream, with weights that tools/convert_weights.py made.
///   ZooCodec<zoo::ScaleHyperprior<128, 192>> codec(SafetensorsFile::load("hyperprior.safetensors"));
///   Image again = codec.decode(codec.encode(image));
/// Network is zoo::FactorizedPrior, zoo::ScaleHyperprior, zoo::MeanScaleHyperprior or zoo::Hific.
///
/// Read first: (1) tables of y are chosen by the integer form of h_s, so that the symbols decode alike everywhere; its cost
/// in rate is in README.md, "Other people's models"; (2) these weights have one quality; (3) one caller at a time.
template <class Network>
class ZooCodec {
    static constexpr int N = Network::kN, M = Network::kM;

public:
    static constexpr bool kHasHyper = requires(Network& network) { network.h_s; };
    /// The channel of the first mean of y in what means() gives; −1: all means are zero.
    static constexpr int kFirstMean = [] {
        if constexpr (requires(Network& network) { network.h_mean; })
            return 0;
        else if constexpr (kHasHyper)
            return decltype(Network::h_s)::out_channels(N) == 2 * M ? M : -1;
        return -1;
    }();
    static constexpr bool kHasMeans = kFirstMean >= 0;
    /// Sides of images are padded to a multiple of it.
    static constexpr int kMultiple = kHasHyper ? 64 : 16;

    /// Errors   Error{wrong_weights, corrupt_weights}.
    explicit ZooCodec(const SafetensorsFile& file) : context_(std::make_unique<Context>()) {
        std::vector<TensorRequest> requests;
        append_requests(network_, "", requests);
        requests.push_back({"entropy_bottleneck.medians", {kBottleneckChannels}});
        for (const char* name : {"entropy_bottleneck._cdf_length", "entropy_bottleneck._offset"})
            requests.push_back({name, {kBottleneckChannels}});
        if constexpr (kHasHyper) detail::request_scale_synthesis(network_.h_s, M, requests);
        require_tensors(file, requests, ExtraTensors::allow);
        read_parameters(file, network_, "");
        network_.prepare(false);
        medians_ = file.read_float("entropy_bottleneck.medians");
        bottleneck_ = FactorizedPrior(detail::read_bottleneck_tables(file));
        if (bottleneck_.tables().size() != kBottleneckChannels)
            raise_error(Errc::corrupt_weights, file.where() + ": expected " + std::to_string(kBottleneckChannels) +
                                                   " tables of entropy_bottleneck, found " +
                                                   std::to_string(bottleneck_.tables().size()));
        TableHash hash;
        bottleneck_.tables().hash(hash);
        if constexpr (kHasHyper) {
            scale_synthesis_ = detail::read_scale_synthesis(file);
            scale_synthesis_.hash(hash);
            conditional_ = ConditionalPrior(CdfTables::symmetric(scale_tables().half, scale_tables().begin));
            conditional_.tables().hash(hash);
        }
        entropy_id_ = hash.value();
    }

    /// A hash of every integer that selects or holds a probability; streams carry its low 24 bits.
    [[nodiscard]] std::uint32_t entropy_id() const { return entropy_id_; }
    /// Memory that decode() needs beside the weights and the picture it returns.
    [[nodiscard]] std::size_t decode_memory_bytes(const StreamHeader& header) const {
        const Extent extent = Extent::of(header.width, header.height);
        const MemoryPlan plan = Context::plan([&](Context& context) { run_decoder(context, extent); });
        return plan.bytes<float>() + (extent.hyper_latents() + extent.latents()) * sizeof(std::int32_t);
    }

    /// Errors   Error{invalid_argument} for an image without pixels, Error{limit}.
    [[nodiscard]] Bytes encode(const Image& image) {
        check_image(image, "encode");
        require_area(static_cast<std::uint64_t>(image.width), static_cast<std::uint64_t>(image.height), {}, "encode");
        return encode_symbols(analyse(image), image.width, image.height);
    }
    /// Errors   Error{corrupt_stream, unsupported, limit, wrong_weights}.
    [[nodiscard]] Image decode(ByteView bytes, const DecodeOptions& options = {}) {
        const StreamHeader header = read_stream(bytes, options.limits).header;
        return paint(decode_symbols(bytes, options), header.width, header.height);
    }
    /// The symbols of an image.
    [[nodiscard]] ZooSymbols analyse(const Image& image) {
        const Extent extent = Extent::of(image.width, image.height);
        ZooSymbols symbols;
        Value x = context_->make({1, 3, extent.h * 16, extent.w * 16});
        image_to_tensor(image, x.view());
        if constexpr (Network::kSignedPixels)
            each_in_symbol_order(x.view(), [](std::size_t, float& level) { level = std::fma(2.0f, level, -1.0f); });
        Value y = network_.g_a(*context_, std::move(x));
        symbols.residuals.resize(extent.latents());
        if constexpr (!kHasHyper) {
            round_bottleneck(y.constant(), symbols.residuals);
        } else {
            Value h = context_->make(y.shape());
            if constexpr (kHasMeans)
                copy(y.constant(), h.view());
            else
                absolute(y.constant(), h.view());
            const Value z = network_.h_a(*context_, std::move(h));
            symbols.z.resize(extent.hyper_latents());
            round_bottleneck(z.constant(), symbols.z);
            if constexpr (kHasMeans) {
                const Value mean = means(*context_, symbols.z, extent);
                each_mean(mean.constant(), y.view(), [](float from, float& value) { value -= from; });
            }
            each_in_symbol_order(y.constant(),
                                 [&](std::size_t i, float value) { symbols.residuals[i] = round_to_int(value); });
        }
        return symbols;
    }
    /// The stream of an image of `width` x `height` with these symbols. Requires as many as an image of that size has.
    [[nodiscard]] Bytes encode_symbols(const ZooSymbols& symbols, int width, int height) {
        StreamHeader header;
        header.width = width;
        header.height = height;
        header.entropy_id = entropy_id_ & kStreamEntropyIdMask;
        if constexpr (!kHasHyper) {
            const Bytes latents = bottleneck_.encode(symbols.residuals);
            return write_stream({header, {}, {}, latents});
        } else {
            const Bytes hyper_latents = bottleneck_.encode(symbols.z);
            const Workspace::Scope scope(context_->scratch());
            const Bytes latents =
                conditional_.encode(symbols.residuals, scale_indices(*context_, symbols.z, Extent::of(width, height)));
            return write_stream({header, {}, hyper_latents, latents});
        }
    }
    /// Entropy decoding alone, in integers from end to end.
    /// Errors   as decode()
    [[nodiscard]] ZooSymbols decode_symbols(ByteView bytes, const DecodeOptions& options = {}) {
        const Stream stream = read_stream(bytes, options.limits);
        if (stream.header.tiled())
            raise_error(Errc::unsupported, "stream: expected one in one piece for weights of this model, found tiles");
        if (stream.header.entropy_id != (entropy_id_ & kStreamEntropyIdMask))
            raise_error(Errc::wrong_weights, "stream: expected weights whose entropy id ends in " +
                                                 detail::hex32(stream.header.entropy_id).substr(2) + ", found " +
                                                 detail::hex32(entropy_id_));
        require_memory(decode_memory_bytes(stream.header), options.limits, "stream");
        const Extent extent = Extent::of(stream.header.width, stream.header.height);
        context_->reserve_for([&](Context& context) { run_decoder(context, extent); });
        ZooSymbols symbols;
        symbols.residuals.resize(extent.latents());
        if constexpr (!kHasHyper) {
            if (!stream.hyper_latents.empty())
                raise_error(Errc::corrupt_stream, "hyper latents: expected none of a factorised model, found " +
                                                      std::to_string(stream.hyper_latents.size()) + " bytes");
            bottleneck_.decode(stream.latents, symbols.residuals);
        } else {
            symbols.z.resize(extent.hyper_latents());
            bottleneck_.decode(stream.hyper_latents, symbols.z);
            const Workspace::Scope scope(context_->scratch());
            conditional_.decode(stream.latents, scale_indices(*context_, symbols.z, extent), symbols.residuals);
        }
        return symbols;
    }
    /// The pixels of symbols, the other half of decode(). Requires as many as an image of that size has.
    [[nodiscard]] Image paint(const ZooSymbols& symbols, int width, int height) {
        const Value x_hat = synthesise(*context_, symbols, Extent::of(width, height));
        if constexpr (Network::kSignedPixels)
            each_in_symbol_order(x_hat.view(), [](std::size_t, float& value) { value = level_of(value); });
        return tensor_to_image(x_hat.constant(), width, height);
    }

private:
    using Context = Inference<float>;
    using Value = Context::Value;
    static constexpr int kBottleneckChannels = kHasHyper ? N : M;
    static constexpr int kUpsampling = kHasHyper ? zoo::IntegerScaleSynthesis::kUpsampling : 1;

    /// Of y, whose places are 16 pixels wide.
    struct Extent {
        int h = 0, w = 0;

        [[nodiscard]] static Extent of(int width, int height) {
            return {round_up(height, kMultiple) / 16, round_up(width, kMultiple) / 16};
        }
        [[nodiscard]] std::size_t latents() const {
            return static_cast<std::size_t>(M) * static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
        }
        [[nodiscard]] std::size_t hyper_latents() const { return kHasHyper ? latents() / M * N / 16 : 0; }
    };

    // On a context whose memory is only counted these compute nothing, and need no symbols.
    [[nodiscard]] std::span<const std::uint8_t> scale_indices(Context& context, std::span<const std::int32_t> z,
                                                              Extent extent) const {
        Workspace& ws = context.scratch();
        const std::span index(ws.take<std::uint8_t>(extent.latents()), extent.latents());
        scale_synthesis_.run(z, extent.h / kUpsampling, extent.w / kUpsampling, index, ws);
        return index;
    }
    [[nodiscard]] Value from_bottleneck(Context& context, std::span<const std::int32_t> symbols, Extent extent) const {
        Value out = context.make({1, kBottleneckChannels, extent.h / kUpsampling, extent.w / kUpsampling});
        const std::size_t each = out.shape().plane();
        context.compute([&] {
            fill_in_symbol_order(out.view(),
                                 [&](std::size_t i) { return static_cast<float>(symbols[i]) + medians_[i / each]; });
        });
        return out;
    }
    [[nodiscard]] Value means(Context& context, std::span<const std::int32_t> z, Extent extent) const {
        Value z_hat = from_bottleneck(context, z, extent);
        if constexpr (kFirstMean == 0)
            return network_.h_mean(context, std::move(z_hat));
        else
            return network_.h_s(context, std::move(z_hat));
    }
    [[nodiscard]] Value synthesise(Context& context, const ZooSymbols& symbols, Extent extent) const {
        if constexpr (!kHasHyper) {
            return network_.g_s(context, from_bottleneck(context, symbols.residuals, extent));
        } else {
            Value y_hat = context.make({1, M, extent.h, extent.w});
            context.compute([&] {
                fill_in_symbol_order(y_hat.view(),
                                     [&](std::size_t i) { return static_cast<float>(symbols.residuals[i]); });
            });
            if constexpr (kHasMeans) {
                const Value mean = means(context, symbols.z, extent);
                context.compute(
                    [&] { each_mean(mean.constant(), y_hat.view(), [](float from, float& value) { value += from; }); });
            }
            return network_.g_s(context, std::move(y_hat));
        }
    }
    void run_decoder(Context& context, Extent extent) const {
        if constexpr (kHasHyper) {
            const Workspace::Scope scope(context.scratch());
            static_cast<void>(scale_indices(context, {}, extent));
        }
        static_cast<void>(synthesise(context, {}, extent));
    }
    void round_bottleneck(TensorView<const float> values, std::span<std::int32_t> symbols) const {
        const std::size_t each = values.shape.plane();
        each_in_symbol_order(
            values, [&](std::size_t i, float value) { symbols[i] = round_to_int(value - medians_[i / each]); });
    }
    /// Calls f(mean, element of y) with what means() gave.
    template <class F>
    static void each_mean(TensorView<const float> means, TensorView<float> y, const F& f) {
        for (int c = 0; c < M; ++c)
            for (int row = 0; row < y.shape.h; ++row)
                for (int x = 0; x < y.shape.w; ++x) f(means.at(0, kFirstMean + c, row, x), y.at(0, c, row, x));
    }
    /// (tanh(value) + 1) / 2: the level that a generator shows whose pixels lie in [−1, 1]; NaN becomes 0.
    /// Exact    The same bits on every machine.
    static float level_of(float value) {
        constexpr double kFarthest = 20, kLog2E = 1.4426950408889634;  // there it has reached 0 and 1
        const double x = value > -kFarthest ? std::min<double>(value, kFarthest) : -kFarthest;
        const double exponent = std::fma(-2 * kLog2E, x, 0.0);  // a product might be fused with the sums that follow
        return static_cast<float>(1 / (1 + canonical_exp2(exponent)));
    }
    /// Nearest integer, ties to even, within what a stream can hold; NaN becomes 0.
    static std::int32_t round_to_int(float value) {
        constexpr auto kLimit = static_cast<float>(kMaxSymbol);
        return std::isnan(value) ? 0 : static_cast<std::int32_t>(std::nearbyint(std::clamp(value, -kLimit, kLimit)));
    }

    Network network_;
    std::vector<float> medians_;
    FactorizedPrior bottleneck_;
    zoo::IntegerScaleSynthesis scale_synthesis_;
    ConditionalPrior conditional_;
    std::uint32_t entropy_id_ = 0;
    std::unique_ptr<Context> context_;
};

}  // namespace gancodec
