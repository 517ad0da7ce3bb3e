#include "table.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "console.hpp"

namespace gancodec::cli {

Table::Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void Table::add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string pad(widths[i] - row[i].size(), ' ');
            if (i == 0)
                text += row[i] + (row.size() > 1 ? pad : "");
            else
                text += "  " + pad + row[i];
        }
        text += '\n';
    }
    return text;
}

std::string Table::csv() const {
    std::string text;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            std::string cell = row[i] == "-" ? "" : row[i];
            if (cell.find_first_of(",\"\n") != std::string::npos) {
                for (std::size_t at = 0; (at = cell.find('"', at)) != std::string::npos; at += 2)
                    cell.insert(at, 1, '"');
                cell = '"' + cell + '"';
            }
            text += (i == 0 ? "" : ",") + cell;
        }
        text += '\n';
    }
    return text;
}

std::string format_figure(std::optional<double> value, int decimals) {
    return value ? format_number(*value, decimals) : "-";
}

}  // namespace gancodec::cli
