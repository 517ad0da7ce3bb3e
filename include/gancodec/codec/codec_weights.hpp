#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gancodec/codec/entropy_ids.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/latents/scale_context.hpp"
#include "gancodec/latents/scale_table.hpp"
#include "gancodec/networks/integer_hyper_scale.hpp"
#include "gancodec/networks/model.hpp"
#include "gancodec/weights/safetensors.hpp"
#include "gancodec/weights/safetensors_writer.hpp"
#include "gancodec/weights/stored_floats.hpp"

namespace gancodec {

/// Name of the architecture in weights files; another shape of networks gets another name.
inline constexpr const char* kArchitecture = "gancodec-2";

/// The prior of the hyper latents as a file holds it: for every channel its smallest symbol, and frequencies
/// [escape, first, first + 1, …] of 65536 in all, channel after channel.
struct PriorTables {
    std::vector<std::int32_t> first, length;
    std::vector<std::uint16_t> frequencies;
};

/// The tables ready for the coder.
/// Errors  Error{corrupt_weights} when they break a bound.
[[nodiscard]] inline CdfTables make_tables(const PriorTables& prior) {
    CdfTables tables;
    std::size_t begin = 0;
    for (std::size_t c = 0; c < prior.first.size(); ++c) {
        const auto length = static_cast<std::size_t>(std::max(0, prior.length[c]));
        if (length > prior.frequencies.size() - begin)
            raise_error(Errc::corrupt_weights, "prior.length: expected lengths that sum to " +
                                                   std::to_string(prior.frequencies.size()) + ", found more");
        tables.add(prior.first[c], std::span(prior.frequencies).subspan(begin, length),
                   "prior table " + std::to_string(c));
        begin += length;
    }
    return tables;
}

/// Everything that a weights file holds: the float networks, and the integers that the entropy coder depends on.
template <class Networks>
struct BasicCodecWeights {
    Networks networks;  ///< its hyper_scale is the trainable shadow and stays empty here
    IntegerHyperScale hyper_scale;
    PriorTables prior;
    ScaleContext scale_context;
    /// What full realism adds to the numbers of the generator, parameter by parameter; empty where there is one generator.
    std::vector<Parameter<float>> realism;
    std::map<std::string, std::string> metadata;
};
using CodecWeights = BasicCodecWeights<Model<float>>;

namespace detail {

inline constexpr std::array<const char*, 3> kScaleLayers = {"hyper_scale.reduce.", "hyper_scale.inner.",
                                                            "hyper_scale.expand."};

/// Where it is kept, if there is one.
inline constexpr const char* kScaleContext = "scale_context.offset";
[[nodiscard]] inline std::vector<int> scale_context_shape() {
    return {ScaleContext::kRatios, ScaleContext::kIndexGroups};
}

/// Whether a file holds two generators.
inline bool has_realism(const SafetensorsFile& file) {
    return std::any_of(file.tensors().begin(), file.tensors().end(),
                       [](const auto& tensor) { return tensor.first.starts_with("realism."); });
}
/// Calls f(name, parameter) for the parameters that are stored as floats: all but the trainable hyper scale network.
template <class Networks, class F>
void each_stored_parameter(Networks& networks, F&& f) {
    networks.each_parameter("", [&](const std::string& name, Parameter<float>& parameter) {
        if (!name.starts_with("hyper_scale.")) f(name, parameter);
    });
}
/// Calls f(name, what realism adds, parameter of the generator); makes the former where there are none yet.
template <class Networks, class F>
void each_realism_parameter(BasicCodecWeights<Networks>& weights, F&& f) {
    std::size_t i = 0;
    const bool is_new = weights.realism.empty();
    weights.networks.generator.each_parameter("realism.", [&](const std::string& name, Parameter<float>& p) {
        if (is_new) weights.realism.emplace_back(p.shape);
        f(name, weights.realism[i++], p);
    });
}
/// base + realism/10 · added
inline void mix_realism(std::span<float> base, std::span<const float> added, int realism) {
    const float factor = static_cast<float>(realism) / kRealismSteps;
    for (std::size_t i = 0; i < base.size(); ++i) base[i] = std::fma(factor, added[i], base[i]);
}
/// Gives the generator of weights in memory that realism; answers its plain numbers, for unmix_realism().
template <class Networks>
std::vector<std::vector<float>> mix_realism(BasicCodecWeights<Networks>& weights, int realism) {
    std::vector<std::vector<float>> plain;
    if (weights.realism.empty()) return plain;
    each_realism_parameter(weights, [&](const std::string&, const Parameter<float>& added, Parameter<float>& p) {
        plain.push_back(p.value);
        mix_realism(p.value, added.value, realism);
    });
    return plain;
}
template <class Networks>
void unmix_realism(BasicCodecWeights<Networks>& weights, const std::vector<std::vector<float>>& plain) {
    if (plain.empty()) return;
    std::size_t i = 0;
    weights.networks.generator.each_parameter("",
                                              [&](const std::string&, Parameter<float>& p) { p.value = plain[i++]; });
}
/// A whole pass, so that compilers look at several numbers at once.
inline bool all_finite(std::span<const float> values) {
    constexpr std::uint32_t kExponent = 0x7F800000u;
    std::uint32_t others = 0;
    for (const float value : values)
        others |= std::uint32_t{(std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent};
    return others == 0;
}
/// Reads a parameter; with a name to add, as the mixture of that realism.
/// Errors  Error{corrupt_weights} for numbers that are not finite.
inline void read_finite(const SafetensorsFile& file, const std::string& name, Parameter<float>& p,
                        const std::string& added_name = {}, int realism = 0) {
    const StoredFloats plain(file, name, p), added(file, realism != 0 ? added_name : name, p);
    std::atomic<bool> finite{true};
    p.value.resize(p.size());
    parallel_spans(p.size(), [&](std::size_t begin, std::size_t end) {
        const auto part = std::span(p.value).subspan(begin, end - begin);
        plain.read(begin, part);
        bool all = all_finite(part);
        if (realism != 0) {
            std::array<float, kParallelSpan> memory;
            const auto more = std::span(memory).first(part.size());
            added.read(begin, more);
            all = all && all_finite(more);
            mix_realism(part, more, realism);
        }
        if (!all) finite = false;
    });
    if (!finite)
        raise_error(Errc::corrupt_weights, file.where() + ": expected finite numbers in " + name +
                                               (realism != 0 ? " and " + added_name : "") + ", found others");
}
inline std::string hex32(std::uint32_t value) {
    char text[9];
    std::snprintf(text, sizeof text, "%08x", value);
    return text;
}

}  // namespace detail

/// Writes weights: floats in `format`, integers as they are. What was sealed in a format must be written in the same one.
template <class Networks>
[[nodiscard]] SafetensorsWriter write_codec_weights(BasicCodecWeights<Networks>& weights,
                                                    WeightFormat format = WeightFormat::f16) {
    SafetensorsWriter writer;
    for (const auto& [key, value] : weights.metadata) writer.metadata(key, value);
    writer.metadata("architecture", kArchitecture);
    writer.metadata("entropy_id", detail::hex32(EntropyIds::of(weights).with_context));
    detail::each_stored_parameter(
        weights.networks, [&](const std::string& name, Parameter<float>& p) { add_stored(writer, name, p, format); });
    if (!weights.realism.empty())
        detail::each_realism_parameter(weights, [&](const std::string& name, Parameter<float>& added, auto&) {
            add_stored(writer, name, added, format);
        });
    const auto integers = [&](const std::string& name, const std::vector<int>& shape, const auto& values, Dtype dtype) {
        writer.add_int(name, shape, std::vector<std::int32_t>(values.begin(), values.end()), dtype);
    };
    for (std::size_t i = 0; i < detail::kScaleLayers.size(); ++i) {
        const IntConv2dParameters& p = weights.hyper_scale.layer(i);
        const std::string prefix = detail::kScaleLayers[i];
        integers(prefix + "weight", {p.out_channels, p.in_channels, p.kernel, p.kernel}, p.weight, Dtype::i8);
        integers(prefix + "bias", {p.out_channels}, p.bias, Dtype::i32);
        integers(prefix + "multiplier", {p.out_channels}, p.multiplier, Dtype::i32);
        integers(prefix + "shift", {p.out_channels}, p.shift, Dtype::u8);
    }
    const int channels = weights.hyper_scale.latent_channels();
    const auto offsets = weights.hyper_scale.level_offsets();
    integers("hyper_scale.level_offset", {static_cast<int>(offsets.size()) / channels, channels}, offsets, Dtype::i16);
    const auto count = [](const auto& values) { return std::vector<int>{static_cast<int>(values.size())}; };
    integers("prior.first", count(weights.prior.first), weights.prior.first, Dtype::i32);
    integers("prior.length", count(weights.prior.length), weights.prior.length, Dtype::i32);
    integers("prior.frequencies", count(weights.prior.frequencies), weights.prior.frequencies, Dtype::u16);
    if (!weights.scale_context.empty())
        integers(detail::kScaleContext, detail::scale_context_shape(), weights.scale_context.offsets(), Dtype::i8);
    return writer;
}

namespace detail {

/// Errors  Error{wrong_weights} unless the file holds the tensors of these networks, in any format: it lists every one that
///         is missing, unexpected or of another shape.
template <class Networks>
void require_codec_tensors(const SafetensorsFile& file, Networks& networks) {
    const auto found = file.metadata().find("architecture");
    const std::string architecture = found == file.metadata().end() ? "none" : found->second;
    if (architecture != kArchitecture)
        raise_error(Errc::wrong_weights, file.where() + ": expected weights of architecture " + kArchitecture +
                                             ", found " + printable(architecture));
    std::vector<TensorRequest> requests;
    each_stored_parameter(
        networks, [&](const std::string& name, Parameter<float>& p) { request_stored(file, name, p, requests); });
    networks.hyper_scale.each_parameter("hyper_scale.", [&](const std::string& name, Parameter<float>& p) {
        requests.push_back({name, p.shape});
        if (!name.ends_with("bias")) return;
        const std::string prefix = name.substr(0, name.size() - 4);
        requests.push_back({prefix + "multiplier", p.shape});
        requests.push_back({prefix + "shift", p.shape});
    });
    if (has_realism(file))
        networks.generator.each_parameter(
            "realism.", [&](const std::string& name, Parameter<float>& p) { request_stored(file, name, p, requests); });
    for (const char* name : {"prior.first", "prior.length"}) requests.push_back({name, {kHyperChannels}});
    const TensorEntry* frequencies = file.find("prior.frequencies");
    if (file.find(kScaleContext) != nullptr) requests.push_back({kScaleContext, scale_context_shape()});
    requests.push_back({"prior.frequencies", frequencies && frequencies->shape.size() == 1
                                                 ? frequencies->shape
                                                 : std::vector<int>{kHyperChannels}});
    require_tensors(file, requests);
}

/// Reads a parameter by its name; those of the generator as the mixture of that realism.
/// Errors  Error{corrupt_weights} for numbers that are not finite.
class StoredParameters {
public:
    StoredParameters(const SafetensorsFile& file, int realism)
        : file_(file), realism_(has_realism(file) ? realism : 0) {}

