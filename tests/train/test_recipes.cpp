// Every technique that a recipe can name: a few steps of it, on small synthetic pictures.

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/gradient_testing.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;
using namespace gancodec::testing;

namespace {

const Dataset& small_dataset() {
    static const Dataset data = [] {
        std::vector<Image> images;
        Random random(3);
        for (int i = 0; i < 3; ++i) images.push_back(synthetic_image(150 + 10 * i, 140, random));
        return Dataset(std::move(images));
    }();
    return data;
}
const SafetensorsFile& start_weights() {
    static const SafetensorsFile start = [] {
        Recipe recipe;
        recipe.batch = 1;
        recipe.augmentation.crop_px = 128;
        CodecWeights weights = Trainer(recipe, small_dataset(), {}).weights();
        return SafetensorsFile::parse(write_codec_weights(weights).bytes(), "start");
    }();
    return start;
}
Recipe small_recipe() {
    Recipe recipe;
    recipe.batch = 1;
    recipe.augmentation.crop_px = 128;
    recipe.lpips_weight = 0;
    recipe.odd_size_probability = 0.5;
    return recipe;
}
AdversarialRecipe small_adversarial() {
    AdversarialRecipe recipe;
    recipe.batch = 2;
    recipe.augmentation.crop_px = 128;
    recipe.discriminator = DiscriminatorKind::patch_slim;
    recipe.discriminator_only_steps = 0;
    recipe.content.lpips = 0;
    return recipe;
}
/// The report of the last of two steps, which must have gone well.
StepReport two_steps(Stage& stage) {
    StepReport report;
    for (int i = 0; i < 2; ++i) {
        report = stage.step();
        CHECK(!report.restored);
        CHECK(report.skipped.empty());
        CHECK(std::isfinite(report.loss));
    }
    return report;
}
StepReport reconstruction(const std::function<void(Recipe&)>& change) {
    Recipe recipe = small_recipe();
    change(recipe);
    Trainer trainer(std::move(recipe), small_dataset(), {});
    return two_steps(trainer);
}
StepReport adversarial(const std::function<void(AdversarialRecipe&)>& change) {
    AdversarialRecipe recipe = small_adversarial();
    change(recipe);
    AdversarialStage stage(std::move(recipe), small_dataset(), {}, start_weights());
    return two_steps(stage);
}

}  // namespace

TEST_CASE("a recipe's curriculum changes what stage 1 learns from", "[train]") {
    const double plain = reconstruction([](Recipe&) {}).loss;
    const double low_pass = reconstruction([](Recipe& r) { r.curriculum.low_pass = {10, 20}; }).loss;
    const double growth = reconstruction([](Recipe& r) { r.curriculum.growth = {10, 20}; }).loss;
    CHECK(low_pass < plain);  // pictures without detail cost fewer bits
    CHECK(growth < plain);    // and detail that is not compared costs no distortion
    const double easy = reconstruction([](Recipe& r) { r.curriculum.easy_crops = {10, 20}; }).loss;
    CHECK(easy != plain);
    Recipe recipe = small_recipe();
    recipe.curriculum.crop_phases = {{1, 192, 1.0}};
    Trainer trainer(recipe, small_dataset(), {});
    trainer.step();
    CHECK(trainer.state().pixel_steps == 128 * 128);
    trainer.step();
    CHECK(trainer.state().pixel_steps == 128 * 128 + 192 * 192);
    recipe.curriculum.crop_phases = {{1, 100, 1.0}};
    CHECK_THROWS_AS(Trainer(recipe, small_dataset(), {}), Error);
}

