#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "gancodec/entropy/table_hash.hpp"
#include "gancodec/latents/scale_table.hpp"
#include "gancodec/networks/integer_hyper_scale.hpp"

namespace gancodec {

/// The ids that streams carry: hashes of every integer that selects or holds a probability. Weights with a scale context also
/// decode the streams of the same weights before they had one. Otherwise both are the same.
struct EntropyIds {
    std::uint32_t with_context = 0, without = 0;

    /// Of a BasicCodecWeights.
    template <class Weights>
    [[nodiscard]] static EntropyIds of(const Weights& weights) {
        TableHash hash;
        const auto all = [&](const auto& values) {
            using Integer = typename std::decay_t<decltype(values)>::value_type;
            hash.update(std::span<const Integer>(values));
        };
        for (std::size_t i = 0; i < IntegerHyperScale::kLayers; ++i) {
            const IntConv2dParameters& p = weights.hyper_scale.layer(i);
            all(std::array<int, 5>{p.in_channels, p.out_channels, p.kernel, p.low, p.high});
            all(p.weight);
            all(p.bias);
            all(p.multiplier);
            all(p.shift);
        }
        hash.update(weights.hyper_scale.level_offsets());
        all(weights.prior.first);
        all(weights.prior.length);
        all(weights.prior.frequencies);
        hash.update(scale_tables().half);
        hash.update(scale_tables().begin);
        EntropyIds ids{hash.value(), hash.value()};
        if (!weights.scale_context.empty()) {
            hash.update(weights.scale_context.offsets());
            ids.with_context = hash.value();
        }
        return ids;
    }
};

}  // namespace gancodec
