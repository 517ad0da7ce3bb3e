#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "gancodec/core/random.hpp"
#include "gancodec/kernels/shuffle.hpp"
#include "gancodec/latents/scale_table.hpp"
#include "gancodec/networks/model.hpp"
#include "gancodec/train/symmetric_eigen.hpp"

namespace gancodec {

namespace detail {

/// Principal components of pixels: eigenvectors of their second moments, strongest first.
struct Components {
    int count = 0, channels = 0;
    SymmetricEigen eigen;
    std::size_t pixels = 0;

    [[nodiscard]] double basis(int i, int channel) const {
        return eigen.vector(static_cast<std::size_t>(i), static_cast<std::size_t>(channel));
    }
    /// Root mean square of the pixels along component i.
    [[nodiscard]] double deviation(int i) const {
        return std::sqrt(std::max(eigen.values[static_cast<std::size_t>(i)] / static_cast<double>(pixels), 1e-12));
    }
};

inline Components principal_components(TensorView<const float> x, int count) {
    const Shape s = x.shape;
    const auto channels = static_cast<std::size_t>(s.c);
    std::vector<double> moments(channels * channels), pixel(channels);
    for (int n = 0; n < s.n; ++n)
        for (int y = 0; y < s.h; ++y)
            for (int ix = 0; ix < s.w; ++ix) {
                for (int c = 0; c < s.c; ++c)
                    pixel[static_cast<std::size_t>(c)] = static_cast<double>(x.at(n, c, y, ix));
                for (std::size_t i = 0; i < channels; ++i)
                    for (std::size_t k = 0; k < channels; ++k) moments[i * channels + k] += pixel[i] * pixel[k];
            }
    return {count, s.c, symmetric_eigen(std::move(moments), channels), s.plane() * static_cast<std::size_t>(s.n)};
}

/// Projects every pixel on the components: a 1x1 convolution.
inline Tensor<float> project_pixels(TensorView<const float> x, const Components& components) {
    const Shape s = x.shape;
    Tensor<float> out({s.n, components.count, s.h, s.w});
    for (int n = 0; n < s.n; ++n)
        for (int y = 0; y < s.h; ++y)
            for (int ix = 0; ix < s.w; ++ix)
                for (int i = 0; i < out.shape().c; ++i) {
                    double sum = 0;
                    for (int c = 0; c < s.c; ++c)
                        sum += components.basis(i, c) * static_cast<double>(x.at(n, c, y, ix));
                    out.at(n, i, y, ix) = static_cast<float>(sum);
                }
    return out;
}

inline Tensor<float> unshuffle(TensorView<const float> x, int r) {
    const Shape s = x.shape;
    Tensor<float> out({s.n, s.c * r * r, s.h / r, s.w / r});
    pixel_unshuffle<float>(x, r, out.view());
    return out;
}

/// Writes single weights of a convolution of 3x3 and keeps the rest at zero, or at small noise in channels that the
/// transform leaves free.
class KernelWriter {
public:
    template <class Conv>
    KernelWriter(Conv& conv, int used_in, int first_free_out, double noise, Random& random)
        : weight_(conv.weight.value), in_(conv.weight.shape[1]) {
        std::fill(weight_.begin(), weight_.end(), 0.0f);
        std::fill(conv.bias.value.begin(), conv.bias.value.end(), 0.0f);
        const double deviation = noise / std::sqrt(9.0 * used_in);
        for (int co = first_free_out; co < conv.weight.shape[0]; ++co)
            for (int ci = 0; ci < used_in; ++ci)
                for (int k = 0; k < 9; ++k) at(co, ci, k / 3, k % 3) = static_cast<float>(deviation * random.normal());
    }
    float& at(int co, int ci, int ky, int kx) {
        return weight_[(static_cast<std::size_t>(co) * static_cast<std::size_t>(in_) + static_cast<std::size_t>(ci)) *
                           9 +
                       static_cast<std::size_t>(ky * 3 + kx)];
    }

private:
    std::vector<float>& weight_;
    int in_;
};

}  // namespace detail

/// Starts encoder and generator as a linear block transform and its inverse: the principal components of 4x4 blocks, of
/// 2x2 groups of those, and of 2x2 groups again. A codec made of that alone reaches about 26 dB before its first step,
/// where random weights begin near 10 dB.
///   Residual blocks must start as the identity (second convolution zero); channels inside are scaled by
///   deviation^-½, so that all of them have a similar size where the blocks see them.
/// Shapes  sample [n,3,h,w] in [0, 1], h and w multiples of 16: crops of photographs, some hundred
template <class Networks>
void init_principal_components(Networks& model, TensorView<const float> sample, Random& random) {
    using detail::KernelWriter;
    constexpr double kNoise = 0.5;
    auto& encoder = model.encoder.layers;
    auto& generator = model.generator.layers;

    Tensor<float> centred(sample.shape);
    for (std::size_t i = 0; i < sample.size(); ++i) centred.data()[i] = sample.data[i] - 0.5f;
    clear_padding(centred.view());
    const Tensor<float> blocks4 = detail::unshuffle(centred.view(), 4);
    const detail::Components p0 = detail::principal_components(blocks4.view(), 48);
    const Tensor<float> blocks8 = detail::unshuffle(detail::project_pixels(blocks4.view(), p0).view(), 2);
    const int n0 = 48, n1 = std::get<3>(encoder).weight.shape[0], n2 = std::get<5>(encoder).weight.shape[0];
    const detail::Components p1 = detail::principal_components(blocks8.view(), n1);
    const Tensor<float> blocks16 = detail::unshuffle(detail::project_pixels(blocks8.view(), p1).view(), 2);
    const detail::Components p2 = detail::principal_components(blocks16.view(), n2);
    const auto scale = [](const detail::Components& p, int i) { return 1 / std::sqrt(std::max(p.deviation(i), 1e-3)); };

    {
        KernelWriter first(std::get<1>(encoder), 48, n0, kNoise, random);
        for (int o = 0; o < n0; ++o)
            for (int i = 0; i < 48; ++i) first.at(o, i, 1, 1) = static_cast<float>(p0.basis(o, i) * scale(p0, o));
        // A 3x3 of stride 2 sees its 2x2 group under taps 1 and 2.
        const auto group = [&](auto& conv, const detail::Components& p, const detail::Components& before, int from) {
            const int to = p.count;
            KernelWriter writer(conv, from, to, kNoise, random);
            for (int o = 0; o < to; ++o)
                for (int i = 0; i < from; ++i)
                    for (int k = 0; k < 4; ++k)
                        writer.at(o, i, 1 + k / 2, 1 + k % 2) =
                            static_cast<float>(p.basis(o, i * 4 + k) * scale(p, o) / scale(before, i));
        };
        group(std::get<3>(encoder), p1, p0, n0);
        group(std::get<5>(encoder), p2, p1, n1);
        KernelWriter last(std::get<8>(encoder), n2, kLatentChannels, kNoise, random);
        for (int i = 0; i < std::min(n2, kLatentChannels); ++i)
            last.at(i, i, 1, 1) = static_cast<float>(1 / scale(p2, i));
    }
    {
        KernelWriter first(std::get<0>(generator), kLatentChannels, n2, kNoise, random);
        for (int i = 0; i < std::min(n2, kLatentChannels); ++i) first.at(i, i, 1, 1) = static_cast<float>(scale(p2, i));
        const auto ungroup = [&](auto& conv, const detail::Components& p, const detail::Components& before, int to) {
            const int from = p.count;
            KernelWriter writer(conv, from, 4 * to, kNoise, random);
            for (int o = 0; o < to; ++o)
                for (int i = 0; i < from; ++i)
                    for (int k = 0; k < 4; ++k)
                        writer.at(o * 4 + k, i, 1, 1) =
                            static_cast<float>(p.basis(i, o * 4 + k) / scale(p, i) * scale(before, o));
        };
        ungroup(std::get<7>(generator), p2, p1, n1);
        ungroup(std::get<12>(generator), p1, p0, n0);
        KernelWriter last(std::get<16>(generator), n0, 48, kNoise, random);
        for (int o = 0; o < 48; ++o)
            for (int i = 0; i < n0; ++i) last.at(o, i, 1, 1) = static_cast<float>(p0.basis(i, o) / scale(p0, i));
    }
    // A gain of 2 moves the scale index by 1 / kScaleStepLog2.
    for (int c = 0; c < kLatentChannels; ++c) {
        const auto at = [&](auto& table, int level) -> float& {
            return table.value[static_cast<std::size_t>(level * kLatentChannels + c)];
        };
        float mean = 0;
        for (int level = 0; level < kQualityLevels; ++level) mean += at(model.gain.log2_gain, level) / kQualityLevels;
        for (int level = 0; level < kQualityLevels; ++level)
            at(model.hyper_scale.level_offset, level) = (at(model.gain.log2_gain, level) - mean) / kScaleStepLog2;
    }
    // The scale network starts at the deviations of the latents under the middle gain.
    auto& bias = model.hyper_scale.expand.bias.value;
    for (int c = 0; c < std::min(n2, kLatentChannels); ++c) {
        double middle = 0;
        for (int level = 0; level < kQualityLevels; ++level)
            middle += model.gain.log2_gain.value[static_cast<std::size_t>(level * kLatentChannels + c)] /
                      double{kQualityLevels};
        const double sigma = std::clamp(p2.deviation(c) * std::exp2(middle), 0.12, 60.0);
        const double t = std::log2(sigma / static_cast<double>(kScaleSigmaMin)) / static_cast<double>(kScaleStepLog2);
        std::fill_n(bias.begin() + c * 16, 16, static_cast<float>((t - ScaleNetwork::kOffset) / ScaleNetwork::kSlope));
    }
}

}  // namespace gancodec
