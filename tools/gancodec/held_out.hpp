#pragma once

#include <filesystem>
#include <vector>

#include "gancodec/codec/codec.hpp"
#include "gancodec/metrics/lpips.hpp"
#include "gancodec/train/early_stopping.hpp"
#include "image_folder.hpp"
#include "json_output.hpp"
#include "recipe_file.hpp"

namespace gancodec::cli {

/// Pictures that a run never learns from, and what they cost. What was seen of them is kept in RUN/held_out.json, for a run
/// that goes on later.
class HeldOut {
public:
    /// Without pictures: never due.
    HeldOut(std::vector<NamedImage> pictures, const AnyRecipe& recipe, const std::filesystem::path& folder);

    [[nodiscard]] bool due(std::int64_t step) const { return !pictures_.empty() && watch_.due(step); }
    [[nodiscard]] bool says_stop() const { return watch_.says_stop(); }
    /// Runs the real codec over the pictures at three qualities; whether they never cost less.
    ///   cost = mean of lambda^−balance · (lambda·bpp + mse_weight·MSE + lpips_weight·LPIPS), lambda of the quality and the
    ///   weights of the recipe; the adversarial stage, whose rates are fixed, has lambda 0
    [[nodiscard]] bool look(Codec& codec, const Lpips<AlexNet>* lpips, std::int64_t step);
    /// Of the last look and of the best, with its step; null where there was none.
    [[nodiscard]] Json figures() const;
    void resume();

private:
    struct Weights {
        std::vector<double> lambdas;  ///< empty: rates do not count
        double level_balance = 0, mse = 0, lpips = 0;
    };
    static Weights weights_of(const Recipe& recipe);
    static Weights weights_of(const AdversarialRecipe& recipe);
    [[nodiscard]] double cost(Codec& codec, const Lpips<AlexNet>* lpips) const;

    std::vector<NamedImage> pictures_;
    Weights weights_;
    HeldOutWatch watch_;
    std::filesystem::path path_;
    double last_ = 0;
};

}  // namespace gancodec::cli
