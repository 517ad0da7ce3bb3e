#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

namespace {

Dataset small_dataset() {
    std::vector<Image> images;
    for (std::uint64_t i = 0; i < 3; ++i) images.push_back(test_picture(150 + 10 * static_cast<int>(i), 140, i));
    return Dataset(std::move(images));
}

/// A network that is worth something: principal components of the same pictures, one step of stage 1.
SafetensorsFile start_weights(const Dataset& data) {
    Recipe recipe;
    recipe.batch = 1;
    recipe.augmentation.crop_px = 128;
    Trainer trainer(recipe, data, {});
    CodecWeights weights = trainer.weights();
    return SafetensorsFile::parse(write_codec_weights(weights).bytes(), "start");
}

AdversarialRecipe small_recipe() {
    AdversarialRecipe recipe;
    recipe.batch = 1;
    recipe.augmentation.crop_px = 128;
    recipe.steps = 40;
    recipe.generator_rate.warm_up_steps = recipe.discriminator_rate.warm_up_steps = 1;
    recipe.discriminator = DiscriminatorKind::patch_slim;
    recipe.discriminator_only_steps = 1;
    recipe.content.lpips = 0;
    recipe.r1_weight = 1;
    recipe.r1_every = 2;
    recipe.instance_noise = 0.1;
    recipe.checkpoint_steps = 100;
    return recipe;
}

std::map<std::string, std::vector<float>> tensors(CodecWeights weights) {
    std::map<std::string, std::vector<float>> all;
    weights.networks.each_parameter("", [&](const std::string& name, Parameter<float>& p) { all[name] = p.value; });
    return all;
}

}  // namespace

TEST_CASE("the adversarial stage adds a generator, changes nothing else, and streams keep their bytes", "[train]") {
    const Dataset data = small_dataset();
    const SafetensorsFile start = start_weights(data);
    AdversarialStage stage(small_recipe(), data, {}, start);
    for (int i = 0; i < 2; ++i) stage.step();
    const auto before = tensors(read_codec_weights(start)), after = tensors(stage.weights());
    for (const auto& [name, values] : before) {
        INFO(name);
        CHECK(values == after.at(name));
    }
    CHECK(!stage.weights().realism.empty());
    const Image image = test_picture(90, 70);
    Codec old(read_codec_weights(start)), trained(stage.weights()), plain(stage.weights(), {.realism = 0});
    const Bytes bytes = old.encode(image);
    CHECK(trained.encode(image) == bytes);
    CHECK(trained.decode(bytes).rgb != old.decode(bytes).rgb);
    CHECK(plain.decode(bytes).rgb == old.decode(bytes).rgb);
}

TEST_CASE("a resumed adversarial stage equals one that was not interrupted, bit for bit", "[train]") {
    const Dataset data = small_dataset();
    const SafetensorsFile start = start_weights(data);
    const std::string path = (std::filesystem::temp_directory_path() / "gancodec_test_stage2.safetensors").string();
    const int before = threads();
    set_threads(2);
    AdversarialStage whole(small_recipe(), data, {}, start);
    StepReport last;
    for (int i = 0; i < 4; ++i) last = whole.step();

    AdversarialStage first(small_recipe(), data, {}, start);
    for (int i = 0; i < 2; ++i) first.step();
    first.save(path);
    set_threads(1);
    AdversarialStage second(small_recipe(), data, {}, start);
    second.resume(path);
    CHECK(second.state().step == 2);
    StepReport resumed;
    for (int i = 0; i < 2; ++i) resumed = second.step();
    set_threads(before);
    std::filesystem::remove(path);
    CHECK(resumed.figures == last.figures);
    CHECK(tensors(second.weights()) == tensors(whole.weights()));
}

