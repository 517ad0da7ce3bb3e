#include "cycle_gan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <utility>
#include <vector>

#include "gancodec/autograd/feature_ops.hpp"
#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/networks/discriminators.hpp"
#include "gancodec/networks/restoration.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/train/losses/adversarial.hpp"
#include "gancodec/train/losses/pointwise.hpp"
#include "gancodec/train/optimizer.hpp"

namespace gancodec::cli {

namespace {

constexpr AdversarialOptions kLeastSquares{.loss = AdversarialLoss::least_squares};

/// One of the two kinds of pictures: what makes them, and what judges them.
struct Kind {
    RestorationGenerator<16> maker;  ///< out of pictures of the other kind
    DcganDiscriminator<8> judge;
    std::vector<TrainedParameter> of_maker, of_judge;
};
enum : std::size_t { kWhole, kDamaged };

class CycleGan {
public:
    CycleGan(const PictureSettings& settings, std::uint64_t seed, const Dataset& training, const Dataset& judged,
             const Lpips<AlexNet>& lpips)
        : settings_(settings), seed_(seed), training_(training), lpips_(lpips), judged_(draw_judged(judged)) {
        Random random(seed);
        for (Tensor<float>& batch : batch_)
            batch = Tensor<float>({settings.batch, 3, kPictureCrops.crop_px, kPictureCrops.crop_px});
        for (Kind& kind : kinds_) {
            init_keep_variance(kind.maker, random);
            scale_last_convolution(kind.maker, 0.1);
            init_keep_variance(kind.judge, random);
            settle_spectral_norm(kind.judge);
            collect_parameters(kind.maker, "", kind.of_maker);
            collect_parameters(kind.judge, "", kind.of_judge);
        }
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
                run.points.push_back(look(seconds, run.samples));
        }
        return run;
    }

private:
    static constexpr double kRate = 5e-4;

    static Variable<float> damaged(Tape<float>& tape, Variable<float> x) { return low_passed(tape, x, 0.3); }

    void step() {
        tape_.clear();
        std::array<Variable<float>, 2> real;
        for (const std::size_t k : {kWhole, kDamaged}) {  // other crops of each kind
            training_.draw(seed_, static_cast<std::uint64_t>(2 * step_) + k, kPictureCrops, batch_[k].view());
            real[k] = scale_and_shift(tape_, tape_.leaf(batch_[k].view()), 2.0f, -1.0f);
            kinds_[k].maker.prepare(true);
            kinds_[k].judge.prepare(true);
            clear_gradients(kinds_[k].of_maker);
        }
        real[kDamaged] = damaged(tape_, real[kDamaged]);
        std::array<Variable<float>, 2> made;
        for (const std::size_t k : {kWhole, kDamaged}) made[k] = kinds_[k].maker(tape_, real[1 - k]);
        for (const std::size_t k : {kWhole, kDamaged}) teach(kinds_[k], real[k].constant(), made[k].constant());
        const Frozen whole(kinds_[kWhole].of_judge), other(kinds_[kDamaged].of_judge);
        std::vector<std::pair<Variable<float>, float>> terms;
        for (const std::size_t k : {kWhole, kDamaged}) {
            const auto opinion = kinds_[k].judge(tape_, made[k], made[k]).logits;
            const auto back = kinds_[1 - k].maker(tape_, made[k]);
            terms.emplace_back(generator_loss<float>(tape_, kLeastSquares, {}, opinion), 1.0f);
            terms.emplace_back(mean_absolute_error(tape_, back, real[1 - k]),
                               static_cast<float>(settings_.cycle_weight));
        }
        tape_.backward(weighted_sum(tape_, terms));
        for (Kind& kind : kinds_) update(kind.of_maker);
    }
    void teach(Kind& kind, TensorView<const float> real, TensorView<const float> made) {
        judge_tape_.clear();
        clear_gradients(kind.of_judge);
        const auto logits = [&](TensorView<const float> images) {
            const auto image = judge_tape_.leaf(images);
            return kind.judge(judge_tape_, image, image).logits;
        };
        const auto on_real = logits(real), on_made = logits(made);
        judge_tape_.backward(discriminator_loss<float>(judge_tape_, kLeastSquares, on_real, on_made));
        update(kind.of_judge);
        kind.judge.project();
        kind.judge.prepare(true);
    }
    void update(std::vector<TrainedParameter>& parameters) {
        adam_update(parameters, {0.5, 0.99, 1e-8, 0}, kRate, step_, 1.0);
    }
    [[nodiscard]] PicturePoint look(double seconds, std::vector<Image>& samples) {
        kinds_[kWhole].maker.prepare(false);
        tape_.clear();
        const Frozen frozen(kinds_[kWhole].of_maker);
        const auto x = tape_.leaf(judged_.view());
        const auto restored = scale_and_shift(
            tape_, kinds_[kWhole].maker(tape_, damaged(tape_, scale_and_shift(tape_, x, 2.0f, -1.0f))), 0.5f, 0.5f);
        const auto difference = sub(tape_, restored, x);
        const double error = static_cast<double>(
            mean_of(tape_, difference, [](double d) { return ValueAndSlope{d * d, 2 * d}; }).scalar());
        samples = shown_images(restored.constant());
        return {step_ + 1, seconds, static_cast<double>(lpips_(tape_, restored, x).scalar()), -10 * std::log10(error)};
    }

    const PictureSettings& settings_;
    std::uint64_t seed_;
    const Dataset& training_;
    const Lpips<AlexNet>& lpips_;
    Tensor<float> judged_;
    std::array<Tensor<float>, 2> batch_;
    std::array<Kind, 2> kinds_;
    Tape<float> tape_, judge_tape_;
    std::int64_t step_ = 0;
};

}  // namespace

PictureRun run_cycle(const PictureSettings& settings, std::uint64_t seed, const Dataset& training,
                     const Dataset& judged, const Lpips<AlexNet>& lpips) {
    return CycleGan(settings, seed, training, judged, lpips).run();
}

}  // namespace gancodec::cli
