#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "gancodec/core/error.hpp"

namespace gancodec {

/// A target rate instead of a fixed lambda: two lambdas, switched by the side of the target on which an image is.
///   lambda·over where bits/pixels > target, lambda·under else
/// Targets lie at the quality levels and are interpolated geometrically between them.
/// Paper    Mentzer, Toderici, Tschannen, Agustsson: High-Fidelity Generative Image Compression, 2020,
///         its λ^(a) and λ^(b).
struct TargetRate {
    std::vector<double> bpp = {};  ///< one per quality level; empty: no target
    double over = 4, under = 0.25;

    [[nodiscard]] bool wanted() const { return !bpp.empty(); }
    /// Errors  Error{invalid_argument} for another number of targets than there are levels.
    void check(std::size_t levels) const {
        if (wanted() && bpp.size() != levels)
            throw Error(Errc::invalid_argument, "recipe: target_rate/bpp: expected none or " + std::to_string(levels) +
                                                    " targets, found " + std::to_string(bpp.size()));
    }
    [[nodiscard]] double at(double position) const {
        const auto level = std::min(static_cast<std::size_t>(position), bpp.size() - 1),
                   next = std::min(level + 1, bpp.size() - 1);
        return bpp[level] * std::pow(bpp[next] / bpp[level], position - static_cast<double>(level));
    }
    /// What lambda is multiplied by. Requires wanted().
    [[nodiscard]] double factor(double position, double measured_bpp) const {
        return measured_bpp > at(position) ? over : under;
    }
};

}  // namespace gancodec
