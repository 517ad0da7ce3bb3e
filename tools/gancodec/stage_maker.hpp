#pragma once

#include <memory>

#include "gancodec/metrics/dists.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/train/stage.hpp"
#include "recipe_file.hpp"
#include "train_command.hpp"

namespace gancodec::cli {

/// The networks that a recipe compares pictures by; null where it gives them no weight.
struct LossNetworks {
    std::unique_ptr<Lpips<AlexNet>> lpips;
    std::unique_ptr<Dists<>> dists;
};
/// Errors  Error{io} for a file that is not there.
[[nodiscard]] LossNetworks load_losses(const TrainCommand& command, const AnyRecipe& recipe);

/// The stage of a recipe. `resumed`: it goes on from a checkpoint in the folder of the run.
/// Errors  Error{invalid_argument}, and those of the files it starts from.
[[nodiscard]] std::unique_ptr<Stage> make_stage(const TrainCommand& command, const AnyRecipe& recipe,
                                                const Dataset& data, const PerceptualLosses& losses, bool resumed);

}  // namespace gancodec::cli
