#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/compressai_rans.hpp"

namespace gancodec {

/// A scale so near a threshold that the encoder may have taken the table `other` for symbol `at`.
struct ScaleTie {
    std::size_t at = 0;
    std::uint16_t other = 0;
    float distance = 0;  ///< from the threshold, as a share of it
};

/// The thresholds that choose a table of CompressAI's Gaussian model.
class CompressAiScales {
public:
    /// Scales of two machines that differ by more are not the same number: of 11.8 million, those of PyTorch lay at most
    /// 4.4e-6 away (tools/compare_compressai.py).
    static constexpr float kTolerance = 0x1p-16f;
    static constexpr std::size_t kMaxTies = 10;

    CompressAiScales() = default;
    /// Errors   Error{corrupt_weights} that begins with `where`, unless the table rises.
    CompressAiScales(std::vector<float> table, const std::string& where) : table_(std::move(table)) {
        if (table_.empty() || table_.size() > 65536 || !(table_.front() > 0) || !std::isfinite(table_.back()) ||
            std::adjacent_find(table_.begin(), table_.end(), [](float a, float b) { return !(a < b); }) != table_.end())
            raise_error(Errc::corrupt_weights, where + ": expected positive scales that rise, found others");
    }

    [[nodiscard]] std::size_t size() const { return table_.size(); }
    /// The first entry that is not below the scale, the last where there is none, as build_indexes() counts.
    [[nodiscard]] std::uint16_t index(float scale) const {
        const auto found =
            std::partition_point(table_.begin(), table_.end() - 1, [&](float entry) { return !(scale <= entry); });
        return static_cast<std::uint16_t>(found - table_.begin());
    }
    /// Adds the tie of symbol `at`, if its scale makes one, to the nearest so far, nearest first.
    void add_tie(std::size_t at, float scale, std::vector<ScaleTie>& ties) const {
        const std::uint16_t chosen = index(scale);
        const auto consider = [&](std::size_t threshold, std::size_t other) {
            const float distance = std::abs(scale - table_[threshold]) / table_[threshold];
            if (!(distance < kTolerance)) return;
            const auto place = std::upper_bound(ties.begin(), ties.end(), distance,
                                                [](float d, const ScaleTie& tie) { return d < tie.distance; });
            ties.insert(place, {at, static_cast<std::uint16_t>(other), distance});
            if (ties.size() > kMaxTies) ties.pop_back();
        };
        if (chosen > 0) consider(chosen - 1u, chosen - 1u);
        if (chosen + 1u < table_.size()) consider(chosen, chosen + 1u);
    }

private:
    std::vector<float> table_;
};

/// Decodes symbols[i] with table index[i]. Where the string does not end with the last symbol, some ties fell the other way
/// in the encoder: their combinations are tried, the nearest ties first, until one ends as it should; `index` then holds
/// the encoder's choices.
/// Requires every tie is of another symbol or table. Ends after 2^28 symbols, and the first try.
/// Errors   Error{corrupt_stream} of the first try.
inline void decode_with_ties(ByteView string, std::span<std::int32_t> symbols, const CompressAiTables& tables,
                             std::span<std::uint16_t> index, std::span<const ScaleTie> ties) {
    constexpr std::size_t kMaxWork = std::size_t{1} << 28;
    const auto decode = [&] {
        CompressAiRansDecoder::decode(string, symbols, tables, [&](std::size_t i) { return index[i]; });
    };
    const Failure first = attempt(decode);
    if (!first) return;
    if (!first.is_error()) first.raise();
    // Bit b of `choice` says whether tie b is turned.
    for (std::size_t choice = 1; choice >> ties.size() == 0 && choice * symbols.size() <= kMaxWork; ++choice) {
        std::vector<std::pair<std::size_t, std::uint16_t>> turned;
        for (std::size_t b = 0; b < ties.size(); ++b)
            if ((choice >> b & 1) != 0)
                turned.emplace_back(ties[b].at, std::exchange(index[ties[b].at], ties[b].other));
        const Failure next = attempt(decode);
        if (!next) return;
        if (!next.is_error()) next.raise();
        for (auto back = turned.rbegin(); back != turned.rend(); ++back) index[back->first] = back->second;
    }
    first.raise();
}

}  // namespace gancodec
