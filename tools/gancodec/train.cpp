#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "command.hpp"
#include "gancodec/codec/codec.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/image/pad.hpp"
#include "gancodec/metrics/psnr.hpp"
#include "gancodec/train/adversarial_stage.hpp"
#include "gancodec/train/start_weights.hpp"
#include "gancodec/train/trainer.hpp"
#include "image_folder.hpp"
#include "json_output.hpp"
#include "recipe_file.hpp"
#include "run_log.hpp"
#include "sheet.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

struct TrainCommand {
    std::string data, out, recipe, start, samples, lpips, dists, licence;
    double minutes = 0, sheet_minutes = 5;
    int long_side = 0;
    bool resume = false;
    CommonOptions common;
};

volatile std::sig_atomic_t stop_asked = 0;
void ask_to_stop(int) { stop_asked = 1; }

/// One run of training in a folder: weights, checkpoint, log and contact sheet.
class Run {
public:
    Run(const TrainCommand& command, const AnyRecipe& recipe, std::unique_ptr<Stage> stage, std::size_t images,
        const Lpips<AlexNet>* lpips, std::vector<NamedImage> samples)
        : command_(command),
          recipe_(recipe),
          folder_(command.out),
          stage_(std::move(stage)),
          lpips_(lpips),
          samples_(std::move(samples)),
          images_(images),
          log_(folder_ / "log.jsonl") {}

