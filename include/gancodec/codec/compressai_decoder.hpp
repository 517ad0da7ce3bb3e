#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gancodec/bitstream/compressai_format.hpp"
#include "gancodec/codec/compressai_ties.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/symbol_order.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/compressai_rans.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/image/pad.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/weights/parameters.hpp"
#include "gancodec/weights/safetensors.hpp"

namespace gancodec {

/// The integers of a CompressAI stream, y in the order [c][16ths of the height][of the width], z, where the model has it,
/// in [c][h][w]; and the table of each y, which z decides, but for the ties.
struct CompressAiSymbols {
    std::vector<std::int32_t> y, z;
    std::vector<std::uint16_t> index;
    std::vector<ScaleTie> ties;
};

/// Decodes what CompressAI's model.compress() wrote, with weights that tools/convert_weights.py made.
///   CompressAiDecoder<zoo::ScaleHyperprior<128, 192>> decoder(SafetensorsFile::load("hyperprior.safetensors"));
///   Image image = decoder.decode(read_compressai_stream(bytes));
/// Network is zoo::FactorizedPrior, zoo::ScaleHyperprior or zoo::MeanScaleHyperprior; only its synthesis is held.
///
/// Read first: the tables of y are chosen by floats, h_s(ẑ), as these models have it. Where a scale lies within rounding of
/// a threshold, the encoder may have chosen the next table. The state of the coder at the end shows it; the other choices
/// of such scales are then tried, and the stream is refused if none ends well. How often: README.md, "Other people's models".
template <class Network>
class CompressAiDecoder {
    struct Nothing {};
    static auto hyper_synthesis() {
        if constexpr (requires { &Network::h_s; })
            return std::type_identity<decltype(Network::h_s)>();
        else
            return std::type_identity<Nothing>();
    }
    using HyperSynthesis = typename decltype(hyper_synthesis())::type;
    static constexpr int N = Network::kN, M = Network::kM;

public:
    static constexpr bool kHasHyper = !std::is_same_v<HyperSynthesis, Nothing>;
    /// Whether h_s gives means beside the scales.
    static constexpr bool kHasMeans = [] {
        if constexpr (kHasHyper) return HyperSynthesis::out_channels(N) == 2 * M;
        return false;
    }();

    /// Errors   Error{wrong_weights, corrupt_weights}.
    explicit CompressAiDecoder(const SafetensorsFile& file) : context_(std::make_unique<Inference<float>>()) {
        const auto name = file.metadata().find("architecture");
        if (name != file.metadata().end()) architecture_ = name->second;
        std::vector<TensorRequest> requests;
        each_part([&](const char* prefix, auto& part) { append_requests(part, prefix, requests); });
        require_tensors(file, requests, ExtraTensors::allow);
        each_part([&](const char* prefix, auto& part) {
            read_parameters(file, part, prefix);
            part.prepare(false);
        });
        constexpr std::size_t kChannels = kHasHyper ? N : M;
        bottleneck_ = read_tables(file, "entropy_bottleneck.");
        medians_ = file.read_float("entropy_bottleneck.medians");
        require_count(file, "tables of entropy_bottleneck", kChannels, bottleneck_.size());
        require_count(file, "entropy_bottleneck.medians", kChannels, medians_.size());
        if constexpr (kHasHyper) {
            conditional_ = read_tables(file, "gaussian_conditional.");
            const std::string name_of_scales = "gaussian_conditional.scale_table";
            scales_ = CompressAiScales(file.read_float(name_of_scales), file.where() + ": " + name_of_scales);
            require_count(file, "scales", conditional_.size(), scales_.size());
        }
    }

