#include <cstdio>
#include <memory>

#include "command.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/metrics/image_pair.hpp"
#include "json_output.hpp"
#include "meter.hpp"
#include "table.hpp"

namespace gancodec::cli {

namespace {

struct MetricsCommand {
    std::string reference, distorted, flatten;
    MeterOptions meter;
    CommonOptions common;
};

Json number_or_null(std::optional<double> value) { return value ? Json(*value) : Json(); }

void run(const MetricsCommand& command) {
    set_threads(command.common.threads);
    const Image reference = read_image(command.reference, read_options(command.flatten));
    const Image distorted = read_image(command.distorted, read_options(command.flatten));
    naming_file(command.distorted, [&] { check_image_pair(reference, distorted, 1, "metrics"); });
    const Meter meter(command.meter);
    const Figures figures = meter.measure(reference, distorted);
    const std::string lpips = "lpips_" + command.meter.lpips_network;
    if (command.common.json) {
        print_json({{"reference", command.reference},
                    {"distorted", command.distorted},
                    {"psnr", figures.psnr},
                    {"ssim", number_or_null(figures.ssim)},
                    {"ms_ssim", number_or_null(figures.ms_ssim)},
                    {lpips, number_or_null(figures.lpips)},
                    {"dists", number_or_null(figures.dists)}});
        return;
    }
    Table table({"metric", "value"});
    table.add({"PSNR (dB)", format_number(figures.psnr, 3)});
    table.add({"SSIM", format_figure(figures.ssim, 5)});
    table.add({"MS-SSIM", format_figure(figures.ms_ssim, 5)});
    if (command.meter.lpips_network != "none")
        table.add({"LPIPS (" + command.meter.lpips_network + ")", format_figure(figures.lpips, 5)});
    if (command.meter.dists) table.add({"DISTS", format_figure(figures.dists, 5)});
    std::printf("%s", table.text().c_str());
}

}  // namespace

Command add_metrics(CLI::App& app) {
    auto command = std::make_shared<MetricsCommand>();
    CLI::App* sub = app.add_subcommand("metrics", "Compare an image with its original");
    sub->add_option("REF", command->reference, "Original: PNG, JPEG or PPM")->required();
    sub->add_option("DIST", command->distorted, "The image to judge, of the same size")->required();
    sub->add_option("--lpips", command->meter.lpips_network, "Network of LPIPS v0.1")
        ->check(CLI::IsMember({"alex", "vgg", "squeeze", "none"}))
        ->capture_default_str();
    sub->add_flag("--dists", command->meter.dists, "Also DISTS; needs dists.safetensors");
    sub->add_option("--metric-weights", command->meter.weights_folder,
                    "Folder of lpips_*.safetensors and dists.safetensors");
    add_flatten(*sub, command->flatten);
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    sub->footer(
        "A figure that needs larger images, or weights that are not at hand, is shown as '-'.\n"
        "Examples:\n"
        "  gancodec metrics photo.png decoded.png\n"
        "  gancodec metrics photo.png decoded.png --dists --metric-weights ~/weights --json");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
