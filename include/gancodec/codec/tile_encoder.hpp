#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/bitstream/writer.hpp"
#include "gancodec/codec/rows.hpp"
#include "gancodec/codec/tile_reader.hpp"
#include "gancodec/codec/window_size.hpp"
#include "gancodec/image/image.hpp"

namespace gancodec {

/// Encodes a picture row of tiles by row of tiles. Rows of pixels, latents and hyper latents are kept as long as a window still
/// reads them, so that none is computed twice but where the halos of windows overlap.
template <class Networks>
class BasicTileEncoder {
    using Transform = BasicTransform<Networks>;
    using Encoder = decltype(Networks::encoder);
    using HyperEncoder = decltype(Networks::hyper_encoder);
    using HyperMean = decltype(Networks::hyper_mean);
    using EncoderWindow = Windowed<Encoder, 1, Encoder::kLayers>;
    using Context = Inference<float>;
    using Value = Context::Value;
    static constexpr int kShuffle = Encoder::First::kFactor;

public:
    /// Views: all outlive it.
    BasicTileEncoder(const BasicCodecWeights<Networks>& weights, const BasicTileCoder<Networks>& coder,
                     const TileGrid& grid, const WindowSize& window, Context& context)
        : weights_(weights),
          coder_(coder),
          grid_(grid),
          window_(window),
          context_(context),
          scratch_(static_cast<std::size_t>(threads())),
          pixels_(3 * static_cast<std::size_t>(grid.width)),
          latents_(latent_row_size(grid)),
          hyper_latents_(hyper_row_size(grid)) {}

    /// The coded tiles, row by row.
    [[nodiscard]] std::vector<std::pair<Bytes, Bytes>> run(const RowSource& source) {
        std::vector<std::pair<Bytes, Bytes>> tiles(static_cast<std::size_t>(grid_.count()));
        context_.reserve_for(
            [&](Context& counted) { run_networks(weights_, grid_, window_.height, window_.width, counted); });
        for (int row = 0; row < grid_.rows(); ++row) {
            const int first = row * grid_.side, end = std::min(grid_.h, first + grid_.side);
            fill_hyper_latents(means(grid_, whole_row({first, end})).input().y.end, source);
            fill_latents(end * kLatentsPerHyper, source);
            const int together = std::max(1, window_.width / (grid_.side * kImageMultiple));
            for (int column = 0; column < grid_.columns(); column += together)
                encode_tiles(row, column, std::min(grid_.columns(), column + together), tiles);
            if (end < grid_.h) forget({end, std::min(grid_.h, end + grid_.side)});
        }
        return tiles;
    }

    /// Memory for a picture in windows of h x w px: of the networks, and of the rows that are kept.
    [[nodiscard]] static std::size_t memory_bytes(const BasicCodecWeights<Networks>& weights, const TileGrid& grid,
                                                  int h, int w) {
        const MemoryPlan plan = Context::plan([&](Context& counted) { run_networks(weights, grid, h, w, counted); });
        const Area read = encoder_window(grid, somewhere(grid, h, w).finer(kLatentsPerHyper)).input().finer(kShuffle);
        const Area hyper = means(grid, somewhere(grid, grid.side * kImageMultiple, grid.width)).input();
        const int latent_rows = hyper_window(grid, hyper).input().y.size() + h / kLatentPx;
        const auto rows = [](int count, std::size_t size) { return static_cast<std::size_t>(count) * size; };
        return plan.bytes<float>() + rows(read.y.size(), 3 * static_cast<std::size_t>(read.x.size() + grid.width)) +
               rows(latent_rows, latent_row_size(grid) * sizeof(float)) +
               rows(hyper.y.size() + grid.side, hyper_row_size(grid) * sizeof(std::int32_t));
    }
    /// Pixels beyond a rectangle, on each side, that reach its latents.
    [[nodiscard]] static int halo_px() {
        constexpr int kFar = 1 << 12;  // latents inside a picture that has no end
        const EncoderWindow window(8 * kFar, 8 * kFar, {{kFar, kFar + 4}, {kFar, kFar + 4}});
        return (kFar * kLatentPx / kShuffle - window.input().y.first) * kShuffle;
    }

private:
    using HyperWindow = Windowed<HyperEncoder>;

