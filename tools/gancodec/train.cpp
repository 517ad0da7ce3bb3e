#include <algorithm>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "command.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/image/pad.hpp"
#include "image_folder.hpp"
#include "json_output.hpp"
#include "lab_page.hpp"
#include "recipe_file.hpp"
#include "stage_maker.hpp"
#include "train_command.hpp"
#include "training_run.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

/// The middles of three images: from the folder that was named, else spread over the training images.
std::vector<NamedImage> choose_samples(const TrainCommand& command, const std::vector<NamedImage>& training) {
    constexpr std::size_t kSamples = 3;
    constexpr int kSide = 256;
    std::vector<NamedImage> own;
    if (!command.samples.empty()) own = read_image_folder(command.samples);
    const std::vector<NamedImage>& from = own.empty() ? training : own;
    std::vector<NamedImage> samples;
    const std::size_t count = std::min(kSamples, from.size());
    for (std::size_t i = 0; i < count; ++i) {
        const NamedImage& image = from[(2 * i + 1) * from.size() / (2 * count)];
        const int width = std::min(image.image.width, kSide), height = std::min(image.image.height, kSide);
        samples.push_back({image.name, crop(image.image, (image.image.width - width) / 2,
                                            (image.image.height - height) / 2, width, height)});
    }
    return samples;
}

/// The recipe that was named; without one that of the run to resume, else the default.
AnyRecipe choose_recipe(const TrainCommand& command, const fs::path& saved) {
    std::error_code ignored;
    if (!command.recipe.empty()) return read_recipe(command.recipe);
    return command.resume && fs::exists(saved, ignored) ? read_recipe(saved) : AnyRecipe{};
}

/// The pictures of --data, and those that are held out: of --held-out, or every K-th.
struct Pictures {
    std::vector<NamedImage> training, held_out;
};
Pictures read_pictures(const TrainCommand& command) {
    const FolderOptions options{.long_side = command.long_side, .note = print_note};
    Pictures pictures;
    pictures.training = read_image_folder(command.data, options);
    if (!command.held_out.empty()) pictures.held_out = read_image_folder(command.held_out, options);
    if (command.folds == 0) return pictures;
    if (pictures.training.size() < static_cast<std::size_t>(command.folds))
        throw Error(Errc::invalid_argument, command.data + ": expected as many pictures as --folds or more, found " +
                                                std::to_string(pictures.training.size()));
    std::vector<NamedImage> all = std::exchange(pictures.training, {});
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool held = i % static_cast<std::size_t>(command.folds) == static_cast<std::size_t>(command.fold);
        (held ? pictures.held_out : pictures.training).push_back(std::move(all[i]));
    }
    return pictures;
}

/// One run; answers its summary.
Json train(const TrainCommand& command) {
    const fs::path folder = command.out;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Error(Errc::io, command.out + ": expected a folder to write to, found: " + error.message());
    const fs::path saved_recipe = folder / "recipe.json";
    const bool checkpoint = fs::exists(folder / "checkpoint.safetensors", error);
    if (checkpoint && !command.resume)
        throw Error(Errc::invalid_argument, command.out + ": expected a new folder or --resume, found a checkpoint");
    for (const fs::path& part : PendingFile::leftovers(folder)) {
        print_note(part.string() + ": removed; a program was ended while it wrote this");
        fs::remove(part, error);
    }
    const AnyRecipe recipe = choose_recipe(command, saved_recipe);

    Pictures pictures = read_pictures(command);
    std::vector<NamedImage> samples = choose_samples(command, pictures.training);
    std::vector<Image> pixels;
    for (NamedImage& image : pictures.training) pixels.push_back(std::move(image.image));
    pictures.training.clear();
    const Dataset data(std::move(pixels));
    const LossNetworks losses = load_losses(command, recipe);
    TrainingRun training(
        command, recipe, make_stage(command, recipe, data, {losses.lpips.get(), losses.dists.get()}, checkpoint),
        data.size(), losses.lpips.get(), std::move(samples), HeldOut(std::move(pictures.held_out), recipe, folder));
    const std::string text = recipe_text(recipe, 2) + "\n";
    write_file(saved_recipe, Bytes(text.begin(), text.end()));
    if (checkpoint) training.resume();
    end_runs_on_signals();
    training.train();
    const Json summary = training.summary();
    if (!command.common.json)
        std::printf("%s after %lld steps and %s: weights %s, contact sheet %s\n",
                    summary["finished"].get<bool>() ? "finished" : "stopped",
                    static_cast<long long>(summary["steps"].get<std::int64_t>()),
                    format_duration(summary["seconds"].get<double>()).c_str(),
                    one_line(training.weights_path().string()).c_str(),
                    one_line((folder / "sheet.png").string()).c_str());
    return summary;
}

