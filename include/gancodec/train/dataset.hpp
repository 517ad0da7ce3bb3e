#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/image/convert.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/image/pad.hpp"
#include "gancodec/image/resize.hpp"
#include "gancodec/train/augment.hpp"
#include "gancodec/train/synthetic_images.hpp"

namespace gancodec {

/// How a training crop is drawn from an image.
struct Augmentation {
    int crop_px = 256;            ///< from 128 crops the hyper networks learnt zero padding instead of neighbours
    double smallest_scale = 0.5;  ///< crops are shrunk by a factor drawn log-uniformly from [smallest_scale, 1]
    bool flip = true;             ///< mirrored left-right half of the time, and transposed half of the time
    double colour_jitter = 0;     ///< contrast, saturation and brightness change by up to this share: jitter_colours()
    double cut_out_share = 0;     ///< of the crops that lose a square: cut_out()
    double synthetic_share = 0;   ///< of the crops that are synthetic pictures instead of photographs
    int easiest_of = 1;           ///< so many crops are drawn for one, and the one of the least difficulty() is taken
};

/// One square crop of `image`: rescaled, placed and flipped at random. Images smaller than the crop are padded.
[[nodiscard]] inline Image random_crop(const Image& image, const Augmentation& how, Random& random) {
    const int shorter = std::min(image.width, image.height);
    const double lowest = std::clamp(static_cast<double>(how.crop_px) / shorter, how.smallest_scale, 1.0);
    const double scale = std::exp2(random.uniform(std::log2(lowest), 0.0));
    const int window = std::min(shorter, std::max(how.crop_px, static_cast<int>(how.crop_px / scale)));
    const auto place = [&](int extent) {
        return static_cast<int>(random.below(static_cast<std::uint64_t>(extent - window + 1)));
    };
    const int x = place(image.width), y = place(image.height);
    Image patch = crop(image, x, y, window, window);
    if (window > how.crop_px) patch = shrink(patch, how.crop_px, how.crop_px);
    if (window < how.crop_px) patch = crop(pad_to_multiple(patch, how.crop_px), 0, 0, how.crop_px, how.crop_px);
    const bool mirror = how.flip && random.uniform() < 0.5, transpose = how.flip && random.uniform() < 0.5;
    Image out = make_image(how.crop_px, how.crop_px);
    for (int row = 0; row < how.crop_px; ++row)
        for (int column = 0; column < how.crop_px; ++column) {
            const int from_column = mirror ? how.crop_px - 1 - column : column;
            std::copy_n(transpose ? patch.at(row, from_column) : patch.at(from_column, row), 3, out.at(column, row));
        }
    return out;
}

/// A crop of `image`, or a synthetic picture, as `how` says.
[[nodiscard]] inline Image augmented_crop(const Image& image, const Augmentation& how, Random& random) {
    const bool synthetic = how.synthetic_share > 0 && random.uniform() < how.synthetic_share;
    Image patch = synthetic ? synthetic_image(how.crop_px, how.crop_px, random) : random_crop(image, how, random);
    for (int i = 1; i < how.easiest_of && !synthetic; ++i) {
        Image other = random_crop(image, how, random);
        if (difficulty(other) < difficulty(patch)) patch = std::move(other);
    }
    if (how.colour_jitter > 0) jitter_colours(patch, how.colour_jitter, random);
    if (how.cut_out_share > 0 && random.uniform() < how.cut_out_share) cut_out(patch, random);
    return patch;
}

/// Photographs in memory, from which batches of crops are drawn. What a batch holds depends on `seed` and `step`
/// alone, so an interrupted run that resumes at step s sees what it would have seen.
class Dataset {
public:
    explicit Dataset(std::vector<Image> images) : images_(std::move(images)) {
        if (images_.empty()) throw Error(Errc::invalid_argument, "dataset: expected at least one image, found none");
        // Large photographs hold more to see, but not in proportion: drawn by the square root of their area.
        double total = 0;
        for (const Image& image : images_) {
            check_image(image, "dataset");
            cumulative_.push_back(total += std::sqrt(static_cast<double>(image.pixels())));
        }
    }
    virtual ~Dataset() = default;
    [[nodiscard]] std::size_t size() const { return images_.size(); }

    /// Fills `batch` [n,3,crop,crop] with crops in [0, 1].
    virtual void draw(std::uint64_t seed, std::uint64_t step, const Augmentation& how, TensorView<float> batch) const {
        parallel_for(batch.shape.n, [&](std::int64_t n, int) {
            Random random(seed ^ (step * 0x9E3779B97F4A7C15u) ^ (static_cast<std::uint64_t>(n) << 32));
            random.next();
            const double at = random.uniform() * cumulative_.back();
            const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin();
            const auto index = std::min(static_cast<std::size_t>(found), images_.size() - 1);
            image_to_tensor(augmented_crop(images_[index], how, random), batch, static_cast<int>(n));
        });
    }

private:
    std::vector<Image> images_;
    std::vector<double> cumulative_;
};

}  // namespace gancodec
