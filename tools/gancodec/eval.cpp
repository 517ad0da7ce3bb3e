#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "command.hpp"
#include "file_bytes.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/image/pad.hpp"
#include "image_folder.hpp"
#include "json_output.hpp"
#include "meter.hpp"
#include "refiner.hpp"
#include "session.hpp"
#include "sheet.hpp"
#include "table.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

struct EvalCommand {
    std::string data, weights, sheet, csv;
    std::optional<int> levels;
    int effort = 0;
    std::optional<double> realism;
    std::vector<double> qualities, rates;
    MeterOptions meter;
    CommonOptions common;
};

/// A quality (0..100), a rate in bits per pixel to be met from below, or the one quality of the weights.
struct Point {
    enum class Kind { quality, rate, only } kind = Kind::quality;
    double value = 0;
    [[nodiscard]] bool is_rate() const { return kind == Kind::rate; }
    [[nodiscard]] std::optional<double> quality() const {
        return kind == Kind::quality ? std::optional(value) : std::nullopt;
    }
    [[nodiscard]] std::string name() const {
        return kind == Kind::only ? "only quality"
               : is_rate()        ? "<=" + format_number(value, 3) + " bpp"
                                  : "quality " + format_number(value, 1);
    }
};

struct Sample {
    std::string image;
    std::size_t point = 0, bytes = 0;
    int step = 0;
    double bpp = 0, encode_ms = 0, decode_ms = 0;
    bool missed = false;  ///< larger than the rate asked for, at the lowest quality
    Figures figures;
};

std::vector<Point> points_of(const EvalCommand& command, bool one_quality) {
    constexpr int kLevels = 7;
    std::vector<Point> points;
    for (const double rate : command.rates) points.push_back({Point::Kind::rate, rate});
    for (const double quality : command.qualities) points.push_back({Point::Kind::quality, quality});
    if (!points.empty()) return points;
    if (one_quality && !command.levels) return {{Point::Kind::only, 0}};
    const int levels = command.levels.value_or(kLevels);
    for (int i = 0; i < levels; ++i) points.push_back({Point::Kind::quality, 100.0 * i / std::max(1, levels - 1)});
    return points;
}

/// The middle of an image at its own resolution: a sheet of whole images would be too large to look at.
Image middle(const Image& image) {
    constexpr int kSide = 256;
    const int width = std::min(image.width, kSide), height = std::min(image.height, kSide);
    return crop(image, (image.width - width) / 2, (image.height - height) / 2, width, height);
}

class Evaluation {
public:
    explicit Evaluation(const EvalCommand& command)
        : command_(command),
          session_(find_codec_weights(command.weights), CodecUse::encode_and_decode, command.realism),
          points_(points_of(command, session_.has_one_quality())),
          meter_(command.meter) {
        if (command.effort > 0)
            refiner_.emplace(find_codec_weights(command.weights), command.effort,
                             command.realism.value_or(LoadOptions{}.realism));
    }

