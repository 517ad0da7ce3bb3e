#include "file_bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>

#include "gancodec/core/error.hpp"
#include "gancodec/core/file.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& expected) {
    throw Error(Errc::io, path.string() + ": expected " + expected + ", found: " + std::strerror(errno));
}

}  // namespace

Bytes read_file(const fs::path& path, std::uint64_t max_bytes) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) throw Error(Errc::io, path.string() + ": expected a file, found a directory");
    const detail::OpenFile file(std::fopen(path.c_str(), "rb"));
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

void check_place(const fs::path& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored))
        throw Error(Errc::io, path.string() + ": expected the name of a file to write, found a directory");
    const fs::path folder = path.parent_path();
    if (!folder.empty() && !fs::is_directory(folder, ignored))
        throw Error(Errc::io, path.string() + ": expected a folder to write into, found no " + folder.string());
}

}  // namespace gancodec::cli
