#pragma once

#include <array>
#include <string>
#include <vector>

#include "grid_gan.hpp"

namespace gancodec::cli {

/// The same experiment with a technique and without it, one run for each seed.
struct Comparison {
    std::string name;        ///< "spectral_norm"
    std::string technique;   ///< one sentence: what it is, and its paper
    std::string conditions;  ///< what both sides share, where it is not the default
    std::vector<GridRun> without, with;
};

/// Mean and standard deviation over the seeds.
struct Spread {
    double mean = 0, deviation = 0;
};
[[nodiscard]] Spread spread(const std::vector<double>& values);
/// Of the mean over the last quarter of each run.
struct Outcome {
    Spread modes, good, logit;
};
[[nodiscard]] Outcome outcome(const std::vector<GridRun>& runs);

/// "with: 24.1 ± 0.6 of 25 modes, 81 ± 3 % good samples, logits of 1.2 ± 0.1; without: …".
[[nodiscard]] std::string seen(const Comparison& comparison);

/// Curves of both sides and the samples of their first seeds, as SVG.
[[nodiscard]] std::string comparison_svg(const Comparison& comparison);

/// The page: what was compared, the picture beside it, what was seen. Markdown.
[[nodiscard]] std::string comparison_page(const Comparison& comparison, const std::string& command);

}  // namespace gancodec::cli
