#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/train/losses/adversarial.hpp"
#include "gancodec/train/losses/content.hpp"
#include "gancodec/train/losses/gradient_balance.hpp"
#include "gancodec/train/losses/uncertainty.hpp"
#include "gancodec/train/optimizer.hpp"

namespace gancodec {

/// Whether the weights of a recipe are final, or factors on weights that are found while training.
enum class AdaptiveWeighting { none, gradient_balance, uncertainty };

/// Turns the terms of a generator's loss into the loss.
class AdaptiveWeights {
public:
    /// Errors  Error{invalid_argument} for uncertainty with an adversarial loss that can be negative.
    AdaptiveWeights(AdaptiveWeighting kind, AdversarialLoss loss) : kind_(kind), uncertainty_(kTerms.size()) {
        if (kind == AdaptiveWeighting::uncertainty && loss != AdversarialLoss::non_saturating &&
            loss != AdversarialLoss::least_squares)
            throw Error(Errc::invalid_argument,
                        "recipe: adaptive_weights: expected uncertainty only with adversarial losses that are never "
                        "negative, non_saturating or least_squares; found another");
    }
    /// What is learnt, if anything: registered for training.
    void collect(std::vector<TrainedParameter>& into) {
        constexpr double kFaster = 50;  // log variances are far from 0, and Adam moves them by the rate at each step
        if (kind_ == AdaptiveWeighting::uncertainty) collect_parameters(uncertainty_, "uncertainty.", into, kFaster);
    }
    /// Σ weight · term, the weights adapted; they stay in `terms`. `generator`: the parameters whose last layer counts.
    [[nodiscard]] Variable<float> loss(Tape<float>& tape, std::vector<LossTerm<float>>& terms,
                                       std::span<TrainedParameter> generator) {
        switch (kind_) {
            case AdaptiveWeighting::none:
                break;
            case AdaptiveWeighting::gradient_balance:
                balance(tape, terms, generator);
                break;
            case AdaptiveWeighting::uncertainty:
                return by_uncertainty(tape, terms);
        }
        return weighted_sum(tape, std::span<const LossTerm<float>>(terms));
    }

private:
    static constexpr std::array<std::string_view, 10> kTerms = {
        "mse",        "l1",          "charbonnier",     "ms_ssim", "lpips", "dists", "total_variation",
        "contextual", "adversarial", "feature_matching"};

    static void balance(Tape<float>& tape, std::vector<LossTerm<float>>& terms, std::span<TrainedParameter> generator) {
        const auto adversarial = std::find_if(terms.begin(), terms.end(),
                                              [](const LossTerm<float>& term) { return term.name == "adversarial"; });
        if (adversarial == terms.end() || terms.size() == 1) return;
        std::vector<LossTerm<float>> content;
        for (const LossTerm<float>& term : terms)
            if (term.name != "adversarial") content.push_back(term);
        adversarial->weight *= gradient_balance(tape, weighted_sum(tape, std::span<const LossTerm<float>>(content)),
                                                adversarial->value, [&] {
                                                    const double norm = gradient_norm(generator);
                                                    clear_gradients(generator);
                                                    return norm;
                                                });
    }
    Variable<float> by_uncertainty(Tape<float>& tape, std::vector<LossTerm<float>>& terms) {
        std::vector<std::pair<Variable<float>, float>> counted;
        for (LossTerm<float>& term : terms) {
            const auto place = std::find(kTerms.begin(), kTerms.end(), term.name);
            GANCODEC_ASSERT(place != kTerms.end());
            const auto index = static_cast<std::size_t>(place - kTerms.begin());
            const auto scaled = scale(tape, term.value, static_cast<float>(term.weight));
            counted.emplace_back(uncertainty_(tape, scaled, index), 1.0f);
            term.weight *= std::exp(-static_cast<double>(uncertainty_.log_variance.value[index]));
        }
        return weighted_sum(tape, counted);
    }

    AdaptiveWeighting kind_;
    Uncertainty<float> uncertainty_;
};

}  // namespace gancodec
