#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command.hpp"
#include "compressai.hpp"
#include "file_bytes.hpp"
#include "gancodec/bitstream/compressai_format.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/core/parallel.hpp"
#include "image_rows.hpp"
#include "json_output.hpp"
#include "session.hpp"

namespace gancodec::cli {

namespace {

struct DecodeCommand {
    std::string in, out, weights, format = "gancodec";
    JpegOptions jpeg;
    std::optional<double> realism;
    std::vector<int> region;
    bool tolerant = false;
    int memory_mb = static_cast<int>(kWindowMemoryBytes >> 20);
    CommonOptions common;
};

/// What a stream says of itself. Wrong files show here, before the weights are loaded; all bytes are checked where all are
/// wanted, and none may be damaged.
StreamHeader check_stream(const DecodeCommand& command, ByteView bytes) {
    if (command.region.empty() && !command.tolerant) return read_stream(bytes).header;
    return read_layout(bytes).header;
}

void print_result(const DecodeCommand& command, Json json, const Region& size, std::size_t stream_bytes) {
    if (command.common.json) {
        print_json(json);
        return;
    }
    std::printf("%s: %dx%d from %zu bytes\n", one_line(command.out).c_str(), size.width, size.height, stream_bytes);
    if (command.common.verbose)
        std::printf("weights loaded in %.0f ms, decoded in %.0f ms\n", json["load_ms"].get<double>(),
                    json["decode_ms"].get<double>());
}

/// One note for each damaged tile, and the same for JSON.
Json report(const DecodeCommand& command, const StreamHeader& header, const std::vector<TileDamage>& damages,
            int reach_px) {
    Json list = Json::array();
    const int side = header.tiled() ? header.tile_px : std::max(header.width, header.height);
    for (const TileDamage& damage : damages) {
        const int columns = header.tiles_along(header.width);
        const int x = damage.tile % columns * side, y = damage.tile / columns * side;
        const int width = std::min(side, header.width - x), height = std::min(side, header.height - y);
        print_note(command.in + ": tile " + std::to_string(damage.tile) + " (" + std::to_string(width) + "x" +
                   std::to_string(height) + " pixels at " + std::to_string(x) + "," + std::to_string(y) +
                   ") is damaged: " + (damage.hyper_latents ? "nothing of it is known" : "its means are shown"));
        list.push_back({{"tile", damage.tile},
                        {"x", x},
                        {"y", y},
                        {"width", width},
                        {"height", height},
                        {"means", !damage.hyper_latents}});
    }
    if (!damages.empty())
        print_note(command.in + ": " + std::to_string(damages.size()) + " of " + std::to_string(header.tiles()) +
                   " tiles are damaged; up to " + std::to_string(reach_px) +
                   " pixels around them may differ, others are exact");
    return list;
}

int decode_stream(const DecodeCommand& command, ByteView bytes) {
    const StreamHeader header = naming_file(command.in, [&] { return check_stream(command, bytes); });
    const Stopwatch load_clock;
    const Session session(find_codec_weights(command.weights), CodecUse::decode, command.realism);
    const double load_ms = load_clock.milliseconds();
    const Stopwatch decode_clock;
    DecodeOptions options;
    Region size = Region::whole(header);
    if (!command.region.empty())
        options.region = size = {command.region[0], command.region[1], command.region[2], command.region[3]};
    options.tolerant = command.tolerant;
    options.memory_bytes = static_cast<std::size_t>(command.memory_mb) << 20;
    std::vector<TileDamage> damages;
    double decode_ms = 0;
    if (header.tiled() || options.region || options.tolerant) {
        std::unique_ptr<RowWriter> writer;  // no file before the region and the memory were found good
        naming_file(command.in, [&] {
            const auto write = [&](int, const Image& rows) {
                if (!writer) writer = open_row_writer(command.out, size.width, size.height, command.jpeg);
                writer->write(rows);
            };
            damages = session.decode_rows(bytes, write, options);
        });
        decode_ms = decode_clock.milliseconds();
        writer->finish();
    } else {
        const Image image = naming_file(command.in, [&] { return session.decode(bytes); });
        decode_ms = decode_clock.milliseconds();
        write_image(command.out, image, command.jpeg);
    }
    Json json{{"file", command.out},          {"width", size.width}, {"height", size.height},
              {"stream_bytes", bytes.size()}, {"load_ms", load_ms},  {"decode_ms", decode_ms}};
    if (command.tolerant) {
        json["damaged_tiles"] = report(command, header, damages, session.tile_reach_px());
        json["reach_px"] = session.tile_reach_px();
    }
    print_result(command, std::move(json), size, bytes.size());
    return damages.empty() ? kGood : kConcealed;
}

int decode_compressai(const DecodeCommand& command, ByteView bytes) {
    const auto refuse = [](const std::string& expected, const std::string& found) {
        throw Error(Errc::invalid_argument, expected + ", found " + found);
    };
    if (command.weights.empty()) refuse("--format compressai: expected --weights FILE", "none");
    if (command.realism) refuse("--realism: expected gancodec's own weights", "--format compressai");
    if (command.tolerant || !command.region.empty())
        refuse("--region, --tolerant: expected a stream of gancodec's own", "--format compressai");
    naming_file(command.in, [&] { static_cast<void>(read_compressai_stream(bytes)); });
    const Stopwatch load_clock;
    const auto decode = load_compressai_decoder(command.weights);
    const double load_ms = load_clock.milliseconds();
    const Stopwatch decode_clock;
    const Image image = naming_file(command.in, [&] { return decode(bytes); });
    const double decode_ms = decode_clock.milliseconds();
    write_image(command.out, image, command.jpeg);
    Json json{{"file", command.out},          {"width", image.width}, {"height", image.height},
              {"stream_bytes", bytes.size()}, {"load_ms", load_ms},   {"decode_ms", decode_ms}};
    print_result(command, std::move(json), {0, 0, image.width, image.height}, bytes.size());
    return kGood;
}

int run(const DecodeCommand& command) {
    set_threads(command.common.threads);
    check_image_extension(command.out);
    const Bytes bytes = read_file(command.in);
    return command.format == "compressai" ? decode_compressai(command, bytes) : decode_stream(command, bytes);
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
    sub->add_option("--region", command->region,
                    "Decode only these pixels, X,Y,WIDTH,HEIGHT; of a stream in tiles only those that reach them")
        ->delimiter(',')
        ->expected(4);
    sub->add_flag("--tolerant", command->tolerant,
                  "Conceal what is damaged, and say which tiles; the exit status is 3 then");
    sub->add_option("--memory-mb", command->memory_mb,
                    "With tiles, a region or tolerance: memory to work in, in MB of 2^20 bytes; the program and its "
                    "weights take 50 more")
        ->check(within(1, 1 << 20))
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
        "  gancodec decode map.gnc part.png --region 2000,3000,512,512\n"
        "  gancodec decode photo.cai photo.png --format compressai --weights hyperprior.safetensors\n"
        "tools/compressai_stream.py writes .cai files, tools/convert_weights.py the weights for them.");
    return {sub, [command] { return run(*command); }};
}

}  // namespace gancodec::cli
