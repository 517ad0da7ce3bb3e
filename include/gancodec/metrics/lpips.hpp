#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/image/convert.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/metrics/backbones.hpp"
#include "gancodec/metrics/image_pair.hpp"
#include "gancodec/nn/shuffle.hpp"
#include "gancodec/weights/parameters.hpp"
#include "gancodec/weights/safetensors.hpp"

namespace gancodec {

/// Learned perceptual image patch similarity, version 0.1: how different two pictures look, 0 for equal ones.
///   LPIPS(x, y) = Σ_taps feature_distance(features(x), features(y), lin_tap)
/// `Net` is AlexNet (the usual one for figures), Vgg16 or SqueezeNet. Called with a context it is a loss as well as a
/// metric: x and y are images in [0, 1], the result is one number, the mean over a batch.
///   const auto lpips = Lpips<AlexNet>::load("weights/lpips_alex.safetensors");
///   double distance = lpips(original, decoded);
/// Weights  tools/convert_weights.py makes the files from those that torchvision and LPIPS publish. Those for
///          AlexNet and SqueezeNet come with the project; VGG16's 29 MB do not (tests look for lpips_vgg.safetensors
///          in the folder $GANCODEC_METRIC_WEIGHTS).
/// Paper    Zhang, Isola, Efros, Shechtman, Wang: The Unreasonable Effectiveness of Deep Features, 2018.
template <class Net = AlexNet>
class Lpips {
public:
    using Scalar = typename Net::Scalar;
    /// Smaller images leave nothing behind the last pooling of some network.
    static constexpr int kSmallestImage = 32;
    static constexpr auto kTapChannels = Net::tap_channels();

    /// `for_backward`: gradients will be wanted, as a loss.
    /// Errors   Error{Errc::wrong_weights} that lists every tensor missing, of another shape, or unexpected.
    [[nodiscard]] static Lpips load(const std::filesystem::path& path, bool for_backward = false) {
        return Lpips(SafetensorsFile::load(path), for_backward);
    }
    explicit Lpips(const SafetensorsFile& file, bool for_backward = false)
        : scaling_(make_colour_scaling<Scalar>(kFactor, kOffset, for_backward)) {
        std::vector<TensorRequest> requests;
        append_requests(net_, "features.", requests);
        for (std::size_t tap = 0; tap < Net::kTaps; ++tap) requests.push_back({linear_name(tap), {kTapChannels[tap]}});
        require_tensors(file, requests);
        read_parameters(file, net_, "features.");
        net_.prepare(for_backward);
        for (std::size_t tap = 0; tap < Net::kTaps; ++tap) {
            const std::vector<float> values = file.read_float(linear_name(tap));
            linear_[tap].assign(values.begin(), values.end());
        }
    }

    /// Shapes   x, y [n,3,h,w], h and w at least 32 · result [1,1,1,1]
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x,
                                                     typename Context::Value y) const {
        std::optional<typename Context::Value> total;
        compare(context, std::move(x), std::move(y), [&](std::size_t tap, auto fx, auto fy) {
            auto distance = feature_distance(context, std::move(fx), std::move(fy), linear_[tap].data());
            total = total ? add(context, std::move(*total), std::move(distance)) : std::move(distance);
        });
        return std::move(*total);
    }
    /// For other comparisons of the same features: calls `use(tap, features of x, features of y)` at every tap.
    template <class Context, class Use>
    void compare(Context& context, typename Context::Value x, typename Context::Value y, Use&& use) const {
        net_(context, scaling_(context, std::move(x)), scaling_(context, std::move(y)), use);
    }
    /// The features of one batch, x in [0, 1]: calls `see(tap, features)` at every tap.
    template <class Context, class See>
    void features(Context& context, typename Context::Value x, See&& see) const {
        net_.features(context, scaling_(context, std::move(x)), see);
    }

    /// Errors   Error{Errc::invalid_argument} when the images differ in size or are smaller than 32x32.
    [[nodiscard]] double operator()(const Image& a, const Image& b) const {
        check_image_pair(a, b, kSmallestImage, "lpips");
        Inference<Scalar> context;
        auto x = context.copy(image_to_tensor<Scalar>(a).view());
        auto y = context.copy(image_to_tensor<Scalar>(b).view());
        const auto distance = (*this)(context, std::move(x), std::move(y));
        return static_cast<double>(distance.constant().data[0]);
    }

private:
    // The network was trained on (2x − 1 − shift)/scale with these.
    static constexpr std::array<double, 3> kShift{-0.030, -0.088, -0.188}, kScale{0.458, 0.448, 0.450};
    static constexpr std::array<double, 3> kFactor{2 / kScale[0], 2 / kScale[1], 2 / kScale[2]};
    static constexpr std::array<double, 3> kOffset{(-1 - kShift[0]) / kScale[0], (-1 - kShift[1]) / kScale[1],
                                                   (-1 - kShift[2]) / kScale[2]};
    static std::string linear_name(std::size_t tap) { return "lin" + std::to_string(tap) + ".weight"; }

    Net net_;
    std::array<std::vector<Scalar>, Net::kTaps> linear_;
    Conv2d<3, 3, 1, Stride<1>, Padding<0>, Scalar> scaling_;
};

}  // namespace gancodec
