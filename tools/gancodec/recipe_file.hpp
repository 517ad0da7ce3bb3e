#pragma once

#include <filesystem>
#include <string>
#include <variant>

#include "gancodec/core/bytes.hpp"
#include "gancodec/train/adversarial_recipe.hpp"
#include "gancodec/train/recipe.hpp"

namespace gancodec::cli {

/// The recipe of any stage; its "stage" says which: "reconstruction" (when left out) or "adversarial".
using AnyRecipe = std::variant<Recipe, AdversarialRecipe>;

/// Reads a recipe: a JSON object whose members are those of Recipe or AdversarialRecipe; what is left out keeps its
/// default.
///   {"steps": 20000, "batch": 8, "learning_rate": {"peak": 5e-4}, "lambdas": [7, 4, 2.2, 1.25, 0.7, 0.4]}
///   {"stage": "adversarial", "adversarial": {"loss": "hinge"}, "discriminator": "unet"}
/// Throws Error{invalid_argument} naming the file for members that a recipe does not have or of another type, for words
/// it does not know, and for numbers outside their range.
[[nodiscard]] AnyRecipe read_recipe(const std::filesystem::path& path);
/// The same from bytes in memory; `name` stands for the file in messages.
[[nodiscard]] AnyRecipe parse_recipe(ByteView bytes, const std::string& name);

/// The recipe with every member written out: read_recipe() brings it back. On one line unless `indent` ≥ 0.
[[nodiscard]] std::string recipe_text(const AnyRecipe& recipe, int indent = -1);

}  // namespace gancodec::cli
