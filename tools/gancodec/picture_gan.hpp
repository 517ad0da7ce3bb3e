#pragma once

#include <cstdint>
#include <vector>

#include "gancodec/metrics/lpips.hpp"
#include "gancodec/train/curriculum.hpp"
#include "gancodec/train/dataset.hpp"
#include "gancodec/train/diff_augment.hpp"

namespace gancodec::cli {

/// restoration: cycle_gan.hpp, which takes of the settings the steps, the batch and its own weight.
enum class PictureNetworks { plain, wide, residual_gdn, variational, restoration };

/// A codec in small: an encoder of two layers makes 4x8x8 whole numbers of seven values out of 32x32 pixels, the same bits
/// for every setting; a generator of five layers paints them, against a small discriminator (DcganDiscriminator<8>).
/// `networks` has others in their place: wide layers, as many channels as the shipped codec has; residual blocks with GDN of the same channels, or an encoder whose latents are drawn
/// from Gaussians, at no fixed rate, with `divergence_weight` on their distance from the standard one (VAE-GAN).
///   G: MSE + adversarial_weight · non-saturating loss, content alone in the first `content_share` of the steps,
///      after which the encoder is frozen
struct PictureSettings {
    double adversarial_weight = 0.01, content_share = 0;
    PhaseRamp detail;               ///< curriculum: the detail of the pictures comes in
    PhaseRamp growth;               ///< progressive growing: the upper half of the resolution fades in
    bool gradient_balance = false;  ///< adversarial_weight is a factor on the balance of gradients
    bool projected = false;         ///< the discriminator sees AlexNet's features instead of pixels
    DiffAugmentOptions diff_augment;
    PictureNetworks networks = PictureNetworks::plain;
    Precision precision = Precision::fp32;  ///< of all networks but LPIPS
    double divergence_weight = 1e-4, cycle_weight = 10;
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

inline constexpr Augmentation kPictureCrops{32, 0.25, true};
/// The 32 pictures that runs are judged by, and eight of such a batch as images.
[[nodiscard]] Tensor<float> draw_judged(const Dataset& judged);
[[nodiscard]] std::vector<Image> shown_images(TensorView<const float> pictures);

/// Eight of the judged pictures as they are.
[[nodiscard]] std::vector<Image> judged_originals(const Dataset& judged);

}  // namespace gancodec::cli
