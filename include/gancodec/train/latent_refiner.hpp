#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "gancodec/autograd/ops.hpp"
#include "gancodec/codec/transform.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/train/losses/distortion.hpp"
#include "gancodec/train/losses/rate.hpp"
#include "gancodec/train/optimizer.hpp"
#include "gancodec/train/stage1.hpp"

namespace gancodec {

/// What the residuals of an image are refined for: stage 1's loss, whose lambda lies between these by quality.
struct RefineOptions {
    int iterations = 60;          ///< rounded up to a multiple of 4
    double learning_rate = 0.02;  ///< in steps of the quantiser; falls to a quarter
    double mse_weight = 150, lpips_weight = 5;
    std::array<double, kQualityLevels> lambdas{85, 28.9, 9.8, 3.3, 1.12, 0.38};
};

/// Spends time on one image: moves its residuals along the gradient of rate and distortion, through the generator, and
/// keeps the best rounding seen. Hyper latents stay as the encoder chose them, so that every table stays too; decoders
/// notice nothing.
///   loss = lambda·bits(round(r))/pixels + mse_weight·MSE + lpips_weight·LPIPS,  x̂ = generator((round(r) + mu)/g)
/// with roundings that pass the gradient straight through.
/// Paper    Campos, Meierhans, Djelouah, Schroers: Content Adaptive Optimization for Neural Image Compression, 2019.
template <class Networks>
class BasicLatentRefiner {
public:
    using Progress = std::function<void(int iteration, double loss)>;

    /// `lpips` may be null: then LPIPS is left out.
    explicit BasicLatentRefiner(BasicCodecWeights<Networks> weights, const Lpips<AlexNet>* lpips = nullptr)
        : weights_(std::move(weights)), lpips_(lpips) {
        weights_.networks.prepare(false);
        weights_.networks.generator.prepare(true);
    }

    /// The symbols of an image at a quality step; without iterations those that Codec::encode() writes.
    [[nodiscard]] Symbols refine(const Image& image, int step, const RefineOptions& options = {},
                                 const Progress& progress = {}) {
        check_image(image, "refine");
        const HyperExtent extent = HyperExtent::of(image.width, image.height);
        const Transform transform(weights_);
        Symbols symbols;
        auto y = transform.analyse(context_, &image, extent);
        const auto residual = transform.predict(context_, y, step, symbols.z);
        Transform::round_residuals(residual.constant(), symbols.residuals);
        if (options.iterations <= 0) return symbols;

        const auto mu = transform.hyper_mean(context_, symbols.z, extent);
        auto index = context_.make(residual.shape());
        {
            const Workspace::Scope scope(context_.scratch());
            const auto tables = transform.scale_indices(context_.scratch(), symbols.z, extent, step);
            fill_in_symbol_order(index.view(), [&](std::size_t i) { return static_cast<float>(tables[i]); });
        }
        Tensor<float> picture({1, 3, extent.h * kImageMultiple, extent.w * kImageMultiple});
        image_to_tensor(image, picture.view(), 0);

        const double position = Transform::position(step), lambda = lambda_at(position, options);
        Parameter<float> r({1, static_cast<int>(residual.view().size())});
        std::copy_n(residual.constant().data, r.value.size(), r.value.begin());
        std::vector<TrainedParameter> trained;
        trained.push_back({"r", &r, std::vector<float>(r.value.size()), std::vector<float>(r.value.size()), {}, 1});
        r.grad.assign(r.value.size(), 0.0f);
        AdamOptions adam{.beta1 = 0.9, .beta2 = 0.95};
        double best = std::numeric_limits<double>::infinity();
        const int last = round_up(options.iterations, kLpipsPhases);
        for (int i = 0; i <= last; ++i) {
            tape_.clear();
            const TensorView<float> values{r.value.data(), residual.shape()};
            const auto leaf = tape_.leaf(values, true);
            const auto loss = record(leaf, mu.constant(), index.constant(), picture.view(), image, position, lambda,
                                     options, i % kLpipsPhases);
            const double now = static_cast<double>(loss.scalar());
            if (i % kLpipsPhases == 0 && now < best) {  // losses compare at one phase of LPIPS only
                best = now;
                Transform::round_residuals(TensorView<const float>(values), symbols.residuals);
            }
            if (progress) progress(i, now);
            if (i == last) break;
            tape_.backward(loss);
            std::copy_n(tape_.gradient(leaf).data, r.grad.size(), r.grad.begin());
            const double done = static_cast<double>(i) / last;
            // With the usual gradient as epsilon, residuals that hardly matter stay where they are.
            if (i == 0) adam.epsilon = gradient_norm(trained) / std::sqrt(static_cast<double>(r.grad.size()));
            adam_update(trained, adam, options.learning_rate * (1 - 0.75 * done), i, 1.0);
        }
        return symbols;
    }

private:
    using Transform = BasicTransform<Networks>;

    static double lambda_at(double position, const RefineOptions& options) {
        const LevelPosition at = locate_level(position, kQualityLevels);
        const double low = std::log(options.lambdas[at.level]), high = std::log(options.lambdas[at.level + 1]);
        return std::exp(std::fma(at.fraction, high - low, low));
    }
    Variable<float> record(Variable<float> r, TensorView<const float> mu, TensorView<const float> index,
                           TensorView<const float> picture, const Image& image, double position, double lambda,
                           const RefineOptions& options, int phase) {
        const double pixels = static_cast<double>(image.pixels()), one = 1;
        const auto symbols = round_straight_through(tape_, r);
        BitsPerImage bits;
        const double rate_weight = lambda / pixels;
        const auto rate = gaussian_bits(tape_, symbols, tape_.leaf(index), std::span(&rate_weight, 1), bits);
        const auto y_hat = apply_gain(tape_, add(tape_, symbols, tape_.leaf(mu)), weights_.networks.gain,
                                      std::vector<double>{position}, GainDirection::divide);
        const auto x_hat = scale_and_shift(tape_, weights_.networks.generator(tape_, y_hat), 1.0f, 0.5f);
        const auto seen = crop(tape_, x_hat, image.height, image.width);
        const auto wanted = crop(tape_, tape_.leaf(picture), image.height, image.width);
        std::vector<double> measured;
        const auto mse = mean_squared_error(tape_, seen, wanted, std::span(&one, 1), measured);
        std::vector<std::pair<Variable<float>, float>> terms = {{rate, 1.0f},
                                                                {mse, static_cast<float>(options.mse_weight)}};
        constexpr int kSmallest = 64;  // AlexNet's pools leave nothing of less
        if (lpips_ != nullptr && options.lpips_weight > 0 && std::min(image.width, image.height) >= kSmallest) {
            const auto shifted = [&](Variable<float> x) {
                return crop(tape_, x, image.height - phase, image.width - phase, phase, phase);
            };
            terms.emplace_back((*lpips_)(tape_, shifted(seen), shifted(wanted)),
                               static_cast<float>(options.lpips_weight));
        }
        return weighted_sum(tape_, terms);
    }

    BasicCodecWeights<Networks> weights_;
    const Lpips<AlexNet>* lpips_;
    Inference<float> context_;
    Tape<float> tape_;
};
using LatentRefiner = BasicLatentRefiner<Model<float>>;

}  // namespace gancodec
