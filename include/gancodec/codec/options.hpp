#pragma once

#include <algorithm>
#include <cmath>

#include "gancodec/bitstream/format.hpp"

namespace gancodec {

/// What a Codec will be asked for. One that only decodes loads in half the time and holds fewer weights.
enum class CodecUse { encode_and_decode, decode };

/// How to encode.
struct EncodeOptions {
    double quality = 50;  ///< 0 (smallest file) to 100 (best picture)
};

/// How to decode.
struct DecodeOptions {
    Limits limits;  ///< checked against the header before anything is allocated
};

/// The step, 0 to 255, that a stream holds for a quality of 0 to 100.
[[nodiscard]] inline int quality_step(double quality) {
    return static_cast<int>(std::clamp(std::nearbyint(quality * 2.55), 0.0, 255.0));
}

}  // namespace gancodec
