#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/check.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/latents/scale_table.hpp"

namespace gancodec {

/// Moves the scale index of a latent up or down where its neighbours turned out larger or smaller than their own indices
/// promised. The hyper latents tell a region's texture; this tells its edges, for which they are too coarse.
///   n = Σ w·min(|r|, 4),  d = Σ w·E min(|r|, 4)   over what was coded before of the same channel:
///           1                 the weights w; X is the latent, latents are coded by rows, columns, channels;
///        1  2  1              beyond the block there are zeros that were expected
///     1  2  X
///   index' = index + offset[bucket of (n + k)/(d + k)][index/4],  clamped to the tables
/// Exact    Integers alone: every machine moves alike.
class ScaleContext {
public:
    static constexpr int kRatios = 20, kIndexStep = 4, kIndexGroups = kScales / kIndexStep;

    /// Moves nothing.
    ScaleContext() = default;
    /// Offsets [ratio][index/4].
    /// Errors  Error{corrupt_weights} for another number of them, or one beyond ±63.
    explicit ScaleContext(std::span<const std::int32_t> offsets) {
        if (offsets.size() != std::size_t{kRatios} * kIndexGroups)
            raise_error(Errc::corrupt_weights, "scale context: expected " + std::to_string(kRatios * kIndexGroups) +
                                                   " offsets, found " + std::to_string(offsets.size()));
        for (const std::int32_t offset : offsets) {
            if (offset <= -kScales || offset >= kScales)
                raise_error(Errc::corrupt_weights, "scale context: expected offsets of at most " +
                                                       std::to_string(kScales - 1) + " in magnitude, found " +
                                                       std::to_string(offset));
            offsets_.push_back(static_cast<std::int8_t>(offset));
        }
    }

    [[nodiscard]] bool empty() const { return offsets_.empty(); }
    [[nodiscard]] std::span<const std::int8_t> offsets() const { return offsets_; }

    /// Of a table, E min(|r|, 4) in 1/1024.
    [[nodiscard]] static std::uint16_t expected(int index) { return kExpected[static_cast<std::size_t>(index)]; }
    /// Of a symbol, min(|r|, 4).
    [[nodiscard]] static std::uint16_t magnitude(std::int32_t symbol) {
        return static_cast<std::uint16_t>(std::min(symbol < 0 ? -std::int64_t{symbol} : symbol, kLargest));
    }
    /// So many at once, for compilers that have registers.
    static constexpr std::size_t kGroup = 16;
    using Group = std::array<int, kGroup>;
    /// Which of the ratios (n + k)/(d + k) are: n in whole numbers, d in 1/1024.
    [[nodiscard]] static Group buckets(Group n, Group d) {
        Group count{};
        for (int& over : n) over = (over * kUnit + kBoth) * kThresholdUnit;
        for (int& under : d) under += kBoth;
        for (const int threshold : kThresholds)
            for (std::size_t i = 0; i < kGroup; ++i) count[i] += static_cast<int>(n[i] > threshold * d[i]);
        return count;
    }
    /// Requires it is not empty().
    [[nodiscard]] std::uint8_t moved(int bucket, int index) const {
        const int offset = offsets_[static_cast<std::size_t>(bucket * kIndexGroups + index / kIndexStep)];
        return static_cast<std::uint8_t>(std::clamp(index + offset, 0, kScales - 1));
    }

private:
    static constexpr std::int64_t kLargest = 4;
    static constexpr int kUnit = 1024, kBoth = 273;  ///< k, which keeps ratios of small numbers near 1
    static constexpr int kThresholdUnit = 256;
    /// round(256·e^x) for x from −1.6 in steps of 0.2.
    static constexpr std::array<int, kRatios - 1> kThresholds = {52,  63,  77,  94,  115, 141,  172,  210,  256, 313,
                                                                 382, 466, 570, 696, 850, 1038, 1268, 1549, 1892};
    static constexpr std::array<std::uint16_t, kScales> kExpected = [] {
        std::array<std::uint16_t, kScales> all{};
        const auto [half, begin] = scale_tables();
        for (std::size_t i = 0; i < all.size(); ++i) {
            std::uint64_t sum = kLargest * half[begin[i]];  // what escapes
            for (std::size_t j = begin[i] + std::size_t{2}; j < begin[i + 1]; ++j)
                sum += 2 * std::min<std::uint64_t>(j - begin[i] - 1, kLargest) * half[j];
            all[i] = static_cast<std::uint16_t>((sum * kUnit + 32768) / 65536);
        }
        return all;
    }();

    std::vector<std::int8_t> offsets_;
};

/// Goes through a block of latents by rows and columns, and keeps what the context of the next place needs: magnitudes and
/// expectations of three rows, all channels of a place together.
class ScaleContextWalk {
public:
    /// Takes scratch, which the caller scopes.
    ScaleContextWalk(int channels, int w, Workspace& ws)
        : channels_(static_cast<std::size_t>(channels)),
          width_(static_cast<std::size_t>(w)),
          pitch_((channels_ + kGroup - 1) / kGroup * kGroup),
          row_((width_ + kLeft + kRight) * pitch_),
          seen_(ws.take<std::uint16_t>(2 * kRows * row_)) {
        if (!ws.counts_only()) std::fill_n(seen_, 2 * kRows * row_, std::uint16_t{0});
    }

    /// Calls f(channel, bucket) for the channels of the next place.
    template <class F>
    void each_bucket(F&& f) const {
        std::array<const std::uint16_t*, 6> at{};
        const std::size_t here = (x_ + kLeft) * pitch_;
        const std::uint16_t *up2 = row(y_ + 1), *up = row(y_ + 2), *now = row(y_);
        at = {now + here - pitch_,     up + here, up + here - pitch_, up + here + pitch_,
              now + here - 2 * pitch_, up2 + here};
        for (std::size_t c = 0; c < channels_; c += kGroup) {
            ScaleContext::Group n, d;
            for (std::size_t i = 0; i < kGroup; ++i) {
                const auto sum = [&](std::size_t part) {
                    const std::size_t k = part * kRows * row_ + c + i;
                    return 2 * (at[0][k] + at[1][k]) + at[2][k] + at[3][k] + at[4][k] + at[5][k];
                };
                n[i] = sum(0);
                d[i] = sum(1);
            }
            const ScaleContext::Group buckets = ScaleContext::buckets(n, d);
            for (std::size_t i = 0; i < std::min(kGroup, channels_ - c); ++i) f(c + i, buckets[i]);
        }
    }
    /// Takes the symbols of that place, and the indices that were promised, and goes on.
    void pass(const std::int32_t* symbols, const std::uint8_t* index) {
        std::uint16_t* magnitudes = row(y_) + (x_ + kLeft) * pitch_;
        std::uint16_t* expectations = magnitudes + kRows * row_;
        for (std::size_t c = 0; c < channels_; ++c) {
            magnitudes[c] = ScaleContext::magnitude(symbols[c]);
            expectations[c] = ScaleContext::expected(index[c]);
        }
        if (++x_ < width_) return;
        x_ = 0;
        ++y_;
    }

private:
    static constexpr std::size_t kRows = 3, kLeft = 2, kRight = 1;
    static constexpr std::size_t kGroup = ScaleContext::kGroup;

    [[nodiscard]] std::uint16_t* row(std::size_t y) const { return seen_ + y % kRows * row_; }

    std::size_t channels_, width_, pitch_, row_;  ///< pitch: of the channels of a place
    std::uint16_t* seen_;                         ///< [magnitude, expectation][y mod 3][x][channel]
    std::size_t x_ = 0, y_ = 0;
};

}  // namespace gancodec
