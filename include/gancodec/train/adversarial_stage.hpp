#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/train/adaptive_weights.hpp"
#include "gancodec/train/adversarial_recipe.hpp"
#include "gancodec/train/crops.hpp"
#include "gancodec/train/discriminator_watch.hpp"
#include "gancodec/train/export.hpp"
#include "gancodec/train/opponent.hpp"
#include "gancodec/train/plateau.hpp"
#include "gancodec/train/regularizers/historical_average.hpp"
#include "gancodec/train/snapshot.hpp"
#include "gancodec/train/stage.hpp"
#include "gancodec/train/stage1.hpp"

namespace gancodec {

/// ŷ as the codec delivers it, at a quality position per image; nothing is trained on the way.
/// Shapes  x [n,3,h,w] in [0, 1], h, w multiples of kImageMultiple · ŷ [n,kLatentChannels,h/16,w/16]
template <class T>
Variable<T> coded_latents(Tape<T>& tape, const Model<T>& model, Variable<T> x, std::span<const double> position) {
    const PrecisionScope as_the_codec_does(tape, Precision::fp32);
    const auto y = model.encoder(tape, scale_and_shift(tape, x, T(1), T(-0.5)));
    const auto v = apply_gain(tape, y, model.gain, position, GainDirection::multiply);
    const auto mu = model.hyper_mean(tape, quantize(tape, model.hyper_encoder(tape, v), 1.0, -127.0, 127.0));
    const auto symbols = round_straight_through(tape, sub(tape, v, mu));
    return apply_gain(tape, add(tape, symbols, mu), model.gain, position, GainDirection::divide);
}

/// Trains the generator of finished weights against a discriminator: stage 2. Encoder, hyper networks and entropy model
/// stay as they are, so streams keep their bits and every old stream decodes with the new weights.
///   per step: ŷ from the frozen codec, x̂ = generator(ŷ) + ½; the discriminator learns from x and x̂, then the generator
///   from content and from the discriminator's new opinion (Goodfellow et al. 2014, one step each)
template <class Networks>
class BasicAdversarialStage final : public Stage {
public:
    /// `start`: weights as load_start_weights() reads them.
    /// Errors  Error{wrong_weights, corrupt_weights, invalid_argument}.
    BasicAdversarialStage(AdversarialRecipe recipe, const Dataset& data, PerceptualLosses losses, SafetensorsFile start)
        : recipe_(std::move(recipe)),
          losses_(losses),
          crops_(data, recipe_.seed, recipe_.batch, recipe_.augmentation, recipe_.curriculum),
          start_(std::move(start)),
          model_(read_codec_weights<Networks>(start_, 1.0).networks),
          opponent_(recipe_, losses),
          adaptive_(recipe_.adaptive_weights, recipe_.adversarial.loss) {
        if (recipe_.discriminator_rate.shape == ScheduleShape::plateau &&
            recipe_.generator_rate.shape != ScheduleShape::plateau)
            throw Error(Errc::invalid_argument,
                        "recipe: discriminator_rate/shape: expected plateau only together with that of generator_rate, "
                        "whose loss is watched");
        if (!recipe_.rules.load.empty())
            throw Error(Errc::invalid_argument,
                        "recipe: load: expected in recipes of stage reconstruction only, whose weights begin anew");
        if (recipe_.unrolled.steps > 0 && recipe_.adaptive_weights != AdaptiveWeighting::none)
            throw Error(Errc::invalid_argument,
                        "recipe: unrolled/steps: expected 0 with adaptive_weights, which need the adversarial loss "
                        "beside the others");
        Random random(recipe_.seed);
        opponent_.initialise(random);
        collect_parameters(model_.generator, "generator.", parameters_);
        adaptive_.collect(parameters_);
        generator_count_ = parameters_.size();
        opponent_.collect(parameters_);
        apply_rules(recipe_.rules, parameters_);
        model_.prepare(false);
        if (opponent_.wants_picture()) {
            fidelity_ = std::make_unique<Networks>(read_codec_weights<Networks>(start_, 0.0).networks);
            fidelity_->prepare(false);
        }
        snapshot_.take(parameters_, state_);
        tape_.set_precision(recipe_.mixed_precision);
        unrolled_tape_.set_precision(recipe_.mixed_precision);
    }

    [[nodiscard]] const TrainingState& state() const override { return state_; }
    [[nodiscard]] std::int64_t steps() const override { return recipe_.steps; }
    [[nodiscard]] std::int64_t checkpoint_steps() const override { return recipe_.checkpoint_steps; }

