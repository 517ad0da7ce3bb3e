#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include <CLI/CLI.hpp>

#include "console.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/image/image.hpp"
#include "image_file.hpp"

// One file per command: each defines one add_…(), which describes the options to CLI11 and answers with what to run.

namespace gancodec::cli {

/// Exit statuses; kConcealed: what was damaged was tolerated and concealed.
inline constexpr int kGood = 0, kFailed = 1, kUsage = 2, kConcealed = 3;

struct Command {
    CLI::App* app;
    std::function<int()> run;  ///< answers with the exit status

    /// `work` answers with one too, or with nothing where it is good whenever nothing is thrown.
    template <class Work>
    Command(CLI::App* command, Work work)
        : app(command), run([work] {
              if constexpr (std::is_void_v<decltype(work())>) {
                  work();
                  return kGood;
              } else {
                  return work();
              }
          }) {}
};

Command add_encode(CLI::App& app);
Command add_decode(CLI::App& app);
Command add_info(CLI::App& app);
Command add_train(CLI::App& app);
Command add_export(CLI::App& app);
Command add_metrics(CLI::App& app);
Command add_eval(CLI::App& app);
Command add_demo(CLI::App& app);
Command add_lab(CLI::App& app);

/// Options that several commands share.
struct CommonOptions {
    int threads = 0;
    bool json = false, verbose = false;
};
void add_threads(CLI::App& command, CommonOptions& options);
void add_json(CLI::App& command, CommonOptions& options);
void add_verbose(CLI::App& command, CommonOptions& options);

/// A check for CLI11 that a number lies in [low, high], in the words of every other error.
[[nodiscard]] CLI::Validator within(double low, double high);

/// --flatten: the colour, "white", "black" or RRGGBB, to lay under transparent pixels.
void add_flatten(CLI::App& command, std::string& colour);
[[nodiscard]] ReadOptions read_options(const std::string& flatten_colour = {});

/// --weights; where it is empty, find_codec_weights() looks for the file.
void add_weights(CLI::App& command, std::string& path);
/// --realism, of LoadOptions.
void add_realism(CLI::App& command, std::optional<double>& realism);
/// `asked` if not empty, else $GANCODEC_WEIGHTS, else find_data_file("gancodec.safetensors"). Throws Error{io}, which lists
/// where it looked.
[[nodiscard]] std::filesystem::path find_codec_weights(const std::string& asked);
/// A file that comes with the program: beside the executable, in ../share/gancodec, or in weights/ or examples/images/
/// of the source tree that built it.
/// Empty when there is none.
[[nodiscard]] std::filesystem::path find_data_file(const std::string& name);

/// Runs `work`; an Error that leaves it gets the file's name in front, unless it is Error{io}, which names one.
template <class Work>
auto naming_file(const std::filesystem::path& path, Work&& work) {
    try {
        return std::forward<Work>(work)();
    } catch (const Error& error) {
        const std::string text = error.what();
        if (error.code() == Errc::io || text.rfind(path.string(), 0) == 0) throw;
        throw Error(error.code(), path.string() + ": " + text);
    }
}

/// Bits per pixel of a whole file.
[[nodiscard]] inline double bits_per_pixel(std::size_t file_bytes, const Image& image) {
    return 8 * static_cast<double>(file_bytes) / static_cast<double>(image.pixels());
}

}  // namespace gancodec::cli
