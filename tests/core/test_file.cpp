#include "gancodec/core/file.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include "support/catch.hpp"

#if __has_include(<sys/resource.h>)
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#endif

using namespace gancodec;

namespace {

namespace fs = std::filesystem;

/// A folder of its own, removed in the end.
struct Folder {
    fs::path path;
    explicit Folder(const char* name) : path(fs::temp_directory_path() / (std::string("gancodec_test_") + name)) {
        fs::remove_all(path);
        fs::create_directory(path);
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

Bytes content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a file is its old self until all of the new one is written") {
    const Folder folder("file");
    const fs::path path = folder.path / "a";
    const Bytes old(300, 1), fresh(200'000, 2);
    write_file(path, old);
    CHECK(content(path) == old);
    {
        PendingFile given_up(path);
        given_up.write(fresh);
        CHECK(PendingFile::leftovers(folder.path).size() == 1);
    }
    CHECK(content(path) == old);
    CHECK(PendingFile::leftovers(folder.path).empty());
    write_file(path, fresh);
    CHECK(content(path) == fresh);
    write_file(path, {});
    CHECK(content(path).empty());
    CHECK_THROWS_AS(write_file(folder.path, fresh), Error);
    CHECK_THROWS_AS(write_file(folder.path / "missing" / "a", fresh), Error);
    for (const char* other : {"b.part", "b.partial", "b.part1x", ".part1"}) write_file(folder.path / other, old);
    CHECK(PendingFile::leftovers(folder.path).empty());
    CHECK(PendingFile::leftovers(folder.path / "missing").empty());
}

#if __has_include(<sys/resource.h>)
TEST_CASE("a program that is killed between writing and renaming leaves the old file") {
    const Folder folder("killed");
    const fs::path path = folder.path / "a";
    const Bytes old(300, 1), fresh(200'000, 2);
    write_file(path, old);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        PendingFile file(path);
        file.write(fresh);
        std::raise(SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    CHECK(content(path) == old);
    const auto left = PendingFile::leftovers(folder.path);
    REQUIRE(left.size() == 1);
    CHECK(left[0].string() == path.string() + ".part" + std::to_string(child));
    write_file(path, fresh);
    CHECK(content(path) == fresh);
}

TEST_CASE("a full disk is an error that names the file, and leaves the old one") {
    const Folder folder("full");
    const fs::path path = folder.path / "a";
    const Bytes old(300, 1), fresh(200'000, 2);
    write_file(path, old);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{100'000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::string message;
    try {
        write_file(path, fresh);
    } catch (const Error& error) {
        CHECK(error.code() == Errc::io);
        message = error.what();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    CHECK(message.rfind(path.string() + ": expected to write", 0) == 0);
    CHECK(content(path) == old);
    CHECK(PendingFile::leftovers(folder.path).empty());
    if (fs::exists("/dev/full")) CHECK_THROWS_AS(write_file("/dev/full", fresh), Error);
}
#endif
