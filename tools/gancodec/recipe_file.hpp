#pragma once

#include <filesystem>
#include <string>

#include "gancodec/train/recipe.hpp"

namespace gancodec::cli {

/// Reads a recipe: a JSON object whose members are those of Recipe; what is left out keeps its default.
///   {"steps": 20000, "batch": 8, "learning_rate": {"peak": 5e-4}, "lambdas": [7, 4, 2.2, 1.25, 0.7, 0.4]}
/// Throws Error{invalid_argument} naming the file for members that a recipe does not have or of another type, and for
/// numbers outside their range.
[[nodiscard]] Recipe read_recipe(const std::filesystem::path& path);

/// The recipe with every member written out: read_recipe() brings it back. On one line unless `indent` ≥ 0.
[[nodiscard]] std::string recipe_text(const Recipe& recipe, int indent = -1);

}  // namespace gancodec::cli
