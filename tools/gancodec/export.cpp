#include <cstdio>
#include <memory>

#include "command.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/train/export.hpp"
#include "json_output.hpp"

namespace gancodec::cli {

namespace {

struct ExportCommand {
    std::string checkpoint, out, training, licence;
    CommonOptions common;
};

void run(const ExportCommand& command) {
    set_threads(command.common.threads);
    CodecWeights weights = export_checkpoint(SafetensorsFile::load(command.checkpoint));
    if (!command.training.empty()) weights.metadata["training"] = command.training;
    if (!command.licence.empty()) weights.metadata["licence"] = command.licence;
    write_codec_weights(weights).save(command.out);
    const std::string id = detail::hex32(entropy_id(weights.hyper_scale, weights.prior));
    if (command.common.json) return print_json({{"weights", command.out}, {"entropy_id", id}});
    std::printf("%s: entropy tables %s\n", one_line(command.out).c_str(), id.c_str());
}

}  // namespace

Command add_export(CLI::App& app) {
    auto command = std::make_shared<ExportCommand>();
    CLI::App* sub = app.add_subcommand("export", "Turn a training checkpoint into weights");
    sub->add_option("CHECKPOINT", command->checkpoint, "checkpoint.safetensors of gancodec train or of tools/torch")
        ->required();
    sub->add_option("OUT", command->out, "Weights file to write")->required();
    sub->add_option("--training", command->training, "How the weights were trained, to write into the file");
    sub->add_option("--licence", command->licence, "Licence to write into the file");
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    sub->footer(
        "The averaged weights are exported: the hyper scale network and the prior as integers, the rest rounded to\n"
        "binary16, with a self-test that every machine repeats bit for bit.\n"
        "Examples:\n"
        "  gancodec export run/checkpoint.safetensors run/gancodec.safetensors");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
