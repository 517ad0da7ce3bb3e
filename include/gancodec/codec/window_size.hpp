#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/core/shape.hpp"
#include "gancodec/networks/presets.hpp"

namespace gancodec {

/// Height and width of the windows in which a picture is worked on, px, and the memory that takes.
struct WindowSize {
    int height = 0, width = 0;
    std::size_t memory_bytes = 0;

    /// Of windows that fit into `memory_bytes`, the one with the least work: `halo_px` on all sides is computed twice.
    /// `memory(height, width) -> bytes`; windows are multiples of 64 px, and no larger than what they are to cover.
    /// Where none fits, the smallest: see require().
    template <class Memory>
    [[nodiscard]] static WindowSize choose(int height, int width, int halo_px, std::size_t memory_bytes,
                                           const Memory& memory) {
        constexpr int kLargest = 8192;
        const auto sides = [&](int extent) {
            std::vector<int> list;
            const int whole = std::min(round_up(extent, kImageMultiple), kLargest);
            for (int side = kImageMultiple; side < whole;
                 side += std::max(kImageMultiple, round_down(side / 2, kImageMultiple)))
                list.push_back(side);
            list.push_back(whole);
            return list;
        };
        WindowSize best, smallest;
        double least = 0;
        for (const int h : sides(height))
            for (const int w : sides(width)) {
                const double work = (1 + 2.0 * halo_px / h) * (1 + 2.0 * halo_px / w);
                if (best.height > 0 && work >= least && smallest.height > 0) continue;
                const WindowSize size{h, w, memory(h, w)};
                if (smallest.height == 0 || size.memory_bytes < smallest.memory_bytes) smallest = size;
                if (size.memory_bytes > memory_bytes) break;  // a wider one takes more
                best = size;
                least = work;
            }
        return best.height == 0 ? smallest : best;
    }
    /// Errors  Error{limit} where it takes more, which says how much.
    [[nodiscard]] const WindowSize& require(std::size_t limit_bytes) const {
        if (memory_bytes > limit_bytes)
            raise_error(Errc::limit, "memory for windows: expected at least " + std::to_string(memory_bytes) +
                                         " bytes, found " + std::to_string(limit_bytes));
        return *this;
    }
};

}  // namespace gancodec
