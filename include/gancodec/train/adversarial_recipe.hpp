#pragma once

#include <cstdint>

#include "gancodec/simd/bf16.hpp"
#include "gancodec/train/adaptive_weights.hpp"
#include "gancodec/train/any_discriminator.hpp"
#include "gancodec/train/any_optimizer.hpp"
#include "gancodec/train/curriculum.hpp"
#include "gancodec/train/dataset.hpp"
#include "gancodec/train/diff_augment.hpp"
#include "gancodec/train/early_stopping.hpp"
#include "gancodec/train/losses/adversarial.hpp"
#include "gancodec/train/losses/content.hpp"
#include "gancodec/train/parameter_rules.hpp"
#include "gancodec/train/schedule.hpp"
#include "gancodec/train/unrolled.hpp"

namespace gancodec {

/// Everything that decides what the adversarial stage computes, beside the weights it starts from.
///   G: Σ content + dists_weight·DISTS + adversarial_weight·generator_loss,
///   D: discriminator_loss + r1_weight/2·R1 + gradient_penalty_weight·(WGAN-GP)
/// The defaults are those of MS-ILLM (Muckley et al. 2023) as far as they carry over: adversarial weight 0.008 beside
/// 150·MSE + LPIPS, rates 1e-4 and 4e-4 (two time scales, Heusel et al. 2017), betas 0.5 and 0.9.
struct AdversarialRecipe {
    std::uint64_t seed = 1;
    std::int64_t steps = 20000;
    int batch = 4;
    Augmentation augmentation;
    Curriculum curriculum;

    LearningRateSchedule generator_rate{1e-4, 100, 0.5, 0.05}, discriminator_rate{4e-4, 100, 0.5, 0.05};
    OptimizerOptions optimizer{.adam = {0.5, 0.9, 1e-8, 0}};
    ParameterRules rules;
    double clip_norm = 1.0;
    double average_decay = 0.999;

    ContentWeights content;
    /// Of DISTS on a random window of each crop, `dists_px` a side: VGG16 costs ten times what AlexNet does.
    double dists_weight = 0;
    int dists_px = 128;
    double adversarial_weight = 0.008;
    AdversarialOptions adversarial;
    AdaptiveWeighting adaptive_weights =
        AdaptiveWeighting::none;  ///< factors on all weights above, found while training
    DiscriminatorKind discriminator = DiscriminatorKind::patch;
    /// The generator learns from the content alone for so many steps, until the discriminator knows something.
    std::int64_t discriminator_only_steps = 200;

    double r1_weight = 0;  ///< γ
    int r1_every = 16;     ///< steps between penalties, each weighed as many times (Karras et al. 2020, lazy)
    double gradient_penalty_weight = 0;  ///< of WGAN-GP, meant for the Wasserstein loss, whose paper says 10
    int gradient_penalty_every = 1;
    double historical_average = 0;  ///< weight with which both networks are drawn to their averages
    UnrolledOptions unrolled;       ///< the generator sees through the discriminator's next steps
    DiffAugmentOptions diff_augment;
    double dropout = 0;         ///< of the discriminator's last features
    double instance_noise = 0;  ///< deviation of Gaussian noise on all that is judged (Sønderby et al. 2017), …
    std::int64_t noise_steps = 10000;  ///< … falling linearly to none

    /// In what the networks' convolutions multiply, forward and backward: "none" or "bf16" in a file. Weights, sums, the
    /// optimiser, normalisation and losses are fp32 in any case.
    Precision mixed_precision = Precision::fp32;
    EarlyStopping early_stopping;  ///< by held-out pictures, for runs that have some
    std::int64_t checkpoint_steps = 500;
    double explosion_factor = 5;
};

}  // namespace gancodec
