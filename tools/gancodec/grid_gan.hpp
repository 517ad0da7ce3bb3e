#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "gancodec/train/losses/adversarial.hpp"
#include "gancodec/train/unrolled.hpp"

namespace gancodec::cli {

/// A GAN on the plane: 25 Gaussians of deviation 0.05 on the grid {−2, −1, 0, 1, 2}², learnt by two networks of three layers
/// with 64 units. Small enough for seconds on one processor, and it collapses like the large ones (after Metz et al.
/// 2017, section 3.1, and Lin et al. 2018, "PacGAN").
struct GridSettings {
    AdversarialOptions adversarial;
    double generator_rate = 1e-3, discriminator_rate = 1e-3;
    bool spectral_norm = false, batch_deviation = false, minibatch_discrimination = false;
    double r1_weight = 0, gradient_penalty = 0, instance_noise = 0, historical_average = 0;
    int lookahead = 0;  ///< discriminator steps taken before the generator's gradient, then undone
    UnrolledOptions unrolled;
    double averaging = 0;  ///< decay of the generator's moving average that is judged; 0 judges the generator itself
    std::int64_t steps = 10000;
    int batch = 128;

    friend bool operator==(const GridSettings&, const GridSettings&) = default;
};

/// The state of a run at one step, judged by 2500 samples.
struct GridPoint {
    std::int64_t step;
    int modes;     ///< of 25: those with 20 samples or more (a fifth of their share) within three deviations
    double good;   ///< share of samples within three deviations of some mode
    double logit;  ///< mean |D(fake)|; a discriminator that diverges is one whose logits grow without end
};

struct GridRun {
    std::vector<GridPoint> points;
    std::vector<std::array<double, 2>> samples;  ///< of the end
};

/// Runs it; equal settings and seed give equal runs.
[[nodiscard]] GridRun run_grid(const GridSettings& settings, std::uint64_t seed);

}  // namespace gancodec::cli
