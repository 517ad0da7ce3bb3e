#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gancodec/bitstream/writer.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/rows.hpp"
#include "gancodec/codec/tile_encoder.hpp"
#include "gancodec/codec/tile_reader.hpp"
#include "gancodec/codec/window_painter.hpp"
#include "gancodec/codec/window_size.hpp"

namespace gancodec {

/// What a codec does in tiles and windows: a view of its parts, which outlive it.
template <class Networks>
class BasicTiles {
public:
    BasicTiles(const BasicCodecWeights<Networks>& weights, const FactorizedPrior& hyper_prior,
               const ConditionalPrior& latent_prior, std::uint32_t entropy_id, Inference<float>& context)
        : weights_(weights),
          hyper_prior_(hyper_prior),
          latent_prior_(latent_prior),
          entropy_id_(entropy_id),
          context_(context) {}

    /// A stream by weights without a scale context has the id of those.
    [[nodiscard]] BasicTileCoder<Networks> coder(const StreamHeader& header) const {
        static const ScaleContext none;
        const bool moved = header.entropy_id == (entropy_id_ & kStreamEntropyIdMask);
        return {BasicTransform<Networks>(weights_), &hyper_prior_,
                ContextualPrior(latent_prior_, moved ? weights_.scale_context : none), header.quality_step};
    }
    /// The stream with that header, in tiles.
    /// Errors  Error{invalid_argument} for the side of the tiles, Error{limit}, and what `source` throws.
    [[nodiscard]] Bytes encode(const RowSource& source, const StreamHeader& header, std::size_t memory_bytes) const {
        if (header.tile_px < kTileStepPx || header.tile_px > kLargestTilePx || header.tile_px % kTileStepPx != 0)
            raise_error(Errc::invalid_argument, "encode: expected tiles of 64 to " + std::to_string(kLargestTilePx) +
                                                    " px in steps of 64, found " + std::to_string(header.tile_px));
        require_area(static_cast<std::uint64_t>(std::max(0, header.width)),
                     static_cast<std::uint64_t>(std::max(0, header.height)), {}, "encode");
        using TileEncoder = BasicTileEncoder<Networks>;
        const TileGrid grid = TileGrid::of(header);
        const WindowSize window =
            WindowSize::choose(header.height, header.width, TileEncoder::halo_px(), memory_bytes, [&](int h, int w) {
                return TileEncoder::memory_bytes(weights_, grid, h, w);
            }).require(memory_bytes);
        const auto tiles = TileEncoder(weights_, coder(header), grid, window, context_).run(source);
        Stream stream{header, {}, {}, {}};
        for (const auto& [hyper_latents, latents] : tiles) stream.tiles.push_back({hyper_latents, latents});
        return write_stream(stream);
    }
    /// Windows for a region, best with the symbols of a whole row of them.
    [[nodiscard]] WindowSize window_size(const StreamHeader& header, const Region& region,
                                         std::size_t memory_bytes) const {
        const BasicWindowPainter<Networks> painter(weights_, TileGrid::of(header), header.quality_step);
        const auto choose = [&](bool rows) {
            return WindowSize::choose(region.height, region.width, painter.halo_px(), memory_bytes, [&](int h, int w) {
                return painter.memory_bytes(h, w) + painter.symbol_bytes(h, rows ? region.width : w) +
                       3 * static_cast<std::size_t>(region.width) * static_cast<std::size_t>(h);
            });
        };
        const WindowSize with_rows = choose(true);
        return with_rows.memory_bytes <= memory_bytes ? with_rows : choose(false).require(memory_bytes);
    }
    /// Paints a region row by row. Returns what was damaged, where that is tolerated.
    /// Errors  Error{invalid_argument} for a region not inside the picture, Error{limit}, Error{corrupt_stream}.
    std::vector<TileDamage> paint(const StreamLayout& layout, const DecodeOptions& options, const RowSink& sink) const {
        const StreamHeader& header = layout.header;
        const Region region = options.region.value_or(Region::whole(header));
        if (region.x < 0 || region.y < 0 || region.width < 1 || region.height < 1 ||
            region.width > header.width - region.x || region.height > header.height - region.y)
            raise_error(Errc::invalid_argument, "region: expected it inside " + std::to_string(header.width) + " x " +
                                                    std::to_string(header.height) + " px, found " +
                                                    std::to_string(region.width) + " x " +
                                                    std::to_string(region.height) + " at " + std::to_string(region.x) +
                                                    ", " + std::to_string(region.y));
        const WindowSize window = window_size(header, region, options.memory_bytes);
        require_memory(window.memory_bytes, options.limits, "stream");
        const BasicWindowPainter<Networks> painter(weights_, TileGrid::of(header), header.quality_step,
                                                   options.precision);
        const std::size_t others = painter.memory_bytes(window.height, window.width) +
                                   3 * static_cast<std::size_t>(region.width) * static_cast<std::size_t>(window.height);
        BasicTileReader<Networks> symbols(coder(header), layout, options.memory_bytes - others, options.tolerant);
        painter.reserve(context_, window.height, window.width);
        for (int y = 0; y < region.height; y += window.height) {
            Image rows = make_image(region.width, std::min(window.height, region.height - y));
            for (int x = 0; x < region.width; x += window.width) {
                const int left = region.x + x, top = region.y + y;
                const Area px{{top, top + rows.height}, {left, std::min(region.x + region.width, left + window.width)}};
                painter.paint(context_, symbols, px, rows, region.x, top);
            }
            sink(y, rows);
        }
        return symbols.damages();
    }
    /// All tiles, in the order of a picture in one piece.
    void read_symbols(const StreamLayout& layout, Symbols& symbols) const {
        const HyperExtent extent = HyperExtent::of(layout.header.width, layout.header.height);
        symbols.z.resize(extent.hyper_latents());
        symbols.residuals.resize(extent.latents());
        BasicTileReader<Networks> reader(coder(layout.header), layout, 0, false);
        const auto place = [](const std::vector<std::int32_t>& tile, const Area& all, int h, int w, int channels,
                              std::vector<std::int32_t>& out) {
            auto from = tile.begin();
            for (int c = 0; c < channels; ++c)
                for (int y = all.y.first; y < all.y.end; ++y, from += all.x.size())
                    std::copy_n(from, all.x.size(), out.begin() + (std::ptrdiff_t{c} * h + y) * w + all.x.first);
        };
        for (int tile = 0; tile < reader.grid().count(); ++tile) {
            const Area places = reader.grid().places(tile);
            reader.want(places, places);
            reader.each_tile(places, [&](const Symbols& own, const Area& all, const Area&) {
                place(own.z, all, extent.h, extent.w, kHyperChannels, symbols.z);
                place(own.residuals, all.finer(kLatentsPerHyper), extent.h * kLatentsPerHyper,
                      extent.w * kLatentsPerHyper, kLatentChannels, symbols.residuals);
            });
        }
    }

private:
    const BasicCodecWeights<Networks>& weights_;
    const FactorizedPrior& hyper_prior_;
    const ConditionalPrior& latent_prior_;
    std::uint32_t entropy_id_;
    Inference<float>& context_;
};

}  // namespace gancodec
