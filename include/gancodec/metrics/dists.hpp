#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <utility>
#include <vector>

#include "gancodec/core/parallel.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/metrics/backbones.hpp"
#include "gancodec/metrics/image_pair.hpp"
#include "gancodec/weights/parameters.hpp"
#include "gancodec/weights/safetensors.hpp"

namespace gancodec {

/// Deep image structure and texture similarity: 0 for equal pictures, tolerant of textures that are drawn anew.
///   DISTS = 1 − Σ_taps Σ_c ( α_c·(2·μx·μy + C)/(μx² + μy² + C) + β_c·(2·σxy + C)/(σx² + σy² + C) ),  C = 1e-6
/// with the moments of channel c over the whole picture; taps are the image itself and five stages of VGG16 whose
/// max-pools became L2Pools; α and β, 1475 each, add up to 1. Images are taken at full size, without the reduction to
/// 256 pixels that some scripts apply first.
/// Weights  29 MB, not part of the project: tools/convert_weights.py makes them from torchvision's VGG16 and the
///          authors' α and β. The path is the caller's (tests look for dists.safetensors in the folder
///          $GANCODEC_METRIC_WEIGHTS).
/// Paper    Ding, Ma, Wang, Simoncelli: Image Quality Assessment: Unifying Structure and Texture Similarity, 2020.
class Dists {
    using Net = Vgg16With<L2Pool<>>;

public:
    /// Errors   Error{Errc::wrong_weights} that lists every tensor missing, of another shape, or unexpected.
    [[nodiscard]] static Dists load(const std::filesystem::path& path) { return Dists(SafetensorsFile::load(path)); }
    explicit Dists(const SafetensorsFile& file) : scaling_(make_colour_scaling<float>(kFactor, kOffset, false)) {
        int channels = 3;
        for (const int c : Net::tap_channels()) channels += c;
        std::vector<TensorRequest> requests{{"alpha", {channels}}, {"beta", {channels}}};
        append_requests(net_, "features.", requests);
        require_tensors(file, requests);
        read_parameters(file, net_, "features.");
        net_.prepare(false);
        alpha_ = file.read_float("alpha");
        beta_ = file.read_float("beta");
        for (const auto& weights : {alpha_, beta_})
            for (const float weight : weights) weight_sum_ += static_cast<double>(weight);
    }

    /// Errors   Error{Errc::invalid_argument} when the images differ in size.
    [[nodiscard]] double operator()(const Image& a, const Image& b) const {
        check_image_pair(a, b, 1, "dists");
        Inference<float> context;
        auto x = context.copy(image_to_tensor<float>(a).view());
        auto y = context.copy(image_to_tensor<float>(b).view());
        std::size_t first = 0;
        double similarity = tap_similarity(x.constant(), y.constant(), first);
        net_(context, scaling_(context, std::move(x)), scaling_(context, std::move(y)),
             [&](std::size_t, const auto& fx, const auto& fy) {
                 similarity += tap_similarity(fx.constant(), fy.constant(), first);
             });
        return 1.0 - similarity / weight_sum_;
    }

private:
    /// α- and β-weighted similarity of the channels of one tap, whose weights begin at `first`; moves it on.
    [[nodiscard]] double tap_similarity(TensorView<const float> x, TensorView<const float> y,
                                        std::size_t& first) const {
        std::vector<double> block_sum(static_cast<std::size_t>(x.shape.blocks()));
        parallel_for(x.shape.blocks(), [&](std::int64_t b, int) {
            const auto block = static_cast<int>(b);
            const Lanes<2> similarity = block_similarity(x.block(0, block), y.block(0, block), x.shape.plane());
            const std::size_t c = first + static_cast<std::size_t>(block * kChannelBlock);
            double sum = 0;
            for (std::size_t lane = 0; lane < static_cast<std::size_t>(detail::used_lanes(x.shape, block)); ++lane) {
                sum = std::fma(static_cast<double>(alpha_[c + lane]), similarity[0][lane], sum);
                sum = std::fma(static_cast<double>(beta_[c + lane]), similarity[1][lane], sum);
            }
            block_sum[static_cast<std::size_t>(b)] = sum;
        });
        first += static_cast<std::size_t>(x.shape.c);
        return std::accumulate(block_sum.begin(), block_sum.end(), 0.0);
    }
    template <std::size_t Count>
    using Lanes = std::array<std::array<double, kChannelBlock>, Count>;

    /// Similarity of means, and of deviations from them, for the 16 channels of a block.
    [[nodiscard]] static Lanes<2> block_similarity(const float* x, const float* y, std::size_t pixels) {
        constexpr double kC = 1e-6;
        const double count = static_cast<double>(pixels);
        Lanes<2> mean{}, similarity{};
        for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                mean[0][lane] += static_cast<double>(x[i + lane]);
                mean[1][lane] += static_cast<double>(y[i + lane]);
            }
        for (auto& sums : mean)
            for (double& sum : sums) sum /= count;
        Lanes<3> moment{};  // Σ (x−μx)², Σ (y−μy)², Σ (x−μx)(y−μy)
        for (std::size_t i = 0; i < pixels * kChannelBlock; i += kChannelBlock)
            for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
                const double dx = static_cast<double>(x[i + lane]) - mean[0][lane];
                const double dy = static_cast<double>(y[i + lane]) - mean[1][lane];
                moment[0][lane] = std::fma(dx, dx, moment[0][lane]);
                moment[1][lane] = std::fma(dy, dy, moment[1][lane]);
                moment[2][lane] = std::fma(dx, dy, moment[2][lane]);
            }
        for (std::size_t lane = 0; lane < kChannelBlock; ++lane) {
            const double mx = mean[0][lane], my = mean[1][lane];
            similarity[0][lane] = std::fma(2 * mx, my, kC) / (std::fma(mx, mx, std::fma(my, my, kC)));
            similarity[1][lane] =
                (2 * (moment[2][lane] / count) + kC) / ((moment[0][lane] + moment[1][lane]) / count + kC);
        }
        return similarity;
    }

    // ImageNet's mean and deviation, for images in [0, 1].
    static constexpr std::array<double, 3> kMean{0.485, 0.456, 0.406}, kDeviation{0.229, 0.224, 0.225};
    static constexpr std::array<double, 3> kFactor{1 / kDeviation[0], 1 / kDeviation[1], 1 / kDeviation[2]};
    static constexpr std::array<double, 3> kOffset{-kMean[0] / kDeviation[0], -kMean[1] / kDeviation[1],
                                                   -kMean[2] / kDeviation[2]};

    Net net_;
    std::vector<float> alpha_, beta_;
    double weight_sum_ = 0;
    Conv2d<3, 3, 1, Stride<1>, Padding<0>> scaling_;
};

}  // namespace gancodec
