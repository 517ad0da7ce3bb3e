#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gancodec/codec/transform.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/latents/scale_context.hpp"
#include "gancodec/latents/scale_table.hpp"

namespace gancodec {

/// Finds the offsets of a ScaleContext: of each bucket and group of indices, the one with which what was seen there costs the
/// fewest bits. Exact, since only sums over magnitudes matter.
class ScaleContextFit {
public:
    ScaleContextFit() : seen_(std::size_t{ScaleContext::kRatios} * kScales * kMagnitudes) {}

    /// Shapes  symbols, index [c][h][w]
    void add(std::span<const std::int32_t> symbols, std::span<const std::uint8_t> index, int channels, int w) {
        Workspace ws;
        ScaleContextWalk walk(channels, w, ws);
        const auto count = static_cast<std::size_t>(channels), places = symbols.size() / count;
        std::vector<std::int32_t> r(count);
        std::vector<std::uint8_t> promised(count);
        for (std::size_t p = 0; p < places; ++p) {
            for (std::size_t c = 0; c < count; ++c) {
                r[c] = symbols[c * places + p];
                promised[c] = index[c * places + p];
            }
            walk.each_bucket([&](std::size_t c, int bucket) {
                const auto magnitude = static_cast<std::size_t>(std::min(std::abs(r[c]), kMagnitudes - 1));
                ++seen_[at(bucket, promised[c]) + magnitude];
            });
            walk.pass(r.data(), promised.data());
        }
    }
    /// The same of an image at a quality step.
    template <class Networks>
    void add(const BasicCodecWeights<Networks>& weights, const Image& image, int step, Inference<float>& context) {
        const BasicTransform<Networks> transform(weights);
        const HyperExtent extent = HyperExtent::of(image.width, image.height);
        const auto y = transform.analyse(context, &image, extent);
        const Workspace::Scope scope(context.scratch());
        Symbols symbols;
        const auto index = transform.quantise(context, y, step, symbols);
        add(symbols.residuals, index, kLatentChannels, extent.w * IntegerHyperScale::kUpsampling);
    }

    [[nodiscard]] ScaleContext fit() const {
        constexpr int kMost = 24;
        std::vector<std::int32_t> offsets;
        for (int bucket = 0; bucket < ScaleContext::kRatios; ++bucket)
            for (int group = 0; group < ScaleContext::kIndexGroups; ++group) {
                int best = 0;
                for (int offset = -kMost; offset <= kMost; ++offset)
                    if (bits(bucket, group, offset) < bits(bucket, group, best)) best = offset;
                offsets.push_back(best);
            }
        return ScaleContext(offsets);
    }
    /// Of all that was seen.
    [[nodiscard]] double bits(const ScaleContext& context) const {
        double sum = 0;
        for (int bucket = 0; bucket < ScaleContext::kRatios; ++bucket)
            for (int index = 0; index < kScales; ++index)
                sum += bits_at(bucket, index, context.empty() ? index : context.moved(bucket, index));
        return sum;
    }

private:
    static constexpr int kMagnitudes = 64;

    [[nodiscard]] static std::size_t at(int bucket, int index) {
        return (static_cast<std::size_t>(bucket) * kScales + static_cast<std::size_t>(index)) * kMagnitudes;
    }
    [[nodiscard]] double bits(int bucket, int group, int offset) const {
        double sum = 0;
        for (int index = group * ScaleContext::kIndexStep; index < (group + 1) * ScaleContext::kIndexStep; ++index)
            sum += bits_at(bucket, index, std::clamp(index + offset, 0, kScales - 1));
        return sum;
    }
    /// What the symbols promised `index` cost with `table`.
    [[nodiscard]] double bits_at(int bucket, int index, int table) const {
        const auto& costs = cost_[static_cast<std::size_t>(table)];
        double sum = 0;
        for (std::size_t m = 0; m < costs.size(); ++m)
            sum += static_cast<double>(seen_[at(bucket, index) + m]) * costs[m];
        return sum;
    }
    using Costs = std::array<std::array<double, kMagnitudes>, kScales>;
    /// Bits of a magnitude with its sign; beyond a table the escape and twice the length of what is beyond.
    [[nodiscard]] static Costs costs() {
        Costs all{};
        const auto [half, begin] = scale_tables();
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::size_t largest = begin[i + 1] - begin[i] - std::size_t{2};
            for (std::size_t m = 0; m < all[i].size(); ++m) {
                const bool escapes = m > largest;
                const double slot = half[begin[i] + (escapes ? 0 : m + 1)];
                all[i][m] =
                    16 - std::log2(slot) + (escapes ? 1 + 2 * std::log2(static_cast<double>(m - largest) + 1) : 0);
            }
        }
        return all;
    }

    std::vector<std::int64_t> seen_;  ///< [bucket][index][magnitude]
    Costs cost_ = costs();
};

}  // namespace gancodec
