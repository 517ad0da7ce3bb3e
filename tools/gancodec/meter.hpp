#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "gancodec/image/image.hpp"

namespace gancodec::cli {

/// Figures of merit of one image against its original; a figure is absent where the images are too small for it or its
/// weights are not at hand.
struct Figures {
    double psnr = 0;
    std::optional<double> ssim, ms_ssim, lpips, dists;
};

struct MeterOptions {
    std::string lpips_network = "alex";  ///< alex, vgg, squeeze, or none
    bool dists = false;
    std::filesystem::path
        weights_folder;  ///< where lpips_*.safetensors and dists.safetensors lie; empty: beside the codec's weights
};

/// Measures pairs of images; loads the networks of LPIPS and DISTS once.
/// Weights that are not found are noted once on stderr when the folder was not named, and an Error when it was.
class Meter {
public:
    explicit Meter(const MeterOptions& options = {});
    ~Meter();
    [[nodiscard]] Figures measure(const Image& reference, const Image& distorted) const;

private:
    struct Networks;
    std::unique_ptr<Networks> networks_;
};

/// Means of figures, each over the images that have it.
class FigureMeans {
public:
    void add(const Figures& figures);
    [[nodiscard]] Figures means() const;

private:
    struct Sum {
        double sum = 0;
        int count = 0;
        void add(std::optional<double> value);
        [[nodiscard]] std::optional<double> mean() const;
    };
    Sum psnr_, ssim_, ms_ssim_, lpips_, dists_;
};

}  // namespace gancodec::cli
