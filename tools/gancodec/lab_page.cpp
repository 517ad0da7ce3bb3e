#include "lab_page.hpp"

#include <algorithm>
#include <cmath>

#include "console.hpp"

namespace gancodec::cli {

namespace {

constexpr const char* kColour[2] = {"#c0392b", "#1f6fb2"};  // without, with
constexpr double kPanel = 220, kGap = 40, kTop = 40;

std::string number(double value) { return format_number(value, 1); }

std::string text(double x, double y, const std::string& words, const char* colour = "#333") {
    return "<text x='" + number(x) + "' y='" + number(y) + "' fill='" + colour + "'>" + words + "</text>\n";
}
std::string frame(double x) {
    return "<rect x='" + number(x) + "' y='" + number(kTop) + "' width='" + number(kPanel) + "' height='" +
           number(kPanel) + "' fill='none' stroke='#999'/>\n";
}

/// Curves of all runs of both sides, `value(point)` in [0, 1].
template <class Value>
std::string curves(double left, const Comparison& comparison, const Value& value) {
    std::string svg = frame(left);
    for (int side = 0; side < 2; ++side)
        for (const GridRun& run : side == 0 ? comparison.without : comparison.with) {
            svg += std::string("<polyline fill='none' stroke='") + kColour[side] + "' points='";
            const double last = static_cast<double>(run.points.back().step);
            for (const GridPoint& point : run.points)
                svg += number(left + kPanel * static_cast<double>(point.step) / last) + "," +
                       number(kTop + kPanel * (1 - value(point))) + " ";
            svg += "'/>\n";
        }
    return svg;
}

/// Samples of one run in the square [−3, 3]².
std::string cloud(double left, const GridRun& run, const char* colour) {
    std::string svg = frame(left);
    for (std::size_t i = 0; i < run.samples.size(); i += 2) {
        const auto [x, y] = run.samples[i];
        if (!(std::abs(x) < 3 && std::abs(y) < 3)) continue;
        svg += "<circle cx='" + number(left + kPanel * (x + 3) / 6) + "' cy='" + number(kTop + kPanel * (3 - y) / 6) +
               "' r='1.2' fill='" + colour + "' fill-opacity='0.5'/>\n";
    }
    return svg;
}

}  // namespace

Spread spread(const std::vector<double>& values) {
    Spread result;
    for (const double v : values) result.mean += v / static_cast<double>(values.size());
    double squares = 0;
    for (const double v : values) squares += (v - result.mean) * (v - result.mean);
    if (values.size() > 1) result.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
    return result;
}

Outcome outcome(const std::vector<GridRun>& runs) {
    std::vector<double> modes, good, logit;
    for (const GridRun& run : runs) {
        const std::size_t first = run.points.size() - std::max<std::size_t>(1, run.points.size() / 4);
        double m = 0, g = 0, l = 0;
        for (std::size_t i = first; i < run.points.size(); ++i) {
            m += run.points[i].modes;
            g += run.points[i].good;
            l += run.points[i].logit;
        }
        const double count = static_cast<double>(run.points.size() - first);
        modes.push_back(m / count);
        good.push_back(100 * g / count);
        logit.push_back(l / count);
    }
    return {spread(modes), spread(good), spread(logit)};
}

std::string seen(const Comparison& comparison) {
    const auto side = [](const std::vector<GridRun>& runs) {
        const Outcome o = outcome(runs);
        return format_number(o.modes.mean, 1) + " ± " + format_number(o.modes.deviation, 1) + " of 25 modes, " +
               format_number(o.good.mean, 0) + " ± " + format_number(o.good.deviation, 0) +
               " % good samples, logits of " + format_number(o.logit.mean, 1) + " ± " +
               format_number(o.logit.deviation, 1);
    };
    return "with: " + side(comparison.with) + "; without: " + side(comparison.without);
}

std::string comparison_svg(const Comparison& comparison) {
    const double step = kPanel + kGap;
    std::string svg = "<svg xmlns='http://www.w3.org/2000/svg' width='" + number(4 * step + kGap) + "' height='" +
                      number(kTop + kPanel + kGap) + "' font-family='sans-serif' font-size='12'>\n";
    svg += "<rect width='100%' height='100%' fill='white'/>\n";
    svg += text(kGap, kTop - 10, "modes, 0 to 25") + text(kGap + step, kTop - 10, "good samples, 0 to 100 %");
    svg += text(kGap + 2 * step, kTop - 10, "samples without", kColour[0]);
    svg += text(kGap + 3 * step, kTop - 10, "samples with", kColour[1]);
    svg += curves(kGap, comparison, [](const GridPoint& p) { return p.modes / 25.0; });
    svg += curves(kGap + step, comparison, [](const GridPoint& p) { return p.good; });
    svg += cloud(kGap + 2 * step, comparison.without.front(), kColour[0]);
    svg += cloud(kGap + 3 * step, comparison.with.front(), kColour[1]);
    svg += text(kGap, kTop + kPanel + 20,
                "0 to " + std::to_string(comparison.with.front().points.back().step) + " steps; each line a seed");
    return svg + "</svg>\n";
}

std::string comparison_page(const Comparison& comparison, const std::string& command) {
    return "# " + comparison.name + "\n\n" + comparison.technique +
           "\n\nTask: 25 Gaussians on a grid, equal seeds and steps" +
           (comparison.conditions.empty() ? "" : "; both sides: " + comparison.conditions) + ".\n\n![curves](" +
           comparison.name + ".svg)\n\nMeans over the last quarter of each run, ± deviation over " +
           std::to_string(comparison.with.size()) + " seeds. " + seen(comparison) + ".\n\nMade by `" + command + "`.\n";
}

}  // namespace gancodec::cli
