#include "recipe_file.hpp"

#include <type_traits>
#include <vector>

#include "file_bytes.hpp"
#include "json_output.hpp"

namespace gancodec::cli {

namespace {

/// Every number of a recipe with its place in the JSON and the least value that makes sense.
template <class R, class F>
void each_member(R& r, F&& f) {
    f("/seed", r.seed, 0);
    f("/steps", r.steps, 1);
    f("/batch", r.batch, 1);
    f("/augmentation/crop_px", r.augmentation.crop_px, 1);
    f("/augmentation/smallest_scale", r.augmentation.smallest_scale, 1e-3);
    f("/augmentation/flip", r.augmentation.flip, 0);
    f("/odd_size_probability", r.odd_size_probability, 0);
    f("/learning_rate/peak", r.learning_rate.peak, 0);
    f("/learning_rate/warm_up_steps", r.learning_rate.warm_up_steps, 0);
    f("/learning_rate/decay_from", r.learning_rate.decay_from, 0);
    f("/learning_rate/final_factor", r.learning_rate.final_factor, 0);
    f("/adam/beta1", r.adam.beta1, 0);
    f("/adam/beta2", r.adam.beta2, 0);
    f("/adam/epsilon", r.adam.epsilon, 0);
    f("/adam/weight_decay", r.adam.weight_decay, 0);
    f("/clip_norm", r.clip_norm, 1e-12);
    f("/average_decay", r.average_decay, 0);
    f("/lambdas", r.lambdas, 1e-12);
    f("/level_balance", r.level_balance, 0);
    f("/mse_weight", r.mse_weight, 0);
    f("/lpips_weight", r.lpips_weight, 0);
    f("/lambda_ramp/start_factor", r.lambda_ramp.start_factor, 1e-12);
    f("/lambda_ramp/hold_steps", r.lambda_ramp.hold_steps, 0);
    f("/lambda_ramp/ramp_steps", r.lambda_ramp.ramp_steps, 0);
    f("/lowest_gain_log2", r.lowest_gain_log2, -20);
    f("/gain_octaves", r.gain_octaves, 0);
    f("/checkpoint_steps", r.checkpoint_steps, 1);
    f("/explosion_factor", r.explosion_factor, 1);
}

[[noreturn]] void refuse(const std::string& name, const std::string& expected, const Json& found) {
    throw Error(Errc::invalid_argument, name + ": expected " + expected + ", found " +
                                            found.dump(-1, ' ', false, Json::error_handler_t::replace));
}

template <class T>
void read_number(const Json& json, const std::string& where, double least, T& value) {
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
void read_number(const Json& json, const std::string& where, double least, std::vector<double>& values) {
    if (!json.is_array() || json.empty()) refuse(where, "a list of numbers", json);
    values.assign(json.size(), 0);
    for (std::size_t i = 0; i < values.size(); ++i) read_number(json[i], where, least, values[i]);
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

}  // namespace

Recipe read_recipe(const std::filesystem::path& path) {
    const std::string name = path.string();
    const Bytes bytes = read_file(path, std::uint64_t{1} << 20);
    const Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
    if (json.is_discarded() || !json.is_object())
        throw Error(Errc::invalid_argument, name + ": expected a JSON object, found something else");
    Recipe recipe;
    std::vector<std::string> unknown;
    list_members(json, "", unknown);
    each_member(recipe, [&](const char* place, auto& value, double least) {
        const Json::json_pointer pointer(place);
        if (std::erase(unknown, place) == 0) return;
        read_number(json.at(pointer), name + ": " + (place + 1), least, value);
    });
    if (!unknown.empty()) {
        std::string list;
        for (const std::string& member : unknown) list.append(1, ' ').append(member, 1);
        throw Error(Errc::invalid_argument, name + ": expected members of a recipe, found also" + list);
    }
    return recipe;
}

std::string recipe_text(const Recipe& recipe, int indent) {
    Json json;
    each_member(recipe, [&](const char* place, const auto& value, double) { json[Json::json_pointer(place)] = value; });
    return json.dump(indent);
}

}  // namespace gancodec::cli
