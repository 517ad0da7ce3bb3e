#include "grid_gan.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "gancodec/autograd/batch_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/networks/discriminators.hpp"
#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/train/checkpoint.hpp"
#include "gancodec/train/optimizer.hpp"
#include "gancodec/train/regularizers/gradient_penalty.hpp"
#include "gancodec/train/regularizers/historical_average.hpp"
#include "gancodec/train/unrolled.hpp"

namespace gancodec::cli {

namespace {

constexpr int kNoise = 8, kUnits = 64;
constexpr double kDeviation = 0.05;

// Dense layers are 1x1 convolutions of 1x1 images; a sample is an image of a batch.
using Generator = Sequential<Conv2d<kNoise, kUnits, 1>, Relu, Conv2d<kUnits, kUnits, 1>, Relu, Conv2d<kUnits, 2, 1>>;
template <template <class> class Wrap>
using Discriminator = Sequential<Wrap<Conv2d<2, kUnits, 1>>, LeakyRelu<>, Wrap<Conv2d<kUnits, kUnits, 1>>, LeakyRelu<>,
                                 Wrap<Conv2d<kUnits, 1, 1>>>;
using DeviationDiscriminator = Sequential<Conv2d<2, kUnits, 1>, LeakyRelu<>, Conv2d<kUnits, kUnits, 1>, LeakyRelu<>,
                                          BatchDeviation<>, Conv2d<kUnits + 1, 1, 1>>;
using MinibatchDiscriminator = Sequential<Conv2d<2, kUnits, 1>, LeakyRelu<>, Conv2d<kUnits, kUnits, 1>, LeakyRelu<>,
                                          MinibatchDiscrimination<kUnits, 8, 4>, Conv2d<kUnits + 8, 1, 1>>;

void draw_noise(Random& random, TensorView<float> out) {
    for (int n = 0; n < out.shape.n; ++n)
        for (int c = 0; c < kNoise; ++c) out.at(n, c, 0, 0) = static_cast<float>(random.normal());
}
void draw_grid(Random& random, TensorView<float> out) {
    for (int n = 0; n < out.shape.n; ++n)
        for (int c = 0; c < 2; ++c)
            out.at(n, c, 0, 0) =
                static_cast<float>(static_cast<double>(random.below(5)) - 2 + kDeviation * random.normal());
}

template <class D>
class GridGan {
public:
    GridGan(const GridSettings& settings, std::uint64_t seed)
        : settings_(settings), random_(seed), real_({settings.batch, 2, 1, 1}), noise_({settings.batch, kNoise, 1, 1}) {
        init_keep_variance(generator_, random_);
        init_keep_variance(discriminator_, random_);
        settle_spectral_norm(discriminator_);
        collect_parameters(generator_, "", of_generator_);
        collect_parameters(discriminator_, "", of_discriminator_);
    }
    GridRun run() {
        constexpr std::int64_t kPoints = 40;
        GridRun run;
        for (step_ = 0; step_ < settings_.steps; ++step_) {
            train_discriminator();
            if (settings_.unrolled.steps > 0)
                train_generator_unrolled();
            else
                train_generator();
            if ((step_ + 1) % std::max<std::int64_t>(1, settings_.steps / kPoints) == 0)
                run.points.push_back(judge(run.samples));
        }
        return run;
    }

private:
    [[nodiscard]] Variable<float> under_noise(Tape<float>& tape, Variable<float> x) {
        if (settings_.instance_noise == 0) return x;
        const double left = 1 - static_cast<double>(step_) / static_cast<double>(settings_.steps);
        auto noise = tape.scratch().zeros<float>(x.shape());
        for (int n = 0; n < noise.shape.n; ++n)
            for (int c = 0; c < noise.shape.c; ++c)
                noise.at(n, c, 0, 0) = static_cast<float>(settings_.instance_noise * left * random_.normal());
        return add(tape, x, tape.leaf(noise));
    }
    void train_discriminator() {
        draw_grid(random_, real_.view());
        draw_noise(random_, noise_.view());
        tape_.clear();
        clear_gradients(of_discriminator_);
        generator_.prepare(false);
        discriminator_.prepare(true);
        Tensor<float> fake(real_.shape());
        {
            const Frozen frozen(of_generator_);
            copy(generator_(tape_, tape_.leaf(noise_.view())).constant(), fake.view());
        }
        const auto x = tape_.leaf(real_.view(), settings_.r1_weight > 0);
        const auto on_real = discriminator_(tape_, under_noise(tape_, x));
        const auto on_fake = discriminator_(tape_, under_noise(tape_, tape_.leaf(fake.view())));
        auto loss = discriminator_loss<float>(tape_, settings_.adversarial, {on_real}, {on_fake});
        if (settings_.r1_weight > 0)
            loss =
                add(tape_, loss,
                    scale(tape_, r1_penalty<float>(tape_, {on_real}, x), static_cast<float>(settings_.r1_weight / 2)));
        if (settings_.gradient_penalty > 0) {
            auto mixed = tape_.make(real_.shape());
            mix_images<float>(real_.view(), fake.view(), random_, mixed);
            const auto at = tape_.leaf(mixed, true);
            const auto penalty = wgan_gradient_penalty<float>(tape_, {discriminator_(tape_, at)}, at);
            loss = add(tape_, loss, scale(tape_, penalty, static_cast<float>(settings_.gradient_penalty)));
        }
        tape_.backward(loss);
        update(of_discriminator_, settings_.discriminator_rate);
        discriminator_.project();
    }
    void train_generator() {
        TrainingState ignored;
        Checkpoint before;
        if (settings_.lookahead > 0) before = Checkpoint::take(of_discriminator_, ignored);
        for (int i = 0; i < settings_.lookahead; ++i) train_discriminator();
        tape_.clear();
        clear_gradients(of_generator_);
        generator_.prepare(true);
        discriminator_.prepare(true);
        draw_noise(random_, noise_.view());
        draw_grid(random_, real_.view());
        {
            const Frozen frozen(of_discriminator_);
            const auto on_fake =
                discriminator_(tape_, under_noise(tape_, generator_(tape_, tape_.leaf(noise_.view()))));
            const auto on_real = discriminator_(tape_, under_noise(tape_, tape_.leaf(real_.view())));
            tape_.backward(generator_loss<float>(tape_, settings_.adversarial, {on_real}, {on_fake}));
        }
        update(of_generator_, settings_.generator_rate);
        if (settings_.lookahead > 0) before.restore(of_discriminator_, ignored);
    }
    /// All steps that are looked through see one batch.
    void train_generator_unrolled() {
        draw_noise(random_, noise_.view());
        draw_grid(random_, real_.view());
        unrolled_backward(of_generator_, of_discriminator_, settings_.unrolled, [&](Player player) {
            tape_.clear();
            generator_.prepare(true);
            discriminator_.prepare(true);
            const auto on_fake = discriminator_(tape_, generator_(tape_, tape_.leaf(noise_.view())));
            const auto on_real = discriminator_(tape_, tape_.leaf(real_.view()));
            tape_.backward(player == Player::discriminator
                               ? discriminator_loss<float>(tape_, settings_.adversarial, {on_real}, {on_fake})
                               : generator_loss<float>(tape_, settings_.adversarial, {on_real}, {on_fake}));
        });
        update(of_generator_, settings_.generator_rate);
    }
    void update(std::vector<TrainedParameter>& parameters, double rate) {
        add_historical_average(parameters, settings_.historical_average);
        adam_update(parameters, {0.5, 0.9, 1e-8, 0}, rate, step_, 1.0);
        const double decay = settings_.averaging > 0 ? settings_.averaging : 0.999;
        update_average(parameters, warm_decay(decay, step_));
    }
    /// Draws the same 2500 samples' noise every time.
    GridPoint judge(std::vector<std::array<double, 2>>& samples) {
        constexpr int kSamples = 2500, kEnough = 20;
        const auto exchange = [&] {
            if (settings_.averaging > 0)
                for (TrainedParameter& p : of_generator_) p.parameter->value.swap(p.average);
        };
        exchange();
        Random random(12345);
        Tensor<float> noise({kSamples, kNoise, 1, 1});
        draw_noise(random, noise.view());
        tape_.clear();
        generator_.prepare(false);
        const Frozen frozen(of_generator_);
        const auto out = generator_(tape_, tape_.leaf(noise.view())).constant();
        exchange();
        samples.clear();
        std::array<int, 25> hits{};
        int good = 0;
        for (int n = 0; n < kSamples; ++n) {
            const double x = out.at(n, 0, 0, 0), y = out.at(n, 1, 0, 0);
            samples.push_back({x, y});
            const double column = std::clamp(std::nearbyint(x), -2.0, 2.0),
                         row = std::clamp(std::nearbyint(y), -2.0, 2.0);
            if (!(std::hypot(x - column, y - row) <= 3 * kDeviation)) continue;
            ++good;
            ++hits[static_cast<std::size_t>(5 * (row + 2) + column + 2)];
        }
        const auto modes = std::count_if(hits.begin(), hits.end(), [](int count) { return count >= kEnough; });
        return {step_ + 1, static_cast<int>(modes), good / double(kSamples), mean_size_of_logits(out)};
    }
    /// Minibatch discrimination sees batches as large as those of training, no larger.
    [[nodiscard]] double mean_size_of_logits(TensorView<const float> fake) {
        Tensor<float> batch(real_.shape());
        std::copy_n(fake.data, batch.view().size(), batch.data());
        discriminator_.prepare(false);
        const Frozen frozen(of_discriminator_);
        const auto logits = discriminator_(tape_, tape_.leaf(batch.view())).constant();
        double total = 0;
        for (int n = 0; n < settings_.batch; ++n) total += std::abs(static_cast<double>(logits.at(n, 0, 0, 0)));
        return total / settings_.batch;
    }

    const GridSettings& settings_;
    Random random_;
    Generator generator_;
    D discriminator_;
    std::vector<TrainedParameter> of_generator_, of_discriminator_;
    Tensor<float> real_, noise_;
    Tape<float> tape_;
    std::int64_t step_ = 0;
};

}  // namespace

GridRun run_grid(const GridSettings& settings, std::uint64_t seed) {
    if (settings.spectral_norm) return GridGan<Discriminator<SpectralNorm>>(settings, seed).run();
    if (settings.batch_deviation) return GridGan<DeviationDiscriminator>(settings, seed).run();
    if (settings.minibatch_discrimination) return GridGan<MinibatchDiscriminator>(settings, seed).run();
    return GridGan<Discriminator<Unconstrained>>(settings, seed).run();
}

}  // namespace gancodec::cli
