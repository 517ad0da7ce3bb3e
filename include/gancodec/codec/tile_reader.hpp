#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "gancodec/bitstream/reader.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/tile_grid.hpp"
#include "gancodec/codec/transform.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/entropy/factorized_prior.hpp"
#include "gancodec/latents/contextual_prior.hpp"

namespace gancodec {

/// What codes the symbols of tiles: views of a codec's parts.
template <class Networks>
struct BasicTileCoder {
    BasicTransform<Networks> transform;
    const FactorizedPrior* hyper_prior;
    ContextualPrior latent_prior;
    int step;

    [[nodiscard]] std::pair<Bytes, Bytes> encode(const Symbols& symbols, HyperExtent extent, Workspace& ws) const {
        const Workspace::Scope scope(ws);
        const auto index = transform.scale_indices(ws, symbols.z, extent, step);
        return {hyper_prior->encode(symbols.z),
                latent_prior.encode(symbols.residuals, index, kLatentChannels, extent.w * kLatentsPerHyper, ws)};
    }
    /// Errors  Error{corrupt_stream}.
    void decode_hyper_latents(ByteView bytes, HyperExtent extent, Symbols& symbols) const {
        symbols.z.resize(extent.hyper_latents());
        hyper_prior->decode(bytes, symbols.z);
    }
    /// Requires decode_hyper_latents() passed.
    void decode_latents(ByteView bytes, HyperExtent extent, Symbols& symbols, Workspace& ws) const {
        const Workspace::Scope scope(ws);
        const auto index = transform.scale_indices(ws, symbols.z, extent, step);
        symbols.residuals.resize(extent.latents());
        latent_prior.decode(bytes, index, kLatentChannels, extent.w * kLatentsPerHyper, symbols.residuals, ws);
    }
};

/// The symbols of a stream, of which tiles are decoded when they are wanted, several at a time, and forgotten when others
/// need the room.
template <class Networks>
class BasicTileReader {
public:
    /// Views: all outlive it. It keeps `keep_bytes` of symbols, or what is wanted at one time if that is more.
    BasicTileReader(const BasicTileCoder<Networks>& coder, const StreamLayout& layout, std::size_t keep_bytes,
                    bool tolerant)
        : coder_(coder),
          layout_(layout),
          grid_(TileGrid::of(layout.header)),
          keep_bytes_(keep_bytes),
          tolerant_(tolerant),
          scratch_(static_cast<std::size_t>(threads())) {}

    [[nodiscard]] const TileGrid& grid() const { return grid_; }
    /// Where tolerant, what was found unreadable so far, by tile.
    [[nodiscard]] std::vector<TileDamage> damages() const {
        std::vector<TileDamage> list;
        for (const auto& [tile, damage] : damages_) list.push_back(damage);
        return list;
    }
    /// Makes the hyper latents of some places readable, and the latents of others, which are among them.
    /// Errors  Error{corrupt_stream} unless tolerant.
    void want(const Area& hyper_places, const Area& latent_places) {
        std::vector<Task> tasks;
        ++now_;
        for (const int tile : grid_.over(hyper_places)) {
            const auto [entry, added] = kept_.try_emplace(tile);
            entry->second.used = now_;
            if (added) tasks.push_back({&entry->second, tile, false});
        }
        for (const int tile : grid_.over(latent_places)) {
            Entry& entry = kept_.at(tile);
            if (!entry.symbols.residuals.empty()) continue;
            const auto task = std::find_if(tasks.begin(), tasks.end(), [&](const Task& t) { return t.tile == tile; });
            if (task == tasks.end())
                tasks.push_back({&entry, tile, true});
            else
                task->latents = true;
        }
        forget();
        read(tasks);
    }
    /// Calls f(symbols, places of its tile, places of both) for the tiles that have some of these places.
    template <class F>
    void each_tile(const Area& places, F&& f) const {
        for (const int tile : grid_.over(places)) {
            const Area all = grid_.places(tile);
            f(kept_.at(tile).symbols, all, all.common(places));
        }
    }
    /// Memory of the symbols of one tile.
    [[nodiscard]] static std::size_t tile_bytes(const TileGrid& grid) {
        const HyperExtent extent{std::min(grid.side, grid.h), std::min(grid.side, grid.w)};
        return (extent.hyper_latents() + extent.latents()) * sizeof(std::int32_t);
    }

private:
    struct Entry {
        Symbols symbols;
        std::uint64_t used = 0;
    };
    struct Task {
        Entry* entry;
        int tile;
        bool latents;
        Failure failure = {};
        bool damaged = false, damaged_hyper = false;
    };

    void forget() {
        while (kept_.size() * tile_bytes(grid_) > keep_bytes_) {
            const auto oldest = std::min_element(
                kept_.begin(), kept_.end(), [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
            if (oldest->second.used == now_) return;
            kept_.erase(oldest);
        }
    }
    void read(std::vector<Task>& tasks) {
        parallel_for(static_cast<std::int64_t>(tasks.size()), [&](std::int64_t i, int worker) {
            Task& task = tasks[static_cast<std::size_t>(i)];
            task.failure = attempt([&] { read(task, scratch_[static_cast<std::size_t>(worker)]); });
        });
        for (const Task& task : tasks) task.failure.raise();
        for (const Task& task : tasks)
            if (task.damaged) damages_[task.tile] = {task.tile, task.damaged_hyper};
    }
    /// A tile whose hyper latents are lost has zeros for them, and one whose latents are lost has the means: r = 0.
    void read(Task& task, Workspace& ws) const {
        const Area places = grid_.places(task.tile);
        const HyperExtent extent{places.y.size(), places.x.size()};
        Symbols& symbols = task.entry->symbols;
        bool sound_hyper = false;
        const Failure failure = attempt([&] {
            StreamSymbols coded;
            const Failure damage =
                attempt([&] { read_part(layout_.parts[static_cast<std::size_t>(task.tile)], coded); });
            if (!tolerant_ || !damage.is_error() || coded.hyper_latents.empty()) damage.raise();
            coder_.decode_hyper_latents(coded.hyper_latents, extent, symbols);
            sound_hyper = true;
            damage.raise();
            if (task.latents) coder_.decode_latents(coded.latents, extent, symbols, ws);
        });
        if (!failure) return;
        // In one piece the first CRC-32 covers the header: damaged, it may not even say the size.
        if (!tolerant_ || !failure.is_error() || (!sound_hyper && !layout_.header.tiled())) failure.raise();
        task.damaged = true;
        task.damaged_hyper = !sound_hyper;
        if (!sound_hyper) symbols.z.assign(extent.hyper_latents(), 0);
        symbols.residuals.assign(extent.latents(), 0);
    }

    BasicTileCoder<Networks> coder_;
    const StreamLayout& layout_;
    TileGrid grid_;
    std::size_t keep_bytes_;
    bool tolerant_;
    std::vector<Workspace> scratch_;
    std::map<int, Entry> kept_;
    std::map<int, TileDamage> damages_;
    std::uint64_t now_ = 0;
};

}  // namespace gancodec