    void run() {
        const std::vector<fs::path> paths = list_images(command_.data);
        Progress progress("eval", static_cast<std::int64_t>(paths.size() * points_.size()));
        for (const fs::path& path : paths) {
            const std::string name = fs::relative(path, command_.data).string();
            const Image image = read_image(path, read_options("ffffff"));
            if (!command_.sheet.empty()) sheet_.push_back({{middle(image), {name}}});
            for (std::size_t p = 0; p < points_.size(); ++p) {
                progress.update(static_cast<std::int64_t>(samples_.size()), name);
                samples_.push_back(naming_file(path, [&] { return measure(image, name, p); }));
            }
        }
    }
    [[nodiscard]] Table means() const {
        Table table({"point", "images", "bytes", "bpp", "bpp min", "bpp max", "PSNR", "MS-SSIM", "LPIPS", "DISTS",
                     "encode ms", "decode ms"});
        for (std::size_t p = 0; p < points_.size(); ++p) {
            const Mean mean = mean_of(p);
            table.add({points_[p].name(), std::to_string(mean.images), format_number(mean.bytes, 0),
                       format_number(mean.bpp, 4), format_number(mean.least_bpp, 4), format_number(mean.most_bpp, 4),
                       format_number(mean.figures.psnr, 2), format_figure(mean.figures.ms_ssim, 4),
                       format_figure(mean.figures.lpips, 4), format_figure(mean.figures.dists, 4),
                       format_number(mean.encode_ms, 0), format_number(mean.decode_ms, 0)});
        }
        return table;
    }
    [[nodiscard]] Table every_sample() const {
        Table table(
            {"image", "point", "step", "bytes", "bpp", "PSNR", "MS-SSIM", "LPIPS", "DISTS", "encode ms", "decode ms"});
        for (const Sample& s : samples_)
            table.add({s.image, points_[s.point].name(), std::to_string(s.step), std::to_string(s.bytes),
                       format_number(s.bpp, 5), format_number(s.figures.psnr, 4), format_figure(s.figures.ms_ssim, 5),
                       format_figure(s.figures.lpips, 5), format_figure(s.figures.dists, 5),
                       format_number(s.encode_ms, 1), format_number(s.decode_ms, 1)});
        return table;
    }
    [[nodiscard]] Json json() const {
        Json means = Json::array(), samples = Json::array();
        for (std::size_t p = 0; p < points_.size(); ++p) {
            const Mean m = mean_of(p);
            Json entry{{"point", points_[p].name()}, {"images", m.images},   {"bytes", m.bytes}, {"bpp", m.bpp},
                       {"bpp_min", m.least_bpp},     {"bpp_max", m.most_bpp}};
            add_figures(entry, m.figures, m.encode_ms, m.decode_ms);
            means.push_back(std::move(entry));
        }
        for (const Sample& s : samples_) {
            Json entry{{"image", s.image},
                       {"point", points_[s.point].name()},
                       {"step", s.step},
                       {"bytes", s.bytes},
                       {"bpp", s.bpp}};
            add_figures(entry, s.figures, s.encode_ms, s.decode_ms);
            samples.push_back(std::move(entry));
        }
        return {{"data", command_.data}, {"means", std::move(means)}, {"samples", std::move(samples)}};
    }
    [[nodiscard]] std::ptrdiff_t missed() const {
        return std::count_if(samples_.begin(), samples_.end(), [](const Sample& s) { return s.missed; });
    }
    void write_sheet() const {
        SheetOptions options;
        options.text_scale = 1;
        write_image(command_.sheet, compose_sheet(sheet_, options));
    }

private:
    struct Mean {
        int images = 0;
        double bytes = 0, bpp = 0, least_bpp = 0, most_bpp = 0, encode_ms = 0, decode_ms = 0;
        Figures figures;
    };

    Sample measure(const Image& image, const std::string& name, std::size_t point) {
        Sample sample;
        sample.image = name;
        sample.point = point;
        const Point& at = points_[point];
        const Stopwatch encode_clock;
        const std::size_t most = at.is_rate() ? bytes_at(at.value, image.width, image.height) : std::size_t{0};
        const SizedStream stream = refiner_       ? (at.is_rate() ? refiner_->encode_to_size(session_, image, most)
                                                                  : refiner_->encode(session_, image, at.quality()))
                                   : at.is_rate() ? session_.encode_to_size_or_smallest(image, most)
                                                  : session_.encode(image, at.quality());
        sample.encode_ms = encode_clock.milliseconds();
        const Stopwatch decode_clock;
        const Image decoded = session_.decode(stream.bytes);
        sample.decode_ms = decode_clock.milliseconds();
        sample.bytes = stream.bytes.size();
        sample.missed = at.is_rate() && sample.bytes > most;
        sample.step = stream.step;
        sample.bpp = bits_per_pixel(sample.bytes, image);
        sample.figures = meter_.measure(image, decoded);
        if (!command_.sheet.empty())
            sheet_.back().push_back(
                {middle(decoded),
                 {at.name() + ": " + format_number(sample.bpp, 3) + " bpp",
                  format_number(sample.figures.psnr, 2) + " dB  LPIPS " + format_figure(sample.figures.lpips, 3)}});
        return sample;
    }
    [[nodiscard]] Mean mean_of(std::size_t point) const {
        Mean mean;
        FigureMeans figures;
        for (const Sample& s : samples_) {
            if (s.point != point) continue;
            mean.least_bpp = mean.images == 0 ? s.bpp : std::min(mean.least_bpp, s.bpp);
            mean.most_bpp = std::max(mean.most_bpp, s.bpp);
            ++mean.images;
            mean.bytes += static_cast<double>(s.bytes);
            mean.bpp += s.bpp;
            mean.encode_ms += s.encode_ms;
            mean.decode_ms += s.decode_ms;
            figures.add(s.figures);
        }
        for (double* sum : {&mean.bytes, &mean.bpp, &mean.encode_ms, &mean.decode_ms}) *sum /= std::max(1, mean.images);
        mean.figures = figures.means();
        return mean;
    }
    static void add_figures(Json& json, const Figures& figures, double encode_ms, double decode_ms) {
        json["psnr"] = figures.psnr;
        if (figures.ssim) json["ssim"] = *figures.ssim;
        if (figures.ms_ssim) json["ms_ssim"] = *figures.ms_ssim;
        if (figures.lpips) json["lpips"] = *figures.lpips;
        if (figures.dists) json["dists"] = *figures.dists;
        json["encode_ms"] = encode_ms;
        json["decode_ms"] = decode_ms;
    }