/// A run for each part of the pictures: k-fold cross-validation (Stone 1974).
Json train_folds(const TrainCommand& command) {
    Json folds = Json::array();
    std::vector<double> lowest;
    for (int fold = 0; fold < command.folds && !asked_to_stop(); ++fold) {
        TrainCommand one = command;
        one.fold = fold;
        one.out = (fs::path(command.out) / ("fold" + std::to_string(fold))).string();
        const Json& summary = folds.emplace_back(train(one));
        if (summary["held_out"].is_object()) lowest.push_back(summary["held_out"]["lowest"].get<double>());
    }
    Json result{{"folds", folds}};
    if (lowest.empty()) return result;
    const Spread cost = spread(lowest);
    result["held_out"] = {{"mean", cost.mean}, {"deviation", cost.deviation}};
    if (!command.common.json)
        std::printf("%zu folds: lowest cost of held-out pictures %s ± %s\n", lowest.size(),
                    format_number(cost.mean, 4).c_str(), format_number(cost.deviation, 4).c_str());
    return result;
}

void run(const TrainCommand& command) {
    set_threads(command.common.threads);
    if (command.fold >= 0 && command.fold >= command.folds)
        throw Error(Errc::invalid_argument,
                    "--fold: expected less than --folds, found " + std::to_string(command.fold));
    if (command.folds == 1)
        throw Error(Errc::invalid_argument, "--folds: expected 2 or more, found 1, which leaves nothing to learn from");
    const Json summary = command.folds > 0 && command.fold < 0 ? train_folds(command) : train(command);
    if (command.common.json) print_json(summary);
}

}  // namespace

Command add_train(CLI::App& app) {
    auto command = std::make_shared<TrainCommand>();
    CLI::App* sub = app.add_subcommand("train", "Train weights on a folder of photographs");
    sub->add_option("--data", command->data, "Folder of PNG, JPEG or PPM images, searched with its subfolders")
        ->required();
    sub->add_option("--out", command->out, "Folder for weights, checkpoint, log.jsonl and sheet.png")->required();
    sub->add_option("--recipe", command->recipe, "JSON file of what differs from the default recipe");
    sub->add_option("--start", command->start,
                    "Weights, or a stage-1 checkpoint, that an adversarial recipe starts from (default: the codec's "
                    "own), or that a "
                    "recipe's \"load\" takes tensors from");
    sub->add_option("--minutes", command->minutes, "Stop after this time; --resume goes on later")
        ->check(within(0.0, 1e6));
    sub->add_flag("--resume", command->resume, "Go on from the checkpoint in --out, if there is one");
    sub->add_option("--samples", command->samples, "Folder of the contact sheet's pictures; default: training images");
    sub->add_option("--sheet-minutes", command->sheet_minutes, "Time between contact sheets")
        ->check(within(0.0, 1e6))
        ->capture_default_str();
    sub->add_option("--long-side", command->long_side, "Shrink larger images to this long side; 0 keeps them")
        ->check(within(0, 1 << 20))
        ->capture_default_str();
    sub->add_option("--held-out", command->held_out,
                    "Folder of pictures that judge the run: best.safetensors, and early_stopping of the recipe");
    sub->add_option("--folds", command->folds,
                    "Hold out every K-th picture of --data, a run for each of the K parts, in OUT/fold0 and so on")
        ->check(within(0, 1000));
    sub->add_option("--fold", command->fold, "Only this part of --folds")->check(within(0, 999));
    sub->add_option("--lpips", command->lpips, "Weights of LPIPS; default: lpips_alex.safetensors beside the weights");
    sub->add_option("--dists", command->dists,
                    "Weights of DISTS, for recipes that weigh it; default: dists.safetensors beside the weights");
    sub->add_option("--licence", command->licence, "Licence to write into the weights file");
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    sub->footer(
        "Ctrl-C saves a checkpoint and stops. The weights file is written with every contact sheet: try it at once "
        "with\n"
        "  gancodec demo photo.jpg --weights run/gancodec.safetensors\n"
        "Examples:\n"
        "  gancodec train --data photos --out run\n"
        "  gancodec train --data photos --out run --resume --minutes 60\n"
        "  echo '{\"steps\": 2000, \"learning_rate\": {\"peak\": 5e-4}}' > short.json\n"
        "  gancodec train --data photos --out run --recipe short.json\n"
        "  gancodec train --data photos --out gan --recipe tools/recipes/stage2.json --start run/gancodec.safetensors\n"
        "  gancodec train --data photos --out folds --folds 5 --recipe short.json      a run for each fifth held out\n"
        "What a recipe can name, technique by technique: tools/recipes/README.md; examples beside it, such as\n"
        "progressive.json (a curriculum), target_rate.json (two lambdas), wgan_gp.json and unrolled.json.");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
