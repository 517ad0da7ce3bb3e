#pragma once

#include <cstdint>
#include <span>

#include "gancodec/train/optimizer.hpp"
#include "gancodec/train/optimizers/rms_prop.hpp"
#include "gancodec/train/optimizers/sgd.hpp"

namespace gancodec {

/// What a recipe can ask for; AdamW is adam with weight decay.
enum class OptimizerKind { adam, rms_prop, sgd };

/// An optimiser with the settings of each kind; those of the others are not looked at.
struct OptimizerOptions {
    OptimizerKind kind = OptimizerKind::adam;
    AdamOptions adam = {};
    RmsPropOptions rms_prop = {};
    SgdOptions sgd = {};
};

/// One step of the chosen optimiser, number `step` of the run, along the gradients times `gradient_factor`.
inline void optimizer_update(std::span<TrainedParameter> parameters, const OptimizerOptions& options,
                             double learning_rate, std::int64_t step, double gradient_factor) {
    switch (options.kind) {
        case OptimizerKind::adam:
            return adam_update(parameters, options.adam, learning_rate, step, gradient_factor);
        case OptimizerKind::rms_prop:
            return rms_prop_update(parameters, options.rms_prop, learning_rate, gradient_factor);
        case OptimizerKind::sgd:
            return sgd_update(parameters, options.sgd, learning_rate, gradient_factor);
    }
}

}  // namespace gancodec
