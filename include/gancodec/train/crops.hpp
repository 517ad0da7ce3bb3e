#pragma once

#include <cstdint>
#include <string>

#include "gancodec/core/error.hpp"
#include "gancodec/core/tensor.hpp"
#include "gancodec/networks/presets.hpp"
#include "gancodec/train/curriculum.hpp"
#include "gancodec/train/dataset.hpp"

namespace gancodec {

/// The batches of a stage: the crops of every step, as its augmentation and its curriculum say.
class Crops {
public:
    /// Errors  Error{invalid_argument} for crops that no network takes.
    Crops(const Dataset& data, std::uint64_t seed, int batch, const Augmentation& how, const Curriculum& curriculum)
        : data_(data), seed_(seed), images_(batch), how_(how), curriculum_(curriculum) {
        check_side(how.crop_px);
        for (const CropPhase& phase : curriculum.crop_phases) check_side(phase.crop_px);
        check_share("colour_jitter", how.colour_jitter);
        check_share("cut_out_share", how.cut_out_share);
        check_share("synthetic_share", how.synthetic_share);
    }
    void draw(std::int64_t step) {
        const Augmentation how = curriculum_.augmentation(how_, step);
        const Shape shape{images_, 3, how.crop_px, how.crop_px};
        if (!(batch_.shape() == shape)) batch_ = Tensor<float>(shape);
        data_.draw(seed_, static_cast<std::uint64_t>(step), how, batch_.view());
    }
    /// Of the last draw. Shapes  [n,3,crop,crop] in [0, 1]
    [[nodiscard]] Tensor<float>& batch() { return batch_; }
    [[nodiscard]] double pixels() const { return static_cast<double>(batch_.shape().plane()) * images_; }

private:
    static void check_side(int crop_px) {
        if (crop_px % kImageMultiple != 0 || crop_px < 2 * kImageMultiple)
            throw Error(Errc::invalid_argument, "recipe: expected crops of a multiple of " +
                                                    std::to_string(kImageMultiple) + " from 128 px, found " +
                                                    std::to_string(crop_px));
    }
    static void check_share(const char* key, double share) {
        if (!(share >= 0 && share <= 1))
            throw Error(Errc::invalid_argument, std::string("recipe: augmentation/") + key +
                                                    ": expected 0 to 1, found " + std::to_string(share));
    }

    const Dataset& data_;
    std::uint64_t seed_;
    int images_;
    Augmentation how_;
    Curriculum curriculum_;
    Tensor<float> batch_;
};

}  // namespace gancodec
