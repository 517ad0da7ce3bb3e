#include "picture_gan.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <span>
#include <utility>

#include "gancodec/autograd/feature_ops.hpp"
#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/networks/discriminators.hpp"
#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/train/fade_in.hpp"
#include "gancodec/train/losses/adversarial.hpp"
#include "gancodec/train/losses/gradient_balance.hpp"
#include "gancodec/train/optimizer.hpp"

namespace gancodec::cli {

namespace {

constexpr int kSide = 32, kLatents = 4, kJudged = 32, kShown = 8;
constexpr double kLargest = 3;  // latents are −3 … 3
constexpr Augmentation kCrops{kSide, 0.25, true};

using Encoder =
    Sequential<Conv2d<3, 16, 4, Stride<2>, Padding<1>>, LeakyRelu<>, Conv2d<16, kLatents, 4, Stride<2>, Padding<1>>>;
using Body = Sequential<Conv2d<kLatents, 32, 3>, LeakyRelu<>, UpsampleNearest<2>, Conv2d<32, 32, 3>, LeakyRelu<>>;
using Top = FadeIn<Conv2d<32, 3, 1>, Sequential<UpsampleNearest<2>, Conv2d<32, 16, 3>, LeakyRelu<>, Conv2d<16, 3, 3>>>;

Variable<float> mean_square(Tape<float>& tape, Variable<float> a, Variable<float> b) {
    return mean_of(tape, sub(tape, a, b), [](double d) { return ValueAndSlope{d * d, 2 * d}; });
}
Tensor<float> draw_judged(const Dataset& judged) {
    Tensor<float> pictures({kJudged, 3, kSide, kSide});
    judged.draw(777, 0, kCrops, pictures.view());
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

class PictureGan {
public:
    PictureGan(const PictureSettings& settings, std::uint64_t seed, const Dataset& training, const Dataset& judged,
               const Lpips<AlexNet>& lpips)
        : settings_(settings),
          seed_(seed),
          training_(training),
          lpips_(lpips),
          judged_(draw_judged(judged)),
          batch_({settings.batch, 3, kSide, kSide}) {
        Random random(seed);
        init_keep_variance(encoder_, random);
        init_keep_variance(body_, random);
        init_keep_variance(top_, random);
        init_keep_variance(discriminator_, random);
        settle_spectral_norm(discriminator_);
        collect_parameters(body_, "body.", painter_);
        collect_parameters(top_, "top.", painter_);
        collect_parameters(encoder_, "encoder.", of_encoder_);
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

    [[nodiscard]] Variable<float> decoded(Tape<float>& tape, Variable<float> x) {
        const auto y = quantize(tape, encoder_(tape, scale_and_shift(tape, x, 4.0f, -2.0f)), 1.0, -kLargest, kLargest);
        return scale_and_shift(tape, top_(tape, body_(tape, y)), 1.0f, 0.5f);
    }
    void step() {
        training_.draw(seed_, static_cast<std::uint64_t>(step_), kCrops, batch_.view());
        top_.share = settings_.growth.at(step_);
        encoder_.prepare(true);
        body_.prepare(true);
        top_.prepare(true);
        tape_.clear();
        const double content_steps = settings_.content_share * settings_.steps;
        const bool adversarial = static_cast<double>(step_) >= content_steps,
                   frozen_encoder = adversarial && content_steps > 0;
        const auto x = low_passed(tape_, tape_.leaf(batch_.view()), settings_.detail.at(step_));
        clear_gradients(of_encoder_);
        clear_gradients(painter_);
        const Frozen kept(frozen_encoder ? std::span(of_encoder_) : std::span<TrainedParameter>());
        const auto x_hat = decoded(tape_, x);
        auto loss = mean_square(tape_, x_hat, x);
        if (adversarial) {
            train_discriminator(x.constant(), x_hat.constant());
            const Frozen silent(of_discriminator_);
            const auto judged = discriminator_(tape_, scale_and_shift(tape_, x_hat, 2.0f, -1.0f), x_hat).logits;
            const auto opinion = generator_loss<float>(tape_, {}, {}, judged);
            double weight = settings_.adversarial_weight;
            if (settings_.gradient_balance) weight *= balance(loss, opinion);
            loss = add(tape_, loss, scale(tape_, opinion, static_cast<float>(weight)));
        }
        tape_.backward(loss);
        update(painter_, kRate);
        if (!frozen_encoder) update(of_encoder_, kRate);
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
            const auto image = scale_and_shift(judge_tape_, judge_tape_.leaf(images), 2.0f, -1.0f);
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
        encoder_.prepare(false);
        body_.prepare(false);
        top_.prepare(false);
        tape_.clear();
        const Frozen encoder(of_encoder_), painter(painter_);
        const auto x = tape_.leaf(judged_.view());
        const auto x_hat = decoded(tape_, x);
        const double error = static_cast<double>(mean_square(tape_, x_hat, x).scalar());
        samples = shown_images(x_hat.constant());
        return {step_ + 1, seconds, static_cast<double>(lpips_(tape_, x_hat, x).scalar()), -10 * std::log10(error)};
    }

    const PictureSettings& settings_;
    std::uint64_t seed_;
    const Dataset& training_;
    const Lpips<AlexNet>& lpips_;
    Tensor<float> judged_, batch_;
    Encoder encoder_;
    Body body_;
    Top top_;
    DcganDiscriminator<8> discriminator_;
    std::vector<TrainedParameter> painter_, of_encoder_, of_discriminator_;
    Tape<float> tape_, judge_tape_;
    std::int64_t step_ = 0;
};

}  // namespace

PictureRun run_pictures(const PictureSettings& settings, std::uint64_t seed, const Dataset& training,
                        const Dataset& judged, const Lpips<AlexNet>& lpips) {
    return PictureGan(settings, seed, training, judged, lpips).run();
}

std::vector<Image> judged_originals(const Dataset& judged) {
    const Tensor<float> pictures = draw_judged(judged);
    return shown_images(pictures.view());
}

}  // namespace gancodec::cli
