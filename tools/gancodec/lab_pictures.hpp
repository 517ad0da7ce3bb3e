#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "json_output.hpp"

namespace gancodec::cli {

/// The techniques that are tried on pictures: names for the command line.
[[nodiscard]] std::vector<std::string> picture_technique_names();

struct PictureLab {
    std::filesystem::path data, out;  ///< a folder of photographs, every eighth held out; empty: synthetic pictures
    int seeds = 3, steps = 0;         ///< 0 steps: the settings' own
};

/// Runs techniques against their absence, each seed of each side after the other so that seconds can be compared; writes
/// NAME.md and NAME.png for each. Errors  Error{io}.
[[nodiscard]] Json run_picture_lab(const PictureLab& lab, const std::vector<std::string>& names, bool quiet);

}  // namespace gancodec::cli
