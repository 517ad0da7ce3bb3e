#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gancodec/codec/codec.hpp"
#include "gancodec/train/integer_export.hpp"
#include "gancodec/train/prior_export.hpp"
#include "gancodec/weights/parameters.hpp"

namespace gancodec {

/// Makes weights what their file will hold: floats rounded to its format, the self-test computed anew.
template <class Networks>
[[nodiscard]] BasicCodecWeights<Networks> seal_weights(BasicCodecWeights<Networks> weights,
                                                       WeightFormat format = WeightFormat::f16) {
    std::vector<std::vector<float>> realistic;  // the sum of base and addition, which rounding the base leaves alone
    if (!weights.realism.empty())
        detail::each_realism_parameter(weights, [&](const std::string&, Parameter<float>& added, auto& p) {
            realistic.push_back(added.value);
            detail::mix_realism(realistic.back(), p.value, kRealismSteps);
        });
    detail::each_stored_parameter(weights.networks, [format](const std::string&, Parameter<float>& p) {
        p.grad.clear();
        round_to_stored(p, format);
    });
    if (!weights.realism.empty())
        detail::each_realism_parameter(weights,
                                       [&, i = std::size_t{0}](const std::string&, auto& added, auto& p) mutable {
                                           const std::vector<float>& wanted = realistic[i++];
                                           Parameter<float> rounded = added;  // of what was sealed before, the same
                                           round_to_stored(rounded, format);
                                           std::vector<float> mixed = rounded.value;
                                           detail::mix_realism(mixed, p.value, kRealismSteps);
                                           if (mixed == wanted) {
                                               added = std::move(rounded);
                                               return;
                                           }
                                           for (std::size_t j = 0; j < wanted.size(); ++j)
                                               added.value[j] = wanted[j] - p.value[j];
                                           round_to_stored(added, format);
                                       });
    std::string pixels;
    for (int realism = 0; realism <= (weights.realism.empty() ? 0 : kRealismSteps); ++realism) {
        BasicCodec<Networks> codec(std::move(weights), {.realism = static_cast<double>(realism) / kRealismSteps});
        const std::string stream = detail::hex32(SelfTest::stream(codec));
        pixels.append(realism == 0 ? "" : " ").append(detail::hex32(SelfTest::pixels(codec)));
        weights = std::move(codec).release();
        weights.metadata["self_test_stream"] = stream;
    }
    weights.metadata["self_test_pixels"] = pixels;
    return weights;
}

/// Turns trained networks into what a Codec loads: the hyper scale network and the prior become integers, and the whole
/// is sealed.
template <class Networks>
[[nodiscard]] BasicCodecWeights<Networks> export_weights(Networks model, const LogisticMixture<float>& prior,
                                                         WeightFormat format = WeightFormat::f16) {
    BasicCodecWeights<Networks> weights;
    weights.hyper_scale = to_integers(model.hyper_scale);
    weights.networks = std::move(model);
    for (int c = 0; c < kHyperChannels; ++c) {
        const PriorTable table = tabulate(prior, c);
        weights.prior.first.push_back(table.first);
        weights.prior.length.push_back(static_cast<std::int32_t>(table.frequencies.size()));
        weights.prior.frequencies.insert(weights.prior.frequencies.end(), table.frequencies.begin(),
                                         table.frequencies.end());
    }
    return seal_weights(std::move(weights), format);
}

/// The same for the averaged weights of a checkpoint, whichever program trained it: tensors "average." + name.
/// Its metadata "training", "recipe" and "licence", where it has them, come along.
/// Errors  Error{wrong_weights} that lists every tensor missing or of another shape; others are allowed, so that a file of
///         averages alone is enough.
template <class Networks = Model<float>>
[[nodiscard]] BasicCodecWeights<Networks> export_checkpoint(const SafetensorsFile& file,
                                                            WeightFormat format = WeightFormat::f16) {
    Networks model;
    LogisticMixture<float> prior(kHyperChannels);
    const std::string models = "average.", priors = "average.prior.";
    std::vector<TensorRequest> requests;
    append_requests(model, models, requests);
    append_requests(prior, priors, requests);
    require_tensors(file, requests, ExtraTensors::allow);
    read_parameters(file, model, models);
    read_parameters(file, prior, priors);
    model.project();
    prior.project();
    auto weights = export_weights(std::move(model), prior, format);
    for (const char* key : {"training", "recipe", "licence"})
        if (const auto found = file.metadata().find(key); found != file.metadata().end())
            weights.metadata[key] = found->second;
    return weights;
}

}  // namespace gancodec
