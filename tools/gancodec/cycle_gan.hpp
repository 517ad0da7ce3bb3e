#pragma once

#include "picture_gan.hpp"

namespace gancodec::cli {

/// Unpaired restoration: two generators lead from pictures of 32x32 pixels that lost their detail to whole ones and back, each
/// against a discriminator of its kind; no picture is ever seen of both kinds.
///   G: least squares adversarial loss + cycle_weight · (mean |there and back again − x|), both ways
/// Judged by the pictures that were kept out, restored, against what they were.
[[nodiscard]] PictureRun run_cycle(const PictureSettings& settings, std::uint64_t seed, const Dataset& training,
                                   const Dataset& judged, const Lpips<AlexNet>& lpips);

}  // namespace gancodec::cli
