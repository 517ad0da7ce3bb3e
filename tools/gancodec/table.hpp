#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gancodec::cli {

/// Lines of columns for people: the first column flush left, the others flush right.
class Table {
public:
    explicit Table(std::vector<std::string> header);
    void add(std::vector<std::string> row);
    /// Every line, each with its end.
    [[nodiscard]] std::string text() const;
    /// The same as comma-separated values.
    [[nodiscard]] std::string csv() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

/// The figure with `decimals` digits, "-" where it is absent.
[[nodiscard]] std::string format_figure(std::optional<double> value, int decimals);

}  // namespace gancodec::cli
