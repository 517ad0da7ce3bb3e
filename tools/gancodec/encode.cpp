#include <cstdio>
#include <memory>
#include <optional>
#include <system_error>

#include "command.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/parallel.hpp"
#include "json_output.hpp"
#include "refiner.hpp"
#include "session.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

struct EncodeCommand {
    std::string in, out, weights, flatten;
    std::optional<double> quality, bpp;
    std::optional<std::uint64_t> max_bytes;
    int effort = 0;
    CommonOptions common;
};

void print_result(const EncodeCommand& command, const Image& image, const Bytes& bytes, int step, double load_ms,
                  double encode_ms) {
    const double bpp = bits_per_pixel(bytes.size(), image);
    if (command.common.json) {
        const Json json{{"file", command.out},  {"bytes", bytes.size()},  {"bpp", bpp},
                        {"width", image.width}, {"height", image.height}, {"quality_step", step},
                        {"load_ms", load_ms},   {"encode_ms", encode_ms}};
        print_json(json);
        return;
    }
    std::printf("%s: %zu bytes, %.4f bpp, %dx%d, quality step %d of %d\n", one_line(command.out).c_str(), bytes.size(),
                bpp, image.width, image.height, step, kHighestQualityStep);
    if (command.common.verbose) std::printf("weights loaded in %.0f ms, encoded in %.0f ms\n", load_ms, encode_ms);
}

void run(const EncodeCommand& command) {
    set_threads(command.common.threads);
    std::error_code ignored;
    if (fs::equivalent(command.in, command.out, ignored))
        throw Error(Errc::invalid_argument, command.out + ": expected another file than the input, found the same");
    const Image image = read_image(command.in, read_options(command.flatten));
    const Stopwatch load_clock;
    const fs::path weights = find_codec_weights(command.weights);
    const Session session(weights);
    const double load_ms = load_clock.milliseconds();

    const Stopwatch encode_clock;
    const SizedStream stream = naming_file(command.in, [&] {
        std::optional<std::size_t> most;
        if (command.max_bytes) most = *command.max_bytes;
        if (command.bpp) most = bytes_at(*command.bpp, image);
        if (command.effort > 0) {
            const Refiner refiner(weights, command.effort, LoadOptions{}.realism);
            return most ? refiner.encode_to_size(session, image, *most)
                        : refiner.encode(session, image, command.quality);
        }
        return most ? session.encode_to_size(image, *most) : session.encode(image, command.quality);
    });
    if ((command.bpp || command.max_bytes) && stream.step == kHighestQualityStep)
        print_note(command.out + ": smaller than asked for, this is the highest quality");
    const double encode_ms = encode_clock.milliseconds();
    write_file(command.out, stream.bytes);
    print_result(command, image, stream.bytes, stream.step, load_ms, encode_ms);
}

}  // namespace

Command add_encode(CLI::App& app) {
    auto command = std::make_shared<EncodeCommand>();
    CLI::App* sub = app.add_subcommand("encode", "Encode a PNG, JPEG or PPM into a .gnc stream");
    sub->add_option("IN", command->in, "Photograph to encode")->required();
    sub->add_option("OUT", command->out, "Stream to write, photo.gnc")->required();
    auto* quality = sub->add_option("-q,--quality", command->quality, "Quality 0 to 100; 50 when nothing is asked for")
                        ->check(within(0, 100));
    auto* bpp =
        sub->add_option("--bpp", command->bpp, "Largest whole file, in bits per pixel")->check(within(1e-4, 100));
    auto* max_bytes =
        sub->add_option("--max-bytes", command->max_bytes, "Largest whole file, in bytes")->check(within(1, 1e15));
    quality->excludes(bpp)->excludes(max_bytes);
    bpp->excludes(max_bytes);
    sub->add_option("-e,--effort", command->effort,
                    "0 to 9: time spent on this picture, for fewer bits; 9 takes about a hundred times as long as 0")
        ->check(within(0, 9))
        ->capture_default_str();
    add_weights(*sub, command->weights);
    add_flatten(*sub, command->flatten);
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    add_verbose(*sub, command->common);
    sub->footer(
        "A target is met from below, header included, by the highest quality that fits; where even the lowest\n"
        "quality is too large the command fails and writes nothing.\n"
        "Examples:\n"
        "  gancodec encode photo.jpg photo.gnc                   quality 50\n"
        "  gancodec encode photo.png photo.gnc --bpp 0.15        at most 0.15 bits per pixel\n"
        "  gancodec encode photo.png photo.gnc --max-bytes 4096\n"
        "  gancodec encode photo.png photo.gnc --bpp 0.15 --effort 9   slowly, for a better picture");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
