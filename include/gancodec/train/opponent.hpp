#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/train/adversarial_recipe.hpp"
#include "gancodec/train/any_discriminator.hpp"
#include "gancodec/train/diff_augment.hpp"
#include "gancodec/train/discriminator_watch.hpp"
#include "gancodec/train/regularizers/slope_penalties.hpp"
#include "gancodec/train/stage.hpp"

namespace gancodec {

/// What the discriminator of a step learns from: images in [−1, 1] and their condition.
struct JudgedBatch {
    TensorView<const float> real, fake, latents, picture;
};

/// The generator's opponent: a discriminator with all that a recipe says of what it is shown and how it learns.
/// (A template, so that only programs that train one compile its networks.)
template <class Network = AnyDiscriminator<float>>
class BasicOpponent {
public:
    /// Errors  Error{invalid_argument}: SlopePenalties; AnyDiscriminator; dropout in a discriminator without any.
    BasicOpponent(const AdversarialRecipe& recipe, const PerceptualLosses& losses)
        : recipe_(recipe), discriminator_(recipe.discriminator, losses.lpips), penalties_(recipe) {
        if (!(recipe.dropout >= 0 && recipe.dropout < 1) ||
            (!discriminator_.set_dropout(recipe.dropout, 1) && recipe.dropout > 0))
            throw Error(Errc::invalid_argument,
                        "recipe: dropout: expected 0 to less than 1, and 0 with discriminators "
                        "unet and projected; found " +
                            std::to_string(recipe.dropout));
        tape_.set_precision(recipe.mixed_precision);
    }

    void initialise(Random& random) {
        init_keep_variance(discriminator_, random);
        settle_spectral_norm(discriminator_);
    }
    void collect(std::vector<TrainedParameter>& into) { collect_parameters(discriminator_, "discriminator.", into); }
    /// Before a pass of `step`: its weights are packed, and passes of one step drop the same.
    void prepare(std::int64_t step) {
        discriminator_.prepare(true);
        discriminator_.set_dropout(recipe_.dropout, recipe_.seed + 3 * static_cast<std::uint64_t>(step));
    }
    void project() { discriminator_.project(); }
    [[nodiscard]] bool wants_picture() const { return discriminator_.wants_picture(); }

    /// Its opinion of images, under the augmentation and the noise of this step. Equal states of `random` show images alike.
    [[nodiscard]] Judgement<Variable<float>> judge(Tape<float>& tape, Variable<float> images,
                                                   const Condition<float>& told, std::int64_t step,
                                                   Random& random) const {
        return discriminator_(tape, noisy(tape, augmented(tape, images, random), step, random), told);
    }
    [[nodiscard]] Variable<float> loss(Tape<float>& tape, const std::vector<Variable<float>>& on_real,
                                       const std::vector<Variable<float>>& on_fake) const {
        return discriminator_loss(tape, recipe_.adversarial, on_real, on_fake);
    }
    /// Goes back from its loss and penalties on a batch: adds to the gradients of its parameters. Answers its figures.
    [[nodiscard]] Figures learn(const JudgedBatch& batch, std::int64_t step, Random& random) {
        tape_.clear();
        const Condition<float> told{tape_.leaf(batch.latents), tape_.leaf(batch.picture)};
        const auto logits = [&](Variable<float> images) { return judge(tape_, images, told, step, random).logits; };
        const auto on_real = logits(tape_.leaf(batch.real)), on_fake = logits(tape_.leaf(batch.fake));
        const auto adversarial = loss(tape_, on_real, on_fake);
        Figures figures = {{"d_loss", static_cast<double>(adversarial.scalar())},
                           {"told_apart", told_apart(on_real, on_fake)},
                           {"d_real", mean_logit(on_real)},
                           {"d_fake", mean_logit(on_fake)}};
        const PenaltyInputs<decltype(logits)> inputs{tape_, batch.real, batch.fake, logits, random};
        tape_.backward(penalties_.add_to(adversarial, step, inputs, figures));
        return figures;
    }

private:
    [[nodiscard]] Variable<float> augmented(Tape<float>& tape, Variable<float> images, Random& random) const {
        if (recipe_.diff_augment == DiffAugmentOptions{}) return images;
        std::vector<DiffAugmentDraw> draws;
        for (int n = 0; n < images.shape().n; ++n)
            draws.push_back(draw_diff_augment(recipe_.diff_augment, images.shape(), random));
        return diff_augment(tape, images, draws);
    }
    [[nodiscard]] Variable<float> noisy(Tape<float>& tape, Variable<float> images, std::int64_t step,
                                        Random& random) const {
        const double left = 1 - static_cast<double>(step) / static_cast<double>(recipe_.noise_steps);
        const double deviation = recipe_.instance_noise * std::max(0.0, left);
        if (deviation == 0) return images;
        auto noise = tape.make(images.shape());
        for (std::size_t i = 0; i < noise.size(); ++i) noise.data[i] = static_cast<float>(deviation * random.normal());
        clear_padding(noise);
        return add(tape, images, tape.leaf(noise));
    }

    const AdversarialRecipe& recipe_;
    Network discriminator_;
    SlopePenalties penalties_;
    Tape<float> tape_;
};

using Opponent = BasicOpponent<>;

}  // namespace gancodec