TEST_CASE("a curriculum says how the crops of a step are drawn", "[train]") {
    Curriculum curriculum;
    curriculum.easy_crops = {0, 10};
    curriculum.easiest_of = 5;
    curriculum.crop_phases = {{4, 192, 0.9}, {8, 256, 0.8}};
    const Augmentation base;
    CHECK(curriculum.augmentation(base, 0).easiest_of == 5);
    CHECK(curriculum.augmentation(base, 5).easiest_of == 3);
    CHECK(curriculum.augmentation(base, 10).easiest_of == 1);
    CHECK(curriculum.augmentation(base, 3).crop_px == base.crop_px);
    CHECK(curriculum.augmentation(base, 4).crop_px == 192);
    CHECK(curriculum.augmentation(base, 99).smallest_scale == 0.8);
    CHECK(Curriculum{}.augmentation(base, 0).easiest_of == 1);
}

TEST_CASE("crops change as their augmentation says", "[train]") {
    Random random(8);
    Image image = synthetic_image(64, 64, random);
    const auto drawn = [&](const std::function<void(Augmentation&)>& change, std::uint64_t seed) {
        Augmentation how{32, 1.0, false};
        change(how);
        Random same(seed);
        return augmented_crop(image, how, same);
    };
    const Image plain = drawn([](Augmentation&) {}, 1);
    CHECK(drawn([](Augmentation& a) { a.colour_jitter = 0.3; }, 1) != plain);
    CHECK(drawn([](Augmentation& a) { a.synthetic_share = 1; }, 1) != plain);
    const Image cut = drawn([](Augmentation& a) { a.cut_out_share = 1; }, 1);
    int grey = 0;
    for (std::size_t i = 0; i < cut.rgb.size(); ++i) {
        grey += cut.rgb[i] == 128;
        if (cut.rgb[i] != 128) CHECK(cut.rgb[i] == plain.rgb[i]);
    }
    CHECK(grey >= 3 * 8 * 8);
    double easy = 0, any = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        easy += difficulty(drawn([](Augmentation& a) { a.easiest_of = 4; }, seed));
        any += difficulty(drawn([](Augmentation&) {}, seed));
    }
    CHECK(easy < any);
}

TEST_CASE("a target rate switches between two lambdas", "[train]") {
    TargetRate target{{0.1, 0.4}, 3, 0.5};
    CHECK(target.at(0) == 0.1);
    CHECK(target.at(0.5) == Catch::Approx(0.2));
    CHECK(target.at(1) == 0.4);
    CHECK(target.factor(0.5, 0.21) == 3);
    CHECK(target.factor(0.5, 0.19) == 0.5);
    const auto loss = [](double bpp) {
        return reconstruction([bpp](Recipe& r) { r.target_rate.bpp.assign(kQualityLevels, bpp); }).loss;
    };
    CHECK(loss(1e-6) > loss(1e6));  // every image is over the one and under the other
    CHECK_THROWS_AS(reconstruction([](Recipe& r) { r.target_rate.bpp = {0.1}; }), Error);
}

TEST_CASE("the adversarial stage runs with every penalty, average and view of a recipe", "[train]") {
    CHECK(adversarial([](AdversarialRecipe& r) {
              r.gradient_penalty_weight = 10;
              r.adversarial.loss = AdversarialLoss::wasserstein;
          }).at("gradient_penalty") > 0);
    adversarial([](AdversarialRecipe& r) { r.historical_average = 1e-2; });
    adversarial([](AdversarialRecipe& r) { r.diff_augment = {true, true, true}; });
    adversarial([](AdversarialRecipe& r) {
        r.diff_augment = {true, true, true};
        r.r1_weight = 1;
    });
    adversarial([](AdversarialRecipe& r) { r.dropout = 0.5; });
    adversarial([](AdversarialRecipe& r) { r.curriculum = {{10, 20}, {10, 20}, {}, 1, {}}; });
}

