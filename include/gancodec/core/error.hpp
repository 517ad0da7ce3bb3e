#pragma once

#include <stdexcept>
#include <string>

namespace gancodec {

/// What went wrong, for programs; the message of Error says it for people.
enum class Errc {
    io,                ///< a file could not be read or written
    corrupt_stream,    ///< bytes that no encoder of this library wrote
    unsupported,       ///< valid, but beyond what this version or this build can do
    limit,             ///< larger than the limits admit
    wrong_weights,     ///< a stream made with other entropy tables, or weights of another architecture
    corrupt_weights,   ///< a weights file that is damaged or incomplete
    invalid_argument,  ///< an option or argument outside its range
    training           ///< a training run that cannot go on
};

/// The one exception of the library. `what()` reads "where: expected …, found …", one line.
class Error : public std::runtime_error {
public:
    Error(Errc code, const std::string& message) : std::runtime_error(message), code_(code) {}
    [[nodiscard]] Errc code() const noexcept { return code_; }

private:
    Errc code_;
};

}  // namespace gancodec
