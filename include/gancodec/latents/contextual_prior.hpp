#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/latents/scale_context.hpp"

namespace gancodec {

/// Codes the residuals of a block of latents: the tables that integers chose from the hyper latents, moved by a
/// ScaleContext. In the stream all channels of a place stand together, places row by row. An empty context moves nothing,
/// and leaves the order of the symbols.
/// Shapes   symbols, index [c][h][w]
/// Errors   as ConditionalPrior.
class ContextualPrior {
public:
    /// Views: both outlive it.
    ContextualPrior(const ConditionalPrior& prior, const ScaleContext& context) : prior_(prior), context_(context) {}

    [[nodiscard]] Bytes encode(std::span<const std::int32_t> symbols, std::span<const std::uint8_t> index, int channels,
                               int w, Workspace& ws) const {
        if (context_.empty()) return prior_.encode(symbols, index);
        const Workspace::Scope scope(ws);
        prior_.require_tables(index);
        const Block block = take(index.size(), channels, w, ws);
        block.gather(symbols, block.symbols);
        block.gather(index, block.index);
        ScaleContextWalk walk(channels, w, ws);
        for (std::size_t at = 0; at < symbols.size(); at += block.channels) {
            move(walk, block, at, block.tables + at);
            walk.pass(block.symbols + at, block.index + at);
        }
        return prior_.encode({block.symbols, symbols.size()}, {block.tables, symbols.size()});
    }
    void decode(ByteView bytes, std::span<const std::uint8_t> index, int channels, int w,
                std::span<std::int32_t> symbols, Workspace& ws) const {
        if (context_.empty()) return prior_.decode(bytes, index, symbols);
        const Workspace::Scope scope(ws);
        prior_.require_tables(index);
        const Block block = take(index.size(), channels, w, ws);
        block.gather(index, block.index);
        ScaleContextWalk walk(channels, w, ws);
        std::size_t next = 0;  // the first symbol of the place after
        prior_.decode(bytes, std::span(block.symbols, symbols.size()), [&](std::size_t i) {
            if (i == next) {
                if (i > 0) walk.pass(block.symbols + i - block.channels, block.index + i - block.channels);
                move(walk, block, i, block.tables + i);
                next += block.channels;
            }
            return std::size_t{block.tables[i]};
        });
        block.scatter(symbols);
    }
    /// The scratch of both, on a workspace that counts.
    static void plan(std::size_t latents, int channels, int w, Workspace& ws) {
        const Workspace::Scope scope(ws);
        static_cast<void>(take(latents, channels, w, ws));
        static_cast<void>(ScaleContextWalk(channels, w, ws));
    }

private:
    /// Symbols and tables in the order of the stream.
    struct Block {
        std::size_t channels, places;
        std::int32_t* symbols;
        std::uint8_t *index, *tables;

        template <class T>
        void gather(std::span<const T> from, T* to) const {
            GANCODEC_ASSERT(from.size() == channels * places);
            each([&](std::size_t planar, std::size_t together) { to[together] = from[planar]; });
        }
        void scatter(std::span<std::int32_t> to) const {
            each([&](std::size_t planar, std::size_t together) { to[planar] = symbols[together]; });
        }
        /// A few places at a time, so that both orders stay in the cache.
        template <class F>
        void each(F&& f) const {
            constexpr std::size_t kRun = 16;
            for (std::size_t first = 0; first < places; first += kRun)
                for (std::size_t c = 0; c < channels; ++c)
                    for (std::size_t p = first; p < std::min(places, first + kRun); ++p)
                        f(c * places + p, p * channels + c);
        }
    };
    [[nodiscard]] static Block take(std::size_t latents, int channels, int w, Workspace& ws) {
        GANCODEC_ASSERT(latents % static_cast<std::size_t>(channels) == 0);
        Block block{};
        block.channels = static_cast<std::size_t>(channels);
        block.places = latents / block.channels;
        GANCODEC_ASSERT(block.places % static_cast<std::size_t>(w) == 0);
        block.symbols = ws.take<std::int32_t>(latents);
        block.index = ws.take<std::uint8_t>(latents);
        block.tables = ws.take<std::uint8_t>(latents);
        return block;
    }
    void move(const ScaleContextWalk& walk, const Block& block, std::size_t at, std::uint8_t* tables) const {
        const std::uint8_t* index = block.index + at;
        walk.each_bucket([&](std::size_t c, int bucket) { tables[c] = context_.moved(bucket, index[c]); });
    }

    const ConditionalPrior& prior_;
    const ScaleContext& context_;
};

}  // namespace gancodec
