#include "picture_gan.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "cycle_gan.hpp"
#include "gancodec/autograd/feature_ops.hpp"
#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/networks/discriminators.hpp"
#include "gancodec/networks/residual_gdn.hpp"
#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/train/fade_in.hpp"
#include "gancodec/train/losses/adversarial.hpp"
#include "gancodec/train/losses/gradient_balance.hpp"
#include "gancodec/train/losses/variational.hpp"
#include "gancodec/train/optimizer.hpp"
#include "gancodec/train/projected_discriminator.hpp"

namespace gancodec::cli {

namespace {

constexpr int kSide = kPictureCrops.crop_px, kLatents = 4, kJudged = 32, kShown = 8;
constexpr double kLargest = 3;  // latents are −3 … 3

template <int Out>
using Encoder =
    Sequential<Conv2d<3, 16, 4, Stride<2>, Padding<1>>, LeakyRelu<>, Conv2d<16, Out, 4, Stride<2>, Padding<1>>>;
using Body = Sequential<Conv2d<kLatents, 32, 3>, LeakyRelu<>, UpsampleNearest<2>, Conv2d<32, 32, 3>, LeakyRelu<>>;
using Top = FadeIn<Conv2d<32, 3, 1>, Sequential<UpsampleNearest<2>, Conv2d<32, 16, 3>, LeakyRelu<>, Conv2d<16, 3, 3>>>;

/// The networks of a run; `kDrawn`: their latents are drawn, not rounded.
struct PlainNetworks {
    static constexpr bool kDrawn = false;
    Encoder<kLatents> encoder;
    Body body;
};
struct WideNetworks {
    static constexpr bool kDrawn = false;
    Sequential<Conv2d<3, 64, 4, Stride<2>, Padding<1>>, LeakyRelu<>, Conv2d<64, 96, 3>, LeakyRelu<>,
               Conv2d<96, kLatents, 4, Stride<2>, Padding<1>>>
        encoder;
    Sequential<Conv2d<kLatents, 128, 3>, LeakyRelu<>, Conv2d<128, 128, 3>, LeakyRelu<>, UpsampleNearest<2>,
               Conv2d<128, 96, 3>, LeakyRelu<>, Conv2d<96, 32, 3>, LeakyRelu<>>
        body;
};
struct GdnNetworks {
    static constexpr bool kDrawn = false;
    Sequential<ResidualGdnDown<3, 16>, Conv2d<16, kLatents, 4, Stride<2>, Padding<1>>> encoder;
    Sequential<ResidualGdnUp<kLatents, 32>, Conv2d<32, 32, 3>, LeakyRelu<>> body;
};
struct VariationalNetworks {
    static constexpr bool kDrawn = true;
    Encoder<2 * kLatents> encoder;  // means, then logarithms of deviations
    Body body;
};

Variable<float> mean_square(Tape<float>& tape, Variable<float> a, Variable<float> b) {
    return mean_of(tape, sub(tape, a, b), [](double d) { return ValueAndSlope{d * d, 2 * d}; });
}
template <class Networks, class Discriminator>
class PictureGan {
public:
    PictureGan(const PictureSettings& settings, std::uint64_t seed, const Dataset& training, const Dataset& judged,
               const Lpips<AlexNet>& lpips)
        : settings_(settings),
          seed_(seed),
          training_(training),
          lpips_(lpips),
          judged_(draw_judged(judged)),
          batch_({settings.batch, 3, kSide, kSide}),
          noise_({settings.batch, kLatents, kSide / 4, kSide / 4}),
          discriminator_(make_discriminator(lpips)) {
        Random random(seed);
        init_keep_variance(networks_.encoder, random);
        init_keep_variance(networks_.body, random);
        init_keep_variance(top_, random);
        init_keep_variance(discriminator_, random);
        settle_spectral_norm(discriminator_);
        tape_.set_precision(settings.precision);
        judge_tape_.set_precision(settings.precision);
        collect_parameters(networks_.body, "body.", painter_);
        collect_parameters(top_, "top.", painter_);
        collect_parameters(networks_.encoder, "encoder.", of_encoder_);
        collect_parameters(discriminator_, "discriminator.", of_discriminator_);
    }
    PictureRun run() {
        constexpr std::int64_t kPoints = 20;
        PictureRun run;
        double seconds = 0;
        for (step_ = 0; step_ < settings_.steps; ++step_) {
            const std::clock_t begin = std::clock();
            step();
            seconds += static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
            if ((step_ + 1) % std::max<std::int64_t>(1, settings_.steps / kPoints) == 0)
                run.points.push_back(judge(seconds, run.samples));
        }
        return run;
    }

private:
    static constexpr double kRate = 2e-3, kDiscriminatorRate = 1e-3;