TEST_CASE("the adversarial stage lowers the loss it is given", "[train]") {
    const Dataset data = small_dataset();
    CodecWeights darkened = read_codec_weights(start_weights(data));
    darkened.networks.generator.each_parameter("", [](const std::string& name, Parameter<float>& p) {
        if (name.ends_with("bias") && p.value.size() == 48) std::ranges::fill(p.value, -0.3f);
    });
    const SafetensorsFile start = SafetensorsFile::parse(write_codec_weights(darkened).bytes(), "darkened");
    AdversarialRecipe recipe = small_recipe();
    recipe.generator_rate.peak = 3e-4;
    recipe.r1_weight = recipe.instance_noise = 0;
    AdversarialStage stage(recipe, data, {}, start);
    const Image image = test_picture(150, 140);
    const auto error = [&](CodecWeights weights) {
        Codec codec(std::move(weights));
        return mean_squared_error(image, codec.decode(codec.encode(image)));
    };
    const double before = error(read_codec_weights(start));
    for (int i = 0; i < 10; ++i) stage.step();
    CHECK(error(stage.weights()) < 0.5 * before);
}

TEST_CASE("an adversarial stage leaves out a batch that holds a NaN", "[train]") {
    class Poisoned : public Dataset {
    public:
        using Dataset::Dataset;
        void draw(std::uint64_t seed, std::uint64_t step, const Augmentation& how,
                  TensorView<float> batch) const override {
            Dataset::draw(seed, step, how, batch);
            if (step == 1) batch.at(0, 0, 0, 0) = std::nanf("");
        }
    };
    const Dataset data = small_dataset();
    const Poisoned poisoned({test_picture(150, 140, 0), test_picture(160, 140, 1), test_picture(170, 140, 2)});
    AdversarialStage stage(small_recipe(), poisoned, {}, start_weights(data));
    CHECK(stage.step().skipped.empty());
    const StepReport report = stage.step();
    CHECK(report.skipped == "the batch");
    CHECK(stage.state().step == 2);
    const StepReport next = stage.step();
    CHECK(next.skipped.empty());
    CHECK(next.symptom.empty());
    CHECK(std::isfinite(next.loss));
}

TEST_CASE("an adversarial stage that explodes returns to its snapshot", "[train]") {
    const Dataset data = small_dataset();
    AdversarialRecipe recipe = small_recipe();
    recipe.generator_rate.peak = 1e9;
    AdversarialStage stage(recipe, data, {}, start_weights(data));
    bool restored = false;
    for (int i = 0; i < 6 && !restored; ++i) restored = stage.step().restored;
    CHECK(restored);
    CHECK(stage.state().learning_rate_factor < 1);
    for (const auto& [name, values] : tensors(stage.weights()))
        for (const float value : values) REQUIRE(std::isfinite(value));
}

TEST_CASE("an adversarial stage with adapted weights goes on, and resumes bit for bit", "[train]") {
    const Dataset data = small_dataset();
    const SafetensorsFile start = start_weights(data);
    const auto lpips = Lpips<AlexNet>::load(GANCODEC_SOURCE_DIR "/weights/lpips_alex.safetensors", true);
    const auto path = std::filesystem::temp_directory_path() / "gancodec_test_adaptive.safetensors";
    for (const auto kind : {AdaptiveWeighting::gradient_balance, AdaptiveWeighting::uncertainty}) {
        AdversarialRecipe recipe = small_recipe();
        recipe.adaptive_weights = kind;
        recipe.content.contextual = 0.1;
        AdversarialStage whole(recipe, data, {&lpips}, start), first(recipe, data, {&lpips}, start),
            second(recipe, data, {&lpips}, start);
        StepReport last;
        for (int i = 0; i < 3; ++i) last = whole.step();
        CHECK(!last.restored);
        CHECK(last.at("contextual") > 0);
        CHECK(last.at("adversarial_weight") != recipe.adversarial_weight);
        first.step();
        first.save(path);
        second.resume(path);
        StepReport resumed;
        for (int i = 0; i < 2; ++i) resumed = second.step();
        CHECK(resumed.figures == last.figures);
    }
    std::filesystem::remove(path);
}
