#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "gancodec/bitstream/format.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/networks/integer_hyper_scale.hpp"
#include "gancodec/networks/presets.hpp"
#include "gancodec/nn/window.hpp"

namespace gancodec {

static_assert(kTileStepPx == kImageMultiple, "a tile holds whole places of the hyper latents");

/// Latents along the side of a place of the hyper latents.
inline constexpr int kLatentsPerHyper = IntegerHyperScale::kUpsampling;
/// Pixels along the side of a latent.
inline constexpr int kLatentPx = kImageMultiple / kLatentsPerHyper;

/// How the tiles of a stream lie over the picture; a stream without tiles is one. Places are those of the hyper latents.
struct TileGrid {
    int width = 0, height = 0;  ///< of the picture, px
    int h = 0, w = 0;           ///< places
    int side = 0;               ///< of a tile, places

    [[nodiscard]] static TileGrid of(const StreamHeader& header) {
        TileGrid grid;
        grid.width = header.width;
        grid.height = header.height;
        grid.h = round_up(header.height, kImageMultiple) / kImageMultiple;
        grid.w = round_up(header.width, kImageMultiple) / kImageMultiple;
        grid.side = header.tiled() ? header.tile_px / kImageMultiple : std::max(grid.h, grid.w);
        return grid;
    }
    [[nodiscard]] int columns() const { return (w + side - 1) / side; }
    [[nodiscard]] int rows() const { return (h + side - 1) / side; }
    [[nodiscard]] int count() const { return columns() * rows(); }
    /// Places of tile `index`, counted row by row.
    [[nodiscard]] Area places(int index) const {
        const int y = index / columns() * side, x = index % columns() * side;
        return {{y, std::min(h, y + side)}, {x, std::min(w, x + side)}};
    }
    /// Pixels of a tile.
    [[nodiscard]] Area pixels(int index) const {
        return places(index).finer(kImageMultiple).common({{0, height}, {0, width}});
    }
    /// The tiles that have one of these places, row by row.
    [[nodiscard]] std::vector<int> over(const Area& area) const {
        std::vector<int> tiles;
        const Area covered = area.coarser(side);
        for (int row = covered.y.first; row < covered.y.end; ++row)
            for (int column = covered.x.first; column < covered.x.end; ++column)
                tiles.push_back(row * columns() + column);
        return tiles;
    }
};

/// Rows [first, end) of something whose rows come one after another and are let go from the front; their memory serves those to
/// come.
template <class T>
class RowQueue {
public:
    explicit RowQueue(std::size_t row_size) : row_size_(row_size) {}

    [[nodiscard]] int end() const { return first_ + static_cast<int>(rows_.size()); }
    [[nodiscard]] T* push() {
        if (spare_.empty()) spare_.emplace_back(row_size_);
        rows_.push_back(std::move(spare_.back()));
        spare_.pop_back();
        return rows_.back().data();
    }
    [[nodiscard]] const T* row(int y) const {
        GANCODEC_ASSERT(y >= first_ && y < end());
        return rows_[static_cast<std::size_t>(y - first_)].data();
    }
    [[nodiscard]] T* row(int y) { return const_cast<T*>(std::as_const(*this).row(y)); }
    void drop_before(int y) {
        for (; first_ < y && !rows_.empty(); ++first_) {
            spare_.push_back(std::move(rows_.front()));
            rows_.pop_front();
        }
    }

private:
    std::size_t row_size_;
    int first_ = 0;
    std::deque<std::vector<T>> rows_;
    std::vector<std::vector<T>> spare_;
};

}  // namespace gancodec