    /// Errors   Error{corrupt_stream, limit, wrong_weights}.
    [[nodiscard]] Image decode(const CompressAiStream& stream, const DecodeOptions& options = {}) {
        return paint(decode_symbols(stream, options), stream);
    }
    /// Errors   as decode().
    [[nodiscard]] CompressAiSymbols decode_symbols(const CompressAiStream& stream, const DecodeOptions& options = {}) {
        CompressAiSymbols symbols = decode_indices(stream, options);
        symbols.y.resize(latents(stream));
        if constexpr (kHasHyper) {
            decode_with_ties(stream.strings[0], symbols.y, conditional_, symbols.index, symbols.ties);
        } else {
            decode_bottleneck(stream.strings[0], symbols.y);
        }
        return symbols;
    }
    /// All that is decoded before y: z and the tables of y.
    /// Errors   as decode().
    [[nodiscard]] CompressAiSymbols decode_indices(const CompressAiStream& stream, const DecodeOptions& options = {}) {
        check(stream, options);
        CompressAiSymbols symbols;
        if constexpr (kHasHyper) {
            symbols.z.resize(plane(stream) * N);
            decode_bottleneck(stream.strings[1], symbols.z);
            symbols.index.resize(latents(stream));
            const Value parameters = hyper_synthesis(*context_, symbols.z, stream);
            each_in_symbol_order(parameters.constant(), [&](std::size_t i, float scale) {
                if (i >= symbols.index.size()) return;  // a mean
                symbols.index[i] = scales_.index(scale);
                scales_.add_tie(i, scale, symbols.ties);
            });
        }
        return symbols;
    }
    /// The scales of y, or nothing where the model has none, in the order of its symbols: for comparisons.
    /// Requires the symbols are those of the stream.
    [[nodiscard]] std::vector<float> scales(const CompressAiSymbols& symbols, const CompressAiStream& stream) {
        std::vector<float> found(symbols.index.size());
        if constexpr (kHasHyper)
            each_in_symbol_order(hyper_synthesis(*context_, symbols.z, stream).constant(),
                                 [&](std::size_t i, float scale) {
                                     if (i < found.size()) found[i] = scale;
                                 });
        return found;
    }
    /// The pixels of symbols, the other half of decode(). Requires the symbols are those of the stream.
    [[nodiscard]] Image paint(const CompressAiSymbols& symbols, const CompressAiStream& stream) {
        const Value x_hat = synthesise(*context_, symbols, stream);
        const int width = stream.left + stream.width, height = stream.top + stream.height;
        Image image = tensor_to_image(x_hat.constant(), width, height);
        if (stream.left == 0 && stream.top == 0) return image;
        return crop(image, stream.left, stream.top, stream.width, stream.height);
    }

private:
    using Context = Inference<float>;
    using Value = Context::Value;
    static constexpr int kUpsampling = kHasHyper ? 4 : 1;  ///< from the last latents to y

    template <class F>
    void each_part(F&& f) {
        f("g_s.", g_s_);
        if constexpr (kHasHyper) f("h_s.", h_s_);
    }
    static CompressAiTables read_tables(const SafetensorsFile& file, const std::string& prefix) {
        if (file.find(prefix + "_quantized_cdf") == nullptr)
            raise_error(Errc::wrong_weights,
                        file.where() + ": expected the tables of " + prefix.substr(0, prefix.size() - 1) +
                            ", found none: a model makes them in update(), before it is saved and converted");
        return CompressAiTables(file.read_int(prefix + "_quantized_cdf"), file.read_int(prefix + "_cdf_length"),
                                file.read_int(prefix + "_offset"), file.where() + ": " + prefix + "_quantized_cdf");
    }
    static void require_count(const SafetensorsFile& file, const char* what, std::size_t expected, std::size_t found) {
        if (found != expected)
            raise_error(Errc::corrupt_weights, file.where() + ": expected " + std::to_string(expected) + " " + what +
                                                   ", found " + std::to_string(found));
    }
    static std::size_t plane(const CompressAiStream& stream) {
        return static_cast<std::size_t>(stream.h) * static_cast<std::size_t>(stream.w);
    }
    static std::size_t latents(const CompressAiStream& stream) { return plane(stream) * kUpsampling * kUpsampling * M; }