    StepReport step() override {
        const auto begin = std::chrono::steady_clock::now();
        StepReport report;
        report.step = state_.step;
        Random random(recipe_.seed * 0x2545F4914F6CDD1Du + static_cast<std::uint64_t>(state_.step));
        random.next();
        crops_.draw(state_.step);
        if (!all_finite(crops_.batch().view())) {
            report.skipped = "the batch";
            ++state_.step;
            return report;
        }
        model_.generator.prepare(true);
        opponent_.prepare(state_.step);
        tape_.clear();
        const auto x =
            low_passed(tape_, tape_.leaf(crops_.batch().view()), recipe_.curriculum.low_pass.at(state_.step));
        const auto grown = [&](Variable<float> image) {
            return low_passed(tape_, image, recipe_.curriculum.growth.at(state_.step));
        };
        Views views;
        views.told.latents = coded_latents(tape_, model_, x, positions(random));
        views.told.picture = fidelity_ ? judged(tape_, *fidelity_, views.told.latents) : views.told.latents;
        views.x = grown(x);
        views.x_hat = grown(scale_and_shift(tape_, model_.generator(tape_, views.told.latents), 1.0f, 0.5f));
        views.real = scale_and_shift(tape_, views.x, 2.0f, -1.0f);
        views.fake = scale_and_shift(tape_, views.x_hat, 2.0f, -1.0f);
        Random noise = random;
        train_discriminator(views, random, report);
        train_generator(views, noise, report);
        if (Snapshot::exploded(report.loss, state_, recipe_.explosion_factor)) {
            snapshot_.restore(parameters_, state_);
            report.restored = true;
        } else {
            const std::string symptom = watch_.observe(report.at("told_apart"));
            if (!symptom.empty()) report.symptom = symptom;
            finish_step(state_, report.loss, crops_.pixels());
            follow_plateau(recipe_.generator_rate, state_);
            if (state_.step % recipe_.checkpoint_steps == 0) snapshot_.take(parameters_, state_);
        }
        report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        state_.seconds += report.seconds;
        return report;
    }
    [[nodiscard]] Figures examine() override { return {}; }

    void save(const std::filesystem::path& path) const override { Checkpoint::take(parameters_, state_).save(path); }
    void resume(const std::filesystem::path& path) override {
        Checkpoint::load(path, parameters_).restore(parameters_, state_);
        snapshot_.take(parameters_, state_);
    }
    /// The weights of the start, whose generator stays theirs, with the averaged one at the other end of realism.
    [[nodiscard]] CodecWeights weights() const override {
        auto weights = read_codec_weights<Networks>(start_);
        std::size_t i = 0;
        detail::each_realism_parameter(weights, [&](const std::string&, Parameter<float>& added, auto& p) {
            const std::vector<float>& average = parameters_[i++].average;
            for (std::size_t j = 0; j < average.size(); ++j) added.value[j] = average[j] - p.value[j];
        });
        return seal_weights(std::move(weights));
    }

private:
    /// A batch as the step's networks and losses see it.
    struct Views {
        Condition<float> told;
        Variable<float> x, x_hat;    ///< in [0, 1]
        Variable<float> real, fake;  ///< in [−1, 1]
    };

