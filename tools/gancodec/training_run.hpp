#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gancodec/codec/codec.hpp"
#include "gancodec/train/stage.hpp"
#include "held_out.hpp"
#include "image_folder.hpp"
#include "json_output.hpp"
#include "recipe_file.hpp"
#include "run_log.hpp"
#include "train_command.hpp"

namespace gancodec::cli {

/// One run of training in a folder: weights, checkpoint, log and contact sheet. It ends when its stage is finished, when
/// held-out pictures say so, when its time is up, or when it is asked to by SIGINT or SIGTERM.
class TrainingRun {
public:
    TrainingRun(const TrainCommand& command, const AnyRecipe& recipe, std::unique_ptr<Stage> stage, std::size_t images,
                const Lpips<AlexNet>* lpips, std::vector<NamedImage> samples, HeldOut held_out);

    void resume();
    /// Errors  Error{io} when its last files could not be written.
    void train();
    [[nodiscard]] Json summary() const;
    [[nodiscard]] std::filesystem::path weights_path() const { return folder_ / "gancodec.safetensors"; }
    [[nodiscard]] std::filesystem::path checkpoint_path() const { return folder_ / "checkpoint.safetensors"; }

private:
    [[nodiscard]] bool time_is_up() const;
    [[nodiscard]] bool ended() const { return stage_->finished() || held_out_.says_stop() || time_is_up(); }
    void attempt(const std::function<void()>& write);
    void save();
    bool tell(const StepReport& report);
    void write_log();
    [[nodiscard]] CodecWeights averaged_weights() const;
    void look_at_held_out();
    void write_samples();

    const TrainCommand& command_;
    const AnyRecipe& recipe_;
    std::filesystem::path folder_;
    std::unique_ptr<Stage> stage_;
    const Lpips<AlexNet>* lpips_;
    std::vector<NamedImage> samples_;
    HeldOut held_out_;
    std::size_t images_;
    RunLog log_;
    ReportMeans means_, shown_;
    Stopwatch clock_, sheet_clock_;
    Json last_samples_ = Json::array();
    std::int64_t saved_step_ = -1;  ///< of the checkpoint on the disk; negative when there is none
    std::string refused_;           ///< what the disk refused last
};

/// From now on SIGINT and SIGTERM end the run that trains, with its files written.
void end_runs_on_signals();
/// Whether one of them came.
[[nodiscard]] bool asked_to_stop();

}  // namespace gancodec::cli
