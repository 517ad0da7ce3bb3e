#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/train/adversarial_recipe.hpp"
#include "gancodec/train/regularizers/gradient_penalty.hpp"

namespace gancodec {

/// What a penalty on a discriminator's slopes is recorded from; `judge(image)` -> logits.
template <class Judge>
struct PenaltyInputs {
    Tape<float>& tape;
    TensorView<const float> real, fake;
    const Judge& judge;
    Random& random;
};

/// Penalties on the slopes of a discriminator, as a recipe weighs them: each is recorded every so many steps, and counts as
/// many times (Karras et al. 2020, lazy regularisation).
class SlopePenalties {
public:
    /// Errors  Error{invalid_argument} for a penalty of a discriminator that cannot be differentiated twice.
    explicit SlopePenalties(const AdversarialRecipe& recipe) {
        if (recipe.r1_weight > 0) wanted_.push_back({Kind::r1, recipe.r1_weight / 2, recipe.r1_every});
        if (recipe.gradient_penalty_weight > 0)
            wanted_.push_back({Kind::wgan_gp, recipe.gradient_penalty_weight, recipe.gradient_penalty_every});
        for (const Penalty& penalty : wanted_)
            if (penalty.every < 1)
                throw Error(Errc::invalid_argument, std::string("recipe: ") + name(penalty.kind) +
                                                        "_every: expected 1 or more, found " +
                                                        std::to_string(penalty.every));
        const bool once = recipe.discriminator == DiscriminatorKind::minibatch_discrimination ||
                          recipe.discriminator == DiscriminatorKind::batch_deviation ||
                          recipe.discriminator == DiscriminatorKind::projected;
        if (!wanted_.empty() && once)
            throw Error(Errc::invalid_argument, std::string("recipe: ") + name(wanted_.front().kind) +
                                                    "_weight: expected 0 with discriminators that cannot be "
                                                    "differentiated twice, minibatch_discrimination, batch_deviation "
                                                    "and projected; found another");
    }
    /// Adds those that are due to `loss`; their values go to `figures`.
    template <class Judge, class Figures>
    [[nodiscard]] Variable<float> add_to(Variable<float> loss, std::int64_t step, const PenaltyInputs<Judge>& in,
                                         Figures& figures) const {
        for (const Penalty& penalty : wanted_) {
            if (step % penalty.every != 0) continue;
            const auto value = penalty.kind == Kind::r1 ? r1(in) : wgan_gp(in);
            figures.emplace_back(name(penalty.kind), static_cast<double>(value.scalar()));
            loss = add(in.tape, loss, scale(in.tape, value, static_cast<float>(penalty.weight * penalty.every)));
        }
        return loss;
    }

private:
    enum class Kind { r1, wgan_gp };
    struct Penalty {
        Kind kind;
        double weight;
        int every;
    };
    static const char* name(Kind kind) { return kind == Kind::r1 ? "r1" : "gradient_penalty"; }

    template <class Judge>
    static Variable<float> r1(const PenaltyInputs<Judge>& in) {
        const auto x = in.tape.leaf(in.real, true);
        return r1_penalty(in.tape, in.judge(x), x);
    }
    template <class Judge>
    static Variable<float> wgan_gp(const PenaltyInputs<Judge>& in) {
        auto mixed = in.tape.make(in.real.shape);
        mix_images(in.real, in.fake, in.random, mixed);
        const auto x = in.tape.leaf(mixed, true);
        return wgan_gradient_penalty(in.tape, in.judge(x), x);
    }

    std::vector<Penalty> wanted_;
};

}  // namespace gancodec
