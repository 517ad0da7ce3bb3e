#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/metrics/lpips.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/train/checkpoint.hpp"
#include "gancodec/train/crops.hpp"
#include "gancodec/train/export.hpp"
#include "gancodec/train/pca_init.hpp"
#include "gancodec/train/plateau.hpp"
#include "gancodec/train/recipe.hpp"
#include "gancodec/train/snapshot.hpp"
#include "gancodec/train/stage.hpp"
#include "gancodec/train/stage1.hpp"

namespace gancodec {

/// Trains all networks of a codec on rate and distortion, all rates at once: stage 1, from nothing.
///
/// Read first: (1) step() does one step and reports it; save and resume between any two; (2) average() puts the averaged
/// weights into a Model, which train/export.hpp turns into a weights file: weights() does both.
template <class Networks>
class BasicTrainer final : public Stage {
public:
    BasicTrainer(Recipe recipe, const Dataset& data, PerceptualLosses losses)
        : recipe_(std::move(recipe)),
          data_(data),
          losses_(losses),
          crops_(data, recipe_.seed, recipe_.batch, recipe_.augmentation, recipe_.curriculum),
          prior_(kHyperChannels) {
        if (recipe_.lambdas.size() != kQualityLevels)
            throw Error(Errc::invalid_argument, "recipe: expected " + std::to_string(kQualityLevels) +
                                                    " lambdas, found " + std::to_string(recipe_.lambdas.size()));
        recipe_.target_rate.check(kQualityLevels);
        initialise();
        collect_parameters(model_, "", parameters_);
        collect_parameters(prior_, "prior.", parameters_);
        for (TrainedParameter& p : parameters_) p.learning_rate_factor = learning_rate_factor(p.name);
        apply_rules(recipe_.rules, parameters_);
        snapshot_.take(parameters_, state_);
        tape_.set_precision(recipe_.mixed_precision);
    }

    /// Before the first step: begins with those tensors of `file` that the recipe's "load" names.
    /// Errors  Error{invalid_argument, wrong_weights}: load_matching().
    void load(const SafetensorsFile& file) {
        load_matching(recipe_.rules.load, file, parameters_);
        snapshot_.take(parameters_, state_);
    }

    [[nodiscard]] const TrainingState& state() const override { return state_; }
    [[nodiscard]] std::int64_t steps() const override { return recipe_.steps; }
    [[nodiscard]] std::int64_t checkpoint_steps() const override { return recipe_.checkpoint_steps; }

    StepReport step() override {
        const auto begin = std::chrono::steady_clock::now();
        StepReport report;
        report.step = state_.step;
        Random random = random_of_step();
        const Stage1Batch batch = draw_batch(random);
        if (!all_finite(crops_.batch().view())) {
            report.skipped = "the batch";
            ++state_.step;
            return report;
        }
        model_.prepare(true);
        clear_gradients(parameters_);
        tape_.clear();
        Stage1Measurement measured;
        const auto x =
            low_passed(tape_, tape_.leaf(crops_.batch().view()), recipe_.curriculum.low_pass.at(state_.step));
        const auto graph = record_stage1(tape_, model_, prior_, losses_, x, batch, random, measured);
        report_batch(batch, measured, report);
        if (Snapshot::exploded(measured.loss, state_, recipe_.explosion_factor)) {
            snapshot_.restore(parameters_, state_);
            report.restored = true;
        } else {
            tape_.backward(graph.loss);
            update(report);
            examine_later_ = {graph, batch};
        }
        report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        state_.seconds += report.seconds;
        return report;
    }

    /// What a collapse shows first: the decibels of generator(y), nothing rounded, and the latent channels with a symbol
    /// other than 0. Costs one more pass of the generator.
    [[nodiscard]] Figures examine() override {
        if (!examine_later_.second.height) return {};
        int live_channels = 0;
        const TensorView<const float> symbols = examine_later_.first.symbols.constant();
        for (int c = 0; c < symbols.shape.c; ++c) {
            bool live = false;
            for (int n = 0; n < symbols.shape.n && !live; ++n)
                for (int y = 0; y < symbols.shape.h && !live; ++y)
                    for (int x = 0; x < symbols.shape.w && !live; ++x) live = symbols.at(n, c, y, x) != 0.0f;
            live_channels += live;
        }
        const auto x_hat = model_.generator(inference_, inference_.copy(examine_later_.first.y.constant()));
        const Tensor<float>& wanted = crops_.batch();
        double sum = 0;
        for (int n = 0; n < wanted.shape().n; ++n)
            for (int c = 0; c < 3; ++c)
                for (int y = 0; y < wanted.shape().h; ++y)
                    for (int x = 0; x < wanted.shape().w; ++x) {
                        const double d = x_hat.constant().at(n, c, y, x) + 0.5 - wanted.at(n, c, y, x);
                        sum += d * d;
                    }
        const double mean = sum / static_cast<double>(wanted.shape().logical_size());
        return {{"unquantized_psnr", -10 * std::log10(mean + 1e-12)}, {"live_channels", live_channels}};
    }