    void operator()(const std::string& name, Parameter<float>& p) const {
        const std::string generator = "generator.";
        if (realism_ != 0 && name.starts_with(generator))
            read_finite(file_, name, p, "realism." + name.substr(generator.size()), realism_);
        else
            read_finite(file_, name, p);
    }

private:
    const SafetensorsFile& file_;
    int realism_;
};

/// The part of a file that is integers.
/// Errors  Error{corrupt_weights} for numbers that break a bound.
template <class Networks>
void read_codec_integers(const SafetensorsFile& file, BasicCodecWeights<Networks>& weights) {
    std::array<IntConv2dParameters, 3> layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const std::string prefix = kScaleLayers[i];
        IntConv2dParameters& p = layers[i];
        const auto& shape = file.find(prefix + "weight")->shape;
        p.out_channels = shape[0];
        p.in_channels = shape[1];
        p.kernel = shape[2];
        const auto assign = [&](auto& values, const char* name) {
            const auto read = file.read_int(prefix + name);
            values.resize(read.size());
            std::transform(read.begin(), read.end(), values.begin(), [](std::int32_t v) {
                return static_cast<typename std::decay_t<decltype(values)>::value_type>(v);
            });
        };
        assign(p.weight, "weight");
        assign(p.bias, "bias");
        assign(p.multiplier, "multiplier");
        assign(p.shift, "shift");
        p.low = i + 1 < layers.size() ? 0 : -kIntConvMaxActivation;
    }
    weights.hyper_scale = IntegerHyperScale(std::move(layers[0]), std::move(layers[1]), std::move(layers[2]),
                                            file.read_int("hyper_scale.level_offset"));
    weights.prior.first = file.read_int("prior.first");
    weights.prior.length = file.read_int("prior.length");
    for (const std::int32_t f : file.read_int("prior.frequencies"))
        weights.prior.frequencies.push_back(static_cast<std::uint16_t>(f));
    if (file.find(kScaleContext) != nullptr) weights.scale_context = ScaleContext(file.read_int(kScaleContext));
    weights.metadata = file.metadata();
}

}  // namespace detail

/// Reads weights of this architecture: all that the file holds, or what a codec runs at a realism; then the generator is
/// that mixture.
/// Errors  Error{wrong_weights} that lists every tensor that is missing, unexpected or of another shape;
///         Error{corrupt_weights} for numbers that break a bound.
template <class Networks = Model<float>>
[[nodiscard]] BasicCodecWeights<Networks> read_codec_weights(const SafetensorsFile& file,
                                                             const std::optional<double>& realism = {}) {
    BasicCodecWeights<Networks> weights;
    detail::require_codec_tensors(file, weights.networks);
    detail::read_codec_integers(file, weights);
    detail::each_stored_parameter(weights.networks,
                                  detail::StoredParameters(file, realism ? realism_step(*realism) : 0));
    if (detail::has_realism(file) && !realism)
        detail::each_realism_parameter(weights, [&](const std::string& name, Parameter<float>& added, auto&) {
            detail::read_finite(file, name, added);
        });
    return weights;
}

}  // namespace gancodec
