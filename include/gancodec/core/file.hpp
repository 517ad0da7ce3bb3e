#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace gancodec {

namespace detail {

struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using OpenFile = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] inline void fail_to_write(const std::filesystem::path& path, const std::string& expected, int reason) {
    raise_error(Errc::io, path.string() + ": expected " + expected + ", found: " + std::strerror(reason));
}
inline OpenFile open_to_write(const std::filesystem::path& shown, const std::filesystem::path& path, const char* mode) {
    OpenFile file(std::fopen(path.string().c_str(), mode));
    if (!file) fail_to_write(shown, "a place to write", errno);
    return file;
}
inline void write_bytes(const std::filesystem::path& shown, std::FILE* file, ByteView bytes) {
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size())
        fail_to_write(shown, "to write " + std::to_string(bytes.size()) + " bytes", errno);
}

#if __has_include(<unistd.h>)
inline std::string process_number() { return std::to_string(::getpid()); }
/// Puts what was written onto the disk; files that have none, such as those of a network, count as written.
inline bool reach_disk(std::FILE* file) { return ::fsync(::fileno(file)) == 0 || errno == EINVAL || errno == ENOTSUP; }
/// The same for the names in a folder, as far as its file system can.
inline void reach_disk(const std::filesystem::path& folder) {
    const int handle = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) return;
    static_cast<void>(::fsync(handle));
    ::close(handle);
}
#else
inline std::string process_number() { return "0"; }
inline bool reach_disk(std::FILE*) { return true; }
inline void reach_disk(const std::filesystem::path&) {}
#endif

}  // namespace detail

/// What a written file outlives: the end of the program, or that of the machine too, for which the disk is waited for
/// (2 to 30 ms were measured).
enum class Survives { kill, power_cut };

/// A file on its way to `path`: written under a temporary name beside it, which commit() replaces by its own when all of
/// it was written. Whatever ends the program on the way, `path` is the old file or the whole new one.
/// Errors   Error{Errc::io} naming `path`; the temporary file is gone then, and `path` is what it was.
class PendingFile {
public:
    explicit PendingFile(std::filesystem::path path) : path_(std::move(path)), temporary_(path_) {
        temporary_ += kSuffix + detail::process_number();
        std::remove(temporary_.string().c_str());  // of a killed process that had our number
        file_ = detail::open_to_write(path_, temporary_, "wbx");
    }
    ~PendingFile() {
        file_.reset();
        if (!committed_) std::remove(temporary_.string().c_str());
    }
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;

    void write(ByteView bytes) { detail::write_bytes(path_, file_.get(), bytes); }
    /// Once, after the last write().
    void commit(Survives survives) {
        const bool to_disk = survives == Survives::power_cut;
        bool whole = std::fflush(file_.get()) == 0 && (!to_disk || detail::reach_disk(file_.get()));
        int reason = errno;
        if (std::fclose(file_.release()) != 0 && std::exchange(whole, false)) reason = errno;
        if (!whole) detail::fail_to_write(path_, "to write the whole file", reason);
        std::error_code failure;
        std::filesystem::rename(temporary_, path_, failure);
        if (failure) detail::fail_to_write(path_, "a place to write", failure.value());
        committed_ = true;
        if (to_disk) detail::reach_disk(path_.parent_path());
    }

    /// The temporary files in `folder`, sorted: where nothing is being written, what killed programs left behind.
    [[nodiscard]] static std::vector<std::filesystem::path> leftovers(const std::filesystem::path& folder) {
        std::vector<std::filesystem::path> found;
        std::error_code failure;
        for (std::filesystem::directory_iterator entry(folder, failure), end; !failure && entry != end;
             entry.increment(failure)) {
            const std::string name = entry->path().filename().string();
            const std::size_t at = name.rfind(kSuffix), digits = at + std::string(kSuffix).size();
            if (at != std::string::npos && at > 0 && digits < name.size() &&
                name.find_first_not_of("0123456789", digits) == std::string::npos)
                found.push_back(entry->path());
        }
        std::sort(found.begin(), found.end());
        return found;
    }

private:
    static constexpr const char* kSuffix = ".part";

    std::filesystem::path path_, temporary_;
    detail::OpenFile file_;
    bool committed_ = false;
};

/// Writes a whole file as PendingFile does; devices and pipes are written directly.
/// Errors   Error{Errc::io} naming `path`
inline void write_file(const std::filesystem::path& path, ByteView bytes, Survives survives = Survives::kill) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        raise_error(Errc::io, path.string() + ": expected the name of a file to write, found a directory");
    if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored)) {
        detail::OpenFile device = detail::open_to_write(path, path, "wb");
        detail::write_bytes(path, device.get(), bytes);
        if (std::fclose(device.release()) != 0) detail::fail_to_write(path, "to write all of it", errno);
        return;
    }
    PendingFile file(path);
    file.write(bytes);
    file.commit(survives);
}

}  // namespace gancodec
