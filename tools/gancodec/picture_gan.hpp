#pragma once

#include <cstdint>
#include <vector>

#include "gancodec/metrics/lpips.hpp"
#include "gancodec/train/curriculum.hpp"
#include "gancodec/train/dataset.hpp"

namespace gancodec::cli {

/// A codec in small: an encoder of two layers makes 4x8x8 whole numbers of seven values out of 32x32 pixels, the same bits
/// for every setting; a generator of five layers paints them, against a small discriminator (DcganDiscriminator<8>).
///   G: MSE + adversarial_weight · non-saturating loss, content alone in the first `content_share` of the steps,
///      after which the encoder is frozen
struct PictureSettings {
    double adversarial_weight = 0.01, content_share = 0;
    PhaseRamp detail;               ///< curriculum: the detail of the pictures comes in
    PhaseRamp growth;               ///< progressive growing: the upper half of the resolution fades in
    bool gradient_balance = false;  ///< adversarial_weight is a factor on the balance of gradients
    int steps = 400, batch = 8;

    friend bool operator==(const PictureSettings&, const PictureSettings&) = default;
};

/// Judged on 32 pictures that training never sees.
struct PicturePoint {
    std::int64_t step;
    double seconds;  ///< processor time of training so far
    double lpips, psnr;
};

struct PictureRun {
    std::vector<PicturePoint> points;
    std::vector<Image> samples;  ///< eight of the judged pictures, decoded at the end
};

/// Runs it; equal settings and seed give equal numbers, but for the seconds.
[[nodiscard]] PictureRun run_pictures(const PictureSettings& settings, std::uint64_t seed, const Dataset& training,
                                      const Dataset& judged, const Lpips<AlexNet>& lpips);

/// Eight of the judged pictures as they are.
[[nodiscard]] std::vector<Image> judged_originals(const Dataset& judged);

}  // namespace gancodec::cli