    [[nodiscard]] static std::size_t latent_row_size(const TileGrid& grid) {
        return Shape{1, kLatentChannels, 1, grid.w * kLatentsPerHyper}.size();
    }
    [[nodiscard]] static std::size_t hyper_row_size(const TileGrid& grid) {
        return kHyperChannels * static_cast<std::size_t>(grid.w);
    }
    /// Places of h x w px or somewhat more, far from the borders.
    [[nodiscard]] static Area somewhere(const TileGrid& grid, int h, int w) {
        const auto place = [](int px, int extent) {
            const int size = std::min(round_up(px, kImageMultiple) / kImageMultiple, extent);
            const int first = round_down((extent - size) / 2, 4);
            return Interval{first, first + size};
        };
        return {place(h, grid.h), place(w, grid.w)};
    }
    [[nodiscard]] Area whole_row(Interval places) const { return {places, {0, grid_.w}}; }
    [[nodiscard]] static Windowed<HyperMean> means(const TileGrid& grid, const Area& places) {
        return Windowed<HyperMean>(grid.h, grid.w, places.finer(kLatentsPerHyper));
    }
    [[nodiscard]] static HyperWindow hyper_window(const TileGrid& grid, const Area& places) {
        return HyperWindow(grid.h * kLatentsPerHyper, grid.w * kLatentsPerHyper, places);
    }
    [[nodiscard]] static EncoderWindow encoder_window(const TileGrid& grid, const Area& latents) {
        return EncoderWindow(grid.h * kImageMultiple / kShuffle, grid.w * kImageMultiple / kShuffle, latents);
    }
    /// The networks on windows as large as any there will be, for plans.
    static void run_networks(const BasicCodecWeights<Networks>& weights, const TileGrid& grid, int h, int w,
                             Context& counted) {
        const auto run = [&](const auto& window, const auto& network, int channels) {
            return window(network, counted,
                          counted.make({1, channels, window.input().y.size(), window.input().x.size()}));
        };
        const Area latents = somewhere(grid, h, w).finer(kLatentsPerHyper);
        static_cast<void>(run(encoder_window(grid, latents), weights.networks.encoder, 3 * kShuffle * kShuffle));
        const int side_px = grid.side * kImageMultiple, wide_px = std::max(w, side_px);
        const Area row = somewhere(grid, side_px, wide_px);
        const auto mean = means(grid, row);
        const Area ahead = somewhere(grid, mean.input().y.size() * kImageMultiple, w);
        static_cast<void>(run(hyper_window(grid, ahead), weights.networks.hyper_encoder, kLatentChannels));
        const Value held = run(mean, weights.networks.hyper_mean, kHyperChannels);
        static_cast<void>(counted.make(held.shape()));
    }
    /// Calls f(columns) for windows beside each other, in places.
    template <class F>
    void each_window(F&& f) const {
        const int wide = std::max(1, window_.width / kImageMultiple);
        for (int x = 0; x < grid_.w; x += wide) f(Interval{x, std::min(grid_.w, x + wide)});
    }

