#pragma once

#include "gancodec/networks/hyper_scale.hpp"
#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/residual_block.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/nn/shuffle.hpp"

namespace gancodec {

// The networks of the shipped model, each a type that reads like its table. Costs are multiply-adds per image pixel.
// Encoder and generator are linear but for what happens inside their residual blocks: with the blocks at zero they are a
// linear block transform, and that is where training starts (train/pca_init.hpp).

inline constexpr int kLatentChannels = 128;
inline constexpr int kHyperChannels = 64;
inline constexpr int kQualityLevels = 6;
/// Image sides are padded to a multiple of this: latents lie at 1/16, hyper latents at 1/64.
inline constexpr int kImageMultiple = 64;

// clang-format off: tables.

/// x − ½ [n,3,h,w] → y [n,128,h/16,w/16].
using Encoder = Sequential<PixelUnshuffle<4>, Conv2d<48, 64, 3>, ResidualBlock<64>,  //  1.7 + 4.6 kMAC, at 1/4
                           Conv2d<64, 96, 3, Stride<2>>, ResidualBlock<96>,          //  0.9 + 2.6, at 1/8
                           Conv2d<96, 128, 3, Stride<2>>, ResidualBlock<128>,        //  0.4 + 1.2, at 1/16
                           ResidualBlock<128>, Conv2d<128, kLatentChannels, 3>>;     //  1.2 + 0.6

/// ŷ [n,128,h/16,w/16] → x̂ − ½ [n,3,h,w].
using Generator = Sequential<Conv2d<kLatentChannels, 128, 3>, ResidualBlock<128>,  //  0.6 + 1.2 kMAC, at 1/16
                             ResidualBlock<128>, ResidualBlock<128>,               //  2.3
                             ResidualBlock<128>, ResidualBlock<128>,               //  2.3
                             ResidualBlock<128>,                                   //  1.2
                             Conv2d<128, 384, 3>, PixelShuffle<2>,                 //  1.7
                             ResidualBlock<96>, ResidualBlock<96>,                 //  5.2, at 1/8
                             ResidualBlock<96>,                                    //  2.6
                             Conv2d<96, 256, 3>, PixelShuffle<2>,                  //  3.5
                             ResidualBlock<64>, ResidualBlock<64>,                 //  9.2, at 1/4
                             Conv2d<64, 48, 3>, PixelShuffle<4>>;                  //  1.7

/// y·g [n,128,h/16,w/16] → z [n,64,h/64,w/64].
using HyperEncoder = Sequential<Conv2d<kLatentChannels, 64, 3>, LeakyRelu<>, Conv2d<64, 64, 3, Stride<2>>, LeakyRelu<>,
                                Conv2d<64, kHyperChannels, 3, Stride<2>>>;

/// ẑ [n,64,h/64,w/64] → mu [n,128,h/16,w/16].
using HyperMean = Sequential<Conv2d<kHyperChannels, 128, 3>, LeakyRelu<>, Conv2d<128, 384, 3>, PixelShuffle<2>,
                             LeakyRelu<>, Conv2d<96, 4 * kLatentChannels, 3>, PixelShuffle<2>>;

/// ẑ [n,64,h/64,w/64] → scale index [n,128,h/16,w/16], in integers.
using ScaleNetwork = HyperScale<kHyperChannels, 96, kLatentChannels, kQualityLevels>;

// clang-format on

}  // namespace gancodec
