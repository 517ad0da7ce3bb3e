#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "gancodec/core/check.hpp"
#include "gancodec/latents/scale_table_data.hpp"

namespace gancodec {

/// The residuals r of the latents are coded with one of 64 tables; the integer hyper scale network picks which.
///   table i = distribution of round(N(0, sigma_i²)),  sigma_i = 0.11 · (64 / 0.11)^(i / 63)
/// Exact    The tables are committed integers (units of 2^-16); no float selects or makes one at run time.
inline constexpr int kScales = detail::kScaleTables;
inline constexpr float kScaleSigmaMin = 0.11f, kScaleSigmaMax = 64.0f;
/// log2(sigma_{i+1} / sigma_i): training maps a real index t to sigma = kScaleSigmaMin · 2^(t · kScaleStepLog2).
inline constexpr float kScaleStepLog2 = 0.145784517f;

/// The standard deviation that table `index` stands for. For training and reports; coding needs only the index.
/// Requires 0 <= index < 64.
[[nodiscard]] constexpr float scale_sigma(int index) {
    GANCODEC_ASSERT(index >= 0 && index < kScales);
    return detail::kScaleSigma[index];
}

/// Half of every symmetric table, as CdfTables::symmetric() takes them: frequencies [escape, P(0), P(1) .. P(m)] of
/// table i at begin[i] .. begin[i + 1]; escape + P(0) + 2·(P(1) + .. + P(m)) = 65536.
struct ScaleTables {
    std::span<const std::uint16_t> half;
    std::span<const std::uint16_t> begin;
};
[[nodiscard]] constexpr ScaleTables scale_tables() { return {detail::kScaleHalf, detail::kScaleHalfBegin}; }

namespace detail {

constexpr bool scale_tables_are_whole() {
    for (int i = 0; i < kScales; ++i) {
        std::uint32_t total = kScaleHalf[kScaleHalfBegin[i]] + std::uint32_t{kScaleHalf[kScaleHalfBegin[i] + 1]};
        for (int j = kScaleHalfBegin[i] + 2; j < kScaleHalfBegin[i + 1]; ++j) {
            if (kScaleHalf[j] == 0) return false;
            total += 2u * kScaleHalf[j];
        }
        if (total != 65536u) return false;
    }
    return true;
}
static_assert(scale_tables_are_whole(), "every scale table must sum to 65536 and leave no slot empty");

}  // namespace detail

}  // namespace gancodec
