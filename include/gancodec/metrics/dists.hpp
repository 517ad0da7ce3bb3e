#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <utility>
#include <vector>

#include "gancodec/image/convert.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/metrics/backbones.hpp"
#include "gancodec/metrics/image_pair.hpp"
#include "gancodec/nn/perceptual.hpp"
#include "gancodec/weights/parameters.hpp"
#include "gancodec/weights/safetensors.hpp"

namespace gancodec {

/// Deep image structure and texture similarity: 0 for equal pictures, tolerant of textures that are drawn anew.
///   DISTS(x, y) = Σ_taps texture_distance(features(x), features(y), α_tap, β_tap), the weights scaled to the sum 1
/// Taps are the image itself and five stages of VGG16 whose max-pools became L2Pools. Images are taken at full size,
/// without the reduction to 256 pixels that some scripts apply first. Called with a context it is a loss as well as a
/// metric: x and y are images in [0, 1], the result is one number, the mean over a batch.
/// Weights  29 MB, not part of the project: tools/convert_weights.py makes them from torchvision's VGG16 and the
///          authors' α and β. The path is the caller's (tests look for dists.safetensors in the folder
///          $GANCODEC_METRIC_WEIGHTS).
/// Paper    Ding, Ma, Wang, Simoncelli: Image Quality Assessment: Unifying Structure and Texture Similarity, 2020.
template <class Net = Vgg16With<L2Pool<>>>
class Dists {
public:
    using Scalar = typename Net::Scalar;

    /// `for_backward`: gradients will be wanted, as a loss.
    /// Errors   Error{Errc::wrong_weights} that lists every tensor missing, of another shape, or unexpected.
    [[nodiscard]] static Dists load(const std::filesystem::path& path, bool for_backward = false) {
        return Dists(SafetensorsFile::load(path), for_backward);
    }
    explicit Dists(const SafetensorsFile& file, bool for_backward = false)
        : scaling_(make_colour_scaling<Scalar>(kFactor, kOffset, for_backward)) {
        int channels = 3;
        for (const int c : Net::tap_channels()) channels += c;
        std::vector<TensorRequest> requests{{"alpha", {channels}}, {"beta", {channels}}};
        append_requests(net_, "features.", requests);
        require_tensors(file, requests);
        read_parameters(file, net_, "features.");
        net_.prepare(for_backward);
        const std::vector<float> alpha = file.read_float("alpha"), beta = file.read_float("beta");
        double sum = 0;
        for (const auto& weights : {alpha, beta})
            for (const float weight : weights) sum += static_cast<double>(weight);
        for (const float weight : alpha) alpha_.push_back(static_cast<Scalar>(static_cast<double>(weight) / sum));
        for (const float weight : beta) beta_.push_back(static_cast<Scalar>(static_cast<double>(weight) / sum));
    }

    /// Shapes   x, y [n,3,h,w] · result [1,1,1,1]
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x,
                                                     typename Context::Value y) const {
        auto total = texture_distance(context, x, y, alpha_.data(), beta_.data());
        std::size_t first = 3;
        net_(context, scaling_(context, std::move(x)), scaling_(context, std::move(y)),
             [&](std::size_t, const auto& fx, const auto& fy) {
                 auto distance = texture_distance(context, fx, fy, alpha_.data() + first, beta_.data() + first);
                 first += static_cast<std::size_t>(fx.shape().c);
                 total = add(context, std::move(total), std::move(distance));
             });
        return total;
    }

    /// Errors   Error{Errc::invalid_argument} when the images differ in size.
    [[nodiscard]] double operator()(const Image& a, const Image& b) const {
        check_image_pair(a, b, 1, "dists");
        Inference<Scalar> context;
        auto x = context.copy(image_to_tensor<Scalar>(a).view());
        auto y = context.copy(image_to_tensor<Scalar>(b).view());
        const auto distance = (*this)(context, std::move(x), std::move(y));
        return static_cast<double>(distance.constant().data[0]);
    }

private:
    // ImageNet's mean and deviation, for images in [0, 1].
    static constexpr std::array<double, 3> kMean{0.485, 0.456, 0.406}, kDeviation{0.229, 0.224, 0.225};
    static constexpr std::array<double, 3> kFactor{1 / kDeviation[0], 1 / kDeviation[1], 1 / kDeviation[2]};
    static constexpr std::array<double, 3> kOffset{-kMean[0] / kDeviation[0], -kMean[1] / kDeviation[1],
                                                   -kMean[2] / kDeviation[2]};

    Net net_;
    std::vector<Scalar> alpha_, beta_;
    Conv2d<3, 3, 1, Stride<1>, Padding<0>, Scalar> scaling_;
};

}  // namespace gancodec
