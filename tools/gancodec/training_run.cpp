#include "training_run.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

#include "gancodec/image/pad.hpp"
#include "gancodec/metrics/psnr.hpp"
#include "sheet.hpp"

namespace gancodec::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kLogEvery = 50, kShowEvery = 50, kHealthEvery = 500;
constexpr double kSampleQualities[] = {10, 50, 90};

volatile std::sig_atomic_t stop_asked = 0;
void ask_to_stop(int) { stop_asked = 1; }

}  // namespace

void end_runs_on_signals() {
    std::signal(SIGINT, ask_to_stop);
    std::signal(SIGTERM, ask_to_stop);
    std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is a full disk, not the end
}
bool asked_to_stop() { return stop_asked != 0; }

TrainingRun::TrainingRun(const TrainCommand& command, const AnyRecipe& recipe, std::unique_ptr<Stage> stage,
                         std::size_t images, const Lpips<AlexNet>* lpips, std::vector<NamedImage> samples,
                         HeldOut held_out)
    : command_(command),
      recipe_(recipe),
      folder_(command.out),
      stage_(std::move(stage)),
      lpips_(lpips),
      samples_(std::move(samples)),
      held_out_(std::move(held_out)),
      images_(images),
      log_(folder_ / "log.jsonl") {}

void TrainingRun::resume() {
    stage_->resume(checkpoint_path());
    saved_step_ = stage_->state().step;
    held_out_.resume();
    print_note(checkpoint_path().string() + ": going on from step " + std::to_string(stage_->state().step));
}
void TrainingRun::train() {
    Progress progress("step", stage_->steps(), stage_->state().step);
    while (!ended()) {
        const StepReport report = stage_->step();
        if (!tell(report)) continue;
        means_.add(report);
        if (shown_.empty() || report.step % kShowEvery == 0) shown_.clear();
        shown_.add(report);
        progress.update(stage_->state().step, shown_.text());
        if (stage_->state().step % kLogEvery == 0) attempt([&] { write_log(); });
        if (stage_->state().step % stage_->checkpoint_steps() == 0) attempt([&] { save(); });
        if (held_out_.due(stage_->state().step)) attempt([&] { look_at_held_out(); });
        if (sheet_clock_.milliseconds() > command_.sheet_minutes * 60'000) attempt([&] { write_samples(); });
    }
    refused_.clear();
    if (!means_.empty()) attempt([&] { write_log(); });
    attempt([&] { save(); });
    attempt([&] { write_samples(); });
    if (held_out_.says_stop()) print_note("stopped early: held-out pictures cost no less any more");
    if (!refused_.empty()) throw Error(Errc::io, refused_);
}
Json TrainingRun::summary() const {
    return {{"steps", stage_->state().step},
            {"finished", stage_->finished() || held_out_.says_stop()},
            {"seconds", stage_->state().seconds},
            {"weights", weights_path().string()},
            {"checkpoint", checkpoint_path().string()},
            {"held_out", held_out_.figures()},
            {"samples", last_samples_}};
}
bool TrainingRun::time_is_up() const {
    return stop_asked != 0 || (command_.minutes > 0 && clock_.milliseconds() > command_.minutes * 60'000);
}
/// Does what writes files. Where one is refused, by a full disk say, training goes on: what was there before is whole.
void TrainingRun::attempt(const std::function<void()>& write) {
    try {
        write();
    } catch (const Error& error) {
        refused_ = "step " + std::to_string(stage_->state().step) + ": " + error.what() +
                   (saved_step_ < 0 ? "; no checkpoint is on the disk"
                                    : "; the checkpoint of step " + std::to_string(saved_step_) + " is whole");
        if (!ended()) print_note(refused_ + ", training goes on");
    }
}
void TrainingRun::save() {
    stage_->save(checkpoint_path());
    saved_step_ = stage_->state().step;
}
/// Logs and says what was out of the ordinary; whether the step changed the networks.
bool TrainingRun::tell(const StepReport& report) {
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
void TrainingRun::write_log() {
    Json line = means_.json();
    if (stage_->state().step % kHealthEvery == 0)
        for (const auto& [name, value] : stage_->examine()) line[name] = value;
    log_.append(line);
    means_.clear();
}
CodecWeights TrainingRun::averaged_weights() const {
    CodecWeights weights = stage_->weights();
    const TrainingState& state = stage_->state();
    std::string& told = weights.metadata["training"];  // a later stage goes on with the story of its start
    told = (told.empty() ? "" : told + "; then ") + "gancodec train: " + std::to_string(state.step) + " steps, " +
           format_duration(state.seconds) + ", " + std::to_string(images_) + " images";
    weights.metadata["recipe"] = recipe_text(recipe_);
    if (!command_.licence.empty()) weights.metadata["licence"] = command_.licence;
    return weights;
}
/// Keeps the weights that held-out pictures cost least with.
void TrainingRun::look_at_held_out() {
    CodecWeights weights = averaged_weights();
    const SafetensorsWriter file = write_codec_weights(weights);
    Codec codec(std::move(weights));
    if (held_out_.look(codec, lpips_, stage_->state().step)) file.save(folder_ / "best.safetensors");
    log_.append({{"step", stage_->state().step}, {"held_out", held_out_.figures()}});
}
/// Exports the averaged weights, runs the real codec with them over the samples, and draws the contact sheet.
void TrainingRun::write_samples() {
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

}  // namespace gancodec::cli
