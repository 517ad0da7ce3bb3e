#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "command.hpp"
#include "file_bytes.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/weights/safetensors.hpp"
#include "json_output.hpp"
#include "session.hpp"

namespace gancodec::cli {

namespace {

struct InfoCommand {
    std::string file, weights;
    CommonOptions common;
};

/// Memory that decoding takes beside the weights and the picture; nothing where there are no weights to ask.
std::optional<std::size_t> decode_memory_bytes(ByteView bytes, const std::string& weights) {
    try {
        return Session(find_codec_weights(weights), CodecUse::decode).decode_memory_bytes(bytes);
    } catch (const Error&) {
        if (!weights.empty()) throw;
        return std::nullopt;
    }
}

std::string hexadecimal(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "%06x", value);
    return text;
}

std::string section_name(MetadataTag tag) {
    switch (tag) {
        case MetadataTag::icc:
            return "icc";
        case MetadataTag::exif:
            return "exif";
        case MetadataTag::xmp:
            return "xmp";
        case MetadataTag::alpha:
            return "alpha";
    }
    return "unknown " + std::to_string(static_cast<int>(tag));
}

Json describe_stream(ByteView bytes, const std::string& weights) {
    const Stream stream = read_stream(bytes);
    const StreamHeader& header = stream.header;
    std::size_t metadata_bytes = 0;
    Json sections = Json::object();
    for (const MetadataSection& section : stream.metadata) {
        metadata_bytes += section.bytes.size();
        sections[section_name(section.tag)] = section.bytes.size();
    }
    std::size_t hyper_latents_bytes = stream.hyper_latents.size(), latents_bytes = stream.latents.size();
    for (const StreamSymbols& tile : stream.tiles) {
        hyper_latents_bytes += tile.hyper_latents.size();
        latents_bytes += tile.latents.size();
    }
    const std::size_t payload = hyper_latents_bytes + latents_bytes + metadata_bytes;
    Json json{{"kind", "stream"},
              {"version", kStreamVersion},
              {"width", header.width},
              {"height", header.height},
              {"quality_step", header.quality_step},
              {"entropy_id", hexadecimal(header.entropy_id)},
              {"bytes", bytes.size()},
              {"bpp", 8.0 * static_cast<double>(bytes.size()) / header.width / header.height},
              {"hyper_latents_bytes", hyper_latents_bytes},
              {"latents_bytes", latents_bytes},
              {"metadata_bytes", metadata_bytes},
              {"metadata", sections},
              {"overhead_bytes", bytes.size() - payload}};
    if (header.tiled()) {
        json["tile_px"] = header.tile_px;
        json["tiles"] = header.tiles();
    }
    if (const auto memory = decode_memory_bytes(bytes, weights)) json["decode_memory_bytes"] = *memory;
    return json;
}

Json describe_weights(ByteView bytes, const std::string& name, bool list_tensors) {
    const std::size_t file_bytes = bytes.size();
    const auto file = SafetensorsFile::parse(bytes, name);
    std::size_t numbers = 0;
    std::map<std::string, std::size_t> bytes_of_type;
    Json list = Json::object();
    for (const auto& [tensor_name, tensor] : file.tensors()) {
        numbers += tensor.size();
        bytes_of_type[std::string(dtype_name(tensor.dtype))] += tensor.end - tensor.begin;
        list[tensor_name] = std::string(dtype_name(tensor.dtype)) + " " + shape_text(tensor.shape);
    }
    Json json{{"kind", "weights"},
              {"bytes", file_bytes},
              {"tensors", file.tensors().size()},
              {"numbers", numbers},
              {"bytes_of_type", bytes_of_type},
              {"metadata", file.metadata()}};
    if (list_tensors) json["list"] = std::move(list);
    return json;
}

/// One "name  value" line per figure; objects are indented below their name.
void print_lines(const Json& json, const std::string& indent) {
    for (const auto& [key, value] : json.items()) {
        if (value.is_object() && value.empty()) continue;
        std::printf("%s%-*s", indent.c_str(), 22, one_line(key).c_str());
        if (value.is_object()) {
            std::printf("\n");
            print_lines(value, indent + "  ");
        } else {
            std::printf(" %s\n", value.is_string()         ? one_line(value.get<std::string>()).c_str()
                                 : value.is_number_float() ? format_number(value.get<double>(), 4).c_str()
                                                           : value.dump().c_str());
        }
    }
}

void run(const InfoCommand& command) {
    const Bytes bytes = read_file(command.file);
    const bool stream = bytes.size() >= 2 && bytes[0] == kStreamMagic[0] && bytes[1] == kStreamMagic[1];
    // A safetensors file begins with the length of its header, 8 bytes, and the header with a brace.
    const bool weights = !stream && bytes.size() >= 9 && bytes[8] == '{';
    if (!stream && !weights)
        throw Error(Errc::corrupt_stream, command.file + ": expected a gancodec stream or a safetensors file, found " +
                                              (bytes.empty() ? "an empty file" : "neither"));
    const Json json = naming_file(command.file, [&] {
        return stream ? describe_stream(bytes, command.weights)
                      : describe_weights(bytes, command.file, command.common.verbose);
    });
    if (command.common.json)
        print_json(json);
    else
        print_lines(json, "");
}

}  // namespace

Command add_info(CLI::App& app) {
    auto command = std::make_shared<InfoCommand>();
    CLI::App* sub = app.add_subcommand("info", "Describe a .gnc stream or a weights file");
    sub->add_option("FILE", command->file, "Stream or safetensors file")->required();
    add_weights(*sub, command->weights);
    add_json(*sub, command->common);
    add_verbose(*sub, command->common);
    sub->footer(
        "Every checksum of a stream and the layout of a weights file are checked. --verbose lists the tensors.\n"
        "decode_memory_bytes is what decoding takes beside the weights and the picture, at as many threads as there "
        "are\n"
        "processors; it is planned from the networks, so the weights are needed for it.\n"
        "Examples:\n"
        "  gancodec info photo.gnc\n"
        "  gancodec info weights/gancodec.safetensors --json");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
