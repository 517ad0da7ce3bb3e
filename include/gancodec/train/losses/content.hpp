#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/autograd/feature_ops.hpp"
#include "gancodec/train/losses/contextual.hpp"
#include "gancodec/train/losses/distortion.hpp"
#include "gancodec/train/losses/pointwise.hpp"
#include "gancodec/train/losses/structural.hpp"

namespace gancodec {

/// How much each way to compare an image with the original counts; 0 leaves it out and costs nothing.
struct ContentWeights {
    double mse = 150, l1 = 0, charbonnier = 0, ms_ssim = 0, lpips = 1, total_variation = 0, feature_matching = 0;
    double contextual = 0;  ///< of AlexNet features, those of LPIPS
};

/// The contextual loss sees the third tap: 15x15 positions of a crop of 256 pixels.
inline constexpr std::size_t kContextualTap = 2;

/// One term of a loss, before its weight.
template <class T>
struct LossTerm {
    std::string name;
    double weight;
    Variable<T> value;
};

/// Σ weight · term, one number.
template <class T>
Variable<T> weighted_sum(Tape<T>& tape, std::span<const LossTerm<T>> terms) {
    std::vector<std::pair<Variable<T>, T>> weighted;
    for (const LossTerm<T>& term : terms) weighted.emplace_back(term.value, static_cast<T>(term.weight));
    return weighted_sum(tape, weighted);
}

/// The terms that compare images; feature matching needs a discriminator and is its stage's.
/// Shapes  seen, wanted [n,3,h,w] in [0, 1] · `lpips` may be null when its weight and that of contextual are 0
template <class T, class Lpips>
std::vector<LossTerm<T>> content_terms(Tape<T>& tape, const ContentWeights& weights, const Lpips* lpips,
                                       Variable<T> seen, Variable<T> wanted) {
    std::vector<LossTerm<T>> terms;
    const auto term = [&](const char* name, double weight, const auto& record) {
        if (weight > 0) terms.push_back({name, weight, record()});
    };
    term("mse", weights.mse, [&] {
        const auto images = static_cast<std::size_t>(seen.shape().n);
        std::vector<double> shares(images, 1.0 / static_cast<double>(images)), measured;
        return mean_squared_error(tape, seen, wanted, std::span<const double>(shares), measured);
    });
    term("l1", weights.l1, [&] { return mean_absolute_error(tape, seen, wanted); });
    term("charbonnier", weights.charbonnier, [&] { return charbonnier(tape, seen, wanted); });
    term("ms_ssim", weights.ms_ssim, [&] { return ms_ssim_loss(tape, seen, wanted); });
    term("lpips", weights.lpips, [&] { return (*lpips)(tape, seen, wanted); });
    term("contextual", weights.contextual, [&] {
        Variable<T> loss;
        lpips->compare(tape, seen, wanted, [&](std::size_t tap, Variable<T> fx, Variable<T> fy) {
            if (tap == kContextualTap) loss = contextual_loss(tape, fx, fy);
        });
        return loss;
    });
    term("total_variation", weights.total_variation, [&] { return total_variation(tape, seen); });
    return terms;
}

}  // namespace gancodec
