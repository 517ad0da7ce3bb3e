#include "recipe_file.hpp"

#include <array>
#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "file_bytes.hpp"
#include "json_output.hpp"

namespace gancodec::cli {

namespace {

/// The words of an enumeration, in the order of its values.
template <class E>
constexpr std::array<std::string_view, 0> kWords{};
template <>
constexpr std::array<std::string_view, 5> kWords<AdversarialLoss>{"saturating", "non_saturating", "least_squares",
                                                                  "hinge", "wasserstein"};
template <>
constexpr std::array<std::string_view, 9> kWords<DiscriminatorKind>{
    "patch",           "patch_slim", "multi_scale", "unet", "dcgan", "pix2pix", "minibatch_discrimination",
    "batch_deviation", "projected"};

template <>
constexpr std::array<std::string_view, 3> kWords<AdaptiveWeighting>{"none", "gradient_balance", "uncertainty"};
template <>
constexpr std::array<std::string_view, 3> kWords<OptimizerKind>{"adam", "rms_prop", "sgd"};
template <>
constexpr std::array<std::string_view, 4> kWords<ScheduleShape>{"cosine", "constant", "step", "plateau"};

template <>
constexpr std::array<std::string_view, 2> kWords<Precision>{"none", "bf16"};

constexpr std::string_view kStages[] = {"reconstruction", "adversarial"};  // in the order of AnyRecipe

template <class Schedule, class F>
void each_rate(const std::string& at, Schedule& rate, F&& f) {
    f(at + "/peak", rate.peak, 0);
    f(at + "/warm_up_steps", rate.warm_up_steps, 0);
    f(at + "/decay_from", rate.decay_from, 0);
    f(at + "/final_factor", rate.final_factor, 0);
    f(at + "/shape", rate.shape, 0);
    f(at + "/step_factor", rate.step_factor, 0);
    f(at + "/step_every", rate.step_every, 1);
    f(at + "/patience_steps", rate.patience_steps, 1);
}

template <class C, class F>
void each_curriculum_member(C& c, F&& f) {
    f("/curriculum/low_pass/from", c.low_pass.from, 0);
    f("/curriculum/low_pass/until", c.low_pass.until, 0);
    f("/curriculum/growth/from", c.growth.from, 0);
    f("/curriculum/growth/until", c.growth.until, 0);
    f("/curriculum/easy_crops/from", c.easy_crops.from, 0);
    f("/curriculum/easy_crops/until", c.easy_crops.until, 0);
    f("/curriculum/easiest_of", c.easiest_of, 1);
    f("/curriculum/crop_phases", c.crop_phases, 0);
}

/// Members that the recipes of all stages have.
template <class R, class F>
void each_common_member(R& r, F&& f) {
    f("/seed", r.seed, 0);
    f("/steps", r.steps, 1);
    f("/batch", r.batch, 1);
    f("/augmentation/crop_px", r.augmentation.crop_px, 1);
    f("/augmentation/smallest_scale", r.augmentation.smallest_scale, 1e-3);
    f("/augmentation/flip", r.augmentation.flip, 0);
    f("/augmentation/colour_jitter", r.augmentation.colour_jitter, 0);
    f("/augmentation/cut_out_share", r.augmentation.cut_out_share, 0);
    f("/augmentation/synthetic_share", r.augmentation.synthetic_share, 0);
    each_curriculum_member(r.curriculum, f);
    f("/optimizer", r.optimizer.kind, 0);
    f("/adam/beta1", r.optimizer.adam.beta1, 0);
    f("/adam/beta2", r.optimizer.adam.beta2, 0);
    f("/adam/epsilon", r.optimizer.adam.epsilon, 0);
    f("/adam/weight_decay", r.optimizer.adam.weight_decay, 0);
    f("/rms_prop/decay", r.optimizer.rms_prop.decay, 0);
    f("/rms_prop/epsilon", r.optimizer.rms_prop.epsilon, 0);
    f("/sgd/momentum", r.optimizer.sgd.momentum, 0);
    f("/freeze", r.rules.freeze, 0);
    f("/rate_factors", r.rules.rate_factors, 0);
    f("/load", r.rules.load, 0);
    f("/clip_norm", r.clip_norm, 1e-12);
    f("/average_decay", r.average_decay, 0);
    f("/mixed_precision", r.mixed_precision, 0);
    f("/early_stopping/every_steps", r.early_stopping.every_steps, 1);
    f("/early_stopping/patience", r.early_stopping.patience, 0);
    f("/checkpoint_steps", r.checkpoint_steps, 1);
    f("/explosion_factor", r.explosion_factor, 1);
}

/// Every member of a recipe with its place in the JSON and, for numbers, the least that makes sense.
template <class R, class F>
    requires std::same_as<std::remove_const_t<R>, AdversarialRecipe>
void each_member(R& r, F&& f) {
    each_common_member(r, f);
    each_rate("/generator_rate", r.generator_rate, f);
    each_rate("/discriminator_rate", r.discriminator_rate, f);
    f("/content/mse", r.content.mse, 0);
    f("/content/l1", r.content.l1, 0);
    f("/content/charbonnier", r.content.charbonnier, 0);
    f("/content/ms_ssim", r.content.ms_ssim, 0);
    f("/content/lpips", r.content.lpips, 0);
    f("/content/total_variation", r.content.total_variation, 0);
    f("/content/feature_matching", r.content.feature_matching, 0);
    f("/content/contextual", r.content.contextual, 0);
    f("/dists_weight", r.dists_weight, 0);
    f("/dists_px", r.dists_px, 32);
    f("/adversarial_weight", r.adversarial_weight, 0);
    f("/adaptive_weights", r.adaptive_weights, 0);
    f("/adversarial/loss", r.adversarial.loss, 0);
    f("/adversarial/relativistic", r.adversarial.relativistic, 0);
    f("/adversarial/real_label", r.adversarial.real_label, 0);
    f("/discriminator", r.discriminator, 0);
    f("/discriminator_only_steps", r.discriminator_only_steps, 0);
    f("/r1_weight", r.r1_weight, 0);
    f("/r1_every", r.r1_every, 1);
    f("/gradient_penalty_weight", r.gradient_penalty_weight, 0);
    f("/gradient_penalty_every", r.gradient_penalty_every, 1);
    f("/historical_average", r.historical_average, 0);
    f("/unrolled/steps", r.unrolled.steps, 0);
    f("/unrolled/rate", r.unrolled.rate, 0);
    f("/unrolled/difference", r.unrolled.difference, 1e-12);
    f("/dropout", r.dropout, 0);
    f("/diff_augment/colour", r.diff_augment.colour, 0);
    f("/diff_augment/translation", r.diff_augment.translation, 0);
    f("/diff_augment/cut_out", r.diff_augment.cut_out, 0);
    f("/instance_noise", r.instance_noise, 0);
    f("/noise_steps", r.noise_steps, 1);
}
template <class R, class F>
    requires std::same_as<std::remove_const_t<R>, Recipe>
void each_member(R& r, F&& f) {
    each_common_member(r, f);
    each_rate("/learning_rate", r.learning_rate, f);
    f("/odd_size_probability", r.odd_size_probability, 0);
    f("/lambdas", r.lambdas, 1e-12);
    f("/level_balance", r.level_balance, 0);
    f("/mse_weight", r.mse_weight, 0);
    f("/lpips_weight", r.lpips_weight, 0);
    f("/dists_weight", r.dists_weight, 0);
    f("/dists_px", r.dists_px, 32);
    f("/lambda_ramp/start_factor", r.lambda_ramp.start_factor, 1e-12);
    f("/lambda_ramp/hold_steps", r.lambda_ramp.hold_steps, 0);
    f("/lambda_ramp/ramp_steps", r.lambda_ramp.ramp_steps, 0);
    f("/target_rate/bpp", r.target_rate.bpp, 1e-6);
    f("/target_rate/over", r.target_rate.over, 0);
    f("/target_rate/under", r.target_rate.under, 0);
    f("/lowest_gain_log2", r.lowest_gain_log2, -20);
    f("/gain_octaves", r.gain_octaves, 0);
}

[[noreturn]] void refuse(const std::string& name, const std::string& expected, const Json& found) {
    throw Error(Errc::invalid_argument, name + ": expected " + expected + ", found " +
                                            found.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// Reads a word out of a list; answers its place in it.
std::size_t read_word(const Json& json, const std::string& where, std::span<const std::string_view> words) {
    std::string known;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (json.is_string() && json.get<std::string>() == words[i]) return i;
        known.append(i == 0 ? "" : ", ").append(words[i]);
    }
    refuse(where, "one of " + known, json);
}

template <class T>
    requires std::is_enum_v<T>
void read_value(const Json& json, const std::string& where, double, T& value) {
    value = static_cast<T>(read_word(json, where, kWords<T>));
}
template <class T>
void read_value(const Json& json, const std::string& where, double least, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        if (!json.is_boolean()) refuse(where, "true or false", json);
    } else if constexpr (std::is_integral_v<T>) {
        if (!json.is_number_integer()) refuse(where, "a whole number", json);
    } else {
        if (!json.is_number()) refuse(where, "a number", json);
    }
    value = json.get<T>();
    if (static_cast<double>(value) < least) refuse(where, "at least " + Json(least).dump(), json);
}
void read_value(const Json& json, const std::string& where, double least, std::vector<double>& values) {
    if (!json.is_array()) refuse(where, "a list of numbers", json);
    values.assign(json.size(), 0);
    for (std::size_t i = 0; i < values.size(); ++i) read_value(json[i], where, least, values[i]);
}

void read_value(const Json& json, const std::string& where, double, std::vector<std::string>& words) {
    if (!json.is_array()) refuse(where, "a list of words", json);
    words.clear();
    for (const Json& word : json) {
        if (!word.is_string()) refuse(where, "a list of words", json);
        words.push_back(word.get<std::string>());
    }
}
void read_value(const Json& json, const std::string& where, double, std::vector<RateFactor>& rules) {
    const std::string expected = "a list such as [{\"pattern\": \"encoder.*\", \"factor\": 0.1}]";
    if (!json.is_array()) refuse(where, expected, json);
    rules.clear();
    for (const Json& rule : json) {
        if (!rule.is_object() || rule.size() != 2 || !rule.contains("pattern") || !rule["pattern"].is_string() ||
            !rule.contains("factor"))
            refuse(where, expected, rule);
        rules.push_back({rule["pattern"].get<std::string>(), 1});
        read_value(rule["factor"], where + ": factor", 0, rules.back().factor);
    }
}
void read_value(const Json& json, const std::string& where, double, std::vector<CropPhase>& phases) {
    const std::string expected = "a list such as [{\"from\": 2000, \"crop_px\": 256, \"smallest_scale\": 0.5}]";
    if (!json.is_array()) refuse(where, expected, json);
    phases.clear();
    for (const Json& phase : json) {
        if (!phase.is_object() || phase.size() != 3 || !phase.contains("from") || !phase.contains("crop_px") ||
            !phase.contains("smallest_scale"))
            refuse(where, expected, phase);
        CropPhase& read = phases.emplace_back();
        read_value(phase["from"], where + ": from", 0, read.from);
        read_value(phase["crop_px"], where + ": crop_px", 1, read.crop_px);
        read_value(phase["smallest_scale"], where + ": smallest_scale", 1e-3, read.smallest_scale);
    }
}

/// Names of all members below `json` that are not objects themselves.
void list_members(const Json& json, const std::string& path, std::vector<std::string>& names) {
    for (const auto& [key, value] : json.items()) {
        if (value.is_object())
            list_members(value, path + "/" + key, names);
        else
            names.push_back(path + "/" + key);
    }
}

template <class R>
R read_members(const Json& json, const std::string& name) {
    R recipe;
    std::vector<std::string> unknown;
    list_members(json, "", unknown);
    std::erase(unknown, "/stage");
    each_member(recipe, [&](const std::string& place, auto& value, double least) {
        if (std::erase(unknown, place) == 0) return;
        read_value(json.at(Json::json_pointer(place)), name + ": " + place.substr(1), least, value);
    });
    if (!unknown.empty()) {
        std::string list;
        for (const std::string& member : unknown) list.append(1, ' ').append(member, 1);
        throw Error(Errc::invalid_argument, name + ": expected members of a recipe, found also" + list);
    }
    return recipe;
}

}  // namespace

AnyRecipe read_recipe(const std::filesystem::path& path) {
    return parse_recipe(read_file(path, std::uint64_t{1} << 20), path.string());
}
AnyRecipe parse_recipe(ByteView bytes, const std::string& name) {
    const Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
    if (json.is_discarded() || !json.is_object())
        throw Error(Errc::invalid_argument, name + ": expected a JSON object, found something else");
    const Json stage = json.contains("stage") ? json["stage"] : Json(std::string(kStages[0]));
    if (read_word(stage, name + ": stage", kStages) == 0) return read_members<Recipe>(json, name);
    return read_members<AdversarialRecipe>(json, name);
}

namespace {

template <class T>
const T& written(const T& value) {
    return value;
}
Json written(const std::vector<RateFactor>& rules) {
    Json list = Json::array();
    for (const RateFactor& rule : rules) list.push_back({{"pattern", rule.pattern}, {"factor", rule.factor}});
    return list;
}
Json written(const std::vector<CropPhase>& phases) {
    Json list = Json::array();
    for (const CropPhase& p : phases)
        list.push_back({{"from", p.from}, {"crop_px", p.crop_px}, {"smallest_scale", p.smallest_scale}});
    return list;
}

}  // namespace

std::string recipe_text(const AnyRecipe& recipe, int indent) {
    Json json{{"stage", kStages[recipe.index()]}};
    std::visit(
        [&](const auto& members) {
            each_member(members, [&]<class T>(const std::string& place, const T& value, double) {
                if constexpr (std::is_enum_v<T>)
                    json[Json::json_pointer(place)] = kWords<T>[static_cast<std::size_t>(value)];
                else
                    json[Json::json_pointer(place)] = written(value);
            });
        },
        recipe);
    return json.dump(indent);
}

}  // namespace gancodec::cli
