#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "command.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/parallel.hpp"
#include "json_output.hpp"
#include "meter.hpp"
#include "session.hpp"
#include "sheet.hpp"
#include "table.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kShippedPhoto = "kodim23.png";

struct DemoCommand {
    std::string photo, out = "demo", weights, flatten;
    std::vector<double> rates{0.08, 0.15, 0.30};
    MeterOptions meter;
    CommonOptions common;
};

/// One line of the table and one picture of the sheet.
struct Result {
    std::string name;
    std::size_t bytes = 0;
    double bpp = 0;
    Figures figures;
    std::optional<double> encode_ms, decode_ms;
    Image image;
    std::string remark;
};

template <class Work>
double median_of_three_ms(Work&& work) {
    std::array<double, 3> times{};
    for (double& time : times) {
        const Stopwatch clock;
        work();
        time = clock.milliseconds();
    }
    std::sort(times.begin(), times.end());
    return times[1];
}

Result run_codec(const Session& session, const Image& photo, double rate, const fs::path& stem) {
    Result result;
    const std::size_t most = bytes_at(rate, photo.width, photo.height);
    const SizedStream stream = session.encode_to_size_or_smallest(photo, most);
    if (stream.bytes.size() > most) result.remark = "target missed: this is the lowest quality";
    const double quality = 100.0 * stream.step / kHighestQualityStep;
    result.encode_ms = median_of_three_ms([&] { static_cast<void>(session.encode(photo, quality)); });
    result.decode_ms = median_of_three_ms([&] { result.image = session.decode(stream.bytes); });
    result.bytes = stream.bytes.size();
    fs::path path = stem;
    write_file(path += ".gnc", stream.bytes);
    path = stem;
    write_image(path += ".png", result.image);
    return result;
}

/// The best JPEG that has at most `bytes` bytes, or the smallest there is.
Result run_jpeg(const Image& photo, std::size_t bytes) {
    constexpr int kLowest = 1, kHighest = 100;
    const auto encode_at = [&](int quality) {
        return encode_jpeg(photo, {.quality = quality, .subsample_chroma = true, .progressive = true});
    };
    Result result;
    SizedStream stream;
    try {
        stream = encode_to_size(bytes, encode_at, kLowest, kHighest);
    } catch (const Error& error) {
        if (error.code() != Errc::limit) throw;
        stream = {kLowest, encode_at(kLowest)};
        result.remark = "JPEG cannot be as small: this is its lowest quality";
    }
    result.bytes = stream.bytes.size();
    result.image = decode_image(stream.bytes, "JPEG for comparison");
    return result;
}

std::vector<Result> run_all(const DemoCommand& command, const Session& session, const Image& photo) {
    const Meter meter(command.meter);
    const fs::path folder = command.out;
    std::vector<Result> results;
    Progress progress("demo", 2 * static_cast<std::int64_t>(command.rates.size()));
    const auto keep = [&](Result result, const std::string& name) {
        result.name = name;
        result.bpp = bits_per_pixel(result.bytes, photo);
        result.figures = meter.measure(photo, result.image);
        results.push_back(std::move(result));
    };
    for (const double rate : command.rates) {
        const std::string text = format_number(rate, 2);
        progress.update(static_cast<std::int64_t>(results.size()), "gancodec at " + text + " bpp");
        keep(run_codec(session, photo, rate, folder / ("gancodec_" + text + "bpp")), "gancodec " + text);
        const std::size_t bytes = results.back().bytes;
        progress.update(static_cast<std::int64_t>(results.size()), "JPEG at " + text + " bpp");
        keep(run_jpeg(photo, bytes), "JPEG " + text);
    }
    return results;
}