    void save(const std::filesystem::path& path) const override { Checkpoint::take(parameters_, state_).save(path); }
    void resume(const std::filesystem::path& path) override {
        Checkpoint::load(path, parameters_).restore(parameters_, state_);
        snapshot_.take(parameters_, state_);
    }
    [[nodiscard]] CodecWeights weights() const override {
        Networks model;
        LogisticMixture<float> prior(kHyperChannels);
        average(model, prior);
        return export_weights(std::move(model), prior);
    }

    /// The averaged weights, for export: a copy, so that training goes on undisturbed.
    void average(Networks& model, LogisticMixture<float>& prior) const {
        std::vector<TrainedParameter> target;
        collect_parameters(model, "", target);
        collect_parameters(prior, "prior.", target);
        for (std::size_t i = 0; i < target.size(); ++i) {
            target[i].parameter->value = parameters_[i].average;
            target[i].parameter->grad.clear();
        }
        model.project();
    }

private:
    /// Residual blocks start as the identity, encoder and generator as a linear transform of the data.
    void initialise() {
        Random random(recipe_.seed);
        init_keep_variance(model_.encoder, random, 0.2, 0.0);
        init_keep_variance(model_.generator, random, 0.2, 0.0);
        init_keep_variance(model_.hyper_encoder, random);
        init_keep_variance(model_.hyper_scale, random, 0.0);
        init_keep_variance(model_.hyper_mean, random);
        scale_last_convolution(model_.hyper_scale, 0.1);
        scale_last_convolution(model_.hyper_mean, 0.1);
        model_.gain = Gain<kQualityLevels, kLatentChannels>(recipe_.lowest_gain_log2, recipe_.gain_octaves);
        constexpr int kSampleCrops = 96;
        Tensor<float> sample({kSampleCrops, 3, kImageMultiple, kImageMultiple});
        Augmentation how = recipe_.augmentation;
        how.crop_px = kImageMultiple;
        data_.draw(~recipe_.seed, 0, how, sample.view());
        init_principal_components(model_, sample.view(), random);
    }
    /// The transform starts near a good one and moves slowly; the entropy model starts from nothing, and its tables are
    /// numbers far from 1 (Adam moves every number by about the learning rate, whatever its size).
    static double learning_rate_factor(const std::string& name) {
        if (name == "hyper_scale.level_offset") return 50;
        if (name.starts_with("prior.")) return 20;
        if (name.starts_with("gain.")) return 5;
        return name.starts_with("hyper_") ? 3 : 1;
    }
    [[nodiscard]] Random random_of_step() const {
        Random random(recipe_.seed * 0x2545F4914F6CDD1Du + static_cast<std::uint64_t>(state_.step));
        random.next();
        return random;
    }
    /// Draws crops, quality positions and, sometimes, an odd size; positions are spread evenly over a batch.
    Stage1Batch draw_batch(Random& random) {
        crops_.draw(state_.step);
        Stage1Batch batch;
        batch.mse_weight = recipe_.mse_weight;
        batch.lpips_weight = recipe_.lpips_weight;
        batch.dists_weight = recipe_.dists_weight;
        batch.growth = recipe_.curriculum.growth.at(state_.step);
        batch.target_rate = recipe_.target_rate;
        batch.height = batch.width = crops_.batch().shape().h;
        const auto images = static_cast<std::size_t>(recipe_.batch);
        const double offset = random.uniform(), ramp = recipe_.lambda_ramp.at(state_.step);
        for (std::size_t n = 0; n < images; ++n) {
            const double position =
                (static_cast<double>(n) + offset) / static_cast<double>(images) * (kQualityLevels - 1);
            const auto level = static_cast<std::size_t>(position);
            const double f = position - static_cast<double>(level);
            const double log_lambda =
                std::fma(f, std::log(recipe_.lambdas[level + 1]) - std::log(recipe_.lambdas[level]),
                         std::log(recipe_.lambdas[level]));
            batch.position.push_back(position);
            batch.lambda.push_back(ramp * std::exp(log_lambda));
            batch.weight.push_back(std::exp(-recipe_.level_balance * log_lambda));
        }
        double total = 0;
        for (const double w : batch.weight) total += w;
        for (double& w : batch.weight) w *= static_cast<double>(images) / total;
        if (random.uniform() < recipe_.odd_size_probability) {
            batch.height -= static_cast<int>(random.below(kImageMultiple));
            batch.width -= static_cast<int>(random.below(kImageMultiple));
            repeat_edges(batch.height, batch.width);
        }
        batch.lpips_top = static_cast<int>(random.below(kLpipsPhases));
        batch.lpips_left = static_cast<int>(random.below(kLpipsPhases));
        if (recipe_.dists_weight > 0)
            batch.dists_window = Window::draw(recipe_.dists_px, batch.height, batch.width, random);
        return batch;
    }
    /// Replaces what lies beyond height and width by the last row and column, as the codec pads images.
    void repeat_edges(int height, int width) {
        Tensor<float>& images = crops_.batch();
        const Shape& s = images.shape();
        for (int n = 0; n < s.n; ++n)
            for (int c = 0; c < s.c; ++c)
                for (int y = 0; y < s.h; ++y)
                    for (int x = y < height ? width : 0; x < s.w; ++x)
                        images.at(n, c, y, x) = images.at(n, c, std::min(y, height - 1), std::min(x, width - 1));
    }
    void report_batch(const Stage1Batch& batch, const Stage1Measurement& measured, StepReport& report) const {
        const auto mean = [](const std::vector<double>& values) {
            double sum = 0;
            for (const double v : values) sum += v;
            return values.empty() ? 0 : sum / static_cast<double>(values.size());
        };
        const double pixels = static_cast<double>(batch.height) * batch.width;
        std::vector<double> psnr;
        for (const double mse : measured.mse) psnr.push_back(-10 * std::log10(mse + 1e-12));
        const double bpp_y = mean(measured.bits_y) / pixels, bpp_z = mean(measured.bits_z) / pixels;
        report.loss = measured.loss;
        report.figures = {{"bpp", bpp_y + bpp_z},    {"psnr", mean(psnr)},
                          {"lpips", measured.lpips}, {"bpp_y", bpp_y},
                          {"bpp_z", bpp_z},          {"lambda_factor", recipe_.lambda_ramp.at(state_.step)}};
        if (recipe_.dists_weight > 0) report.figures.emplace_back("dists", measured.dists);
    }
    void update(StepReport& report) {
        const double norm = gradient_norm(parameters_);
        const double rate = learning_rate(recipe_.learning_rate, state_, recipe_.steps);
        report.figures.insert(report.figures.end(), {{"gradient_norm", norm}, {"learning_rate", rate}});
        if (!std::isfinite(norm)) {
            report.skipped = "the gradient";
            ++state_.step;
            return;
        }
        optimizer_update(parameters_, recipe_.optimizer, rate, state_.step,
                         std::min(1.0, recipe_.clip_norm / std::max(norm, 1e-12)));
        model_.project();
        prior_.project();
        update_average(parameters_, warm_decay(recipe_.average_decay, state_.step));
        finish_step(state_, report.loss, crops_.pixels());
        follow_plateau(recipe_.learning_rate, state_);
        if (state_.step % recipe_.checkpoint_steps == 0) snapshot_.take(parameters_, state_);
    }

    Recipe recipe_;
    const Dataset& data_;
    PerceptualLosses losses_;
    Crops crops_;
    Networks model_;
    LogisticMixture<float> prior_;
    std::vector<TrainedParameter> parameters_;
    TrainingState state_;
    Snapshot snapshot_;
    Tape<float> tape_;
    Inference<float> inference_;
    std::pair<Stage1Graph<float>, Stage1Batch> examine_later_;
};
using Trainer = BasicTrainer<Model<float>>;

}  // namespace gancodec
