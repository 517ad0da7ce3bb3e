#include "console.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace gancodec::cli {

namespace {

bool line_is_open = false;  // a progress line without its end stands on the terminal

void clear_line() {
    if (line_is_open) std::fputs("\r\033[K", stderr);
    line_is_open = false;
}

}  // namespace

std::string one_line(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return text;
}

void print_note(const std::string& text) {
    clear_line();
    std::fprintf(stderr, "note: %s\n", one_line(text).c_str());
}

std::string format_number(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

std::string format_duration(double seconds) {
    if (seconds < 60) return format_number(seconds, 1) + " s";
    const auto whole = static_cast<long>(seconds);
    char text[64];
    if (whole < 3600)
        std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
    else
        std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    return text;
}

Progress::Progress(std::string label, std::int64_t total, std::int64_t begun)
    : label_(std::move(label)), total_(total), begun_(begun), terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::update(std::int64_t done, const std::string& detail) {
    constexpr double kTerminalEveryMs = 100, kPlainEveryMs = 10'000;
    const double now = clock_.milliseconds();
    const bool due = now - last_shown_ms_ >= (terminal_ ? kTerminalEveryMs : kPlainEveryMs);
    if (!due && !(terminal_ && last_shown_ms_ == 0)) return;
    last_shown_ms_ = now;
    std::string line = label_ + " " + std::to_string(done) + "/" + std::to_string(total_);
    if (!detail.empty()) line += "  " + detail;
    if (done > begun_ && done < total_) {
        const double left = now / 1000 * static_cast<double>(total_ - done) / static_cast<double>(done - begun_);
        line += "  " + format_duration(left) + " left";
    }
    clear_line();
    std::fprintf(stderr, terminal_ ? "%s" : "%s\n", one_line(line).c_str());
    std::fflush(stderr);
    line_is_open = terminal_;
}

void Progress::finish() { clear_line(); }

}  // namespace gancodec::cli
