#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include "gancodec/nn/layer.hpp"

namespace gancodec {

namespace detail {

/// Channels after the chain of layers, or kChannelMismatch where one does not fit the next.
template <class... Layers>
constexpr int chain_channels(int in) {
    const auto step = [](int channels, auto next) { return channels == kChannelMismatch ? channels : next(channels); };
    ((in = step(in, [](int channels) { return Layers::out_channels(channels); })), ...);
    return in;
}

/// The first count of input channels that a layer accepts, among those the library uses; 0 when it takes any.
template <class L>
constexpr int required_channels() {
    if (L::out_channels(1) != kChannelMismatch) return 0;
    for (int in = 2; in <= 4096; ++in)
        if (L::out_channels(in) != kChannelMismatch) return in;
    return 0;
}

template <class First, class... Rest>
constexpr bool channels_fit() {
    constexpr int in = required_channels<First>();
    if constexpr (sizeof...(Rest) == 0) {
        return true;
    } else if constexpr (in == 0) {
        return channels_fit<Rest...>();
    } else {
        return chain_channels<First, Rest...>(in) != kChannelMismatch;
    }
}

/// Whether the layer before `Next` can do its work.
template <class Next>
constexpr bool in_epilogue() {
    if constexpr (requires { Next::kInEpilogue; }) return Next::kInEpilogue;
    return false;
}

/// Whether layer I stores what the activation behind it would make, among those before End.
template <class... Layers>
constexpr bool stores_next(std::size_t i, std::size_t end) {
    constexpr bool stores[] = {kStoresActivated<Layers>...}, activates[] = {in_epilogue<Layers>()...};
    return i + 1 < end && stores[i] && activates[i + 1];
}

}  // namespace detail

/// Layers one after another; parameter names are "0.weight", "1.bias", … as in PyTorch's nn.Sequential.
///   using Encoder = Sequential<Conv2d<3, 48, 5, Stride<2>>, Gdn<48>, Conv2d<48, 96, 5, Stride<2>>>;
template <class... Layers>
class Sequential {
    static_assert(sizeof...(Layers) > 0, "Sequential needs at least one layer");
    static_assert(detail::channels_fit<Layers...>(),
                  "Sequential: a layer expects a different number of input channels than the layer before it delivers");

public:
    using Scalar = typename std::tuple_element_t<0, std::tuple<Layers...>>::Scalar;
    template <class U>
    using Rebind = Sequential<typename Layers::template Rebind<U>...>;

    static constexpr std::size_t kLayers = sizeof...(Layers);
    using First = std::tuple_element_t<0, std::tuple<Layers...>>;
    using Last = std::tuple_element_t<sizeof...(Layers) - 1, std::tuple<Layers...>>;

    static constexpr int out_channels(int in) { return detail::chain_channels<Layers...>(in); }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return run<0, sizeof...(Layers)>(context, std::move(x));
    }
    /// The result without the first layer, or the last: for callers who do its work together with their own.
    template <class Context>
    [[nodiscard]] typename Context::Value all_but_first(Context& context, typename Context::Value x) const {
        return run<1, sizeof...(Layers)>(context, std::move(x));
    }
    template <class Context>
    [[nodiscard]] typename Context::Value all_but_last(Context& context, typename Context::Value x) const {
        return run<0, sizeof...(Layers) - 1>(context, std::move(x));
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        std::size_t index = 0;
        std::apply([&](auto&... layer) { (layer.each_parameter(prefix + std::to_string(index++) + ".", f), ...); },
                   layers);
    }
    void prepare(bool for_backward) {
        std::apply([&](auto&... layer) { (layer.prepare(for_backward), ...); }, layers);
    }
    void project() {
        std::apply([](auto&... layer) { (layer.project(), ...); }, layers);
    }

    std::tuple<Layers...> layers;

private:
    /// Layers I to End − 1. A convolution takes the activation behind it along.
    template <std::size_t I, std::size_t End, class Context, class Value>
    [[nodiscard]] Value run(Context& context, Value x) const {
        if constexpr (I == End) {
            return x;
        } else if constexpr (detail::stores_next<Layers...>(I, End)) {
            using Next = std::tuple_element_t<I + 1, std::tuple<Layers...>>;
            x = std::get<I>(layers).activated(context, std::move(x), Next::kKind, Next::kSlope);
            return run<I + 2, End>(context, std::move(x));
        } else {
            x = std::get<I>(layers)(context, std::move(x));
            return run<I + 1, End>(context, std::move(x));
        }
    }
};

}  // namespace gancodec
