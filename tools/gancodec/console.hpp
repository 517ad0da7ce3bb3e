#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gancodec::cli {

/// The text on one line: control characters (a file's name may hold them) become '?'.
[[nodiscard]] std::string one_line(std::string text);
/// "note: …" on stderr, above a progress line that may be showing.
void print_note(const std::string& text);
/// "3.2 s", "4:05" or "1:02:33".
[[nodiscard]] std::string format_duration(double seconds);
/// `value` with `decimals` digits after the point.
[[nodiscard]] std::string format_number(double value, int decimals);

/// Milliseconds since its birth.
class Stopwatch {
public:
    [[nodiscard]] double milliseconds() const {
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Progress of long work on stderr: one line that rewrites itself, with the time left, on a terminal; elsewhere a plain
/// line every ten seconds.
class Progress {
public:
    /// `begun`: how many of the total were done before, by an earlier run.
    Progress(std::string label, std::int64_t total, std::int64_t begun = 0);
    ~Progress() { finish(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// `done` of the total are done; `detail` is shown behind.
    void update(std::int64_t done, const std::string& detail = {});
    /// Clears the line of the terminal.
    void finish();

private:
    std::string label_;
    std::int64_t total_, begun_;
    bool terminal_;
    Stopwatch clock_;
    double last_shown_ms_ = 0;
};

}  // namespace gancodec::cli
