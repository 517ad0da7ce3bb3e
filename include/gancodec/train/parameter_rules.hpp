#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/train/optimizer.hpp"
#include "gancodec/weights/safetensors.hpp"

namespace gancodec {

/// Whether the whole of `name` is `pattern`, in which each * stands for any text.
[[nodiscard]] inline bool matches_pattern(std::string_view pattern, std::string_view name) {
    std::size_t p = 0, n = 0, star = pattern.size(), resume = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star < pattern.size()) {  // the last * takes one more character
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

/// Every learning rate of the parameters that match, times `factor`.
struct RateFactor {
    std::string pattern;
    double factor = 1;
};

/// What is special about some of a network's parameters, by patterns of their names, such as "encoder.*".
struct ParameterRules {
    std::vector<std::string> freeze =
        {};  ///< stay as they are, and cost no gradient; a weight takes its layer's bias along
    std::vector<RateFactor> rate_factors = {};
    std::vector<std::string> load = {};  ///< begin with the numbers of the file that the run starts from
};

namespace detail {

/// Calls `use` for each parameter that matches. Errors  Error{invalid_argument} naming `key` when none does.
template <class F>
void each_match(std::span<TrainedParameter> parameters, const std::string& key, const std::string& pattern, F&& use) {
    bool any = false;
    for (TrainedParameter& p : parameters)
        if (matches_pattern(pattern, p.name)) {
            any = true;
            use(p);
        }
    if (!any)
        throw Error(Errc::invalid_argument, "recipe: " + key + ": expected a pattern of parameters such as \"" +
                                                parameters.front().name + "\", found \"" + pattern +
                                                "\", which none has");
}

}  // namespace detail

/// Freezes and slows down as the rules say. Errors  Error{invalid_argument} for a pattern that matches nothing.
inline void apply_rules(const ParameterRules& rules, std::span<TrainedParameter> parameters) {
    for (const std::string& pattern : rules.freeze)
        detail::each_match(parameters, "freeze", pattern, [](TrainedParameter& p) { p.parameter->grad.clear(); });
    for (const RateFactor& rule : rules.rate_factors)
        detail::each_match(parameters, "rate_factors", rule.pattern,
                           [&](TrainedParameter& p) { p.learning_rate_factor *= rule.factor; });
}

/// Loads the parameters that match from a checkpoint, whose averages are taken, or from any file with tensors of their
/// names. Errors  Error{invalid_argument} for a pattern that matches nothing, Error{wrong_weights} that lists every
///         tensor missing or of another shape.
inline void load_matching(const std::vector<std::string>& patterns, const SafetensorsFile& file,
                          std::span<TrainedParameter> parameters) {
    std::vector<TrainedParameter*> wanted;
    std::vector<TensorRequest> requests;
    const auto stored = [&](const std::string& name) {
        return file.find("average." + name) ? "average." + name : name;
    };
    for (const std::string& pattern : patterns)
        detail::each_match(parameters, "load", pattern, [&](TrainedParameter& p) {
            wanted.push_back(&p);
            requests.push_back({stored(p.name), p.parameter->shape});
        });
    require_tensors(file, requests, ExtraTensors::allow);
    for (TrainedParameter* p : wanted) p->average = p->parameter->value = file.read_float(stored(p->name));
}

}  // namespace gancodec
