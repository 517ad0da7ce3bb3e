#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/channel_norm.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/conv_transpose2d.hpp"
#include "gancodec/nn/named_parts.hpp"
#include "gancodec/nn/reflection_pad.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/nn/shuffle.hpp"

// HiFiC (Mentzer, Toderici, Tschannen, Agustsson: High-Fidelity Generative Image Compression, 2020) with the layers and
// the parameter names of its PyTorch port. C is the depth of the latents, 220 in the paper; F the channels at full size,
// 60: every halving of the picture doubles them, to 960. `Kind` says which variance the channel norms were trained with:
// of_sample for the port's weights, of_population for the paper's own.

namespace gancodec::zoo {

namespace detail {

/// A convolution whose surroundings are the mirror image of the picture. Names of its parameters: "1.weight", "1.bias".
template <int In, int Out, int Kernel, class... Rest>
using MirrorConv = Sequential<ReflectionPad<Kernel / 2>, Conv2d<In, Out, Kernel, Stride<1>, Padding<0>>, Rest...>;
template <int In, int Out, Variance Kind>
using Down =
    Sequential<ReflectionPad<0, 1, 1, 0>, Conv2d<In, Out, 3, Stride<2>, Padding<0>>, ChannelNorm<Out, Kind>, Relu>;
template <int In, int Out, Variance Kind>
using Up = Sequential<ConvTranspose2d<In, Out, 3>, ChannelNorm<Out, Kind>, Relu>;

}  // namespace detail

/// x [n,3,h,w] → y [n,C,h/16,w/16]. Requires h and w that 16 divides.
template <int C = 220, int F = 60, Variance Kind = Variance::of_sample>
struct HificEncoder : NamedParts<HificEncoder<C, F, Kind>> {
    detail::MirrorConv<3, F, 7, ChannelNorm<F, Kind>, Relu> conv_block1;
    detail::Down<F, 2 * F, Kind> conv_block2;
    detail::Down<2 * F, 4 * F, Kind> conv_block3;
    detail::Down<4 * F, 8 * F, Kind> conv_block4;
    detail::Down<8 * F, 16 * F, Kind> conv_block5;
    detail::MirrorConv<16 * F, C, 3> conv_block_out;

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        x = conv_block2(context, conv_block1(context, std::move(x)));
        x = conv_block4(context, conv_block3(context, std::move(x)));
        return conv_block_out(context, conv_block5(context, std::move(x)));
    }
    template <class Function>
    void each_part(Function&& f) {
        f("conv_block1.", conv_block1);
        f("conv_block2.", conv_block2);
        f("conv_block3.", conv_block3);
        f("conv_block4.", conv_block4);
        f("conv_block5.", conv_block5);
        f("conv_block_out.", conv_block_out);
    }
};

/// x + norm2(conv2(relu(norm1(conv1(x))))), both convolutions 3x3 in mirrored surroundings.
template <int C, Variance Kind>
struct HificResidualBlock : NamedParts<HificResidualBlock<C, Kind>> {
    Conv2d<C, C, 3, Stride<1>, Padding<0>> conv1, conv2;
    ChannelNorm<C, Kind> norm1, norm2;

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        auto inner = norm1(context, conv1(context, ReflectionPad<1>{}(context, x)));
        inner = Relu{}(context, std::move(inner));
        inner = norm2(context, conv2(context, ReflectionPad<1>{}(context, std::move(inner))));
        return add(context, std::move(inner), std::move(x));
    }
    template <class Function>
    void each_part(Function&& f) {
        f("conv1.", conv1);
        f("conv2.", conv2);
        f("norm1.", norm1);
        f("norm2.", norm2);
    }
};

