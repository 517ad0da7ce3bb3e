#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "command.hpp"
#include "console.hpp"
#include "file_bytes.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/train/checkpoint_average.hpp"
#include "gancodec/train/export.hpp"
#include "gancodec/train/scale_context_fit.hpp"
#include "image_folder.hpp"
#include "json_output.hpp"

namespace gancodec::cli {

namespace {

struct ExportCommand {
    std::string checkpoint, out, training, licence, context;
    std::vector<std::string> average;
    std::string format = "f16";
    CommonOptions common;
};

/// Fits what neighbours tell of a latent's scale to pictures at qualities from low to high.
void fit_scale_context(CodecWeights& weights, const std::string& folder) {
    const std::vector<NamedImage> images = read_image_folder(folder, {.long_side = 1024});
    weights.scale_context = {};
    weights.networks.prepare(false);
    Inference<float> context;
    ScaleContextFit fit;
    Progress progress("export", static_cast<std::int64_t>(images.size()));
    for (std::size_t i = 0; i < images.size(); ++i) {
        progress.update(static_cast<std::int64_t>(i), images[i].name);
        for (const int step : {30, 60, 90, 120, 150, 190}) fit.add(weights, images[i].image, step, context);
    }
    progress.finish();
    weights.scale_context = fit.fit();
    std::fprintf(stderr, "export: scale context saves %.2f %% of the bits of the latents of these %zu pictures\n",
                 100 * (1 - fit.bits(weights.scale_context) / fit.bits({})), images.size());
}

const std::map<std::string, WeightFormat> kFormats = {
    {"f16", WeightFormat::f16}, {"bf16", WeightFormat::bf16}, {"int8", WeightFormat::int8}};

void run(const ExportCommand& command) {
    const WeightFormat format = kFormats.at(command.format);
    set_threads(command.common.threads);
    check_place(command.out);
    std::vector<SafetensorsFile> files = {SafetensorsFile::load(command.checkpoint)};
    for (const std::string& path : command.average) files.push_back(SafetensorsFile::load(path));
    const bool is_sealed = files.front().metadata().count("architecture") != 0;
    if (is_sealed && !command.average.empty())
        throw Error(Errc::invalid_argument,
                    "--average: expected checkpoints, found " + command.checkpoint + ", which is a weights file");
    const SafetensorsFile in = command.average.empty() ? files.front() : average_checkpoints(files);
    CodecWeights weights = is_sealed ? seal_weights(read_codec_weights(in), format) : export_checkpoint(in, format);
    if (!command.context.empty()) {
        fit_scale_context(weights, command.context);
        weights = seal_weights(std::move(weights), format);
    }
    if (!command.training.empty()) weights.metadata["training"] = command.training;
    if (!command.licence.empty()) weights.metadata["licence"] = command.licence;
    write_codec_weights(weights, format).save(command.out);
    const std::string id = detail::hex32(EntropyIds::of(weights).with_context);
    if (command.common.json) return print_json({{"weights", command.out}, {"entropy_id", id}});
    std::printf("%s: entropy tables %s\n", one_line(command.out).c_str(), id.c_str());
}

}  // namespace

Command add_export(CLI::App& app) {
    auto command = std::make_shared<ExportCommand>();
    CLI::App* sub =
        app.add_subcommand("export", "Turn a training checkpoint into weights, or weights into another format");
    sub->add_option("CHECKPOINT", command->checkpoint,
                    "checkpoint.safetensors of gancodec train or of tools/torch; or a weights file")
        ->required();
    sub->add_option("OUT", command->out, "Weights file to write")->required();
    sub->add_option("--average", command->average,
                    "More checkpoints, of this run or of others that began alike: the mean of all is exported");
    sub->add_option("--format", command->format, "f16, bf16, or int8: half the bytes, nearly the same pictures")
        ->check(CLI::IsMember(kFormats))
        ->capture_default_str();
    sub->add_option("--fit-context", command->context,
                    "Folder of pictures: learns from them how neighbours move the scales of latents, for smaller files")
        ->check(CLI::ExistingDirectory);
    sub->add_option("--training", command->training, "How the weights were trained, to write into the file");
    sub->add_option("--licence", command->licence, "Licence to write into the file");
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    sub->footer(
        "Of a checkpoint the averaged weights are exported: the hyper scale network and the prior as integers, the "
        "rest\n"
        "rounded to the format, with a self-test that every machine repeats bit for bit. Streams are the same in "
        "every\n"
        "format but for what rounding changes in the latents; any of the files decodes the streams of the others,\n"
        "with slightly different pixels.\n"
        "Examples:\n"
        "  gancodec export run/checkpoint.safetensors run/gancodec.safetensors\n"
        "  gancodec export gancodec.safetensors small.safetensors --format int8\n"
        "  gancodec export run/checkpoint.safetensors run/gancodec.safetensors --fit-context photos");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
