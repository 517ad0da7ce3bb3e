// Whatever ends a command while it writes, the name it writes to holds the old file or the whole new one.

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/bench.hpp"

using namespace gancodec;
using namespace gancodec::cli;

namespace {

/// Every way in which the program writes a large file; the last word is the file.
const std::vector<std::vector<std::string>> kWriting = {
    {"encode", "192x176.png", "--quality", "100", "a.gnc"},
    {"encode", "192x176.png", "--quality", "100", "--tile-px", "64", "a.gnc"},
    {"decode", "atomic.gnc", "a.png"},
    {"decode", "atomic.gnc", "a.jpg"},
    {"decode", "atomic.gnc", "a.ppm"},
    {"decode", "atomic.gnc", "--region", "0,0,192,176", "a.png"},  // row by row
    {"decode", "atomic.gnc", "--region", "0,0,192,176", "a.ppm"},
    {"decode", "atomic.gnc", "--region", "0,0,192,176", "a.jpg"},
    {"export", "run/checkpoint.safetensors", "a.safetensors"},
};

/// Runs the program behind `shell`, in the bench's folder; answers what wait() would.
int run_in_shell(const Bench& bench, const std::string& shell, const std::vector<std::string>& words) {
    std::string line = "cd '" + bench.path("") + "' && " + shell + " exec '" GANCODEC_PROGRAM "'";
    for (const std::string& word : words) line += " '" + word + "'";
    return std::system((line + " > out.txt 2> error.txt").c_str());
}

}  // namespace

TEST_CASE("what is killed while it writes leaves the old file, and nothing that hinders the next",
          "[program][atomic]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"encode", "192x176.png", "atomic.gnc"}));
    for (const std::vector<std::string>& words : kWriting) {
        CAPTURE(words);
        const std::string& out = words.back();
        bench.write("old", out);
        // The system itself kills what writes more than 512 bytes into a file.
        const int status = run_in_shell(bench, "ulimit -f 1 &&", words);
        const bool killed = (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) ||
                            (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGXFSZ);
        CHECK(killed);
        CHECK(text_of(bench.path(out)) == "old");
        const auto left = PendingFile::leftovers(bench.path(""));
        CHECK(left.size() == 1);
        static_cast<void>(bench.good(words));
        CHECK(fs::file_size(bench.path(out)) > 512);
        for (const fs::path& part : left) fs::remove(part);
    }
}

TEST_CASE("a full disk is one line that names the file, and leaves the old one alone", "[program][atomic]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"encode", "192x176.png", "atomic.gnc"}));
    for (const std::vector<std::string>& words : kWriting) {
        CAPTURE(words);
        const std::string& out = words.back();
        bench.write("old", out);
        const int status = run_in_shell(bench, "trap '' XFSZ && ulimit -f 1 &&", words);
        CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 1));
        const std::string error = text_of(bench.path("error.txt"));
        CHECK(error.rfind("gancodec: " + out + ": expected to write ", 0) == 0);
        CHECK(std::count(error.begin(), error.end(), '\n') == 1);
        CHECK(text_of(bench.path(out)) == "old");
        CHECK(PendingFile::leftovers(bench.path("")).empty());
        // A device is written directly.
        const std::string device = "full" + fs::path(out).extension().string();
        fs::remove(bench.path(device));
        fs::create_symlink("/dev/full", bench.path(device));
        std::vector<std::string> to_device = words;
        to_device.back() = device;
        CHECK(bench.bad(1, to_device).find(device) != std::string::npos);
        CHECK(fs::is_symlink(bench.path(device)));
    }
}

TEST_CASE("a folder that is missing is said before any work, and none is made", "[program][atomic]") {
    const Bench& bench = Bench::get();
    static_cast<void>(bench.good({"encode", "192x176.png", "atomic.gnc"}));
    for (std::vector<std::string> words : kWriting) {
        CAPTURE(words);
        words.back() = "nowhere/" + words.back();
        CHECK(bench.bad(1, words).find(words.back() + ": expected a folder to write into, found no nowhere") !=
              std::string::npos);
        CHECK_FALSE(fs::exists(bench.path("nowhere")));
    }
}
