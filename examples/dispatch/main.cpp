// Picks the codec's module for this processor at start, and shows that every module it can run gives the same stream and
// the same pixels. Usage: example_dispatch WEIGHTS
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "codec_module.h"

namespace {

struct Level {
    const char* name;
    bool runs_here;
};

/// The levels of x86-64 from the best to the plainest.
std::vector<Level> levels() {
    __builtin_cpu_init();
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512cd");
    return {{"v4", v4}, {"v3", v3}, {"v2", static_cast<bool>(__builtin_cpu_supports("sse4.2"))}};
}

/// The module of a level, which lies beside this program; null when it cannot be loaded. It stays loaded for good.
const CodecModule* load(const char* level) {
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    void* library = dlopen((folder / ("codec_" + std::string(level) + ".so")).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) return nullptr;
    return static_cast<const CodecModule*>(dlsym(library, CODEC_MODULE_SYMBOL));
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: example_dispatch WEIGHTS\n");
        return 2;
    }
    constexpr int kWidth = 128, kHeight = 64;
    std::vector<std::uint8_t> picture(3 * kWidth * kHeight);
    for (std::size_t i = 0; i < picture.size(); ++i) picture[i] = static_cast<std::uint8_t>(i / 3 % kWidth + i / 1000);

    std::vector<std::uint8_t> first_stream, first_pixels;
    for (const Level& level : levels()) {
        if (!level.runs_here) continue;
        const CodecModule* module = load(level.name);
        void* codec = module ? module->open(arguments[1]) : nullptr;
        if (!codec) {
            std::fprintf(stderr, "example_dispatch: module %s: expected to load with %s, found an error\n", level.name,
                         arguments[1]);
            return 1;
        }
        std::vector<std::uint8_t> stream(1 << 16), pixels(picture.size());
        stream.resize(module->encode(codec, picture.data(), kWidth, kHeight, 50, stream.data(), stream.size()));
        const bool decoded = module->decode(codec, stream.data(), stream.size(), pixels.data(), kWidth, kHeight) != 0;
        module->close(codec);
        if (first_stream.empty()) {
            std::printf("a program would go on with x86-64-%s\n", level.name);
            first_stream = stream;
            first_pixels = pixels;
        }
        const bool same = decoded && stream == first_stream && pixels == first_pixels;
        std::printf("x86-64-%s: %zu bytes, %s\n", level.name, stream.size(), same ? "the same pixels" : "DIFFERENT");
        if (!same) return 1;
    }
    return first_stream.empty() ? 1 : 0;
}
