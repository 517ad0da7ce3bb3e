#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/latents/scale_table_data.hpp"
#include "gancodec/networks/zoo/integer_scale_synthesis.hpp"
#include "gancodec/weights/safetensors.hpp"

// What tools/convert_weights.py adds to the tensors of other people's models, for our own stream.

namespace gancodec::detail {

inline constexpr std::array<const char*, 3> kScaleSynthesisLayers = {"scale_synthesis.0.", "scale_synthesis.2.",
                                                                     "scale_synthesis.4."};

/// Adds the tensors of the integer form of a float h_s, whose first two layers are transposed and double the picture, and
/// whose first `latent_channels` outputs are the scales.
template <class HyperSynthesis>
void request_scale_synthesis(HyperSynthesis& h_s, int latent_channels, std::vector<TensorRequest>& requests) {
    std::vector<std::vector<int>> shapes;
    h_s.each_parameter("", [&](const std::string&, const auto& p) {
        if (p.shape.size() == 4) shapes.push_back(p.shape);
    });
    const std::array<int, 3> in = {shapes[0][0], shapes[1][0], shapes[1][1]};
    const std::array<int, 3> out = {4 * shapes[0][1], 4 * shapes[1][1], latent_channels};
    for (std::size_t i = 0; i < in.size(); ++i) {
        const std::string prefix = kScaleSynthesisLayers[i];
        requests.push_back({prefix + "weight", {out[i], in[i], 3, 3}});
        for (const char* name : {"bias", "multiplier", "shift"}) requests.push_back({prefix + name, {out[i]}});
    }
    requests.push_back({"scale_synthesis.unit", {1}});
    requests.push_back({"scale_synthesis.offset", {in[0]}});
    requests.push_back({"scale_synthesis.thresholds", {kScaleTables - 1}});
}

/// Requires request_scale_synthesis() passed.
/// Errors  Error{corrupt_weights}.
[[nodiscard]] inline zoo::IntegerScaleSynthesis read_scale_synthesis(const SafetensorsFile& file) {
    std::array<IntConv2dParameters, 3> layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const std::string prefix = kScaleSynthesisLayers[i];
        IntConv2dParameters& p = layers[i];
        const std::vector<int>& shape = file.find(prefix + "weight")->shape;
        p.out_channels = shape[0];
        p.in_channels = shape[1];
        p.kernel = shape[2];
        const auto weight = file.read_int(prefix + "weight"), shift = file.read_int(prefix + "shift");
        std::transform(weight.begin(), weight.end(), std::back_inserter(p.weight),
                       [](std::int32_t v) { return static_cast<std::int8_t>(v); });
        std::transform(shift.begin(), shift.end(), std::back_inserter(p.shift),
                       [](std::int32_t v) { return static_cast<std::uint8_t>(v); });
        p.bias = file.read_int(prefix + "bias");
        p.multiplier = file.read_int(prefix + "multiplier");
    }
    return zoo::IntegerScaleSynthesis(file.read_int("scale_synthesis.unit")[0], file.read_int("scale_synthesis.offset"),
                                      std::move(layers[0]), std::move(layers[1]), std::move(layers[2]),
                                      file.read_int("scale_synthesis.thresholds"));
}

/// CompressAI's tables of sums, whose last slot is the escape, as frequencies [escape, first, first + 1, …].
/// Errors  Error{wrong_weights} where there are none, Error{corrupt_weights}.
[[nodiscard]] inline CdfTables read_bottleneck_tables(const SafetensorsFile& file) {
    const std::string name = "entropy_bottleneck._quantized_cdf";
    const TensorEntry* entry = file.find(name);
    if (entry == nullptr)
        raise_error(Errc::wrong_weights, file.where() + ": expected " + name +
                                             ", found none: a model makes it in update(), before it is converted");
    const auto sums = file.read_int(name);
    const auto lengths = file.read_int("entropy_bottleneck._cdf_length");
    const auto offsets = file.read_int("entropy_bottleneck._offset");
    const auto refuse = [&](const std::string& expected) {
        raise_error(Errc::corrupt_weights, file.where() + ": " + name + ": expected " + expected + ", found others");
    };
    if (entry->shape.size() != 2 || static_cast<std::size_t>(entry->shape[0]) != lengths.size())
        refuse("as many rows as lengths");
    const auto width = static_cast<std::size_t>(entry->shape[1]);
    CdfTables tables;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        if (lengths[i] < 3 || static_cast<std::size_t>(lengths[i]) > width)
            refuse("lengths of 3 to " + std::to_string(width));
        const auto row = std::span(sums).subspan(i * width, static_cast<std::size_t>(lengths[i]));
        std::vector<std::uint16_t> frequencies;
        for (std::size_t k = 1; k < row.size(); ++k) {
            if (row[k - 1] < 0 || row[k] <= row[k - 1] || row[k] > static_cast<std::int32_t>(kProbabilityTotal))
                refuse("sums that rise from 0 to 65536");
            frequencies.push_back(static_cast<std::uint16_t>(row[k] - row[k - 1]));
        }
        std::rotate(frequencies.begin(), frequencies.end() - 1, frequencies.end());
        tables.add(offsets[i], frequencies, file.where() + ": " + name + " " + std::to_string(i));
    }
    return tables;
}

}  // namespace gancodec::detail