    /// Lets go of the rows above all that the places of the next row of tiles read.
    void forget(Interval places) {
        const Area hyper = means(grid_, whole_row(places)).input();
        hyper_latents_.drop_before(hyper.y.first);
        if (hyper_latents_.end() < grid_.h) {
            const Area next = hyper_window(grid_, whole_row({hyper_latents_.end(), grid_.h})).input();
            latents_.drop_before(std::min(next.y.first, places.first * kLatentsPerHyper));
        } else {
            latents_.drop_before(places.first * kLatentsPerHyper);
        }
    }
    void fill_hyper_latents(int end, const RowSource& source) {
        if (hyper_latents_.end() >= end) return;
        const Interval rows{hyper_latents_.end(), end};
        fill_latents(hyper_window(grid_, whole_row(rows)).input().y.end, source);
        std::vector<std::int32_t*> into;
        for (int y = rows.first; y < rows.end; ++y) into.push_back(hyper_latents_.push());
        each_window([&](Interval columns) {
            const HyperWindow window = hyper_window(grid_, {rows, columns});
            Value v = gained_latents(window.input());
            const Value z = window(weights_.networks.hyper_encoder, context_, std::move(v));
            const TensorView<const float> values = z.constant();
            for (int c = 0; c < kHyperChannels; ++c)
                for (int y = 0; y < rows.size(); ++y)
                    for (int x = 0; x < columns.size(); ++x)
                        into[static_cast<std::size_t>(y)][c * grid_.w + columns.first + x] =
                            Transform::round_hyper(values.at(0, c, y, x));
        });
    }
    /// y, in steps of a window's height.
    void fill_latents(int end, const RowSource& source) {
        while (latents_.end() < end) {
            const Interval rows{latents_.end(),
                                std::min(grid_.h * kLatentsPerHyper, latents_.end() + window_.height / kLatentPx)};
            const Area all{rows, {0, grid_.w * kLatentsPerHyper}};
            const Interval read = encoder_window(grid_, all).input().y;
            pixels_.drop_before(read.first * kShuffle);
            fill_pixels(std::min(grid_.height, read.end * kShuffle), source);
            for (int y = rows.first; y < rows.end; ++y) static_cast<void>(latents_.push());
            each_window([&](Interval columns) {
                const Area area{rows, {columns.first * kLatentsPerHyper, columns.end * kLatentsPerHyper}};
                store(analyse(area), area);
            });
        }
    }
    void fill_pixels(int end, const RowSource& source) {
        constexpr int kRows = 64;
        Image rows = make_image(grid_.width, std::max(0, std::min(kRows, end - pixels_.end())));
        while (pixels_.end() < end) {
            rows.height = std::min(kRows, end - pixels_.end());
            rows.rgb.resize(3 * rows.pixels());
            source(pixels_.end(), rows);
            for (int y = 0; y < rows.height; ++y)
                std::copy_n(rows.at(0, y), 3 * static_cast<std::size_t>(grid_.width), pixels_.push());
        }
    }
    [[nodiscard]] Value analyse(const Area& latents) {
        const EncoderWindow window = encoder_window(grid_, latents);
        const Area px = window.input().finer(kShuffle).common({{0, grid_.height}, {0, grid_.width}});
        Image part = make_image(px.x.size(), px.y.size());
        for (int y = px.y.first; y < px.y.end; ++y)
            std::copy_n(pixels_.row(y) + 3 * px.x.first, 3 * static_cast<std::size_t>(px.x.size()),
                        part.at(0, y - px.y.first));
        Value x = context_.make({1, 3 * kShuffle * kShuffle, window.input().y.size(), window.input().x.size()});
        Transform::from_image(part, x.view());
        return window(weights_.networks.encoder, context_, std::move(x));
    }
    void store(const Value& y, const Area& area) {
        const Shape row_shape{1, kLatentChannels, 1, grid_.w * kLatentsPerHyper};
        for (int row = area.y.first; row < area.y.end; ++row)
            for (int block = 0; block < row_shape.blocks(); ++block)
                std::copy_n(y.constant().data + y.shape().offset(0, block * kChannelBlock, row - area.y.first, 0),
                            static_cast<std::size_t>(area.x.size()) * kChannelBlock,
                            latents_.row(row) + row_shape.offset(0, block * kChannelBlock, 0, area.x.first));
    }
    /// v = y·g.
    [[nodiscard]] Value gained_latents(const Area& area) {
        const Shape row_shape{1, kLatentChannels, 1, grid_.w * kLatentsPerHyper};
        Value y = context_.make({1, kLatentChannels, area.y.size(), area.x.size()});
        for (int row = area.y.first; row < area.y.end; ++row)
            for (int block = 0; block < row_shape.blocks(); ++block)
                std::copy_n(latents_.row(row) + row_shape.offset(0, block * kChannelBlock, 0, area.x.first),
                            static_cast<std::size_t>(area.x.size()) * kChannelBlock,
                            y.view().data + y.shape().offset(0, block * kChannelBlock, row - area.y.first, 0));
        const double at = Transform::position(coder_.step);
        return apply_gain(context_, std::move(y), weights_.networks.gain, std::span(&at, 1), GainDirection::multiply);
    }

