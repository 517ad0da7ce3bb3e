#include "run_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "console.hpp"
#include "gancodec/core/error.hpp"

namespace gancodec::cli {

namespace {

bool ends_inside_a_line(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file || file.tellg() <= 0) return false;
    file.seekg(-1, std::ios::end);
    return file.get() != '\n';
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& path)
    : path_(path), file_(std::fopen(path.c_str(), "ab")), torn_(ends_inside_a_line(path)) {
    if (file_ == nullptr) throw Error(Errc::io, path.string() + ": expected a file to append to, found none");
    std::setvbuf(file_, nullptr, _IONBF, 0);  // what could not be written must not be tried again inside a later line
}

void RunLog::append(const Json& line) {
    const std::string text = (torn_ ? "\n" : "") + line.dump() + "\n";
    const std::size_t written = std::fwrite(text.data(), 1, text.size(), file_);
    if (written == text.size()) {
        torn_ = false;
        return;
    }
    torn_ = torn_ || written > 0;
    const std::string reason = std::strerror(errno);
    std::clearerr(file_);
    throw Error(Errc::io, path_.string() + ": expected to append a line, found: " + reason);
}

void ReportMeans::add(const StepReport& report) {
    step_ = report.step;
    add("loss", report.loss);
    add("seconds", report.seconds);
    for (const auto& [name, value] : report.figures) add(name, value);
}

std::string ReportMeans::text() const {
    constexpr std::size_t kShown = 6;
    std::string text;
    for (std::size_t i = 0; i < std::min(kShown, sums_.size()); ++i)
        if (sums_[i].name != "seconds") text += sums_[i].name + " " + format_number(sums_[i].mean(), 3) + "  ";
    return text + format_number(1 / sums_[1].mean(), 2) + " it/s";
}

Json ReportMeans::json() const {
    Json line{{"step", step_}};
    for (const Sum& sum : sums_) line[sum.name] = sum.mean();
    return line;
}

void ReportMeans::add(const std::string& name, double value) {
    auto found = std::find_if(sums_.begin(), sums_.end(), [&](const Sum& sum) { return sum.name == name; });
    if (found == sums_.end()) found = sums_.insert(sums_.end(), {name});
    found->total += value;
    ++found->count;
}

}  // namespace gancodec::cli
