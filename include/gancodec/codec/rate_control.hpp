#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/error.hpp"

namespace gancodec {

/// Quality steps as a stream holds them: one byte, larger is better.
inline constexpr int kLowestQualityStep = 0, kHighestQualityStep = 255;

/// A file that meets a target, and the quality step that gave it.
struct SizedStream {
    int step = 0;
    Bytes bytes;
};

/// The best quality whose whole file has at most `max_bytes` bytes.
/// `encode_at(step) -> Bytes` encodes the same image at a quality step; sizes must grow with the step, nearly: a search by
/// bisection finds the edge, then up to three steps beyond it are tried as well, because a size that is off by a few bytes
/// can hide a better step. About twelve encodes.
/// Errors   Error{limit} when the lowest quality is still too large; it says how many bytes that needs.
template <class EncodeAt>
[[nodiscard]] SizedStream encode_to_size(std::size_t max_bytes, EncodeAt&& encode_at,
                                         int lowest_step = kLowestQualityStep, int highest_step = kHighestQualityStep) {
    GANCODEC_ASSERT(lowest_step <= highest_step);
    SizedStream best{lowest_step - 1, {}};
    std::size_t smallest_miss = 0;
    const auto fits = [&](int step) {
        Bytes bytes = encode_at(step);
        if (bytes.size() > max_bytes) {
            smallest_miss = smallest_miss == 0 ? bytes.size() : std::min(smallest_miss, bytes.size());
            return false;
        }
        if (step > best.step) best = {step, std::move(bytes)};
        return true;
    };
    if (fits(highest_step)) return best;
    int low = lowest_step - 1, high = highest_step;  // every tried step up to low fits, high does not
    while (high - low > 1) {
        const int middle = low + (high - low) / 2;
        (fits(middle) ? low : high) = middle;
    }
    constexpr int kNeighbours = 3;
    for (int step = high + 1; step <= high + kNeighbours && step < highest_step; ++step) fits(step);
    if (best.step < lowest_step)
        raise_error(Errc::limit, "encode_to_size: expected a file of at most " + std::to_string(max_bytes) +
                                     " bytes, found " + std::to_string(smallest_miss) + " bytes at the lowest quality");
    return best;
}

/// The same for pictures so large that encoding twelve times takes too long: `estimate(step)`, cheap and growing with the step,
/// says about how many bytes encode_at() gives. A first guess is corrected by what it really gave, until a file fills 97 % of
/// `max_bytes` or four were tried; if none of those fits the lowest quality is.
/// Errors   as encode_to_size()
template <class Estimate, class EncodeAt>
[[nodiscard]] SizedStream encode_to_estimated_size(std::size_t max_bytes, Estimate&& estimate, EncodeAt&& encode_at) {
    constexpr int kMostTries = 4;
    constexpr double kFilled = 0.97;
    const auto most = static_cast<double>(max_bytes);
    const auto highest_below = [&](double bytes) {
        int low = kLowestQualityStep, high = kHighestQualityStep + 1;  // low fits, or nothing does
        while (high - low > 1) {
            const int middle = low + (high - low) / 2;
            (estimate(middle) <= bytes ? low : high) = middle;
        }
        return low;
    };
    SizedStream best{kLowestQualityStep - 1, {}};
    int lowest_miss = kHighestQualityStep + 1;
    double correction = 1;
    for (int tries = 0; tries < kMostTries; ++tries) {
        const int step = std::min(highest_below(most / correction), lowest_miss - 1);
        if (step <= best.step || step < kLowestQualityStep) break;
        Bytes bytes = encode_at(step);
        const auto found = static_cast<double>(bytes.size());
        correction = found / estimate(step);
        if (bytes.size() > max_bytes)
            lowest_miss = step;
        else
            best = {step, std::move(bytes)};
        if (found <= most && found >= kFilled * most) break;
    }
    if (best.step < kLowestQualityStep) {
        Bytes bytes = encode_at(kLowestQualityStep);
        if (bytes.size() > max_bytes)
            raise_error(Errc::limit, "encode_to_size: expected a file of at most " + std::to_string(max_bytes) +
                                         " bytes, found " + std::to_string(bytes.size()) +
                                         " bytes at the lowest quality");
        best = {kLowestQualityStep, std::move(bytes)};
    }
    return best;
}

}  // namespace gancodec
