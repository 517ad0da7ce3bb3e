#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gancodec/autograd/feature_ops.hpp"
#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/networks/model.hpp"
#include "gancodec/train/curriculum.hpp"
#include "gancodec/train/losses/distortion.hpp"
#include "gancodec/train/losses/rate.hpp"
#include "gancodec/train/losses/target_rate.hpp"

namespace gancodec {

/// A part of every image of a batch.
struct Window {
    int top = 0, left = 0, height = 0, width = 0;

    /// At a random place, `side` pixels a side or what there is.
    [[nodiscard]] static Window draw(int side, int height, int width, Random& random) {
        Window w{0, 0, std::min(side, height), std::min(side, width)};
        w.top = static_cast<int>(random.below(static_cast<std::uint64_t>(height - w.height + 1)));
        w.left = static_cast<int>(random.below(static_cast<std::uint64_t>(width - w.width + 1)));
        return w;
    }
    template <class T>
    [[nodiscard]] Variable<T> of(Tape<T>& tape, Variable<T> images) const {
        return crop(tape, images, height, width, top, left);
    }
};

/// Weights of the stage-1 loss for one batch; lambda and position per image.
struct Stage1Batch {
    std::vector<double> position;  ///< quality position of each image, 0 … levels − 1
    std::vector<double> lambda;
    std::vector<double> weight;  ///< of each image in the loss
    double mse_weight = 150, lpips_weight = 1, dists_weight = 0;
    double growth = 1;  ///< the share of the detail that the distortion sees: low_passed()
    TargetRate target_rate;
    int height = 0, width = 0;  ///< the part of the batch that counts; the rest is padding of odd sizes
    /// LPIPS sees all but kLpipsPhases − 1 rows and columns, from this one on. AlexNet's first convolution moves by 4 pixels, as the
    /// generator's last shuffle does: always seen at one phase, a pattern that repeats every 4 pixels would cost nothing.
    int lpips_top = 0, lpips_left = 0;
    Window dists_window;
};
inline constexpr int kLpipsPhases = 4;

/// What the loss was made of: LPIPS as the mean of the batch, the others per image.
struct Stage1Measurement {
    double loss = 0, lpips = 0, dists = 0;
    std::vector<double> bits_y, bits_z, mse;
};

/// Values inside the graph that a trainer reports on.
template <class T>
struct Stage1Graph {
    Variable<T> loss, y, symbols, reconstruction;
};

/// Records rate + distortion of one batch (Ballé et al. 2018 with means of Minnen et al. 2018, gains of Cui et al. 2021):
///   y = encoder(x − ½),  v = y·g,  z = hyper_encoder(v),  ẑ = round(z),  mu = hyper_mean(ẑ),  t = hyper_scale(ẑ),
///   r = round(v − mu),  x̂ = generator((r + mu)/g) + ½,
///   loss = (1/N) Σ_n weight_n·[ lambda_n·(bits_y + bits_z)/pixels + mse_weight·MSE_n + lpips_weight·LPIPS_n ];
///   the weights reach LPIPS through its gradient, its value is reported as the plain mean.
/// Rates are taken at v − mu + u and z + u, u uniform noise; roundings pass the gradient straight through.
/// Shapes  x [N,3,h,w] with h, w multiples of kImageMultiple
template <class T, class Losses>
Stage1Graph<T> record_stage1(Tape<T>& tape, const Model<T>& model, LogisticMixture<T>& prior, const Losses& losses,
                             Variable<T> x, const Stage1Batch& batch, Random& random, Stage1Measurement& measured) {
    const auto images = static_cast<std::size_t>(x.shape().n);
    const double pixels = static_cast<double>(batch.height) * batch.width;
    const double share = 1.0 / static_cast<double>(images);
    std::vector<double> rate_weight(images), shares(images);
    for (std::size_t n = 0; n < images; ++n) {
        rate_weight[n] = share * batch.weight[n] * batch.lambda[n] / pixels;
        shares[n] = share * batch.weight[n];
    }
    const auto detailed = [&](Variable<T> image) {
        return crop(tape, low_passed(tape, image, batch.growth), batch.height, batch.width);
    };
    const auto centred = scale_and_shift(tape, x, T(1), T(-0.5));

    const auto y = model.encoder(tape, centred);
    const auto v = apply_gain(tape, y, model.gain, batch.position, GainDirection::multiply);
    const auto z = model.hyper_encoder(tape, v);
    BitsPerImage bits_y, bits_z;
    const auto noisy_z = add_uniform_noise(tape, z, random);
    const auto z_hat = quantize(tape, z, 1.0, -127.0, 127.0);
    const auto mu = model.hyper_mean(tape, z_hat);
    const auto residual = sub(tape, v, mu);
    const auto noisy_residual = add_uniform_noise(tape, residual, random);
    const auto scale_index = model.hyper_scale(tape, z_hat, batch.position);
    const auto record_rate = [&] {
        return add(tape, factorized_bits(tape, noisy_z, prior, rate_weight, bits_z),
                   gaussian_bits(tape, noisy_residual, scale_index, rate_weight, bits_y));
    };
    auto rate = record_rate();
    if (batch.target_rate.wanted()) {  // known only now on which side of the target each image is
        for (std::size_t n = 0; n < images; ++n)
            rate_weight[n] *= batch.target_rate.factor(batch.position[n], (bits_y.bits[n] + bits_z.bits[n]) / pixels);
        rate = record_rate();
    }
    const auto symbols = round_straight_through(tape, residual);
    const auto y_hat = apply_gain(tape, add(tape, symbols, mu), model.gain, batch.position, GainDirection::divide);
    const auto x_hat = scale_and_shift(tape, model.generator(tape, y_hat), T(1), T(0.5));

    const PrecisionScope losses_are_exact(tape, Precision::fp32);
    const auto seen = detailed(x_hat), wanted = detailed(x);
    const auto mse = mean_squared_error(tape, seen, wanted, shares, measured.mse);
    std::vector<std::pair<Variable<T>, T>> terms = {{rate, T(1)}, {mse, static_cast<T>(batch.mse_weight)}};
    if (losses.lpips != nullptr && batch.lpips_weight > 0) {
        const auto shifted = [&](Variable<T> image) {
            return crop(tape, image, batch.height - (kLpipsPhases - 1), batch.width - (kLpipsPhases - 1),
                        batch.lpips_top, batch.lpips_left);
        };
        const auto distance = (*losses.lpips)(tape, weigh_gradient(tape, shifted(seen), batch.weight), shifted(wanted));
        measured.lpips = static_cast<double>(distance.scalar());
        terms.emplace_back(distance, static_cast<T>(batch.lpips_weight));
    }
    if (losses.dists != nullptr && batch.dists_weight > 0) {
        const auto window = [&](Variable<T> image) { return batch.dists_window.of(tape, image); };
        const auto distance = (*losses.dists)(tape, weigh_gradient(tape, window(seen), batch.weight), window(wanted));
        measured.dists = static_cast<double>(distance.scalar());
        terms.emplace_back(distance, static_cast<T>(batch.dists_weight));
    }
    const auto loss = weighted_sum(tape, terms);
    measured.loss = static_cast<double>(loss.scalar());
    measured.bits_y = bits_y.bits;
    measured.bits_z = bits_z.bits;
    return {loss, y, symbols, x_hat};
}

}  // namespace gancodec
