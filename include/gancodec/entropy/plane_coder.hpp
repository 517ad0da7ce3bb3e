#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/error.hpp"

// A plane of bytes without loss: alpha channels, masks (this comment is the specification).
//
// Pixels are coded row by row. With W, N, NW, NE the neighbours that were coded before, outside the plane those beside them
// (W and NW on the left: N; N, NW, NE in the first row: W; NE on the right: N; at the first pixel all are 0):
//   p = min(W, N) if NW >= max(W, N), max(W, N) if NW <= min(W, N), else W + N - NW       (LOCO-I's)
//   activity = |W - NW| + |N - NW| + |N - NE|, in classes 0, 1..2, 3..6, 7..14, 15..30, 31..
//   first  a bit in the context of the class, and of whether the pixel to the left was predicted: is it other than p?
//   if so  the 8 bits of (pixel - p) mod 256, highest first, each in the context of the class and the bits before it
// A context is the probability of a 0 in units of 2^-16, at first 1/2. After bit number n in it (from 1) the probability moves
// by 2^-min(n, 5) of its distance to 2^16 for a 0, or to 0 for a 1, rounded down.
// The bits of every 2^16 pixels, and of the rest, go through one rANS state of 32 bits (rans.hpp, with bytes while x < 2^23): it is
// 2^23 after the last of them, and its first value stands in front of its bytes, highest byte first. Contexts go on.

namespace gancodec {

namespace detail {

/// The bits of a pixel in their contexts. `Coder` codes: bool code(Context&, bool bit); it returns the bit.
class PlaneModel {
public:
    struct Context {
        std::uint32_t zero = 1u << 15;
        int seen = 0;

        void update(bool bit) {
            seen = std::min(seen + 1, 5);
            zero = bit ? zero - (zero >> seen) : zero + (((1u << 16) - zero) >> seen);
            zero = std::clamp(zero, 1u, (1u << 16) - 1u);
        }
    };

    PlaneModel(const std::uint8_t* plane, int width) : plane_(plane), width_(width) {}

    /// Codes the pixel at (x, y), of which the decoder knows nothing. Returns it.
    template <class Coder>
    std::uint8_t code(Coder& coder, int x, int y, std::uint8_t pixel) {
        const std::uint8_t* at = plane_ + static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + x;
        const int west = x > 0 ? at[-1] : y > 0 ? at[-width_] : 0, north = y > 0 ? at[-width_] : west;
        const int north_west = x > 0 && y > 0 ? at[-width_ - 1] : north;
        const int north_east = y > 0 && x + 1 < width_ ? at[-width_ + 1] : north;
        const int low = std::min(west, north), high = std::max(west, north);
        const int predicted = north_west >= high ? low : north_west <= low ? high : west + north - north_west;
        const int activity = std::abs(west - north_west) + std::abs(north - north_west) + std::abs(north - north_east);
        std::size_t level = 0;
        while (level < kClasses - 1 && activity >= (2 << level) - 1) ++level;
        if (x == 0) missed_ = false;
        const auto given = static_cast<std::uint8_t>(pixel - predicted);
        missed_ = coder.code(first_[2 * level + (missed_ ? 1 : 0)], given != 0);
        if (!missed_) return static_cast<std::uint8_t>(predicted);
        std::size_t node = 1;
        for (int bit = 7; bit >= 0; --bit)
            node = 2 * node + (coder.code(rest_[level][node], ((given >> bit) & 1) != 0) ? 1 : 0);
        return static_cast<std::uint8_t>(predicted + static_cast<int>(node & 0xFFu));
    }

private:
    static constexpr std::size_t kClasses = 6;

