#pragma once

// gancodec: an image codec for very few bits, whose decoder is a generative network; with the network runtime it needs.
//
//   image x ──► encoder ──────────► y ──► r = round(y·gain − mu) ──► rANS ──► .gnc file
//                                   │                  ▲      ▲                   │
//                                   ▼                  │      └ which table: sigma index
//                             hyper encoder            │ mu                  ▲    │
//                                   ▼                  │ (float)             │ (integers only)
//                                   z ──► round ──► ẑ ─┴─► hyper mean        │    │
//                                                   └────► hyper scale ──────┘    │
//   image x̂ ◄── generator ◄── ŷ = (r + mu) / gain ◄──────────────────────────────┘
//
// - What chooses a probability table (hyper scale) is integer arithmetic: any machine reads any file.
// - mu is float, but only r is coded: a machine that rounds mu elsewise paints other pixels and never loses the thread.
// - gain, one factor per latent channel, moves along the quality scale: one set of weights, every rate.
//
// Encode and decode:  codec/codec.hpp.   Train: train/trainer.hpp.   Compare: metrics/.   Below, a header includes only
// what stands above it; reading from top to bottom is reading the library.

// clang-format off: the order is the message.
#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/config.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/core/shape.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/core/workspace.hpp"

#include "gancodec/simd/unroll.hpp"
#include "gancodec/simd/batch.hpp"

#include "gancodec/kernels/lanes.hpp"
#include "gancodec/kernels/activation.hpp"
#include "gancodec/kernels/channel_norm.hpp"
#include "gancodec/kernels/epilogue.hpp"
#include "gancodec/kernels/geometry.hpp"
#include "gancodec/kernels/pack.hpp"
#include "gancodec/kernels/reference/conv2d.hpp"
#include "gancodec/kernels/tap_tile.hpp"
#include "gancodec/kernels/pixel_lanes.hpp"
#include "gancodec/kernels/tap_convolution.hpp"
#include "gancodec/kernels/weight_gradient.hpp"
#include "gancodec/kernels/winograd_transform.hpp"
#include "gancodec/kernels/winograd.hpp"
#include "gancodec/kernels/winograd_gradient.hpp"
#include "gancodec/kernels/conv2d.hpp"
#include "gancodec/kernels/conv2d_int.hpp"
#include "gancodec/kernels/reference/conv_transpose2d.hpp"
#include "gancodec/kernels/conv_transpose2d.hpp"
#include "gancodec/kernels/elementwise.hpp"
#include "gancodec/kernels/reference/gdn.hpp"
#include "gancodec/kernels/gdn_tiles.hpp"
#include "gancodec/kernels/gdn.hpp"
#include "gancodec/kernels/reference/root_gdn.hpp"
#include "gancodec/kernels/root_gdn.hpp"
#include "gancodec/kernels/reduce.hpp"
#include "gancodec/kernels/norm.hpp"
#include "gancodec/kernels/pad.hpp"
#include "gancodec/kernels/perceptual.hpp"
#include "gancodec/kernels/pool.hpp"
#include "gancodec/kernels/reference/winograd.hpp"
#include "gancodec/kernels/resample.hpp"
#include "gancodec/kernels/shuffle.hpp"

#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/layer.hpp"
#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/channel_norm.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/conv_transpose2d.hpp"
#include "gancodec/nn/gain.hpp"
#include "gancodec/nn/gdn.hpp"
#include "gancodec/nn/init.hpp"
#include "gancodec/nn/named_parts.hpp"
#include "gancodec/nn/perceptual.hpp"
#include "gancodec/nn/pool.hpp"
#include "gancodec/nn/quantized_conv2d.hpp"
#include "gancodec/nn/reflection_pad.hpp"
#include "gancodec/nn/root_gdn.hpp"
#include "gancodec/nn/shuffle.hpp"
#include "gancodec/nn/residual_block.hpp"
#include "gancodec/nn/sequential.hpp"
#include "gancodec/nn/spectral_norm.hpp"
#include "gancodec/nn/upsample.hpp"

#include "gancodec/image/image.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/image/pad.hpp"
#include "gancodec/image/resize.hpp"

#include "gancodec/networks/discriminators.hpp"
#include "gancodec/networks/hyper_scale.hpp"
#include "gancodec/networks/integer_hyper_scale.hpp"
#include "gancodec/networks/presets.hpp"
#include "gancodec/networks/model.hpp"
#include "gancodec/networks/zoo/compressai.hpp"
#include "gancodec/networks/zoo/hific.hpp"

#include "gancodec/latents/scale_table_data.hpp"
#include "gancodec/latents/scale_table.hpp"

#include "gancodec/entropy/table_hash.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/entropy/escape.hpp"
#include "gancodec/entropy/rans.hpp"
#include "gancodec/entropy/rans_decoder.hpp"
#include "gancodec/entropy/rans_encoder.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/entropy/factorized_prior.hpp"

#include "gancodec/bitstream/checksum.hpp"
#include "gancodec/bitstream/format.hpp"
#include "gancodec/bitstream/header.hpp"
#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"

#include "gancodec/weights/dtype.hpp"
#include "gancodec/weights/half.hpp"
#include "gancodec/weights/json_lite.hpp"
#include "gancodec/weights/safetensors.hpp"
#include "gancodec/weights/safetensors_writer.hpp"
#include "gancodec/weights/parameters.hpp"

#include "gancodec/codec/codec_weights.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/rate_control.hpp"
#include "gancodec/codec/symbol_order.hpp"
#include "gancodec/codec/codec.hpp"

#include "gancodec/autograd/tape.hpp"
#include "gancodec/autograd/linear_ops.hpp"
#include "gancodec/autograd/batch_ops.hpp"
#include "gancodec/autograd/feature_ops.hpp"
#include "gancodec/autograd/gradient_check.hpp"
#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/autograd/ops.hpp"

#include "gancodec/metrics/backbones.hpp"
#include "gancodec/metrics/image_pair.hpp"
#include "gancodec/metrics/dists.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/metrics/ssim.hpp"
#include "gancodec/metrics/ms_ssim.hpp"
#include "gancodec/metrics/psnr.hpp"

#include "gancodec/train/optimizer.hpp"
#include "gancodec/train/checkpoint.hpp"
#include "gancodec/train/snapshot.hpp"
#include "gancodec/train/stage.hpp"
#include "gancodec/train/dataset.hpp"
#include "gancodec/train/integer_export.hpp"
#include "gancodec/train/losses/rate.hpp"
#include "gancodec/train/prior_export.hpp"
#include "gancodec/train/export.hpp"
#include "gancodec/train/start_weights.hpp"
#include "gancodec/train/losses/distortion.hpp"
#include "gancodec/train/losses/pointwise.hpp"
#include "gancodec/train/losses/adversarial.hpp"
#include "gancodec/train/losses/structural.hpp"
#include "gancodec/train/losses/content.hpp"
#include "gancodec/train/regularizers/gradient_penalty.hpp"
#include "gancodec/train/regularizers/historical_average.hpp"
#include "gancodec/train/symmetric_eigen.hpp"
#include "gancodec/train/pca_init.hpp"
#include "gancodec/train/schedule.hpp"
#include "gancodec/train/recipe.hpp"
#include "gancodec/train/stage1.hpp"
#include "gancodec/train/trainer.hpp"
#include "gancodec/train/any_discriminator.hpp"
#include "gancodec/train/adversarial_recipe.hpp"
#include "gancodec/train/adversarial_stage.hpp"
