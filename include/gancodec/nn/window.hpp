#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

#include "gancodec/kernels/geometry.hpp"
#include "gancodec/kernels/pad.hpp"
#include "gancodec/nn/inference.hpp"
#include "gancodec/nn/sequential.hpp"

namespace gancodec {

/// Rows y and columns x.
struct Area {
    Interval y, x;

    [[nodiscard]] constexpr bool empty() const { return y.size() <= 0 || x.size() <= 0; }
    /// The places of both.
    [[nodiscard]] constexpr Area common(const Area& other) const {
        return {{std::max(y.first, other.y.first), std::min(y.end, other.y.end)},
                {std::max(x.first, other.x.first), std::min(x.end, other.x.end)}};
    }
    /// The same in places `factor` times as fine.
    [[nodiscard]] constexpr Area finer(int factor) const {
        return {{y.first * factor, y.end * factor}, {x.first * factor, x.end * factor}};
    }
    /// The places `factor` times as coarse that cover it.
    [[nodiscard]] constexpr Area coarser(int factor) const {
        const auto cover = [&](Interval i) { return Interval{i.first / factor, (i.end + factor - 1) / factor}; };
        return {cover(y), cover(x)};
    }
    friend constexpr bool operator==(const Area&, const Area&) = default;
};

/// Layers Begin to End − 1 of a Sequential on a window of a picture: the same numbers as on the whole.
/// What is beyond the window a layer takes for the zeros around a picture, which makes its outer outputs wrong; they are cut
/// off before the next layer. How far they reach, and on which grid windows begin, every layer's type says.
/// Exact    Bit-equal to the whole, for any window.
template <class Network, std::size_t Begin = 0, std::size_t End = Network::kLayers>
class Windowed {
    template <std::size_t I>
    using Layer = std::tuple_element_t<I, decltype(Network::layers)>;

public:
    /// Of a whole whose input has h x w places: the window that gives these outputs. Requires they are of the whole.
    Windowed(int h, int w, const Area& outputs) {
        std::array<int, kCount + 1> heights{h}, widths{w};
        extents<Begin>(heights, widths);
        windows_[kCount] = outputs;
        inputs<End>(outputs, heights, widths);
    }
    /// What operator() wants to see of the input.
    [[nodiscard]] const Area& input() const { return windows_[0]; }

    /// Shapes   x [1,c,input().y.size(),input().x.size()] · the outputs asked for
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(const Network& network, Context& context,
                                                     typename Context::Value x) const {
        GANCODEC_ASSERT(x.shape().h == input().y.size() && x.shape().w == input().x.size());
        return run<Begin>(network, context, std::move(x));
    }

private:
    static constexpr std::size_t kCount = End - Begin;

    template <std::size_t I>
    static constexpr void extents(std::array<int, kCount + 1>& heights, std::array<int, kCount + 1>& widths) {
        if constexpr (I < End) {
            heights[I - Begin + 1] = Layer<I>::out_extent(heights[I - Begin]);
            widths[I - Begin + 1] = Layer<I>::out_extent(widths[I - Begin]);
            extents<I + 1>(heights, widths);
        }
    }
    template <std::size_t I>
    constexpr void inputs(Area read, const std::array<int, kCount + 1>& heights,
                          const std::array<int, kCount + 1>& widths) {
        if constexpr (I > Begin) {
            using L = Layer<I - 1>;
            constexpr std::size_t k = I - 1 - Begin;
            const Area after = windows_[k + 1];
            read = {L::reads(read.y), L::reads(read.x)};
            windows_[k] = Area{
                {L::window_start(read.y.first, after.y.first), read.y.end},
                {L::window_start(read.x.first, after.x.first),
                 read.x.end}}.common({{0, heights[k]}, {0, widths[k]}});
            inputs<I - 1>(read, heights, widths);
        }
    }
    template <std::size_t I, class Context, class Value>
    [[nodiscard]] Value run(const Network& network, Context& context, Value x) const {
        if constexpr (I == End) {
            return x;
        } else {
            const Area& from = windows_[I - Begin];
            const Area& to = windows_[I - Begin + 1];
            x = std::get<I>(network.layers)(context, std::move(x));
            const int top = to.y.first - Layer<I>::window_origin(from.y.first);
            const int left = to.x.first - Layer<I>::window_origin(from.x.first);
            if (x.shape().h != to.y.size() || x.shape().w != to.x.size()) {
                Value cut = context.make({1, x.shape().c, to.y.size(), to.x.size()});
                context.compute([&] { crop(x.constant(), top, left, cut.view()); });
                x = std::move(cut);
            }
            return run<I + 1>(network, context, std::move(x));
        }
    }

    std::array<Area, kCount + 1> windows_;  ///< the part held of the input of every layer, and of the output
};

}  // namespace gancodec
