#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/train/losses/rate.hpp"

namespace gancodec {

/// One channel of a factorised prior in integers: the smallest symbol with a slot of its own, then the frequencies
/// [escape, first, first + 1, …], which sum to 65536 with none below 1.
struct PriorTable {
    std::int32_t first = 0;
    std::vector<std::uint16_t> frequencies;
};

/// Tabulates a trained mixture: a slot for every integer of −127..127 between the outermost two that are more likely than
/// 2^-14, the rest shares the escape.
[[nodiscard]] inline PriorTable tabulate(const LogisticMixture<float>& prior, int channel) {
    constexpr int kLimit = 127, kTotal = 1 << 16;
    constexpr double kWorthASlot = 1.0 / (1 << 14);
    std::vector<double> p;
    int low = kLimit, high = -kLimit;
    for (int z = -kLimit; z <= kLimit; ++z) {
        p.push_back(prior.probability(channel, z, nullptr, nullptr));
        if (p.back() < kWorthASlot) continue;
        low = std::min(low, z);
        high = std::max(high, z);
    }
    if (low > high) low = high = 0;
    PriorTable table;
    table.first = low;
    double inside = 0;
    for (int z = low; z <= high; ++z) inside += p[static_cast<std::size_t>(z + kLimit)];
    std::vector<int> frequency = {std::max(1, static_cast<int>(std::nearbyint((1 - inside) * kTotal)))};
    for (int z = low; z <= high; ++z)
        frequency.push_back(
            std::max(1, static_cast<int>(std::nearbyint(p[static_cast<std::size_t>(z + kLimit)] * kTotal))));
    // Rounding leaves a few units over or short: the likeliest symbol takes them, where they cost least.
    int total = 0;
    for (const int f : frequency) total += f;
    *std::max_element(frequency.begin() + 1, frequency.end()) += kTotal - total;
    for (const int f : frequency) table.frequencies.push_back(static_cast<std::uint16_t>(f));
    return table;
}

}  // namespace gancodec
