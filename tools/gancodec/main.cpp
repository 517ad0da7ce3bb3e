#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "command.hpp"
#include "gancodec/core/config.hpp"
#include "huge_pages.hpp"

namespace {

using gancodec::cli::kFailed, gancodec::cli::kGood, gancodec::cli::kUsage;

int complain(const std::string& text, int code) {
    std::fprintf(stderr, "gancodec: %s\n", gancodec::cli::one_line(text).c_str());
    return code;
}

int parse_and_run(CLI::App& app, const std::vector<gancodec::cli::Command>& commands, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == kGood) return app.exit(error);
        const bool known = std::any_of(commands.begin(), commands.end(), [](const auto& c) { return c.app->parsed(); });
        const std::string first = argc > 1 ? argv[1] : "";
        if (!known && !first.empty() && first.front() != '-')
            return complain("expected a command, found " + first + " (gancodec --help lists them)", kUsage);
        std::string name = "gancodec";
        for (const auto& command : commands)
            if (command.app->parsed()) name += " " + command.app->get_name();
        return complain(std::string(error.what()) + " (" + name + " --help explains)", kUsage);
    }
    bool ran = false;
    int status = kGood;
    for (const auto& command : commands) {
        if (!command.app->parsed()) continue;
        status = command.run();
        ran = true;
    }
    if (!ran) return complain("expected a command, found none (gancodec --help lists them)", kUsage);
    // A full disk or a closed pipe shows only here.
    if (std::fflush(stdout) != 0) return complain("stdout: expected to write, found an error", kFailed);
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    namespace cli = gancodec::cli;
    cli::prefer_huge_pages();
    CLI::App app{"gancodec: photographs in a few kilobytes, by a neural codec"};
    app.set_version_flag("--version", "gancodec " + std::to_string(GANCODEC_VERSION_MAJOR) + "." +
                                          std::to_string(GANCODEC_VERSION_MINOR) + "." +
                                          std::to_string(GANCODEC_VERSION_PATCH));
    app.require_subcommand(0, 1);  // with 1 to 1 CLI11 hides which word it did not know
    app.footer(
        "Begin with:\n"
        "  gancodec demo photo.jpg --out demo             see what it does to your photograph\n"
        "  gancodec encode photo.jpg photo.gnc --bpp 0.15\n"
        "  gancodec decode photo.gnc photo.png\n"
        "Each command explains itself: gancodec encode --help\n"
        "Exit status: 0 good, 1 failed (one line on stderr says why), 2 wrong usage,\n"
        "3 a damaged stream was decoded all the same (decode --tolerant).");
    const std::vector<cli::Command> commands{cli::add_encode(app), cli::add_decode(app),  cli::add_info(app),
                                             cli::add_demo(app),   cli::add_metrics(app), cli::add_eval(app),
                                             cli::add_train(app),  cli::add_export(app),  cli::add_lab(app)};
    try {
        return parse_and_run(app, commands, argc, argv);
    } catch (const std::bad_alloc&) {
        return complain("expected enough memory, found none left", kFailed);
    } catch (const std::exception& error) {
        return complain(error.what(), kFailed);
    }
}
