#include "held_out.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>
#include <variant>

#include "command.hpp"
#include "file_bytes.hpp"
#include "gancodec/metrics/psnr.hpp"

namespace gancodec::cli {

HeldOut::Weights HeldOut::weights_of(const Recipe& recipe) {
    return {recipe.lambdas, recipe.level_balance, recipe.mse_weight, recipe.lpips_weight};
}
HeldOut::Weights HeldOut::weights_of(const AdversarialRecipe& recipe) {
    return {{}, 0, recipe.content.mse, recipe.content.lpips};
}

HeldOut::HeldOut(std::vector<NamedImage> pictures, const AnyRecipe& recipe, const std::filesystem::path& folder)
    : pictures_(std::move(pictures)),
      weights_(std::visit([](const auto& members) { return weights_of(members); }, recipe)),
      watch_(std::visit([](const auto& members) { return members.early_stopping; }, recipe)),
      path_(folder / "held_out.json") {}

double HeldOut::cost(Codec& codec, const Lpips<AlexNet>* lpips) const {
    constexpr double kQualities[] = {10, 50, 90};
    double total = 0;
    for (const double quality : kQualities) {
        double lambda = 0, weight = 1;
        if (!weights_.lambdas.empty()) {
            const double position = quality / 100 * static_cast<double>(weights_.lambdas.size() - 1);
            const auto level = static_cast<std::size_t>(position);
            lambda = weights_.lambdas[level] *
                     std::pow(weights_.lambdas[level + 1] / weights_.lambdas[level], position - double(level));
            weight = std::pow(lambda, -weights_.level_balance);
        }
        for (const NamedImage& picture : pictures_) {
            const Bytes bytes = codec.encode(picture.image, {quality});
            const Image decoded = codec.decode(bytes);
            double one = lambda * bits_per_pixel(bytes.size(), picture.image) +
                         weights_.mse * std::pow(10.0, -0.1 * psnr(picture.image, decoded));
            if (lpips != nullptr && std::min(decoded.width, decoded.height) >= Lpips<AlexNet>::kSmallestImage)
                one += weights_.lpips * (*lpips)(picture.image, decoded);
            total += weight * one;
        }
    }
    return total / static_cast<double>(std::size(kQualities) * pictures_.size());
}

bool HeldOut::look(Codec& codec, const Lpips<AlexNet>* lpips, std::int64_t step) {
    last_ = cost(codec, lpips);
    const bool lowest = watch_.observe(step, last_);
    const HeldOutWatch::State& state = watch_.state();
    const std::string text =
        Json{{"lowest", state.lowest}, {"lowest_step", state.lowest_step}, {"looks_since", state.looks_since}}.dump() +
        "\n";
    write_file(path_, Bytes(text.begin(), text.end()));
    return lowest;
}

Json HeldOut::figures() const {
    if (pictures_.empty() || std::isinf(watch_.state().lowest)) return nullptr;
    return {{"cost", last_}, {"lowest", watch_.state().lowest}, {"lowest_step", watch_.state().lowest_step}};
}

void HeldOut::resume() {
    std::error_code ignored;
    if (!std::filesystem::exists(path_, ignored)) return;
    const Bytes bytes = read_file(path_, std::uint64_t{1} << 12);
    const Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
    if (!json.is_object() || !json.contains("lowest") || !json["lowest"].is_number() || !json.contains("lowest_step") ||
        !json["lowest_step"].is_number_integer() || !json.contains("looks_since") ||
        !json["looks_since"].is_number_integer())
        throw Error(Errc::invalid_argument, path_.string() +
                                                ": expected what was seen of held-out pictures, found "
                                                "something else");
    watch_.restore(
        {json["lowest"].get<double>(), json["lowest_step"].get<std::int64_t>(), json["looks_since"].get<int>()});
}

}  // namespace gancodec::cli
