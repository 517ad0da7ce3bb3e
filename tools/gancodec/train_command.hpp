#pragma once

#include <string>

#include "command.hpp"

namespace gancodec::cli {

/// What `gancodec train` was asked for.
struct TrainCommand {
    std::string data, out, recipe, start, samples, held_out, lpips, dists, licence;
    double minutes = 0, sheet_minutes = 5;
    int long_side = 0, folds = 0, fold = -1;
    bool resume = false;
    CommonOptions common;
};

}  // namespace gancodec::cli
