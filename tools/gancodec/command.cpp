#include "command.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <vector>

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kWeightsName = "gancodec.safetensors";

std::vector<fs::path> data_folders() {
    std::vector<fs::path> folders;
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error) {
        folders.push_back(program.parent_path());
        folders.push_back(program.parent_path().parent_path() / "share" / "gancodec");
    }
    folders.push_back(fs::path(GANCODEC_SOURCE_DIR) / "weights");
    folders.push_back(fs::path(GANCODEC_SOURCE_DIR) / "examples" / "images");
    return folders;
}

std::string check_colour(std::string& text) {
    if (text == "white") text = "ffffff";
    if (text == "black") text = "000000";
    if (!text.empty() && text.front() == '#') text.erase(0, 1);
    const bool hexadecimal =
        std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
    return text.size() == 6 && hexadecimal ? "" : "expected white, black or six hexadecimal digits RRGGBB";
}

}  // namespace

CLI::Validator within(double low, double high) {
    const auto text = [](double value) {
        char buffer[32];
        std::snprintf(buffer, sizeof buffer, "%.7g", value);
        return std::string(buffer);
    };
    const std::string range = text(low) + " to " + text(high);
    return CLI::Validator(
        [=](std::string& input) {
            char* end = nullptr;
            const double value = std::strtod(input.c_str(), &end);
            const bool number = !input.empty() && *end == '\0';
            return number && value >= low && value <= high ? "" : "expected " + range + ", found " + input;
        },
        range);
}

void add_threads(CLI::App& command, CommonOptions& options) {
    command.add_option("--threads", options.threads, "Threads to use; 0 means one per processor")
        ->check(within(0, 1024));
}
void add_json(CLI::App& command, CommonOptions& options) {
    command.add_flag("--json", options.json, "Print the figures as JSON on stdout");
}
void add_verbose(CLI::App& command, CommonOptions& options) {
    command.add_flag("-v,--verbose", options.verbose, "Show timings and details");
}
void add_flatten(CLI::App& command, std::string& colour) {
    command.add_option("--flatten", colour, "Lay this colour under transparent pixels: white, black or RRGGBB")
        ->check(CLI::Validator(check_colour, "COLOUR"));
}
void add_weights(CLI::App& command, std::string& path) {
    command.add_option("--weights", path, "Weights file; default: $GANCODEC_WEIGHTS, else the weights shipped");
}

void add_realism(CLI::App& command, std::optional<double>& realism) {
    command
        .add_option("--realism", realism,
                    "0 shows what was measured, 1 also draws likely texture; in tenths; 1 when nothing is asked for")
        ->check(within(0, 1));
}

ReadOptions read_options(const std::string& flatten_colour) {
    ReadOptions options;
    options.note = print_note;
    if (!flatten_colour.empty()) {
        const unsigned long colour = std::strtoul(flatten_colour.c_str(), nullptr, 16);
        options.flatten = {static_cast<std::uint8_t>(colour >> 16), static_cast<std::uint8_t>(colour >> 8),
                           static_cast<std::uint8_t>(colour)};
    }
    return options;
}

fs::path find_data_file(const std::string& name) {
    std::error_code ignored;
    for (const fs::path& folder : data_folders())
        if (fs::is_regular_file(folder / name, ignored)) return folder / name;
    return {};
}

fs::path find_codec_weights(const std::string& asked) {
    if (!asked.empty()) return asked;
    const char* environment = std::getenv("GANCODEC_WEIGHTS");
    if (environment != nullptr && *environment != '\0') return environment;
    const fs::path found = find_data_file(kWeightsName);
    if (!found.empty()) return found;
    std::string places;
    for (const fs::path& folder : data_folders()) places += (places.empty() ? "" : ", ") + folder.string();
    throw Error(Errc::io, std::string(kWeightsName) + ": expected in --weights, $GANCODEC_WEIGHTS or one of " + places +
                              ", found in none");
}

}  // namespace gancodec::cli
