#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

namespace {

/// Two named lists of numbers under training.
struct TwoParameters {
    Parameter<float> a, b;
    std::vector<TrainedParameter> trained;
    TwoParameters() {
        a.value = {1, -2, 3};
        b.value = {0.5f, 4};
        a.shape = {3};
        b.shape = {2};
        add("net.0.weight", a);
        add("net.1.bias", b);
    }
    void add(const char* name, Parameter<float>& p) {
        p.grad.assign(p.value.size(), 0);
        trained.push_back({name, &p, std::vector<float>(p.value.size()), std::vector<float>(p.value.size()), p.value});
    }
};

std::string refusal(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("one step of each optimiser has the numbers of its paper", "[optimizer]") {
    const float g = 0.3f;
    const auto after = [&](OptimizerOptions options, int steps) {
        TwoParameters p;
        for (int i = 0; i < steps; ++i) {
            p.a.grad.assign(3, 2 * g);
            optimizer_update(p.trained, options, 0.1, i, 0.5);
        }
        CHECK(p.b.value[0] == 0.5f);  // without a gradient nothing moves
        return static_cast<double>(p.a.value[0]) - 1;
    };
    OptimizerOptions adam;
    CHECK(std::abs(after(adam, 1) + 0.1) < 1e-6);
    OptimizerOptions sgd{.kind = OptimizerKind::sgd, .sgd = {.momentum = 0.5}};
    CHECK(std::abs(after(sgd, 1) + 0.1 * 0.3) < 1e-6);
    CHECK(std::abs(after(sgd, 2) + 0.1 * 0.3 * (1 + 1.5)) < 1e-6);
    OptimizerOptions rms{.kind = OptimizerKind::rms_prop, .rms_prop = {.decay = 0.75}};
    CHECK(std::abs(after(rms, 1) + 0.1 / std::sqrt(0.25)) < 1e-6);
    CHECK(std::abs(after(rms, 2) + 0.1 / std::sqrt(0.25) + 0.1 / std::sqrt(0.4375)) < 1e-6);
}

TEST_CASE("every optimiser finds the bottom of a valley", "[optimizer]") {
    for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::rms_prop, OptimizerKind::sgd}) {
        TwoParameters p;
        OptimizerOptions options{.kind = kind};
        for (int i = 0; i < 600; ++i) {
            for (TrainedParameter& t : p.trained)  // 1/2 Σ (k+1) (x − 1)²
                for (std::size_t k = 0; k < t.parameter->value.size(); ++k)
                    t.parameter->grad[k] = static_cast<float>(k + 1) * (t.parameter->value[k] - 1);
            optimizer_update(p.trained, options, 0.02 * (1 - i / 600.0), i, 1.0);
        }
        for (const TrainedParameter& t : p.trained)
            for (const float x : t.parameter->value) CHECK(std::abs(x - 1) < 0.01);
    }
}

TEST_CASE("learning rates fall as their shapes say", "[optimizer]") {
    LearningRateSchedule rate{.peak = 1, .warm_up_steps = 10, .decay_from = 0.5, .final_factor = 0.1};
    CHECK(rate.at(4, 100) == 0.5);
    CHECK(rate.at(50, 100) == 1);
    CHECK(std::abs(rate.at(75, 100) - 0.55) < 1e-12);
    CHECK(std::abs(rate.at(100, 100) - 0.1) < 1e-12);
    rate.shape = ScheduleShape::constant;
    CHECK(rate.at(4, 100) == 0.5);
    CHECK(rate.at(100, 100) == 1);
    rate.shape = ScheduleShape::step;
    rate.step_every = 30;
    CHECK(rate.at(29, 100) == 1);
    CHECK(rate.at(30, 100) == 0.5);
    CHECK(rate.at(90, 100) == 0.125);
}

TEST_CASE("a plateau lowers the rate once its patience is over", "[optimizer]") {
    LearningRateSchedule rate{.peak = 1, .warm_up_steps = 0, .shape = ScheduleShape::plateau, .patience_steps = 5};
    TrainingState state;
    const auto go = [&](double loss) {
        state.running_loss = loss;
        ++state.step;
        follow_plateau(rate, state);
        return learning_rate(rate, state, 100);
    };
    CHECK(go(2) == 1);
    for (int i = 0; i < 20; ++i) CHECK(go(2 - 0.01 * (i + 1)) == 1);  // falling
    for (int i = 0; i < 4; ++i) CHECK(go(1.8) == 1);
    CHECK(go(1.81) == 0.5);
    for (int i = 0; i < 4; ++i) CHECK(go(1.8) == 0.5);
    CHECK(go(1.8) == 0.25);
    state.learning_rate_factor = 0.5;
    CHECK(go(1) == 0.125);
    rate.shape = ScheduleShape::constant;
    CHECK(learning_rate(rate, state, 100) == 0.5);
}