    /// Tiles [first, end) of a row, whose means are computed together.
    void encode_tiles(int row, int first, int end, std::vector<std::pair<Bytes, Bytes>>& tiles) {
        const Area places{grid_.places(row * grid_.columns() + first).y,
                          {grid_.places(first).x.first, grid_.places(end - 1).x.end}};
        const Windowed<HyperMean> window = means(grid_, places);
        Value z = context_.make({1, kHyperChannels, window.input().y.size(), window.input().x.size()});
        for (int c = 0; c < kHyperChannels; ++c)
            for (int y = window.input().y.first; y < window.input().y.end; ++y)
                for (int x = window.input().x.first; x < window.input().x.end; ++x)
                    z.view().at(0, c, y - window.input().y.first, x - window.input().x.first) =
                        static_cast<float>(hyper_latents_.row(y)[c * grid_.w + x]);
        clear_padding(z.view());
        const Value mean = window(weights_.networks.hyper_mean, context_, std::move(z));
        const Value v = gained_latents(places.finer(kLatentsPerHyper));
        sub(v.constant(), mean.constant(), mean.view());
        std::vector<Failure> failures(static_cast<std::size_t>(end - first));
        parallel_for(end - first, [&](std::int64_t i, int worker) {
            const int column = first + static_cast<int>(i);
            failures[static_cast<std::size_t>(i)] = attempt([&] {
                const int tile = row * grid_.columns() + column;
                const Area own = grid_.places(tile);
                tiles[static_cast<std::size_t>(tile)] =
                    coder_.encode(symbols(own, mean.constant(), (own.x.first - places.x.first) * kLatentsPerHyper),
                                  {own.y.size(), own.x.size()}, scratch_[static_cast<std::size_t>(worker)]);
            });
        });
        for (const Failure& failure : failures) failure.raise();
    }
    /// Of a tile whose v − mu stand in `residual` from column `left` on.
    [[nodiscard]] Symbols symbols(const Area& places, TensorView<const float> residual, int left) const {
        Symbols out;
        out.z.reserve(kHyperChannels * static_cast<std::size_t>(places.y.size()) *
                      static_cast<std::size_t>(places.x.size()));
        for (int c = 0; c < kHyperChannels; ++c)
            for (int y = places.y.first; y < places.y.end; ++y)
                for (int x = places.x.first; x < places.x.end; ++x)
                    out.z.push_back(hyper_latents_.row(y)[c * grid_.w + x]);
        const int columns = places.x.size() * kLatentsPerHyper;
        out.residuals.reserve(out.z.size() / kHyperChannels * kLatentsPerHyper * kLatentsPerHyper * kLatentChannels);
        for (int c = 0; c < kLatentChannels; ++c)
            for (int y = 0; y < residual.shape.h; ++y)
                for (int x = 0; x < columns; ++x)
                    out.residuals.push_back(Transform::round_residual(residual.at(0, c, y, left + x)));
        return out;
    }

    const BasicCodecWeights<Networks>& weights_;
    BasicTileCoder<Networks> coder_;
    TileGrid grid_;
    WindowSize window_;
    Context& context_;
    std::vector<Workspace> scratch_;
    RowQueue<std::uint8_t> pixels_;
    RowQueue<float> latents_;
    RowQueue<std::int32_t> hyper_latents_;
};

}  // namespace gancodec
