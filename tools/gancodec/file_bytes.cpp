#include "file_bytes.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>

#include "gancodec/core/error.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void fail(const fs::path& path, const std::string& expected) {
    throw Error(Errc::io, path.string() + ": expected " + expected + ", found: " + std::strerror(errno));
}

void write_whole(const fs::path& shown, const fs::path& path, const char* mode, ByteView bytes) {
    File file(std::fopen(path.c_str(), mode));
    if (!file) fail(shown, "a place to write");
    const bool written = bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
    if (!written || std::fclose(file.release()) != 0)
        fail(shown, "to write " + std::to_string(bytes.size()) + " bytes");
}

}  // namespace

Bytes read_file(const fs::path& path, std::uint64_t max_bytes) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) throw Error(Errc::io, path.string() + ": expected a file, found a directory");
    const File file(std::fopen(path.c_str(), "rb"));
    if (!file) fail(path, "a readable file");
    Bytes bytes;
    constexpr std::size_t kStep = std::size_t{1} << 16;
    for (std::size_t used = 0;;) {
        bytes.resize(std::max(used + kStep, used + used / 2));
        const std::size_t got = std::fread(bytes.data() + used, 1, bytes.size() - used, file.get());
        used += got;
        if (used > max_bytes)
            throw Error(Errc::limit, path.string() + ": expected a file of at most " + std::to_string(max_bytes) +
                                         " bytes, found more");
        if (got == 0) {
            if (std::ferror(file.get()) != 0) fail(path, "a readable file");
            bytes.resize(used);
            return bytes;
        }
    }
}

void write_file(const fs::path& path, ByteView bytes) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored))
        throw Error(Errc::io, path.string() + ": expected the name of a file to write, found a directory");
    if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored)) return write_whole(path, path, "wb", bytes);
    fs::path temporary = path;
    temporary += ".part" + std::to_string(::getpid());
    try {
        write_whole(path, temporary, "wbx", bytes);
        if (std::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "a place to write");
    } catch (...) {
        std::remove(temporary.c_str());
        throw;
    }
}

}  // namespace gancodec::cli
