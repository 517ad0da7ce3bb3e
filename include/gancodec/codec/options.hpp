#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>

#include "gancodec/bitstream/format.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/simd/bf16.hpp"

namespace gancodec {

/// What a Codec will be asked for. One that only decodes loads in half the time and holds fewer weights.
enum class CodecUse { encode_and_decode, decode };

/// Settings of realism, 0 to 1 in tenths; each has its own self-test.
inline constexpr int kRealismSteps = 10;

/// How to load.
struct LoadOptions {
    CodecUse use = CodecUse::encode_and_decode;
    /// Between the two generators that weights may hold: 0 shows what was measured, with the least error; 1 also draws the
    /// texture that was likely there. Rounded to tenths; weights with one generator have one look.
    double realism = 1;
};

/// Errors  Error{invalid_argument} outside 0..1.
[[nodiscard]] inline int realism_step(double realism) {
    if (!(realism >= 0 && realism <= 1))
        raise_error(Errc::invalid_argument, "realism: expected 0 to 1, found " + std::to_string(realism));
    return static_cast<int>(std::nearbyint(realism * kRealismSteps));
}

/// Memory for working on a picture in windows: activations of the networks, rows of pixels and latents, symbols of tiles.
/// The weights come to it, and what a call returns.
inline constexpr std::size_t kWindowMemoryBytes = std::size_t{160} << 20;

/// How to encode.
struct EncodeOptions {
    double quality = 50;  ///< 0 (smallest file) to 100 (best picture)
    /// Side of tiles, a multiple of 64 px; 0 makes one piece of the picture, which takes memory for all of it.
    int tile_px = 0;
    std::size_t memory_bytes = kWindowMemoryBytes;  ///< where there are tiles
};

/// A rectangle of a picture, px.
struct Region {
    int x = 0, y = 0, width = 0, height = 0;

    [[nodiscard]] static Region whole(const StreamHeader& header) { return {0, 0, header.width, header.height}; }
};

/// How to decode.
struct DecodeOptions {
    Limits limits = {};                 ///< checked against the header before anything is allocated
    std::optional<Region> region = {};  ///< instead of the whole picture: only tiles that reach it are read
    /// Conceals what is damaged instead of refusing it: where the hyper latents of a tile are sound by the means that they
    /// predict, else by those of zeros. A damaged header or index is refused still.
    bool tolerant = false;
    std::size_t memory_bytes = kWindowMemoryBytes;  ///< where there are tiles, a region, or tolerance
    /// bf16 is faster where the machine has it (AVX512_BF16), slower elsewhere, and leaves the exact mode: the generator's pixels
    /// are close to the exact ones, and the same on every machine, but not those. Symbols are never concerned.
    Precision precision = Precision::fp32;
};

/// What of a tile was unreadable.
struct TileDamage {
    int tile = 0;                ///< counted row by row
    bool hyper_latents = false;  ///< these too: nothing is known of the tile, else its means are
};

/// The step, 0 to 255, that a stream holds for a quality of 0 to 100.
[[nodiscard]] inline int quality_step(double quality) {
    return static_cast<int>(std::clamp(std::nearbyint(quality * 2.55), 0.0, 255.0));
}

}  // namespace gancodec
