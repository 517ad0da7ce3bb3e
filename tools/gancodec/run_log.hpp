#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "gancodec/train/stage.hpp"
#include "json_output.hpp"

namespace gancodec::cli {

/// Lines of JSON, appended to a file; each has left the program when append() returns. A line that a killed program or a
/// full disk cut off is ended, and harms no other.
class RunLog {
public:
    /// Throws Error{io} where the file cannot be opened.
    explicit RunLog(const std::filesystem::path& path);
    ~RunLog() { std::fclose(file_); }
    RunLog(const RunLog&) = delete;
    RunLog& operator=(const RunLog&) = delete;

    /// Throws Error{io} where it cannot be written.
    void append(const Json& line);

private:
    std::filesystem::path path_;
    std::FILE* file_;
    bool torn_ = false;  ///< the file ends inside a line
};

/// Means of the figures of steps since the last clear(); a figure that some steps lack is averaged over the others.
class ReportMeans {
public:
    void add(const StepReport& report);
    /// The first few figures, for people.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] Json json() const;
    [[nodiscard]] bool empty() const { return sums_.empty(); }
    void clear() { *this = {}; }

private:
    struct Sum {
        std::string name;
        double total = 0;
        int count = 0;
        [[nodiscard]] double mean() const { return total / count; }
    };
    void add(const std::string& name, double value);

    std::vector<Sum> sums_;
    std::int64_t step_ = 0;
};

}  // namespace gancodec::cli
