#pragma once

#include "gancodec/networks/hyper_scale.hpp"
#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/residual_block.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/nn/shuffle.hpp"

namespace gancodec {

// The networks of the shipped model, each a type that reads like its table. Costs are multiply-adds per image pixel.

inline constexpr int kLatentChannels = 128;
inline constexpr int kHyperChannels = 64;
inline constexpr int kQualityLevels = 6;
/// Image sides are padded to a multiple of this: latents lie at 1/16, hyper latents at 1/64.
inline constexpr int kImageMultiple = 64;

// Pixels in [0, 1] enter as (x − ½)·kPixelScale, with a variance near 1, and leave as out/kPixelScale + ½.
inline constexpr float kPixelScale = 4;

/// Image [n,3,h,w], centred and scaled → y [n,128,h/16,w/16].
using Encoder = Sequential<PixelUnshuffle<2>, Conv2d<12, 32, 3>, LeakyRelu<>,                     //  0.9 kMAC, at 1/2
                           Conv2d<32, 64, 3, Stride<2>>, LeakyRelu<>, ResidualBlock<64>,          //  1.2 + 4.6, at 1/4
                           Conv2d<64, 96, 3, Stride<2>>, LeakyRelu<>, ResidualBlock<96>,          //  0.9 + 2.6, at 1/8
                           Conv2d<96, 128, 3, Stride<2>>, LeakyRelu<>, ResidualBlock<128>,        //  0.4 + 1.2, at 1/16
                           ResidualBlock<128>, Conv2d<128, kLatentChannels, 3>>;                  //  1.2 + 0.6

/// ŷ [n,128,h/16,w/16] → image [n,3,h,w], centred and scaled.
using Generator = Sequential<Conv2d<kLatentChannels, 128, 3>, ResidualBlock<128>, ResidualBlock<128>,   //  0.6 + 2.3, at 1/16
                             ResidualBlock<128>, Conv2d<128, 384, 3>, PixelShuffle<2>, LeakyRelu<>,     //  1.2 + 1.7
                             ResidualBlock<96>, ResidualBlock<96>, Conv2d<96, 256, 3>, PixelShuffle<2>, //  5.2 + 3.5, at 1/8
                             LeakyRelu<>, ResidualBlock<64>, ResidualBlock<64>, Conv2d<64, 128, 3>,     //  9.2 + 4.6, at 1/4
                             PixelShuffle<2>, LeakyRelu<>, Conv2d<32, 12, 3>, PixelShuffle<2>>;         //  0.9, at 1/2

/// y·g [n,128,h/16,w/16] → z [n,64,h/64,w/64].
using HyperEncoder = Sequential<Conv2d<kLatentChannels, 96, 3>, LeakyRelu<>, Conv2d<96, 96, 5, Stride<2>>, LeakyRelu<>,
                                Conv2d<96, kHyperChannels, 5, Stride<2>>>;

/// ẑ [n,64,h/64,w/64] → mu [n,128,h/16,w/16].
using HyperMean = Sequential<Conv2d<kHyperChannels, 256, 3>, PixelShuffle<2>, LeakyRelu<>, Conv2d<64, 384, 3>,
                             PixelShuffle<2>, LeakyRelu<>, Conv2d<96, kLatentChannels, 3>>;

/// ẑ [n,64,h/64,w/64] → scale index [n,128,h/16,w/16], in integers.
using ScaleNetwork = HyperScale<kHyperChannels, 96, kLatentChannels>;

}  // namespace gancodec
