#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gancodec/train/dataset.hpp"
#include "gancodec/train/optimizer.hpp"
#include "gancodec/train/schedule.hpp"

namespace gancodec {

/// Everything that decides what a training run computes. Two runs with the same recipe, data and seed are equal bit for
/// bit, whatever the number of threads and however often they were interrupted.
struct Recipe {
    std::uint64_t seed = 1;
    std::int64_t steps = 50000;
    int batch = 8;
    Augmentation augmentation;
    double odd_size_probability = 0.1;  ///< share of steps whose crops lose up to 63 rows and columns

    LearningRateSchedule learning_rate;
    AdamOptions adam;
    double clip_norm = 1.0;
    double average_decay = 0.999;

    /// Loss = lambda·bpp + mse_weight·MSE + lpips_weight·LPIPS. One lambda per quality level, from low to high quality.
    std::vector<double> lambdas = {6.0, 3.45, 1.98, 1.14, 0.65, 0.375};
    double mse_weight = 150;
    double lpips_weight = 1;
    LambdaRamp lambda_ramp;
    double initial_gain_octaves = 2;

    std::int64_t checkpoint_steps = 500;  ///< also the snapshots to which an exploded run returns
    double explosion_factor = 5;          ///< a loss this many times its running mean is an explosion
};

}  // namespace gancodec