TEST_CASE("the adversarial stage runs with the discriminators that look elsewhere", "[train]") {
    for (const auto kind :
         {DiscriminatorKind::pix2pix, DiscriminatorKind::minibatch_discrimination, DiscriminatorKind::batch_deviation})
        adversarial([kind](AdversarialRecipe& r) { r.discriminator = kind; });
    CHECK_THROWS_AS(adversarial([](AdversarialRecipe& r) { r.discriminator = DiscriminatorKind::projected; }), Error);
    const auto lpips = Lpips<AlexNet>::load(GANCODEC_SOURCE_DIR "/weights/lpips_alex.safetensors", true);
    AdversarialRecipe projected = small_adversarial();
    projected.discriminator = DiscriminatorKind::projected;
    AdversarialStage stage(projected, small_dataset(), {&lpips}, start_weights());
    CHECK(two_steps(stage).at("gradient_norm") > 0);
    CHECK_THROWS_AS(adversarial([](AdversarialRecipe& r) {
                        r.discriminator = DiscriminatorKind::batch_deviation;
                        r.r1_weight = 1;
                    }),
                    Error);
}

TEST_CASE("the adversarial stage looks through steps of its discriminator", "[train]") {
    const auto one = [](int steps) {
        return adversarial([steps](AdversarialRecipe& r) {
            r.unrolled = {steps, 0.1, 1e-2};
            r.adversarial_weight = 1;
            r.batch = 1;
        });
    };
    CHECK(one(1).at("gradient_norm") != one(0).at("gradient_norm"));
    CHECK_THROWS_AS(adversarial([](AdversarialRecipe& r) {
                        r.unrolled.steps = 1;
                        r.adaptive_weights = AdaptiveWeighting::uncertainty;
                    }),
                    Error);
}

TEST_CASE("gradients pass DiffAugment, once and twice", "[gradient]") {
    std::vector<DiffAugmentDraw> draws;
    Random random(2);
    for (int n = 0; n < 2; ++n) draws.push_back(draw_diff_augment({true, true, true}, {2, 3, 16, 16}, random));
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 3, 16, 16}, 1));
    operation_error(std::move(inputs),
                    [&](auto& tape, auto& x) { return weighted_square(tape, diff_augment(tape, x[0], draws)); });
    // Its flow is its adjoint, ⟨A x, y⟩ = ⟨x, Aᵀ y⟩, so that it can be differentiated any number of times.
    Tape<double> tape;
    const auto x = random_input({2, 3, 16, 16}, 3), y = random_input({2, 3, 16, 16}, 4);
    const auto at = tape.leaf(x.view(), true);
    const auto weighed = linear_map(
        tape, diff_augment(tape, at, draws), {1, 1, 1, 1},
        [&](TensorView<const double> in, TensorView<double> out) {
            std::fill_n(out.data, out.size(), 0.0);
            for (std::size_t i = 0; i < in.size(); ++i) out.data[0] += in.data[i] * y.data()[i];
        },
        [&](TensorView<const double> in, TensorView<double> out) {
            for (std::size_t i = 0; i < out.size(); ++i) out.data[i] = in.data[0] * y.data()[i];
        });
    const auto slope = tape.differentiate(weighed, at);
    tape.backward(weighed);
    for (std::size_t i = 0; i < slope.constant().size(); ++i)
        REQUIRE(std::abs(slope.constant().data[i] - tape.gradient(at).data[i]) < 1e-12);
}

TEST_CASE("gradients pass dropout, which drops as often as it says and keeps the mean", "[gradient]") {
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input({2, 3, 4, 4}, 1));
    operation_error(std::move(inputs), [](auto& tape, auto& x) {
        Random same(5);
        return weighted_square(tape, dropout(tape, x[0], 0.4, same));
    });
    Tape<float> tape;
    Tensor<float> ones({1, 16, 50, 50});
    fill(ones.view(), 1.0f);
    Dropout<> layer;
    layer.rate = 0.25;
    const auto kept = layer(tape, tape.leaf(ones.view())).constant();
    const auto zeros = std::count(kept.data, kept.data + kept.size(), 0.0f);
    CHECK(std::abs(static_cast<double>(zeros) / static_cast<double>(kept.size()) - 0.25) < 0.01);
    CHECK(*std::max_element(kept.data, kept.data + kept.size()) == Catch::Approx(4.0 / 3));
    Inference<float> inference;
    CHECK(layer(inference, inference.copy(TensorView<const float>(ones.view()))).constant().data[7] == 1);
}