/// ŷ [n,C,h,w] → x̂ [n,3,16h,16w]. (664 kMAC per pixel as published.)
template <int C = 220, int F = 60, int Blocks = 9, Variance Kind = Variance::of_sample>
struct HificGenerator : NamedParts<HificGenerator<C, F, Blocks, Kind>> {
    Sequential<ChannelNorm<C, Kind>, ReflectionPad<1>, Conv2d<C, 16 * F, 3, Stride<1>, Padding<0>>,
               ChannelNorm<16 * F, Kind>>
        conv_block_init;
    std::array<HificResidualBlock<16 * F, Kind>, Blocks> resblocks;
    detail::Up<16 * F, 8 * F, Kind> upconv_block1;
    detail::Up<8 * F, 4 * F, Kind> upconv_block2;
    detail::Up<4 * F, 2 * F, Kind> upconv_block3;
    detail::Up<2 * F, F, Kind> upconv_block4;
    detail::MirrorConv<F, 3, 7> conv_block_out;

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value y) const {
        auto head = conv_block_init(context, std::move(y));
        auto x = head;
        for (const auto& block : resblocks) x = block(context, std::move(x));
        x = add(context, std::move(x), std::move(head));
        x = upconv_block2(context, upconv_block1(context, std::move(x)));
        x = upconv_block4(context, upconv_block3(context, std::move(x)));
        return conv_block_out(context, std::move(x));
    }
    template <class Function>
    void each_part(Function&& f) {
        f("conv_block_init.", conv_block_init);
        for (std::size_t i = 0; i < Blocks; ++i) f("resblock_" + std::to_string(i) + ".", resblocks[i]);
        f("upconv_block1.", upconv_block1);
        f("upconv_block2.", upconv_block2);
        f("upconv_block3.", upconv_block3);
        f("upconv_block4.", upconv_block4);
        f("conv_block_out.", conv_block_out);
    }
};

namespace detail {

/// Three layers with a ReLU behind the first two.
template <class Conv1, class Conv2, class Conv3>
struct HificHyperNetwork : NamedParts<HificHyperNetwork<Conv1, Conv2, Conv3>> {
    Conv1 conv1;
    Conv2 conv2;
    Conv3 conv3;

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        x = Relu{}(context, conv1(context, std::move(x)));
        x = Relu{}(context, conv2(context, std::move(x)));
        return conv3(context, std::move(x));
    }
    template <class Function>
    void each_part(Function&& f) {
        f("conv1.", conv1);
        f("conv2.", conv2);
        f("conv3.", conv3);
    }
};

/// Halves the picture in mirrored surroundings; as PyTorch's padding_mode='reflect', under the names of the convolution.
template <int N>
struct MirrorHalving : Conv2d<N, N, 5, Stride<2>, Padding<0>> {
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        using Convolution = Conv2d<N, N, 5, Stride<2>, Padding<0>>;
        return Convolution::operator()(context, ReflectionPad<2>{}(context, std::move(x)));
    }
};

}  // namespace detail

/// y [n,C,h,w] → z [n,N,h/4,w/4].
template <int C = 220, int N = 320>
using HificHyperAnalysis =
    detail::HificHyperNetwork<Conv2d<C, N, 3>, detail::MirrorHalving<N>, detail::MirrorHalving<N>>;

/// ẑ [n,N,h,w] → means, or scales before their lower bound, of y [n,C,4h,4w].
template <int C = 220, int N = 320>
using HificHyperSynthesis =
    detail::HificHyperNetwork<ConvTranspose2d<N, N, 5>, ConvTranspose2d<N, N, 5>, ConvTranspose2d<N, C, 3, Stride<1>>>;

/// What the levels of a picture are to a network: [0, 1], or [−1, 1] behind a tanh.
enum class PixelRange { zero_to_one, minus_one_to_one };

/// All networks of HiFiC: z = h_a(y), means = h_mean(ẑ), scales = max(h_s(ẑ), 0.11). The port trains with either range.
template <int C = 220, int F = 60, int Blocks = 9, int N = 320, PixelRange Range = PixelRange::zero_to_one,
          Variance Kind = Variance::of_sample>
struct Hific : NamedParts<Hific<C, F, Blocks, N, Range, Kind>> {
    static constexpr int kN = N, kM = C;
    static constexpr bool kSignedPixels = Range == PixelRange::minus_one_to_one;
    HificEncoder<C, F, Kind> g_a;
    HificGenerator<C, F, Blocks, Kind> g_s;
    HificHyperAnalysis<C, N> h_a;
    HificHyperSynthesis<C, N> h_mean, h_s;

    template <class Function>
    void each_part(Function&& f) {
        f("Encoder.", g_a);
        f("Generator.", g_s);
        f("Hyperprior.analysis_net.", h_a);
        f("Hyperprior.synthesis_mu.", h_mean);
        f("Hyperprior.synthesis_std.", h_s);
    }
};

}  // namespace gancodec::zoo
