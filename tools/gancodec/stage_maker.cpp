#include "stage_maker.hpp"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "gancodec/core/file.hpp"
#include "gancodec/train/adversarial_stage.hpp"
#include "gancodec/train/start_weights.hpp"
#include "gancodec/train/trainer.hpp"

namespace gancodec::cli {

namespace fs = std::filesystem;

namespace {

/// A network that pictures are compared by, as a loss; nothing when its weight is 0.
template <class Network>
std::unique_ptr<Network> load_loss(double weight, const std::string& named, const char* file, const char* option) {
    if (weight == 0) return nullptr;
    const fs::path path = named.empty() ? find_data_file(file) : fs::path(named);
    if (path.empty())
        throw Error(Errc::io, std::string(file) + ": expected beside the weights, found none; name it by " + option +
                                  ", or set its weight to 0 in the recipe");
    return std::make_unique<Network>(Network::load(path, true));
}
double lpips_weight(const Recipe& recipe) { return recipe.lpips_weight; }
double lpips_weight(const AdversarialRecipe& recipe) {
    return recipe.content.lpips + recipe.content.contextual + (recipe.discriminator == DiscriminatorKind::projected);
}
double dists_weight(const Recipe& recipe) { return recipe.dists_weight; }
double dists_weight(const AdversarialRecipe& recipe) { return recipe.dists_weight; }

/// What makes a recipe a stage.
struct StageMaker {
    const TrainCommand& command;
    const Dataset& data;
    PerceptualLosses losses;
    bool resumed;

    std::unique_ptr<Stage> operator()(const Recipe& recipe) const {
        if (command.start.empty() != recipe.rules.load.empty() && !resumed)
            throw Error(
                Errc::invalid_argument,
                "--start: expected together with a recipe of stage adversarial, or with one whose \"load\" names "
                "tensors");
        auto trainer = std::make_unique<Trainer>(recipe, data, losses);
        if (!resumed && !command.start.empty()) trainer->load(SafetensorsFile::load(command.start));
        return trainer;
    }
    std::unique_ptr<Stage> operator()(const AdversarialRecipe& recipe) const {
        SafetensorsFile start = load_start_weights(start_path());
        if (!resumed) write_file(written(), start.bytes());
        return std::make_unique<AdversarialStage>(recipe, data, losses, std::move(start));
    }

private:
    /// A resumed run finds what it started from in its own weights: all but the generator are still the same. They are
    /// there from the first step on, for a run that is killed before it exports any.
    [[nodiscard]] fs::path start_path() const {
        std::error_code ignored;
        if (!command.start.empty()) return command.start;
        return command.resume && fs::exists(written(), ignored) ? written() : find_codec_weights({});
    }
    [[nodiscard]] fs::path written() const { return fs::path(command.out) / "gancodec.safetensors"; }
};

}  // namespace

LossNetworks load_losses(const TrainCommand& command, const AnyRecipe& recipe) {
    return {load_loss<Lpips<AlexNet>>(std::visit([](const auto& r) { return lpips_weight(r); }, recipe), command.lpips,
                                      "lpips_alex.safetensors", "--lpips"),
            load_loss<Dists<>>(std::visit([](const auto& r) { return dists_weight(r); }, recipe), command.dists,
                               "dists.safetensors", "--dists")};
}

std::unique_ptr<Stage> make_stage(const TrainCommand& command, const AnyRecipe& recipe, const Dataset& data,
                                  const PerceptualLosses& losses, bool resumed) {
    return std::visit(StageMaker{command, data, losses, resumed}, recipe);
}

}  // namespace gancodec::cli