    void check(const CompressAiStream& stream, const DecodeOptions& options) {
        const auto text = [](const std::string& name, int n, int m) {
            return printable(name) + " with N " + std::to_string(n) + " and M " + std::to_string(m);
        };
        if (stream.model != architecture_ || stream.N != N || stream.M != M)
            raise_error(Errc::wrong_weights, "CompressAI file: expected weights of " +
                                                 text(stream.model, stream.N, stream.M) + ", found " +
                                                 text(architecture_, N, M));
        if (stream.strings.size() != (kHasHyper ? 2 : 1))
            raise_error(Errc::corrupt_stream, "CompressAI file: expected " + std::string(kHasHyper ? "2" : "1") +
                                                  " strings, found " + std::to_string(stream.strings.size()));
        const auto run = [&](Context& context) {
            if constexpr (kHasHyper) static_cast<void>(hyper_synthesis(context, {}, stream));
            static_cast<void>(synthesise(context, {}, stream));
        };
        const std::size_t symbol_bytes = latents(stream) * (sizeof(std::int32_t) + sizeof(std::uint16_t));
        require_memory(Context::plan(run).template bytes<float>() + symbol_bytes, options.limits, "CompressAI file");
        context_->reserve_for(run);
    }
    void decode_bottleneck(ByteView string, std::span<std::int32_t> symbols) const {
        const std::size_t each = symbols.size() / bottleneck_.size();
        CompressAiRansDecoder::decode(string, symbols, bottleneck_, [&](std::size_t i) { return i / each; });
    }

    // On a context whose memory is only counted these compute nothing, and need no symbols.
    [[nodiscard]] Value from_bottleneck(Context& context, std::span<const std::int32_t> symbols,
                                        const CompressAiStream& stream) const {
        const std::size_t each = plane(stream);
        Value out = context.make({1, static_cast<int>(medians_.size()), stream.h, stream.w});
        context.compute([&] {
            fill_in_symbol_order(out.view(),
                                 [&](std::size_t i) { return static_cast<float>(symbols[i]) + medians_[i / each]; });
        });
        return out;
    }
    [[nodiscard]] Value hyper_synthesis(Context& context, std::span<const std::int32_t> z,
                                        const CompressAiStream& stream) const {
        return h_s_(context, from_bottleneck(context, z, stream));
    }
    [[nodiscard]] Value synthesise(Context& context, const CompressAiSymbols& symbols,
                                   const CompressAiStream& stream) const {
        if constexpr (!kHasHyper) {
            return g_s_(context, from_bottleneck(context, symbols.y, stream));
        } else {
            Value y_hat = context.make({1, M, stream.h * kUpsampling, stream.w * kUpsampling});
            context.compute([&] {
                fill_in_symbol_order(y_hat.view(), [&](std::size_t i) { return static_cast<float>(symbols.y[i]); });
            });
            if constexpr (kHasMeans) {
                const Value parameters = hyper_synthesis(context, symbols.z, stream);
                context.compute([&] { add_means(parameters.constant(), y_hat.view()); });
            }
            return g_s_(context, std::move(y_hat));
        }
    }
    /// The means lie behind the scales of all channels.
    static void add_means(TensorView<const float> parameters, TensorView<float> y_hat) {
        for (int c = 0; c < M; ++c)
            for (int y = 0; y < y_hat.shape.h; ++y)
                for (int x = 0; x < y_hat.shape.w; ++x) y_hat.at(0, c, y, x) += parameters.at(0, M + c, y, x);
    }

    std::string architecture_ = "an unnamed architecture";
    decltype(Network::g_s) g_s_;
    HyperSynthesis h_s_;
    CompressAiTables bottleneck_, conditional_;
    std::vector<float> medians_;
    CompressAiScales scales_;
    std::unique_ptr<Context> context_;
};

}  // namespace gancodec
