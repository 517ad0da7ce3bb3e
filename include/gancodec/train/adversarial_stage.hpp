#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/train/adaptive_weights.hpp"
#include "gancodec/train/adversarial_recipe.hpp"
#include "gancodec/train/discriminator_watch.hpp"
#include "gancodec/train/export.hpp"
#include "gancodec/train/plateau.hpp"
#include "gancodec/train/regularizers/gradient_penalty.hpp"
#include "gancodec/train/snapshot.hpp"
#include "gancodec/train/stage.hpp"
#include "gancodec/train/stage1.hpp"

namespace gancodec {

/// ŷ as the codec delivers it, at a quality position per image; nothing is trained on the way.
/// Shapes  x [n,3,h,w] in [0, 1], h, w multiples of kImageMultiple · ŷ [n,kLatentChannels,h/16,w/16]
template <class T>
Variable<T> coded_latents(Tape<T>& tape, const Model<T>& model, Variable<T> x, std::span<const double> position) {
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
          data_(data),
          losses_(losses),
          start_(std::move(start)),
          model_(read_codec_weights<Networks>(start_, 1.0).networks),
          discriminator_(recipe_.discriminator),
          adaptive_(recipe_.adaptive_weights, recipe_.adversarial.loss) {
        const int crop = recipe_.augmentation.crop_px;
        if (crop % kImageMultiple != 0 || crop < 2 * kImageMultiple)
            throw Error(Errc::invalid_argument, "recipe: expected crops of a multiple of " +
                                                    std::to_string(kImageMultiple) + " from 128 px, found " +
                                                    std::to_string(crop));
        if (recipe_.adversarial_weight > 0 && recipe_.r1_weight > 0 && recipe_.r1_every < 1)
            throw Error(Errc::invalid_argument,
                        "recipe: expected r1_every from 1, found " + std::to_string(recipe_.r1_every));
        if (recipe_.discriminator_rate.shape == ScheduleShape::plateau &&
            recipe_.generator_rate.shape != ScheduleShape::plateau)
            throw Error(Errc::invalid_argument,
                        "recipe: discriminator_rate/shape: expected plateau only together with that of generator_rate, "
                        "whose loss is watched");
        if (!recipe_.rules.load.empty())
            throw Error(Errc::invalid_argument,
                        "recipe: load: expected in recipes of stage reconstruction only, whose weights begin anew");
        Random random(recipe_.seed);
        init_keep_variance(discriminator_, random);
        settle_spectral_norm(discriminator_);
        collect_parameters(model_.generator, "generator.", parameters_);
        adaptive_.collect(parameters_);
        generator_count_ = parameters_.size();
        collect_parameters(discriminator_, "discriminator.", parameters_);
        apply_rules(recipe_.rules, parameters_);
        model_.prepare(false);
        batch_ = Tensor<float>({recipe_.batch, 3, crop, crop});
        snapshot_.take(parameters_, state_);
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
        data_.draw(recipe_.seed, static_cast<std::uint64_t>(state_.step), recipe_.augmentation, batch_.view());
        if (!all_finite(batch_.view())) {
            report.skipped = "the batch";
            ++state_.step;
            return report;
        }
        model_.generator.prepare(true);
        discriminator_.prepare(true);
        tape_.clear();
        const auto x = tape_.leaf(batch_.view());
        const auto latents = coded_latents(tape_, model_, x, positions(random));
        const auto x_hat = scale_and_shift(tape_, model_.generator(tape_, latents), 1.0f, 0.5f);
        const auto judged = scale_and_shift(tape_, x_hat, 2.0f, -1.0f);
        const auto real = scale_and_shift(tape_, x, 2.0f, -1.0f);
        Random noise = random;
        train_discriminator(real.constant(), judged.constant(), latents.constant(), random, report);
        train_generator(x, x_hat, real, judged, latents, noise, report);
        if (Snapshot::exploded(report.loss, state_, recipe_.explosion_factor)) {
            snapshot_.restore(parameters_, state_);
            report.restored = true;
        } else {
            const std::string symptom = watch_.observe(report.at("told_apart"));
            if (!symptom.empty()) report.symptom = symptom;
            finish_step(state_, report.loss, static_cast<double>(batch_.shape().plane()) * recipe_.batch);
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
    using Logits = std::vector<Variable<float>>;

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
    /// What the discriminator is shown: the image, under noise while the recipe wants some.
    [[nodiscard]] Variable<float> shown(Tape<float>& tape, Variable<float> image, Random& random) const {
        const double left = 1 - static_cast<double>(state_.step) / static_cast<double>(recipe_.noise_steps);
        const double deviation = recipe_.instance_noise * std::max(0.0, left);
        if (deviation == 0) return image;
        auto noise = tape.make(image.shape());
        for (std::size_t i = 0; i < noise.size(); ++i) noise.data[i] = static_cast<float>(deviation * random.normal());
        clear_padding(noise);
        return add(tape, image, tape.leaf(noise));
    }
    void train_discriminator(TensorView<const float> real, TensorView<const float> fake,
                             TensorView<const float> latents, Random& random, StepReport& report) {
        judge_tape_.clear();
        clear_gradients(discriminator_parameters());
        const bool penalise = recipe_.r1_weight > 0 && state_.step % recipe_.r1_every == 0;
        const auto x = judge_tape_.leaf(real, penalise), told = judge_tape_.leaf(latents);
        const Logits on_real = discriminator_(judge_tape_, shown(judge_tape_, x, random), told).logits;
        const Logits on_fake =
            discriminator_(judge_tape_, shown(judge_tape_, judge_tape_.leaf(fake), random), told).logits;
        auto loss = discriminator_loss(judge_tape_, recipe_.adversarial, on_real, on_fake);
        const double value = static_cast<double>(loss.scalar());
        double penalty = 0;
        if (penalise) {
            const auto r1 = r1_penalty(judge_tape_, on_real, x);
            penalty = static_cast<double>(r1.scalar());
            loss = add(judge_tape_, loss,
                       scale(judge_tape_, r1, static_cast<float>(0.5 * recipe_.r1_weight * recipe_.r1_every)));
        }
        judge_tape_.backward(loss);
        const double rate = learning_rate(recipe_.discriminator_rate, state_, recipe_.steps);
        const double norm = update(discriminator_parameters(), rate);
        if (!std::isfinite(norm)) report.symptom = "the discriminator's gradient was no number: it was not followed";
        discriminator_.project();
        discriminator_.prepare(true);
        report.figures = {{"d_loss", value}, {"told_apart", told_apart(on_real, on_fake)}, {"d_gradient_norm", norm}};
        report.figures.insert(report.figures.end(), {{"d_real", mean_logit(on_real)}, {"d_fake", mean_logit(on_fake)}});
        if (penalise) report.figures.emplace_back("r1", penalty);
    }
    void train_generator(Variable<float> x, Variable<float> x_hat, Variable<float> real, Variable<float> judged,
                         Variable<float> latents, Random& random, StepReport& report) {
        const Frozen frozen(discriminator_parameters());
        clear_gradients(generator_parameters());
        // At any phase of LPIPS's first convolution: see Stage1Batch.
        const int top = static_cast<int>(random.below(kLpipsPhases)),
                  left = static_cast<int>(random.below(kLpipsPhases));
        const auto shifted = [&](Variable<float> image) {
            const Shape s = image.shape();
            return crop(tape_, image, s.h - (kLpipsPhases - 1), s.w - (kLpipsPhases - 1), top, left);
        };
        auto terms = content_terms(tape_, recipe_.content, losses_.lpips, shifted(x_hat), shifted(x));
        if (recipe_.dists_weight > 0) {
            const Window window = Window::draw(recipe_.dists_px, x.shape().h, x.shape().w, random);
            terms.push_back(
                {"dists", recipe_.dists_weight, (*losses_.dists)(tape_, window.of(tape_, x_hat), window.of(tape_, x))});
        }
        const double weight = state_.step < recipe_.discriminator_only_steps ? 0 : recipe_.adversarial_weight;
        if (weight > 0 || recipe_.content.feature_matching > 0) {
            const auto on_fake = discriminator_(tape_, shown(tape_, judged, random), latents);
            Judgement<Variable<float>> on_real;
            if (recipe_.adversarial.relativistic || recipe_.content.feature_matching > 0)
                on_real = discriminator_(tape_, shown(tape_, real, random), latents);
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
        const double norm = gradient_norm(parameters);
        if (std::isfinite(norm))
            optimizer_update(parameters, recipe_.optimizer, rate, state_.step,
                             std::min(1.0, recipe_.clip_norm / std::max(norm, 1e-12)));
        return norm;
    }

    AdversarialRecipe recipe_;
    const Dataset& data_;
    PerceptualLosses losses_;
    SafetensorsFile start_;
    Networks model_;
    AnyDiscriminator<float> discriminator_;
    AdaptiveWeights adaptive_;
    std::vector<TrainedParameter> parameters_;  ///< the generator's and its loss's, then the discriminator's
    std::size_t generator_count_ = 0;
    TrainingState state_;
    Snapshot snapshot_;
    Tensor<float> batch_;
    Tape<float> tape_, judge_tape_;
    DiscriminatorWatch watch_;
};
using AdversarialStage = BasicAdversarialStage<Model<float>>;

}  // namespace gancodec