    const std::uint8_t* plane_;
    int width_;
    bool missed_ = false;
    std::array<Context, 2 * kClasses> first_;
    std::array<std::array<Context, 256>, kClasses> rest_;
};

inline constexpr std::uint32_t kPlaneLow = 1u << 23;
inline constexpr std::size_t kPlaneChunk = std::size_t{1} << 16;  ///< pixels

/// Keeps bits with their probabilities, because rANS encodes the last one first.
class PlaneBits {
public:
    bool code(PlaneModel::Context& context, bool bit) {
        bits_.push_back(context.zero << 1 | (bit ? 1u : 0u));
        context.update(bit);
        return bit;
    }
    void append_to(Bytes& out) {
        std::uint32_t x = kPlaneLow;
        const std::size_t begin = out.size();
        for (; !bits_.empty(); bits_.pop_back()) {
            const std::uint32_t zero = bits_.back() >> 1;
            const bool bit = (bits_.back() & 1u) != 0;
            const std::uint32_t frequency = bit ? (1u << 16) - zero : zero;
            for (; x >= frequency << 15; x >>= 8) out.push_back(static_cast<std::uint8_t>(x));
            x = ((x / frequency) << 16) + x % frequency + (bit ? zero : 0u);
        }
        for (int i = 0; i < 4; ++i, x >>= 8) out.push_back(static_cast<std::uint8_t>(x));
        std::reverse(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
    }

private:
    std::vector<std::uint32_t> bits_;
};

class PlaneReader {
public:
    explicit PlaneReader(ByteView bytes) : bytes_(bytes) {}

    void begin() {
        if (bytes_.size() < 4) refuse("bytes for every pixel", "the end");
        x_ = 0;
        for (int i = 0; i < 4; ++i) pull();
        if (x_ < kPlaneLow || x_ >> 31 != 0) refuse("a state of 2^23 to 2^31", "another");
    }
    void end() const {
        if (x_ != kPlaneLow) refuse("a state that ends at 2^23", "another");
    }
    bool code(PlaneModel::Context& context, bool) {
        const std::uint32_t position = x_ & 0xFFFFu, zero = context.zero;
        const bool bit = position >= zero;
        x_ = (bit ? (1u << 16) - zero : zero) * (x_ >> 16) + position - (bit ? zero : 0u);
        while (x_ < kPlaneLow) {
            if (bytes_.empty()) refuse("bytes for every pixel", "the end");
            pull();
        }
        context.update(bit);
        return bit;
    }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    [[noreturn]] static void refuse(const char* expected, const char* found) {
        raise_error(Errc::corrupt_stream, std::string("plane: expected ") + expected + ", found " + found);
    }

private:
    void pull() {
        x_ = x_ << 8 | bytes_.front();
        bytes_ = bytes_.subspan(1);
    }
    ByteView bytes_;
    std::uint32_t x_ = 0;
};

/// Calls code(x, y) for every pixel, and begin() and end() around every 2^16 of them.
template <class Code, class Begin, class End>
void each_plane_pixel(int width, int height, const Code& code, const Begin& begin, const End& end) {
    std::size_t done = 0;
    const std::size_t all = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            if (done % kPlaneChunk == 0) begin();
            code(x, y);
            if (++done % kPlaneChunk == 0 || done == all) end();
        }
}

}  // namespace detail

/// Codes a plane of bytes without loss; one value everywhere costs about 0.001 bits a pixel.
/// Shapes   plane [height][width]
[[nodiscard]] inline Bytes encode_plane(ByteView plane, int width, int height) {
    GANCODEC_ASSERT(plane.size() == static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    Bytes out;
    detail::PlaneModel model(plane.data(), width);
    detail::PlaneBits bits;
    const std::uint8_t* pixel = plane.data();
    detail::each_plane_pixel(
        width, height, [&](int x, int y) { model.code(bits, x, y, *pixel++); }, [] {}, [&] { bits.append_to(out); });
    return out;
}

/// Undoes encode_plane().
/// Safe     Any bytes; it allocates the plane alone, which the caller holds against limits before.
/// Errors   Error{Errc::corrupt_stream}.
[[nodiscard]] inline Bytes decode_plane(ByteView bytes, int width, int height) {
    Bytes plane(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    detail::PlaneModel model(plane.data(), width);
    detail::PlaneReader reader(bytes);
    std::uint8_t* pixel = plane.data();
    detail::each_plane_pixel(
        width, height, [&](int x, int y) { *pixel++ = model.code(reader, x, y, 0); }, [&] { reader.begin(); },
        [&] { reader.end(); });
    if (!reader.empty()) detail::PlaneReader::refuse("an end", "more bytes");
    return plane;
}

}  // namespace gancodec
