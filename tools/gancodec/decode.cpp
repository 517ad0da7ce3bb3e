#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include "command.hpp"
#include "compressai.hpp"
#include "file_bytes.hpp"
#include "gancodec/bitstream/compressai_format.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/core/parallel.hpp"
#include "json_output.hpp"
#include "session.hpp"

namespace gancodec::cli {

namespace {

struct DecodeCommand {
    std::string in, out, weights, format = "gancodec";
    JpegOptions jpeg;
    std::optional<double> realism;
    CommonOptions common;
};

/// Wrong files show here, before the weights are loaded.
void check_stream(ByteView bytes, bool compressai) {
    if (compressai)
        static_cast<void>(read_compressai_stream(bytes));
    else
        static_cast<void>(read_stream(bytes));
}

std::function<Image(ByteView)> load_decoder(const DecodeCommand& command, bool compressai) {
    if (compressai) return load_compressai_decoder(command.weights);
    auto session = std::make_shared<Session>(find_codec_weights(command.weights), CodecUse::decode, command.realism);
    return [session](ByteView bytes) { return session->decode(bytes); };
}

void run(const DecodeCommand& command) {
    const bool compressai = command.format == "compressai";
    if (compressai && command.weights.empty())
        throw Error(Errc::invalid_argument, "--format compressai: expected --weights FILE, found none");
    if (compressai && command.realism)
        throw Error(Errc::invalid_argument, "--realism: expected gancodec's own weights, found --format compressai");
    set_threads(command.common.threads);
    check_image_extension(command.out);
    const Bytes bytes = read_file(command.in);
    naming_file(command.in, [&] { check_stream(bytes, compressai); });
    const Stopwatch load_clock;
    const auto decode = load_decoder(command, compressai);
    const double load_ms = load_clock.milliseconds();
    const Stopwatch decode_clock;
    const Image image = naming_file(command.in, [&] { return decode(bytes); });
    const double decode_ms = decode_clock.milliseconds();
    write_image(command.out, image, command.jpeg);
    if (command.common.json) {
        const Json json{{"file", command.out},          {"width", image.width}, {"height", image.height},
                        {"stream_bytes", bytes.size()}, {"load_ms", load_ms},   {"decode_ms", decode_ms}};
        print_json(json);
        return;
    }
    std::printf("%s: %dx%d from %zu bytes\n", one_line(command.out).c_str(), image.width, image.height, bytes.size());
    if (command.common.verbose) std::printf("weights loaded in %.0f ms, decoded in %.0f ms\n", load_ms, decode_ms);
}

}  // namespace

Command add_decode(CLI::App& app) {
    auto command = std::make_shared<DecodeCommand>();
    CLI::App* sub = app.add_subcommand("decode", "Decode a .gnc stream into a PNG, JPEG or PPM");
    sub->add_option("IN", command->in, "Stream to decode")->required();
    sub->add_option("OUT", command->out, "Image to write; its extension decides: .png, .jpg, .jpeg or .ppm")
        ->required();
    sub->add_option("--jpeg-quality", command->jpeg.quality, "Quality of a JPEG, as libjpeg counts")
        ->check(within(1, 100))
        ->capture_default_str();
    add_realism(*sub, command->realism);
    sub->add_option("--format", command->format, "What IN is: gancodec, or compressai (strings of CompressAI's models)")
        ->check(CLI::IsMember({"gancodec", "compressai"}))
        ->capture_default_str();
    add_weights(*sub, command->weights);
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    add_verbose(*sub, command->common);
    sub->footer(
        "Examples:\n"
        "  gancodec decode photo.gnc photo.png\n"
        "  gancodec decode photo.gnc photo.jpg --jpeg-quality 90\n"
        "  gancodec decode photo.gnc plain.png --realism 0       nothing invented, softer\n"
        "  gancodec decode photo.cai photo.png --format compressai --weights hyperprior.safetensors\n"
        "tools/compressai_stream.py writes .cai files, tools/convert_weights.py the weights for them.");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
