#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/simd/bf16.hpp"
#include "gancodec/train/any_optimizer.hpp"
#include "gancodec/train/curriculum.hpp"
#include "gancodec/train/dataset.hpp"
#include "gancodec/train/early_stopping.hpp"
#include "gancodec/train/losses/target_rate.hpp"
#include "gancodec/train/parameter_rules.hpp"
#include "gancodec/train/schedule.hpp"

namespace gancodec {

/// Everything that decides what a training run computes. Two runs with the same recipe, data and seed are equal bit for
/// bit, whatever the number of threads and however often they were interrupted.
struct Recipe {
    std::uint64_t seed = 1;
    std::int64_t steps = 50000;
    int batch = 4;
    Augmentation augmentation;
    Curriculum curriculum;
    double odd_size_probability = 0.1;  ///< share of steps whose crops lose up to 63 rows and columns

    LearningRateSchedule learning_rate;
    OptimizerOptions optimizer;
    ParameterRules rules;
    double clip_norm = 1.0;
    double average_decay = 0.999;

    /// Loss = lambda·bpp + mse_weight·MSE + lpips_weight·LPIPS + dists_weight·DISTS. One lambda per quality level, from low to high quality.
    std::vector<double> lambdas = {40, 12.5, 3.9, 1.22, 0.38, 0.12};
    /// Images at level l weigh lambda_l^−balance in the loss (mean 1): without it the smallest files, whose lambda is largest,
    /// would decide every step.
    double level_balance = 0.5;
    double mse_weight = 150;
    double lpips_weight = 1;
    /// Of DISTS on a random window of each crop, `dists_px` a side: VGG16 costs ten times what AlexNet does.
    double dists_weight = 0;
    int dists_px = 128;
    LambdaRamp lambda_ramp;
    TargetRate target_rate;
    double lowest_gain_log2 = -1.4,
           gain_octaves = 4.1;  ///< the gains of the levels begin evenly spaced, near 2.4/√lambda

    /// In what the networks' convolutions multiply, forward and backward: "none" or "bf16" in a file. Weights, sums, the
    /// optimiser, normalisation and losses are fp32 in any case.
    Precision mixed_precision = Precision::fp32;
    EarlyStopping early_stopping;         ///< by held-out pictures, for runs that have some
    std::int64_t checkpoint_steps = 500;  ///< also the snapshots to which an exploded run returns
    double explosion_factor = 5;          ///< a loss this many times its running mean is an explosion
};

}  // namespace gancodec