    void resume() {
        stage_->resume(checkpoint_path());
        saved_step_ = stage_->state().step;
        print_note(checkpoint_path().string() + ": going on from step " + std::to_string(stage_->state().step));
    }
    void train() {
        Progress progress("step", stage_->steps(), stage_->state().step);
        while (!stage_->finished() && !time_is_up()) {
            const StepReport report = stage_->step();
            if (!tell(report)) continue;
            means_.add(report);
            if (shown_.empty() || report.step % kShowEvery == 0) shown_.clear();
            shown_.add(report);
            progress.update(stage_->state().step, shown_.text());
            if (stage_->state().step % kLogEvery == 0) attempt([&] { write_log(); });
            if (stage_->state().step % stage_->checkpoint_steps() == 0) attempt([&] { save(); });
            if (sheet_clock_.milliseconds() > command_.sheet_minutes * 60'000) attempt([&] { write_samples(); });
        }
        refused_.clear();
        if (!means_.empty()) attempt([&] { write_log(); });
        attempt([&] { save(); });
        attempt([&] { write_samples(); });
        if (!refused_.empty()) throw Error(Errc::io, refused_);
    }
    [[nodiscard]] Json summary() const {
        return {{"steps", stage_->state().step},
                {"finished", stage_->finished()},
                {"seconds", stage_->state().seconds},
                {"weights", weights_path().string()},
                {"checkpoint", checkpoint_path().string()},
                {"samples", last_samples_}};
    }
    [[nodiscard]] fs::path weights_path() const { return folder_ / "gancodec.safetensors"; }
    [[nodiscard]] fs::path checkpoint_path() const { return folder_ / "checkpoint.safetensors"; }

private:
    static constexpr std::int64_t kLogEvery = 50, kShowEvery = 50, kHealthEvery = 500;
    static constexpr double kSampleQualities[] = {10, 50, 90};

    [[nodiscard]] bool time_is_up() const {
        return stop_asked != 0 || (command_.minutes > 0 && clock_.milliseconds() > command_.minutes * 60'000);
    }
    /// Does what writes files. Where one is refused, by a full disk say, training goes on: what was there before is whole.
    template <class Write>
    void attempt(const Write& write) {
        try {
            write();
        } catch (const Error& error) {
            refused_ = "step " + std::to_string(stage_->state().step) + ": " + error.what() +
                       (saved_step_ < 0 ? "; no checkpoint is on the disk"
                                        : "; the checkpoint of step " + std::to_string(saved_step_) + " is whole");
            if (!stage_->finished() && !time_is_up()) print_note(refused_ + ", training goes on");
        }
    }
    void save() {
        stage_->save(checkpoint_path());
        saved_step_ = stage_->state().step;
    }
    /// Logs and says what was out of the ordinary; whether the step changed the networks.
    bool tell(const StepReport& report) {
        Json line{{"step", report.step}};
        std::string text = report.symptom;
        if (report.restored) {
            line["restored"] = true;
            line["loss"] = report.loss;
            text = "the loss exploded to " + format_number(report.loss, 3) + ", back to the last snapshot";
        } else if (!report.skipped.empty()) {
            line["skipped"] = report.skipped;
            text = report.skipped + " held a number that is none: nothing was learnt from this step";
        } else if (!report.symptom.empty()) {
            line["symptom"] = report.symptom;
        }
        if (!text.empty()) {
            attempt([&] { log_.append(line); });
            print_note("step " + std::to_string(report.step) + ": " + text);
        }
        return !report.restored && report.skipped.empty();
    }
    void write_log() {
        Json line = means_.json();
        if (stage_->state().step % kHealthEvery == 0)
            for (const auto& [name, value] : stage_->examine()) line[name] = value;
        log_.append(line);
        means_.clear();
    }
    [[nodiscard]] CodecWeights averaged_weights() const {
        CodecWeights weights = stage_->weights();
        const TrainingState& state = stage_->state();
        std::string& told = weights.metadata["training"];  // a later stage goes on with the story of its start
        told = (told.empty() ? "" : told + "; then ") + "gancodec train: " + std::to_string(state.step) + " steps, " +
               format_duration(state.seconds) + ", " + std::to_string(images_) + " images";
        weights.metadata["recipe"] = recipe_text(recipe_);
        if (!command_.licence.empty()) weights.metadata["licence"] = command_.licence;
        return weights;
    }
    /// Exports the averaged weights, runs the real codec with them over the samples, and draws the contact sheet.
    void write_samples() {
        sheet_clock_ = {};
        CodecWeights weights = averaged_weights();
        write_codec_weights(weights).save(weights_path());
        Codec codec(std::move(weights));
        std::vector<std::vector<SheetCell>> rows;
        Json figures = Json::array();
        for (const NamedImage& sample : samples_) {
            rows.push_back({{sample.image, {sample.name}}});
            for (const double quality : kSampleQualities) {
                const Bytes bytes = codec.encode(sample.image, {quality});
                Image decoded = codec.decode(bytes);
                const double bpp = bits_per_pixel(bytes.size(), sample.image), db = psnr(sample.image, decoded);
                Json figure{{"sample", sample.name}, {"quality", quality}, {"bpp", bpp}, {"psnr", db}};
                std::string text = format_number(bpp, 3) + " bpp  " + format_number(db, 2) + " dB";
                if (lpips_ != nullptr && std::min(decoded.width, decoded.height) >= Lpips<AlexNet>::kSmallestImage) {
                    const double distance = (*lpips_)(sample.image, decoded);
                    figure["lpips"] = distance;
                    text += "  LPIPS " + format_number(distance, 3);
                }
                rows.back().push_back({std::move(decoded), {text}});
                figures.push_back(std::move(figure));
            }
        }
        log_.append({{"step", stage_->state().step}, {"samples", figures}});
        last_samples_ = std::move(figures);
        SheetOptions options;
        options.text_scale = 1;
        write_image(folder_ / "sheet.png", compose_sheet(rows, options));
    }

    const TrainCommand& command_;
    const AnyRecipe& recipe_;
    fs::path folder_;
    std::unique_ptr<Stage> stage_;
    const Lpips<AlexNet>* lpips_;
    std::vector<NamedImage> samples_;
    std::size_t images_;
    RunLog log_;
    ReportMeans means_, shown_;
    Stopwatch clock_, sheet_clock_;
    Json last_samples_ = Json::array();
    std::int64_t saved_step_ = -1;  ///< of the checkpoint on the disk; negative when there is none
    std::string refused_;           ///< what the disk refused last
};

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
double lpips_weight(const AdversarialRecipe& recipe) { return recipe.content.lpips + recipe.content.contextual; }
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

void run(const TrainCommand& command) {
    set_threads(command.common.threads);
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

    std::vector<NamedImage> images =
        read_image_folder(command.data, {.long_side = command.long_side, .note = print_note});
    std::vector<NamedImage> samples = choose_samples(command, images);
    std::vector<Image> pixels;
    for (NamedImage& image : images) pixels.push_back(std::move(image.image));
    images.clear();
    const Dataset data(std::move(pixels));
    const auto lpips = load_loss<Lpips<AlexNet>>(std::visit([](const auto& r) { return lpips_weight(r); }, recipe),
                                                 command.lpips, "lpips_alex.safetensors", "--lpips");
    const auto dists = load_loss<Dists<>>(std::visit([](const auto& r) { return dists_weight(r); }, recipe),
                                          command.dists, "dists.safetensors", "--dists");
    Run training(command, recipe, std::visit(StageMaker{command, data, {lpips.get(), dists.get()}, checkpoint}, recipe),
                 data.size(), lpips.get(), std::move(samples));
    const std::string text = recipe_text(recipe, 2) + "\n";
    write_file(saved_recipe, Bytes(text.begin(), text.end()));
    if (checkpoint) training.resume();
    std::signal(SIGINT, ask_to_stop);
    std::signal(SIGTERM, ask_to_stop);
    std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is a full disk, not the end
    training.train();
    const Json summary = training.summary();
    if (command.common.json) return print_json(summary);
    std::printf("%s after %lld steps and %s: weights %s, contact sheet %s\n",
                summary["finished"].get<bool>() ? "finished" : "stopped",
                static_cast<long long>(summary["steps"].get<std::int64_t>()),
                format_duration(summary["seconds"].get<double>()).c_str(),
                one_line(training.weights_path().string()).c_str(), one_line((folder / "sheet.png").string()).c_str());
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
        "  gancodec train --data photos --out gan --recipe tools/recipes/stage2.json --start run/gancodec.safetensors");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