    static Discriminator make_discriminator(const Lpips<AlexNet>& lpips) {
        if constexpr (std::is_constructible_v<Discriminator, const Lpips<AlexNet>&>)
            return Discriminator(lpips);
        else
            return {};
    }
    /// The latents; `divergence` is what drawn ones cost. `judging`: they are their means.
    [[nodiscard]] Variable<float> encoded(Tape<float>& tape, Variable<float> x, bool judging,
                                          std::optional<Variable<float>>& divergence) {
        const auto y = networks_.encoder(tape, scale_and_shift(tape, x, 4.0f, -2.0f));
        if constexpr (Networks::kDrawn) {
            const auto mean = slice_channels(tape, y, 0, kLatents),
                       log_deviation = slice_channels(tape, y, kLatents, kLatents);
            if (judging) return mean;
            divergence = divergence_from_standard(tape, mean, log_deviation);
            Random random(seed_ * 7919 + static_cast<std::uint64_t>(step_));
            for (std::size_t i = 0; i < noise_.view().size(); ++i)
                noise_.data()[i] = static_cast<float>(random.normal());
            clear_padding(noise_.view());
            return sample_gaussian(tape, mean, log_deviation, TensorView<const float>(noise_.view()));
        } else {
            return quantize(tape, y, 1.0, -kLargest, kLargest);
        }
    }
    [[nodiscard]] Variable<float> painted(Tape<float>& tape, Variable<float> y) {
        return scale_and_shift(tape, top_(tape, networks_.body(tape, y)), 1.0f, 0.5f);
    }
    /// Images in [−1, 1] as the discriminator is shown them.
    [[nodiscard]] Variable<float> shown(Tape<float>& tape, Variable<float> images) {
        const auto image = scale_and_shift(tape, images, 2.0f, -1.0f);
        if (settings_.diff_augment == DiffAugmentOptions{}) return image;
        std::vector<DiffAugmentDraw> draws;
        for (int n = 0; n < settings_.batch; ++n)
            draws.push_back(draw_diff_augment(settings_.diff_augment, image.shape(), random_));
        return diff_augment(tape, image, draws);
    }
    void step() {
        training_.draw(seed_, static_cast<std::uint64_t>(step_), kPictureCrops, batch_.view());
        top_.share = settings_.growth.at(step_);
        networks_.encoder.prepare(true);
        networks_.body.prepare(true);
        top_.prepare(true);
        tape_.clear();
        const double content_steps = settings_.content_share * settings_.steps;
        const bool adversarial = static_cast<double>(step_) >= content_steps,
                   frozen_encoder = adversarial && content_steps > 0;
        const auto x = low_passed(tape_, tape_.leaf(batch_.view()), settings_.detail.at(step_));
        clear_gradients(of_encoder_);
        clear_gradients(painter_);
        const Frozen kept(frozen_encoder ? std::span(of_encoder_) : std::span<TrainedParameter>());
        std::optional<Variable<float>> divergence;
        const auto x_hat = painted(tape_, encoded(tape_, x, false, divergence));
        auto loss = mean_square(tape_, x_hat, x);
        if (divergence)
            loss = add(tape_, loss, scale(tape_, *divergence, static_cast<float>(settings_.divergence_weight)));
        if (adversarial) {
            train_discriminator(x.constant(), x_hat.constant());
            const Frozen silent(of_discriminator_);
            const auto judged = discriminator_(tape_, shown(tape_, x_hat), x_hat).logits;
            const auto opinion = generator_loss<float>(tape_, {}, {}, judged);
            double weight = settings_.adversarial_weight;
            if (settings_.gradient_balance) weight *= balance(loss, opinion);
            loss = add(tape_, loss, scale(tape_, opinion, static_cast<float>(weight)));
        }
        tape_.backward(loss);
        update(painter_, kRate);
        if (!frozen_encoder) update(of_encoder_, kRate);
        networks_.encoder.project();
        networks_.body.project();
    }
    [[nodiscard]] double balance(Variable<float> content, Variable<float> opinion) {
        return gradient_balance(tape_, content, opinion, [&] {
            const double norm = gradient_norm(painter_);
            clear_gradients(painter_);
            return norm;
        });
    }
    void train_discriminator(TensorView<const float> real, TensorView<const float> fake) {
        judge_tape_.clear();
        clear_gradients(of_discriminator_);
        discriminator_.prepare(true);
        const auto logits = [&](TensorView<const float> images) {
            const auto image = shown(judge_tape_, judge_tape_.leaf(images));
            return discriminator_(judge_tape_, image, image).logits;
        };
        const auto on_real = logits(real), on_fake = logits(fake);
        judge_tape_.backward(discriminator_loss<float>(judge_tape_, {}, on_real, on_fake));
        update(of_discriminator_, kDiscriminatorRate);
        discriminator_.project();
        discriminator_.prepare(true);
    }
    void update(std::vector<TrainedParameter>& parameters, double rate) {
        adam_update(parameters, {0.5, 0.99, 1e-8, 0}, rate, step_, 1.0);
    }
    [[nodiscard]] PicturePoint judge(double seconds, std::vector<Image>& samples) {
        networks_.encoder.prepare(false);
        networks_.body.prepare(false);
        top_.prepare(false);
        tape_.clear();
        const Frozen encoder(of_encoder_), painter(painter_);
        const auto x = tape_.leaf(judged_.view());
        std::optional<Variable<float>> ignored;
        const auto x_hat = painted(tape_, encoded(tape_, x, true, ignored));
        const double error = static_cast<double>(mean_square(tape_, x_hat, x).scalar());
        samples = shown_images(x_hat.constant());
        const PrecisionScope exact(tape_, Precision::fp32);
        return {step_ + 1, seconds, static_cast<double>(lpips_(tape_, x_hat, x).scalar()), -10 * std::log10(error)};
    }