TEST_CASE("patterns of names", "[optimizer]") {
    CHECK(matches_pattern("a.b", "a.b"));
    CHECK(!matches_pattern("a.b", "a.bc"));
    CHECK(matches_pattern("*", ""));
    CHECK(matches_pattern("encoder.*", "encoder.0.weight"));
    CHECK(!matches_pattern("encoder.*", "hyper_encoder.0.weight"));
    CHECK(matches_pattern("*encoder.*bias", "hyper_encoder.0.bias"));
    CHECK(matches_pattern("*.a*a", "x.aba.aa"));
    CHECK(!matches_pattern("*.a*b", "x.aba.aa"));
}

TEST_CASE("parameters are frozen, slowed down and loaded by patterns", "[optimizer]") {
    TwoParameters p;
    apply_rules({.freeze = {"*.bias"}, .rate_factors = {{"net.*", 0.5}, {"*.weight", 0.5}}}, p.trained);
    CHECK(!p.b.trained());
    CHECK(p.trained[0].learning_rate_factor == 0.25);
    CHECK(refusal([&] { apply_rules({.freeze = {"nut.*"}}, p.trained); }) ==
          "recipe: freeze: expected a pattern of parameters such as \"net.0.weight\", found \"nut.*\", which none has");

    SafetensorsWriter writer;
    writer.add_float("average.net.0.weight", {3}, std::vector<float>{7, 8, 9});
    writer.add_float("net.1.bias", {1}, std::vector<float>{7});
    const auto file = SafetensorsFile::parse(writer.bytes(), "some");
    load_matching({"*.weight"}, file, p.trained);
    CHECK(p.a.value == std::vector<float>{7, 8, 9});
    CHECK(p.trained[0].average == p.a.value);
    CHECK(refusal([&] { load_matching({"*"}, file, p.trained); }).find("net.1.bias") != std::string::npos);
    CHECK(refusal([&] { load_matching({"x"}, file, p.trained); }).find("recipe: load:") == 0);
}

TEST_CASE("a run freezes, slows down and plateaus as its recipe says, and resumes bit for bit", "[train]") {
    std::vector<Image> images;
    for (std::uint64_t i = 0; i < 3; ++i) images.push_back(test_picture(150, 140, i));
    const Dataset data(std::move(images));
    Recipe recipe;
    recipe.batch = 1;
    recipe.augmentation.crop_px = 128;
    recipe.learning_rate = {.peak = 1e-3, .warm_up_steps = 0, .shape = ScheduleShape::plateau, .patience_steps = 1};
    recipe.optimizer.kind = OptimizerKind::rms_prop;
    recipe.rules.freeze = {"encoder.*", "gain.*"};
    recipe.rules.rate_factors = {{"generator.*", 0}};
    const auto values = [](const Trainer& trainer, const std::string& folder) {
        Model<float> model;
        LogisticMixture<float> prior(kHyperChannels);
        trainer.average(model, prior);
        std::vector<float> all;
        model.each_parameter("", [&](const std::string& name, Parameter<float>& p) {
            if (matches_pattern(folder, name)) all.insert(all.end(), p.value.begin(), p.value.end());
        });
        return all;
    };
    Trainer whole(recipe, data, {}), first(recipe, data, {}), second(recipe, data, {});
    const auto encoder = values(whole, "encoder.*"), generator = values(whole, "generator.*"),
               hyper = values(whole, "hyper_mean.*");
    for (int i = 0; i < 6; ++i) whole.step();
    CHECK(values(whole, "encoder.*") == encoder);
    CHECK(values(whole, "generator.*") == generator);
    CHECK(values(whole, "hyper_mean.*") != hyper);
    CHECK(whole.state().plateau_factor < 1);

    const auto path = std::filesystem::temp_directory_path() / "gancodec_test_rules.safetensors";
    for (int i = 0; i < 3; ++i) first.step();
    first.save(path);
    second.resume(path);
    for (int i = 0; i < 3; ++i) second.step();
    CHECK(values(second, "*") == values(whole, "*"));
    CHECK(second.state().plateau_factor == whole.state().plateau_factor);

    Recipe transfer = recipe;
    transfer.seed = 2;
    transfer.rules = {.load = {"generator.*"}};
    Trainer third(transfer, data, {});
    CHECK(values(third, "hyper_mean.*") != values(whole, "hyper_mean.*"));
    third.load(SafetensorsFile::load(path));
    CHECK(values(third, "generator.*") == generator);
    std::filesystem::remove(path);
}