    const EvalCommand& command_;
    Session session_;
    std::vector<Point> points_;
    std::optional<Refiner> refiner_;
    Meter meter_;
    std::vector<Sample> samples_;
    std::vector<std::vector<SheetCell>> sheet_;
};

void run(const EvalCommand& command) {
    set_threads(command.common.threads);
    if (!command.sheet.empty()) check_image_extension(command.sheet);
    for (const std::string& out : {command.sheet, command.csv})
        if (!out.empty()) check_place(out);
    Evaluation evaluation(command);
    evaluation.run();
    if (!command.sheet.empty()) evaluation.write_sheet();
    if (!command.csv.empty()) {
        const std::string text = evaluation.every_sample().csv();
        write_file(command.csv, Bytes(text.begin(), text.end()));
    }
    if (command.common.json)
        print_json(evaluation.json());
    else
        std::printf("%s", (command.common.verbose ? evaluation.every_sample().text() + "\n" : std::string())
                              .append(evaluation.means().text())
                              .c_str());
    if (evaluation.missed() > 0)
        throw Error(Errc::limit, command.data + ": expected every target to be met, found " +
                                     std::to_string(evaluation.missed()) + " missed at the lowest quality");
}

}  // namespace

Command add_eval(CLI::App& app) {
    auto command = std::make_shared<EvalCommand>();
    CLI::App* sub = app.add_subcommand("eval", "Table of rates and figures over a folder of images");
    sub->add_option("--data", command->data, "Folder of PNG, JPEG or PPM images, searched with its subfolders")
        ->required();
    auto* levels = sub->add_option("--levels", command->levels,
                                   "As many qualities, evenly from 0 to 100; 7 when nothing is asked for")
                       ->check(within(1, 256));
    auto* qualities = sub->add_option("--qualities", command->qualities, "Qualities 0 to 100, separated by commas")
                          ->delimiter(',')
                          ->check(within(0, 100));
    auto* rates =
        sub->add_option("--bpp", command->rates, "Rates to meet from below for every image, separated by commas")
            ->delimiter(',')
            ->check(within(1e-4, 100));
    levels->excludes(qualities)->excludes(rates);
    qualities->excludes(rates);
    sub->add_option("-e,--effort", command->effort, "Of encoding, 0 to 9")->check(within(0, 9))->capture_default_str();
    sub->add_option("--csv", command->csv, "Also write one line per image and point to this file");
    sub->add_option("--sheet", command->sheet, "Also write a contact sheet of the middle of every image (.png, .jpg)");
    sub->add_flag("--dists", command->meter.dists, "Also DISTS; needs dists.safetensors");
    sub->add_option("--metric-weights", command->meter.weights_folder,
                    "Folder of lpips_*.safetensors and dists.safetensors");
    add_realism(*sub, command->realism);
    add_weights(*sub, command->weights);
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    add_verbose(*sub, command->common);
    sub->footer(
        "bpp counts whole files; every figure is a mean over images. Times of --bpp include its search.\n"
        "Examples:\n"
        "  gancodec eval --data kodak                            seven qualities\n"
        "  gancodec eval --data kodak --bpp 0.08,0.15,0.3        is every target met, and how closely?\n"
        "  gancodec eval --data kodak --csv kodak.csv --sheet kodak.png");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
