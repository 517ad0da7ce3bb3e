#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "command.hpp"
#include "compressai.hpp"
#include "file_bytes.hpp"
#include "gancodec/bitstream/compressai_format.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/core/mapped_file.hpp"
#include "gancodec/core/parallel.hpp"
#include "image_rows.hpp"
#include "json_output.hpp"
#include "session.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

struct DecodeCommand {
    std::string in, out, weights, flatten, format = "gancodec", precision = "fp32";
    WriteOptions write;
    std::optional<double> realism;
    std::vector<std::string> ensemble;
    std::vector<int> region;
    bool tolerant = false;
    int memory_mb = static_cast<int>(kWindowMemoryBytes >> 20);
    CommonOptions common;
};

/// What goes beside the colours of a picture, or of a region, into its file.
struct Beside {
    Attachments attachments;
    std::optional<Colour> ground;  ///< to lay under the alpha instead of writing it
    bool grey;

    Beside(const DecodeCommand& command, ByteView bytes)
        : attachments(naming_file(command.in, [&] { return read_attachments(bytes); })),
          ground(read_options(command.flatten).flatten),
          grey(command.write.grey) {
        Bytes alpha;
        if (ground) alpha.swap(attachments.alpha);
        fit_attachments(command.out, command.write, attachments, print_note);
        if (ground) attachments.alpha.swap(alpha);
    }
    void crop(int width, const Region& region) {
        Bytes part;
        for (int y = 0; y < region.height && !attachments.alpha.empty(); ++y) {
            const auto row = attachments.alpha.begin() + (std::ptrdiff_t{region.y} + y) * width + region.x;
            part.insert(part.end(), row, row + region.width);
        }
        attachments.alpha = std::move(part);
    }
    /// Rows from y on as they are written: on their ground, in grey.
    [[nodiscard]] Image finished(Image rows, int y) const {
        const std::size_t first = static_cast<std::size_t>(y) * static_cast<std::size_t>(rows.width);
        if (ground && !attachments.alpha.empty())
            lay_on(*ground, ByteView(attachments.alpha).subspan(first, rows.pixels()), rows.rgb.data());
        for (std::size_t i = 0; grey && i < rows.rgb.size(); i += 3) {
            std::uint8_t* rgb = rows.rgb.data() + i;
            rgb[0] = rgb[1] = rgb[2] =
                static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
        }
        return rows;
    }
    /// What is left to be written.
    [[nodiscard]] Attachments written() const {
        Attachments left = attachments;
        if (ground) left.alpha = {};
        return left;
    }
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

/// The picture of every weights file of an ensemble, averaged: all must have the stream's entropy tables.
/// Paper  Lakshminarayanan, Pritzel, Blundell: Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles,
///        2017.
Image average_with(const DecodeCommand& command, ByteView bytes, const DecodeOptions& options, const Image& first) {
    std::vector<double> sum(first.rgb.begin(), first.rgb.end());
    for (const std::string& weights : command.ensemble) {
        const Session session(weights, CodecUse::decode, command.realism);
        const Image image = naming_file(command.in, [&] { return session.decode(bytes, options); });
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += image.rgb[i];
    }
    Image mean = first;
    const double share = 1 / (1 + static_cast<double>(command.ensemble.size()));
    for (std::size_t i = 0; i < sum.size(); ++i) mean.rgb[i] = static_cast<std::uint8_t>(std::lround(share * sum[i]));
    return mean;
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
    Beside beside(command, bytes);
    const Stopwatch load_clock;
    const Session session(find_codec_weights(command.weights), CodecUse::decode, command.realism);
    const double load_ms = load_clock.milliseconds();
    const Stopwatch decode_clock;
    DecodeOptions options;
    Region size = Region::whole(header);
    if (!command.region.empty())
        options.region = size = {command.region[0], command.region[1], command.region[2], command.region[3]};
    options.tolerant = command.tolerant;
    if (command.precision == "bf16") {
        options.precision = Precision::bf16;
        print_note(command.in + ": --precision bf16: the pixels are close to those of the exact mode, not the same");
    }
    options.memory_bytes = static_cast<std::size_t>(command.memory_mb) << 20;
    std::vector<TileDamage> damages;
    double decode_ms = 0;
    const bool by_rows = header.tiled() || options.region || options.tolerant;
    if (by_rows && !command.ensemble.empty())
        throw Error(Errc::invalid_argument,
                    "--ensemble: expected a whole picture in one piece, found tiles, --region or "
                    "--tolerant");
    if (by_rows) {
        std::unique_ptr<RowWriter> writer;  // no file before the region and the memory were found good
        naming_file(command.in, [&] {
            const auto write = [&](int y, const Image& rows) {
                if (!writer) {
                    beside.crop(header.width, size);
                    writer = open_row_writer(command.out, size.width, size.height, command.write, beside.written());
                }
                writer->write(beside.finished(rows, y));
            };
            damages = session.decode_rows(bytes, write, options);
        });
        decode_ms = decode_clock.milliseconds();
        writer->finish();
    } else {
        Image image = naming_file(command.in, [&] { return session.decode(bytes, options); });
        if (!command.ensemble.empty()) image = average_with(command, bytes, options, image);
        decode_ms = decode_clock.milliseconds();
        write_image(command.out, beside.finished(std::move(image), 0), command.write, beside.written());
    }
    Json json{{"file", command.out},          {"width", size.width}, {"height", size.height},
              {"stream_bytes", bytes.size()}, {"load_ms", load_ms},  {"decode_ms", decode_ms}};
    json["precision"] = command.precision;
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
    if (command.tolerant || command.write.grey || !command.region.empty() || !command.flatten.empty() ||
        !command.ensemble.empty() || command.precision != "fp32")
        refuse("--region, --tolerant, --flatten, --grey, --ensemble, --precision: expected a stream of gancodec's own",
               "--format compressai");
    naming_file(command.in, [&] { static_cast<void>(read_compressai_stream(bytes)); });
    const Stopwatch load_clock;
    const auto decode = load_compressai_decoder(command.weights);
    const double load_ms = load_clock.milliseconds();
    const Stopwatch decode_clock;
    const Image image = naming_file(command.in, [&] { return decode(bytes); });
    const double decode_ms = decode_clock.milliseconds();
    write_image(command.out, image, command.write);
    Json json{{"file", command.out},          {"width", image.width}, {"height", image.height},
              {"stream_bytes", bytes.size()}, {"load_ms", load_ms},   {"decode_ms", decode_ms}};
    print_result(command, std::move(json), {0, 0, image.width, image.height}, bytes.size());
    return kGood;
}

int run(const DecodeCommand& command) {
    set_threads(command.common.threads);
    check_image_extension(command.out);
    check_place(command.out);
    std::error_code ignored;
    if (!command.region.empty() && command.format == "gancodec" && fs::is_regular_file(command.in, ignored))
        return decode_stream(command, MappedFile(command.in, Reading::parts).bytes());
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
    sub->add_option("--jpeg-quality", command->write.quality, "Quality of a JPEG, as libjpeg counts")
        ->check(within(1, 100))
        ->capture_default_str();
    sub->add_option(
           "--region", command->region,
           "Decode only these pixels, X,Y,WIDTH,HEIGHT; of a stream in tiles only those that reach them are read")
        ->delimiter(',')
        ->expected(4);
    sub->add_flag("--tolerant", command->tolerant,
                  "Conceal what is damaged, and say which tiles; the exit status is 3 then");
    sub->add_option("--memory-mb", command->memory_mb,
                    "With tiles, a region or tolerance: memory to work in, in MB of 2^20 bytes; the program and its "
                    "weights take 50 more")
        ->check(within(1, 1 << 20))
        ->capture_default_str();
    add_flatten(*sub, command->flatten);
    sub->add_flag("--grey", command->write.grey,
                  "Write the luma (BT.601) alone: one channel in PNG and JPEG, three equal ones in PPM");
    add_realism(*sub, command->realism);
    sub->add_option("--ensemble", command->ensemble,
                    "More weights of the same entropy tables: the mean of all their pictures is written");
    sub->add_option(
           "--precision", command->precision,
           "In what the generator multiplies: fp32, or bf16, which is faster on processors with AVX512_BF16 and "
           "slower on others, and leaves the exact mode: the pixels are close, not the same")
        ->check(CLI::IsMember({"fp32", "bf16"}))
        ->capture_default_str();
    sub->add_option("--format", command->format, "What IN is: gancodec, or compressai (strings of CompressAI's models)")
        ->check(CLI::IsMember({"gancodec", "compressai"}))
        ->capture_default_str();
    add_weights(*sub, command->weights);
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    add_verbose(*sub, command->common);
    sub->footer(
        "PNG holds transparency, profile, EXIF and XMP of the stream; JPEG all but transparency, PPM none of them.\n"
        "Transparency takes a byte a pixel of memory, beside what --memory-mb says.\n"
        "A stream does not say whether its picture was grey: --grey takes off the tint that decoding leaves.\n"
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