void write_sheet(const fs::path& path, const Image& photo, const std::vector<Result>& results) {
    std::vector<std::vector<SheetCell>> rows(2);
    rows[0].push_back({photo, {"original", std::to_string(photo.width) + "x" + std::to_string(photo.height)}});
    rows[1].push_back({{}, {"Right: JPEG (4:2:0, progressive, optimised) of at most as many bytes"}});
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Result& r = results[i];
        std::vector<std::string> caption{r.name + " bpp: " + std::to_string(r.bytes) + " bytes",
                                         format_number(r.bpp, 3) + " bpp  PSNR " + format_number(r.figures.psnr, 2) +
                                             " dB  LPIPS " + format_figure(r.figures.lpips, 3)};
        if (!r.remark.empty()) caption.push_back(r.remark);
        rows[i % 2].push_back({r.image, caption});
    }
    SheetOptions options;
    options.text_scale = photo.width >= 480 ? 2 : 1;
    write_image(path, compose_sheet(rows, options));
}

Json to_json(const Result& r) {
    Json json{{"name", r.name}, {"bytes", r.bytes}, {"bpp", r.bpp}, {"psnr", r.figures.psnr}};
    const auto put = [&](const char* key, std::optional<double> value) {
        if (value) json[key] = *value;
    };
    put("ms_ssim", r.figures.ms_ssim);
    put("lpips", r.figures.lpips);
    put("encode_ms", r.encode_ms);
    put("decode_ms", r.decode_ms);
    if (!r.remark.empty()) json["remark"] = r.remark;
    return json;
}

void print(const DemoCommand& command, const std::vector<Result>& results, const fs::path& sheet) {
    if (command.common.json) {
        Json list = Json::array();
        for (const Result& r : results) list.push_back(to_json(r));
        print_json({{"photo", command.photo}, {"sheet", sheet.string()}, {"results", std::move(list)}});
        return;
    }
    Table table({"codec", "bytes", "bpp", "PSNR", "MS-SSIM", "LPIPS", "encode ms", "decode ms", ""});
    for (const Result& r : results)
        table.add({r.name, std::to_string(r.bytes), format_number(r.bpp, 4), format_number(r.figures.psnr, 2),
                   format_figure(r.figures.ms_ssim, 4), format_figure(r.figures.lpips, 4),
                   format_figure(r.encode_ms, 0), format_figure(r.decode_ms, 0), r.remark});
    std::printf("%s\nSide by side: %s\n", table.text().c_str(), one_line(sheet.string()).c_str());
}

void run(DemoCommand& command) {
    set_threads(command.common.threads);
    if (command.photo.empty()) command.photo = find_data_file(kShippedPhoto).string();
    if (command.photo.empty())
        throw Error(Errc::io,
                    std::string(kShippedPhoto) + ": expected beside the weights, found none; name a photograph");
    const Image photo = read_image(command.photo, read_options(command.flatten));
    const Session session(find_codec_weights(command.weights));
    std::error_code error;
    fs::create_directories(command.out, error);
    if (error) throw Error(Errc::io, command.out + ": expected a folder to write to, found: " + error.message());
    const std::vector<Result> results = run_all(command, session, photo);
    const fs::path sheet = fs::path(command.out) / "side_by_side.png";
    write_sheet(sheet, photo, results);
    print(command, results, sheet);
}

}  // namespace

Command add_demo(CLI::App& app) {
    auto command = std::make_shared<DemoCommand>();
    CLI::App* sub =
        app.add_subcommand("demo", "Show on one photograph what the codec does, beside JPEG at equal bytes");
    sub->add_option("PHOTO", command->photo, "PNG, JPEG or PPM; default: the photograph that comes with the project");
    sub->add_option("--out", command->out, "Folder for streams, decoded images and side_by_side.png")
        ->capture_default_str();
    sub->add_option("--bpp", command->rates, "Rates in bits per pixel, separated by commas")
        ->delimiter(',')
        ->check(within(1e-4, 100.0))
        ->capture_default_str();
    sub->add_option("--metric-weights", command->meter.weights_folder,
                    "Folder of lpips_*.safetensors and dists.safetensors");
    add_weights(*sub, command->weights);
    add_flatten(*sub, command->flatten);
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    sub->footer(
        "Times are medians of three, inside this process: from pixels to bytes and back.\n"
        "Examples:\n"
        "  gancodec demo photo.jpg\n"
        "  gancodec demo photo.jpg --out compare --bpp 0.05,0.1,0.2");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
