#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#if defined(GANCODEC_NO_EXCEPTIONS)
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#else
#include <exception>
#include <new>
#endif

#include "gancodec/core/config.hpp"

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

/// What went wrong, where there are no exceptions: it owns no memory.
struct Fault {
    static constexpr std::size_t kLongest = 240;

    Errc code = Errc::io;
    char message[kLongest + 1] = "";  ///< what Error::what() says, cut where it is long

    void set(Errc new_code, std::string_view text) {
        code = new_code;
        message[text.copy(message, kLongest)] = '\0';
    }
};

// All errors are raised by raise_error() and stopped by attempt() or caught_as_fault(), which exist in two forms.
//
// Built with exceptions, these throw and catch. With GANCODEC_NO_EXCEPTIONS (for -fno-exceptions) raise_error() jumps to
// the caught_as_fault() that is under way, by longjmp, as C libraries do. No destructor between the two runs. That is sound only
// where whatever they own is taken back otherwise: where all memory comes from one block, of which everything taken since
// is given back, and nothing is held that is not memory. EmbeddedDecoder is such a place, and the only one here.
#if defined(GANCODEC_NO_EXCEPTIONS)

namespace detail {

/// Where an error leaves to.
struct FaultExit {
    std::jmp_buf place;
    Fault fault;

    [[nodiscard]] static FaultExit*& current() {
        thread_local FaultExit* exit = nullptr;
        return exit;
    }
};

}  // namespace detail

/// Ends the call under way with an error; without one, the program.
[[noreturn]] inline void raise_error(Errc code, std::string_view message) {
    detail::FaultExit* exit = detail::FaultExit::current();
    if (exit == nullptr) {
        std::fprintf(stderr, "gancodec: %.*s\n", static_cast<int>(message.size()), message.data());
        std::abort();
    }
    exit->fault.set(code, message);
    std::longjmp(exit->place, 1);
}

/// Calls f(). Returns whether it came to its end; where it did not, `fault` says why.
/// Requires  what f() began to own is taken back by the caller. Calls do not nest.
template <class F>
[[nodiscard]] GANCODEC_RARE bool caught_as_fault(F&& f, Fault& fault) {
    detail::FaultExit exit;
    detail::FaultExit::current() = &exit;
    const bool whole = setjmp(exit.place) == 0;
    if (whole) f();
    detail::FaultExit::current() = nullptr;
    if (!whole) fault = exit.fault;
    return whole;
}

/// Nothing is stopped on the way: who would conceal an error does not see it.
class Failure {
public:
    explicit operator bool() const { return false; }
    [[nodiscard]] bool is_error() const { return false; }
    void raise() const {}
};
template <class F>
Failure attempt(F&& f) {
    f();
    return {};
}

#else

[[noreturn]] inline void raise_error(Errc code, const std::string& message) { throw Error(code, message); }

/// Calls f(). Returns whether it came to its end; where it did not, `fault` says why.
template <class F>
[[nodiscard]] bool caught_as_fault(F&& f, Fault& fault) {
    try {
        f();
        return true;
    } catch (const Error& error) {
        fault.set(error.code(), error.what());
    } catch (const std::bad_alloc&) {
        fault.set(Errc::limit, "memory: expected more, found its end");
    }
    return false;
}

/// What ended a call of attempt(), to be raised again, in another thread or never.
class Failure {
public:
    Failure() = default;
    Failure(std::exception_ptr cause, bool is_error) : cause_(std::move(cause)), is_error_(is_error) {}

    explicit operator bool() const { return cause_ != nullptr; }
    /// Whether it is an Error, and not, say, an end of memory.
    [[nodiscard]] bool is_error() const { return is_error_; }
    /// Nothing happens where there was no failure.
    void raise() const {
        if (cause_) std::rethrow_exception(cause_);
    }

private:
    std::exception_ptr cause_;
    bool is_error_ = false;
};

/// Calls f() and keeps what it throws.
template <class F>
[[nodiscard]] Failure attempt(F&& f) {
    try {
        f();
        return {};
    } catch (const Error&) {
        return {std::current_exception(), true};
    } catch (...) {
        return {std::current_exception(), false};
    }
}

#endif

}  // namespace gancodec
