#include <cstdio>
#include <map>
#include <memory>

#include "command.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/train/export.hpp"
#include "json_output.hpp"

namespace gancodec::cli {

namespace {

struct ExportCommand {
    std::string checkpoint, out, training, licence;
    WeightFormat format = WeightFormat::f16;
    CommonOptions common;
};

void run(const ExportCommand& command) {
    set_threads(command.common.threads);
    const SafetensorsFile in = SafetensorsFile::load(command.checkpoint);
    const bool is_sealed = in.metadata().count("architecture") != 0;
    CodecWeights weights =
        is_sealed ? seal_weights(read_codec_weights(in), command.format) : export_checkpoint(in, command.format);
    if (!command.training.empty()) weights.metadata["training"] = command.training;
    if (!command.licence.empty()) weights.metadata["licence"] = command.licence;
    write_codec_weights(weights, command.format).save(command.out);
    const std::string id = detail::hex32(entropy_id(weights.hyper_scale, weights.prior));
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
    sub->add_option("--format", command->format, "f16, bf16, or int8: half the bytes, nearly the same pictures")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, WeightFormat>{
                {"f16", WeightFormat::f16}, {"bf16", WeightFormat::bf16}, {"int8", WeightFormat::int8}},
            CLI::ignore_case));
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
        "  gancodec export gancodec.safetensors small.safetensors --format int8");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
