#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gancodec/codec/tile_reader.hpp"
#include "gancodec/codec/window_size.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/nn/window.hpp"

namespace gancodec {

/// Paints any rectangle of a picture from symbols, with the pixels that the whole picture would have there.
template <class Networks>
class BasicWindowPainter {
    using Generator = decltype(Networks::generator);
    using HyperMean = decltype(Networks::hyper_mean);
    using GeneratorWindow = Windowed<Generator, 0, Generator::kLayers - 1>;
    static constexpr int kShuffle = Generator::Last::kFactor;

public:
    using Context = Inference<float>;
    using Value = Context::Value;

    /// `precision`: the generator's.
    BasicWindowPainter(const BasicCodecWeights<Networks>& weights, const TileGrid& grid, int step,
                       Precision precision = Precision::fp32)
        : weights_(weights), grid_(grid), step_(step), precision_(precision) {}

    /// What painting a rectangle reads: latents, and hyper latents.
    struct Window {
        GeneratorWindow generator;
        Windowed<HyperMean> hyper_mean;
        Area fine;  ///< what the generator gives, before its last pixel shuffle

        Window(const TileGrid& grid, const Area& px)
            : generator(grid.h * kLatentsPerHyper, grid.w * kLatentsPerHyper, px.coarser(kShuffle)),
              hyper_mean(grid.h, grid.w, generator.input()),
              fine(px.coarser(kShuffle)) {}
        [[nodiscard]] Area hyper_places() const { return hyper_mean.input(); }
        [[nodiscard]] Area latents() const { return generator.input(); }
    };

    /// Paints into `out`, whose first pixel is (left, top) of the picture. Requires `px` lies in it.
    void paint(Context& context, BasicTileReader<Networks>& symbols, const Area& px, Image& out, int left,
               int top) const {
        const Window window(grid_, px);
        symbols.want(window.hyper_places(), window.latents().coarser(kLatentsPerHyper));
        const Value x = synthesise(context, &symbols, window);
        const Area painted = window.fine.finer(kShuffle);
        const Image image =
            BasicTransform<Networks>::to_image(x, px.x.end - painted.x.first, px.y.end - painted.y.first);
        for (int y = px.y.first; y < px.y.end; ++y)
            std::copy_n(image.at(px.x.first - painted.x.first, y - painted.y.first),
                        3 * static_cast<std::size_t>(px.x.size()), out.at(px.x.first - left, y - top));
    }
    /// Memory of a window of h x w px somewhere inside, without symbols: of its networks and its pixels.
    [[nodiscard]] std::size_t memory_bytes(int h, int w) const {
        const Window window(grid_, somewhere(h, w));
        const MemoryPlan plan =
            Context::plan([&](Context& counted) { static_cast<void>(synthesise(counted, nullptr, window)); });
        return plan.bytes<float>() + 3 * static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
    }
    /// Allocates at once what any window of h x w px needs of `context`.
    void reserve(Context& context, int h, int w) const {
        const Window window(grid_, somewhere(h, w));
        context.reserve_for([&](Context& counted) { static_cast<void>(synthesise(counted, nullptr, window)); });
    }
    /// Memory of the symbols that it reads.
    [[nodiscard]] std::size_t symbol_bytes(int h, int w) const {
        const Window window(grid_, somewhere(h, w));
        return grid_.over(window.hyper_places()).size() * BasicTileReader<Networks>::tile_bytes(grid_);
    }
    /// Pixels beyond a rectangle, on each side, whose symbols reach it.
    [[nodiscard]] static int halo_px() {
        constexpr int kFar = 1 << 16;  // inside a picture that has no end
        TileGrid grid;
        grid.h = grid.w = 2 * kFar / kImageMultiple;
        const Window window(grid, {{kFar, kFar + kImageMultiple}, {kFar, kFar + kImageMultiple}});
        const auto reach = [&](Interval read, int px) {
            return std::max(kFar - read.first * px, read.end * px - kFar - kImageMultiple);
        };
        return std::max(reach(window.hyper_places().y, kImageMultiple), reach(window.latents().y, kLatentPx));
    }

private:
    /// As large a part of the picture as h x w px need, as far from its borders as can be.
    [[nodiscard]] Area somewhere(int h, int w) const {
        constexpr int kGrid = 4 * kImageMultiple;  // where windows are largest
        const auto place = [](int size, int extent) {
            const int wanted = std::min(round_up(size, kGrid), extent);
            const int first = round_down((extent - wanted) / 2, kGrid);
            return Interval{first, std::min(extent, first + wanted)};
        };
        return {place(h, grid_.height), place(w, grid_.width)};
    }
    /// Symbols to what the pixel shuffle at the end of the generator makes a picture of. Counted memory has no symbols.
    [[nodiscard]] Value synthesise(Context& context, const BasicTileReader<Networks>* symbols,
                                   const Window& window) const {
        const Area hyper = window.hyper_places(), latents = window.latents();
        Value z = context.make({1, kHyperChannels, hyper.y.size(), hyper.x.size()});
        context.compute([&] {
            symbols->each_tile(hyper, [&](const Symbols& tile, const Area& all, const Area& part) {
                each_symbol(tile.z, all, part, z.view(), hyper, [](std::int32_t symbol, float& element) {
                    element = static_cast<float>(BasicTransform<Networks>::clamp_hyper(symbol));
                });
            });
            clear_padding(z.view());
        });
        Value v = window.hyper_mean(weights_.networks.hyper_mean, context, std::move(z));
        context.compute([&] {
            symbols->each_tile(
                latents.coarser(kLatentsPerHyper), [&](const Symbols& tile, const Area& all, const Area& part) {
                    each_symbol(tile.residuals, all.finer(kLatentsPerHyper),
                                part.finer(kLatentsPerHyper).common(latents), v.view(), latents,
                                [](std::int32_t symbol, float& element) { element += static_cast<float>(symbol); });
                });
        });
        const double at = BasicTransform<Networks>::position(step_);
        v = apply_gain(context, std::move(v), weights_.networks.gain, std::span(&at, 1), GainDirection::divide);
        const PrecisionScope scope(context, precision_);
        return window.generator(weights_.networks.generator, context, std::move(v));
    }
    /// Calls f(symbol, element) for the places of `part`: of symbols of the places `all`, and of a tensor of those of `window`.
    template <class F>
    static void each_symbol(const std::vector<std::int32_t>& symbols, const Area& all, const Area& part,
                            TensorView<float> tensor, const Area& window, const F& f) {
        const auto plane = static_cast<std::size_t>(all.y.size()) * static_cast<std::size_t>(all.x.size());
        for (int c = 0; c < tensor.shape.c; ++c)
            for (int y = part.y.first; y < part.y.end; ++y) {
                const std::int32_t* symbol =
                    symbols.data() + static_cast<std::size_t>(c) * plane +
                    static_cast<std::size_t>(y - all.y.first) * static_cast<std::size_t>(all.x.size()) +
                    static_cast<std::size_t>(part.x.first - all.x.first);
                float* element =
                    tensor.data + tensor.shape.offset(0, c, y - window.y.first, part.x.first - window.x.first);
                for (int x = part.x.first; x < part.x.end; ++x, ++symbol, element += kChannelBlock)
                    f(*symbol, *element);
            }
    }

    const BasicCodecWeights<Networks>& weights_;
    TileGrid grid_;
    int step_;
    Precision precision_;
};

}  // namespace gancodec
