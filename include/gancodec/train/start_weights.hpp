#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include "gancodec/train/checkpoint.hpp"
#include "gancodec/train/export.hpp"

namespace gancodec {

/// Weights that a later stage can start from: a weights file, or the checkpoint of a stage-1 run, whose averages are
/// exported.
/// Errors  Error{io, corrupt_weights, wrong_weights}.
template <class Networks = Model<float>>
[[nodiscard]] SafetensorsFile load_start_weights(const std::filesystem::path& path) {
    SafetensorsFile file = SafetensorsFile::load(path);
    if (!Checkpoint::is_one(file)) return file;
    Networks model;
    LogisticMixture<float> prior(kHyperChannels);
    std::vector<TrainedParameter> parameters;
    collect_parameters(model, "", parameters);
    collect_parameters(prior, "prior.", parameters);
    TrainingState state;
    Checkpoint::load(path, parameters).restore(parameters, state);
    for (TrainedParameter& p : parameters) p.parameter->value = p.average;
    CodecWeights weights = export_weights(std::move(model), prior);
    return SafetensorsFile::parse(write_codec_weights(weights).bytes(), path.string());
}

}  // namespace gancodec
