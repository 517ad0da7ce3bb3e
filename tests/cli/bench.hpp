#pragma once

// Runs the program itself, in a folder with photographs and with weights that a step of its own training made.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/core/file.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/weights/safetensors.hpp"

#include "file_bytes.hpp"
#include "image_file.hpp"
#include "json_output.hpp"
#include "support/catch.hpp"

namespace gancodec::cli {

namespace fs = std::filesystem;

struct Outcome {
    int status = -1;
    std::string out, error;
};

inline std::string text_of(const fs::path& path) {
    const Bytes bytes = read_file(path);
    return {bytes.begin(), bytes.end()};
}

/// A folder for the whole program, with photographs and weights that a step of training made.
class Bench {
public:
    static Bench& get() {
        static Bench bench;
        return bench;
    }
    ~Bench() { fs::remove_all(folder_); }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

    /// Runs `gancodec` with these words inside the folder.
    [[nodiscard]] Outcome run(const std::vector<std::string>& words) const {
        std::string line = "cd '" + folder_.string() + "' && '" GANCODEC_PROGRAM "'";
        for (const std::string& word : words) line += " '" + word + "'";
        const int status = std::system((line + " > out.txt 2> error.txt").c_str());
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(path("out.txt")), text_of(path("error.txt"))};
    }
    /// Runs it and demands success.
    [[nodiscard]] std::string good(const std::vector<std::string>& words) const {
        const Outcome outcome = run(words);
        INFO(outcome.error);
        REQUIRE(outcome.status == 0);
        return outcome.out;
    }
    /// Runs it and demands this status and one line on stderr that begins with the program's name; answers the line.
    [[nodiscard]] std::string bad(int status, const std::vector<std::string>& words) const {
        const Outcome outcome = run(words);
        CAPTURE(words, outcome.error);
        CHECK(outcome.status == status);
        CHECK(outcome.error.rfind("gancodec: ", 0) == 0);
        CHECK(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 1);
        CHECK(outcome.out.empty());
        return outcome.error;
    }

private:
    Bench() {
        std::string name = (fs::temp_directory_path() / "gancodec_test_XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        folder_ = name;
        unsetenv("GANCODEC_WEIGHTS");
        setenv("OMP_WAIT_POLICY", "passive", 0);  // tests run beside one another: spinning threads would starve them
        fs::create_directory(folder_ / "photos");
        for (const auto& [width, height] : {std::pair{192, 176}, {200, 170}, {150, 140}})
            write_image(folder_ / "photos" / (std::to_string(width) + ".png"), photo(width, height));
        for (const auto& [width, height] : {std::pair{1, 1}, {7, 5}, {1, 3000}, {192, 176}})
            write_image(folder_ / (std::to_string(width) + "x" + std::to_string(height) + ".png"),
                        photo(width, height));
        write(R"({"steps": 1, "batch": 1, "lpips_weight": 0})", "recipe.json");
        static_cast<void>(good({"train", "--data", "photos", "--out", "run", "--recipe", "recipe.json"}));
        setenv("GANCODEC_WEIGHTS", path("run/gancodec.safetensors").c_str(), 1);
    }
    static Image photo(int width, int height) {
        Random random(5);
        Image image = make_image(width, height);
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x)
                for (int c = 0; c < 3; ++c)
                    image.at(x, y)[c] = static_cast<std::uint8_t>(
                        ((x * (c + 1) + y * 2) / 3 + (x / 20 + y / 16) % 2 * 60 + static_cast<int>(random.below(20))) &
                        255);
        return image;
    }

public:
    void write(const std::string& text, const std::string& name) const {
        write_file(folder_ / name, Bytes(text.begin(), text.end()));
    }

private:
    fs::path folder_;
};

inline void check_same_tensors(const std::string& one, const std::string& other) {
    const auto a = SafetensorsFile::load(one), b = SafetensorsFile::load(other);
    REQUIRE(a.tensors().size() == b.tensors().size());
    for (const auto& [name, tensor] : a.tensors()) {
        INFO(name);
        CHECK(std::ranges::equal(a.raw(name), b.raw(name)));
    }
}

}  // namespace gancodec::cli