    const PictureSettings& settings_;
    std::uint64_t seed_;
    const Dataset& training_;
    const Lpips<AlexNet>& lpips_;
    Tensor<float> judged_, batch_, noise_;
    Networks networks_;
    Top top_;
    Discriminator discriminator_;
    Random random_{12};
    std::vector<TrainedParameter> painter_, of_encoder_, of_discriminator_;
    Tape<float> tape_, judge_tape_;
    std::int64_t step_ = 0;
};

}  // namespace

Tensor<float> draw_judged(const Dataset& judged) {
    Tensor<float> pictures({kJudged, 3, kSide, kSide});
    judged.draw(777, 0, kPictureCrops, pictures.view());
    return pictures;
}
std::vector<Image> shown_images(TensorView<const float> pictures) {
    std::vector<Image> images;
    const std::size_t size = pictures.size() / static_cast<std::size_t>(pictures.shape.n);
    for (int n = 0; n < kShown; ++n)
        images.push_back(tensor_to_image<float>(
            {pictures.data + static_cast<std::size_t>(n) * size, {1, 3, kSide, kSide}}, kSide, kSide));
    return images;
}

PictureRun run_pictures(const PictureSettings& settings, std::uint64_t seed, const Dataset& training,
                        const Dataset& judged, const Lpips<AlexNet>& lpips) {
    const auto run = [&]<class Networks, class Discriminator>() {
        return PictureGan<Networks, Discriminator>(settings, seed, training, judged, lpips).run();
    };
    using Small = DcganDiscriminator<8>;
    if (settings.projected) return run.operator()<PlainNetworks, ProjectedDiscriminator<Lpips<AlexNet>, 16>>();
    switch (settings.networks) {
        case PictureNetworks::wide:
            return run.operator()<WideNetworks, Small>();
        case PictureNetworks::residual_gdn:
            return run.operator()<GdnNetworks, Small>();
        case PictureNetworks::variational:
            return run.operator()<VariationalNetworks, Small>();
        case PictureNetworks::restoration:
            return run_cycle(settings, seed, training, judged, lpips);
        case PictureNetworks::plain:
            break;
    }
    return run.operator()<PlainNetworks, Small>();
}

std::vector<Image> judged_originals(const Dataset& judged) {
    const Tensor<float> pictures = draw_judged(judged);
    return shown_images(pictures.view());
}

}  // namespace gancodec::cli
