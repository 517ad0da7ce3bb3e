#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"

#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#else
#include <fstream>
#endif

namespace gancodec {

/// What of a file will be looked at: all of it, which is fetched ahead, or a few places, of which no others are.
enum class Reading { whole, parts };

/// The bytes of a file, to read: the system's own copy where it can be mapped, which spares memory of as many bytes and the
/// time to clear and fill it.
/// Requires  nobody shortens the file meanwhile. Replacing it is safe: write_file() does so.
/// Errors    Error{Errc::io} where the file cannot be read, Error{Errc::limit} beyond 4 GiB.
class MappedFile {
public:
    explicit MappedFile(const std::filesystem::path& path, Reading reading = Reading::whole) {
        constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1} << 32;
        std::error_code failure;
        if (!std::filesystem::is_regular_file(path, failure))
            raise_error(Errc::io, path.string() + ": expected a file, found " +
                                      (std::filesystem::exists(path, failure) ? "something else" : "nothing"));
        const std::uintmax_t size = std::filesystem::file_size(path, failure);
        if (failure) raise_error(Errc::io, path.string() + ": cannot be read: " + failure.message());
        if (size > kMaxFileBytes)
            raise_error(Errc::limit,
                        path.string() + ": expected at most 4 GiB, found " + std::to_string(size) + " bytes");
        size_ = static_cast<std::size_t>(size);
        if (size_ > 0) map(path, reading);
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

#if __has_include(<sys/mman.h>)
    ~MappedFile() {
        if (data_ != nullptr) ::munmap(data_, size_);
    }
    [[nodiscard]] ByteView bytes() const { return {static_cast<const std::uint8_t*>(data_), size_}; }

private:
    void map(const std::filesystem::path& path, Reading reading) {
        const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        void* p = handle < 0 ? MAP_FAILED : ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, handle, 0);
        const int reason = errno;
        if (handle >= 0) ::close(handle);
        if (p == MAP_FAILED) raise_error(Errc::io, path.string() + ": cannot be read: " + std::strerror(reason));
        data_ = p;
        static_cast<void>(::madvise(data_, size_, reading == Reading::whole ? MADV_WILLNEED : MADV_RANDOM));
    }

    void* data_ = nullptr;
#else
    [[nodiscard]] ByteView bytes() const { return {data_.data(), size_}; }

private:
    void map(const std::filesystem::path& path, Reading) {
        data_.resize(size_);
        std::ifstream stream(path, std::ios::binary);
        if (!stream.read(reinterpret_cast<char*>(data_.data()), static_cast<std::streamsize>(size_)))
            raise_error(Errc::io, path.string() + ": cannot be read");
    }

    Bytes data_;
#endif
    std::size_t size_ = 0;
};

}  // namespace gancodec