    [[nodiscard]] std::span<TrainedParameter> generator_parameters() {
        return std::span(parameters_).first(generator_count_);
    }
    [[nodiscard]] std::span<TrainedParameter> discriminator_parameters() {
        return std::span(parameters_).subspan(generator_count_);
    }
    /// Spread evenly over all quality levels.
    [[nodiscard]] std::vector<double> positions(Random& random) const {
        const double offset = random.uniform();
        std::vector<double> result;
        for (int n = 0; n < recipe_.batch; ++n) result.push_back((n + offset) / recipe_.batch * (kQualityLevels - 1));
        return result;
    }
    /// The picture of `latents` in [−1, 1].
    [[nodiscard]] static Variable<float> judged(Tape<float>& tape, const Networks& networks, Variable<float> latents) {
        return scale_and_shift(tape, networks.generator(tape, latents), 2.0f, 0.0f);
    }
    void train_discriminator(const Views& views, Random& random, StepReport& report) {
        clear_gradients(discriminator_parameters());
        report.figures = opponent_.learn({views.real.constant(), views.fake.constant(), views.told.latents.constant(),
                                          views.told.picture.constant()},
                                         state_.step, random);
        const double rate = learning_rate(recipe_.discriminator_rate, state_, recipe_.steps);
        const double norm = update(discriminator_parameters(), rate);
        if (!std::isfinite(norm)) report.symptom = "the discriminator's gradient was no number: it was not followed";
        report.figures.emplace_back("d_gradient_norm", norm);
        opponent_.project();
        opponent_.prepare(state_.step);
    }
    /// The gradient of weight · adversarial loss through the steps that the discriminator would take.
    void look_ahead(const Views& views, double weight, const Random& random) {
        unrolled_backward(generator_parameters(), discriminator_parameters(), recipe_.unrolled, [&](Player player) {
            model_.generator.prepare(true);
            opponent_.prepare(state_.step);
            unrolled_tape_.clear();
            Random draw = random;
            const Condition<float> told{unrolled_tape_.leaf(views.told.latents.constant()),
                                        unrolled_tape_.leaf(views.told.picture.constant())};
            const auto on_fake =
                opponent_.judge(unrolled_tape_, judged(unrolled_tape_, model_, told.latents), told, state_.step, draw);
            const auto on_real =
                opponent_.judge(unrolled_tape_, unrolled_tape_.leaf(views.real.constant()), told, state_.step, draw);
            unrolled_tape_.backward(
                player == Player::discriminator
                    ? opponent_.loss(unrolled_tape_, on_real.logits, on_fake.logits)
                    : scale(unrolled_tape_,
                            generator_loss(unrolled_tape_, recipe_.adversarial, on_real.logits, on_fake.logits),
                            static_cast<float>(weight)));
        });
        opponent_.prepare(state_.step);
    }
    void train_generator(const Views& views, Random& random, StepReport& report) {
        clear_gradients(generator_parameters());
        double weight = state_.step < recipe_.discriminator_only_steps ? 0 : recipe_.adversarial_weight;
        if (weight > 0 && recipe_.unrolled.steps > 0) {
            look_ahead(views, weight, random);
            weight = 0;  // its gradient is there already
        }
        const Frozen frozen(discriminator_parameters());
        // At any phase of LPIPS's first convolution: see Stage1Batch.
        const int top = static_cast<int>(random.below(kLpipsPhases)),
                  left = static_cast<int>(random.below(kLpipsPhases));
        const auto shifted = [&](Variable<float> image) {
            const Shape s = image.shape();
            return crop(tape_, image, s.h - (kLpipsPhases - 1), s.w - (kLpipsPhases - 1), top, left);
        };
        tape_.set_precision(Precision::fp32);
        auto terms = content_terms(tape_, recipe_.content, losses_.lpips, shifted(views.x_hat), shifted(views.x));
        if (recipe_.dists_weight > 0) {
            const Window window = Window::draw(recipe_.dists_px, views.x.shape().h, views.x.shape().w, random);
            terms.push_back({"dists", recipe_.dists_weight,
                             (*losses_.dists)(tape_, window.of(tape_, views.x_hat), window.of(tape_, views.x))});
        }
        tape_.set_precision(recipe_.mixed_precision);
        if (weight > 0 || recipe_.content.feature_matching > 0) {
            Random same = random;  // features are compared as both images are shown alike
            const auto on_fake = opponent_.judge(tape_, views.fake, views.told, state_.step, random);
            Judgement<Variable<float>> on_real;
            if (recipe_.adversarial.relativistic || recipe_.content.feature_matching > 0)
                on_real = opponent_.judge(tape_, views.real, views.told, state_.step, same);
            if (weight > 0)
                terms.push_back({"adversarial", weight,
                                 generator_loss(tape_, recipe_.adversarial, on_real.logits, on_fake.logits)});
            if (recipe_.content.feature_matching > 0)
                terms.push_back({"feature_matching", recipe_.content.feature_matching,
                                 feature_matching(tape_, on_fake.features, on_real.features)});
        }
        Figures figures;
        for (const LossTerm<float>& term : terms)
            figures.emplace_back(term.name, static_cast<double>(term.value.scalar()));
        // By the recipe's weights: adapted ones may jump without anything having exploded.
        report.loss = static_cast<double>(weighted_sum<float>(tape_, std::span<const LossTerm<float>>(terms)).scalar());
        const auto loss = adaptive_.loss(tape_, terms, generator_parameters());
        if (recipe_.adaptive_weights != AdaptiveWeighting::none)
            for (const LossTerm<float>& term : terms) figures.emplace_back(term.name + "_weight", term.weight);
        report.figures.insert(report.figures.begin(), figures.begin(), figures.end());
        if (!std::isfinite(report.loss)) return;
        tape_.backward(loss);
        const double rate = learning_rate(recipe_.generator_rate, state_, recipe_.steps);
        const double norm = update(generator_parameters(), rate);
        if (!std::isfinite(norm)) report.symptom = "the generator's gradient was no number: it was not followed";
        update_average(parameters_, warm_decay(recipe_.average_decay, state_.step));
        report.figures.insert(report.figures.end(), {{"gradient_norm", norm}, {"learning_rate", rate}});
    }
    /// One step of the optimiser with the gradient clipped; answers its norm. A gradient that is no number is not followed.
    double update(std::span<TrainedParameter> parameters, double rate) {
        add_historical_average(parameters, recipe_.historical_average);
        const double norm = gradient_norm(parameters);
        if (std::isfinite(norm))
            optimizer_update(parameters, recipe_.optimizer, rate, state_.step,
                             std::min(1.0, recipe_.clip_norm / std::max(norm, 1e-12)));
        return norm;
    }

    AdversarialRecipe recipe_;
    PerceptualLosses losses_;
    Crops crops_;
    SafetensorsFile start_;
    Networks model_;
    std::unique_ptr<Networks> fidelity_;  ///< the start's own generator, for discriminators that are told its pictures
    Opponent opponent_;
    AdaptiveWeights adaptive_;
    std::vector<TrainedParameter> parameters_;  ///< the generator's and its loss's, then the discriminator's
    std::size_t generator_count_ = 0;
    TrainingState state_;
    Snapshot snapshot_;
    Tape<float> tape_, unrolled_tape_;
    DiscriminatorWatch watch_;
};
using AdversarialStage = BasicAdversarialStage<Model<float>>;

}  // namespace gancodec
