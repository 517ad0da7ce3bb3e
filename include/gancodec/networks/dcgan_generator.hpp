#pragma once

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/batch_norm.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/conv_transpose2d.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/nn/shuffle.hpp"

namespace gancodec {

/// Pictures out of noise: noise [n,Noise,1,1] → image [n,3,32,32] in [−1, 1].
/// Paper    Radford, Metz, Chintala: Unsupervised Representation Learning with Deep Convolutional GANs, 2016, figure 1 for
///          32x32 pixels.
template <int Noise, int W = 32>
using DcganGenerator =
    Sequential<Conv2d<Noise, 16 * 4 * W, 1>, PixelShuffle<4>, BatchNorm<4 * W>, Relu, ConvTranspose2d<4 * W, 2 * W, 4>,
               BatchNorm<2 * W>, Relu, ConvTranspose2d<2 * W, W, 4>, BatchNorm<W>, Relu,  //
               ConvTranspose2d<W, 3, 4>, Tanh>;

}  // namespace gancodec
