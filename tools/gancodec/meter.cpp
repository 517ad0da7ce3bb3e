#include "meter.hpp"

#include <algorithm>
#include <functional>
#include <system_error>
#include <utility>

#include "command.hpp"
#include "gancodec/metrics/dists.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/metrics/ms_ssim.hpp"
#include "gancodec/metrics/psnr.hpp"
#include "gancodec/metrics/ssim.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

using Distance = std::function<double(const Image&, const Image&)>;

/// The weights file, or nothing, with a note: a table without one column is better than none.
fs::path find_metric_weights(const std::string& name, const fs::path& folder) {
    if (!folder.empty()) return folder / name;
    fs::path path = find_data_file(name);
    if (path.empty()) print_note(name + " was not found, its column stays empty (--metric-weights names a folder)");
    return path;
}

template <class Metric>
Distance load(const fs::path& path) {
    return [metric = std::make_shared<Metric>(Metric::load(path))](const Image& a, const Image& b) {
        return (*metric)(a, b);
    };
}

Distance load_lpips(const std::string& network, const fs::path& path) {
    if (network == "vgg") return load<Lpips<Vgg16>>(path);
    if (network == "squeeze") return load<Lpips<SqueezeNet>>(path);
    return load<Lpips<AlexNet>>(path);
}

constexpr int kSmallestSsim = 11, kSmallestMsSsim = 161, kSmallestLpips = Lpips<AlexNet>::kSmallestImage;

}  // namespace

struct Meter::Networks {
    Distance lpips, dists;
};

Meter::Meter(const MeterOptions& options) : networks_(std::make_unique<Networks>()) {
    if (options.lpips_network != "none") {
        const fs::path path =
            find_metric_weights("lpips_" + options.lpips_network + ".safetensors", options.weights_folder);
        if (!path.empty()) networks_->lpips = load_lpips(options.lpips_network, path);
    }
    if (options.dists) {
        const fs::path path = find_metric_weights("dists.safetensors", options.weights_folder);
        if (!path.empty()) networks_->dists = load<Dists<>>(path);
    }
}
Meter::~Meter() = default;

Figures Meter::measure(const Image& reference, const Image& distorted) const {
    Figures figures;
    figures.psnr = psnr(reference, distorted);
    const int side = std::min(reference.width, reference.height);
    if (side >= kSmallestSsim) figures.ssim = ssim(reference, distorted);
    if (side >= kSmallestMsSsim) figures.ms_ssim = ms_ssim(reference, distorted);
    if (side >= kSmallestLpips && networks_->lpips) figures.lpips = networks_->lpips(reference, distorted);
    if (networks_->dists) figures.dists = networks_->dists(reference, distorted);
    return figures;
}

void FigureMeans::Sum::add(std::optional<double> value) {
    if (!value) return;
    sum += *value;
    ++count;
}
std::optional<double> FigureMeans::Sum::mean() const {
    return count == 0 ? std::nullopt : std::optional<double>(sum / count);
}
void FigureMeans::add(const Figures& figures) {
    psnr_.add(figures.psnr);
    ssim_.add(figures.ssim);
    ms_ssim_.add(figures.ms_ssim);
    lpips_.add(figures.lpips);
    dists_.add(figures.dists);
}
Figures FigureMeans::means() const {
    return {psnr_.mean().value_or(0), ssim_.mean(), ms_ssim_.mean(), lpips_.mean(), dists_.mean()};
}

}  // namespace gancodec::cli
