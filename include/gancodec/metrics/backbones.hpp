#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/layer.hpp"
#include "gancodec/nn/perceptual.hpp"
#include "gancodec/nn/pool.hpp"
#include "gancodec/nn/sequential.hpp"

// The ImageNet classifiers whose inner layers LPIPS and DISTS compare. Names of parameters are those of torchvision.

namespace gancodec {

/// Marks, in a Backbone, the place where features are taken. It does not count in the names of parameters.
template <class T = float>
struct FeatureTap : StatelessLayer<T> {
    template <class U>
    using Rebind = FeatureTap<U>;
    static constexpr int out_channels(int in) { return in; }
};

namespace detail {
template <class L>
inline constexpr bool is_feature_tap = false;
template <class T>
inline constexpr bool is_feature_tap<FeatureTap<T>> = true;
}  // namespace detail

/// A Sequential with FeatureTaps, for images: 3 input channels. Two images go through it in step, so that features can be
/// compared and dropped tap by tap.
template <class... Layers>
class Backbone {
    static_assert(detail::chain_channels<Layers...>(3) != kChannelMismatch,
                  "Backbone: a layer expects a different number of input channels than the layer before it delivers");

public:
    using Scalar = typename std::tuple_element_t<0, std::tuple<Layers...>>::Scalar;
    template <class U>
    using Rebind = Backbone<typename Layers::template Rebind<U>...>;

    static constexpr std::size_t kTaps = (std::size_t{0} + ... + (detail::is_feature_tap<Layers> ? 1u : 0u));
    static constexpr int out_channels(int in) { return detail::chain_channels<Layers...>(in); }
    /// Channels of the features at each tap.
    static constexpr std::array<int, kTaps> tap_channels() {
        std::array<int, kTaps> channels{};
        std::size_t tap = 0;
        int c = 3;
        ((c = Layers::out_channels(c),
          detail::is_feature_tap<Layers> ? static_cast<void>(channels[tap++] = c) : void()),
         ...);
        return channels;
    }

    /// Calls `compare(tap, features of x, features of y)` at every tap.
    template <class Context, class Compare>
    void operator()(Context& context, typename Context::Value x, typename Context::Value y, Compare&& compare) const {
        std::size_t tap = 0;
        const auto step = [&](const auto& layer) {
            if constexpr (detail::is_feature_tap<std::remove_cvref_t<decltype(layer)>>) {
                compare(tap++, x, y);
            } else {
                x = layer(context, std::move(x));
                y = layer(context, std::move(y));
            }
        };
        std::apply([&](const auto&... layer) { (step(layer), ...); }, layers);
    }
    /// Calls `see(tap, features of x)` at every tap.
    template <class Context, class See>
    void features(Context& context, typename Context::Value x, See&& see) const {
        std::size_t tap = 0;
        const auto step = [&](const auto& layer) {
            if constexpr (detail::is_feature_tap<std::remove_cvref_t<decltype(layer)>>)
                see(tap++, x);
            else
                x = layer(context, std::move(x));
        };
        std::apply([&](const auto&... layer) { (step(layer), ...); }, layers);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        std::size_t index = 0;
        const auto visit = [&](auto& layer) {
            if constexpr (!detail::is_feature_tap<std::remove_cvref_t<decltype(layer)>>)
                layer.each_parameter(prefix + std::to_string(index++) + ".", f);
        };
        std::apply([&](auto&... layer) { (visit(layer), ...); }, layers);
    }
    void prepare(bool for_backward) {
        std::apply([&](auto&... layer) { (layer.prepare(for_backward), ...); }, layers);
    }
    void project() {}

    std::tuple<Layers...> layers;
};

/// AlexNet in the form of torchvision (Krizhevsky: One weird trick, 2014). Requires images of at least 31x31.
using AlexNet = Backbone<Conv2d<3, 64, 11, Stride<4>, Padding<2>>, Relu, FeatureTap<>, MaxPool<3, 2>,  //
                         Conv2d<64, 192, 5>, Relu, FeatureTap<>, MaxPool<3, 2>,                        //
                         Conv2d<192, 384, 3>, Relu, FeatureTap<>,                                      //
                         Conv2d<384, 256, 3>, Relu, FeatureTap<>,                                      //
                         Conv2d<256, 256, 3>, Relu, FeatureTap<>>;

/// VGG16 (Simonyan, Zisserman 2015), with the pooling that is wanted between its stages.
template <class Pool>
using Vgg16With =
    Backbone<Conv2d<3, 64, 3>, Relu, Conv2d<64, 64, 3>, Relu, FeatureTap<>, Pool,                                  //
             Conv2d<64, 128, 3>, Relu, Conv2d<128, 128, 3>, Relu, FeatureTap<>, Pool,                              //
             Conv2d<128, 256, 3>, Relu, Conv2d<256, 256, 3>, Relu, Conv2d<256, 256, 3>, Relu, FeatureTap<>, Pool,  //
             Conv2d<256, 512, 3>, Relu, Conv2d<512, 512, 3>, Relu, Conv2d<512, 512, 3>, Relu, FeatureTap<>, Pool,  //
             Conv2d<512, 512, 3>, Relu, Conv2d<512, 512, 3>, Relu, Conv2d<512, 512, 3>, Relu, FeatureTap<>>;
using Vgg16 = Vgg16With<MaxPool<2, 2>>;

/// SqueezeNet's module: 1x1 to few channels, from there 1x1 beside 3x3, each with ReLU (Iandola et al. 2016).
///   x → s = relu(squeeze(x)) → [relu(expand1x1(s)), relu(expand3x3(s))]
/// Shapes  in [n,In,h,w] · out [n,2·Expand,h,w]
template <int In, int Squeeze, int Expand, class T = float>
class Fire {
public:
    using Scalar = T;
    template <class U>
    using Rebind = Fire<In, Squeeze, Expand, U>;
    static constexpr int out_channels(int in) { return in == In ? 2 * Expand : kChannelMismatch; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        const auto relu = [&](auto value) { return activation(context, std::move(value), Activation::relu, T(0)); };
        const auto squeezed = relu(squeeze(context, std::move(x)));
        return concat_channels(context, relu(expand1x1(context, squeezed)), relu(expand3x3(context, squeezed)));
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        squeeze.each_parameter(prefix + "squeeze.", f);
        expand1x1.each_parameter(prefix + "expand1x1.", f);
        expand3x3.each_parameter(prefix + "expand3x3.", f);
    }
    void prepare(bool for_backward) {
        squeeze.prepare(for_backward);
        expand1x1.prepare(for_backward);
        expand3x3.prepare(for_backward);
    }
    void project() {}

    Conv2d<In, Squeeze, 1, Stride<1>, Padding<0>, T> squeeze;
    Conv2d<Squeeze, Expand, 1, Stride<1>, Padding<0>, T> expand1x1;
    Conv2d<Squeeze, Expand, 3, Stride<1>, Padding<1>, T> expand3x3;
};

/// SqueezeNet 1.1. Requires images of at least 17x17.
using SqueezeNet = Backbone<Conv2d<3, 64, 3, Stride<2>, Padding<0>>, Relu, FeatureTap<>, MaxPool<3, 2, true>,  //
                            Fire<64, 16, 64>, Fire<128, 16, 64>, FeatureTap<>, MaxPool<3, 2, true>,            //
                            Fire<128, 32, 128>, Fire<256, 32, 128>, FeatureTap<>, MaxPool<3, 2, true>,         //
                            Fire<256, 48, 192>, FeatureTap<>, Fire<384, 48, 192>, FeatureTap<>,                //
                            Fire<384, 64, 256>, FeatureTap<>, Fire<512, 64, 256>, FeatureTap<>>;

/// A layer that scales and shifts the three colours: out[c] = factor[c]·in[c] + offset[c].
template <class T>
[[nodiscard]] auto make_colour_scaling(const std::array<double, 3>& factor, const std::array<double, 3>& offset,
                                       bool for_backward) {
    Conv2d<3, 3, 1, Stride<1>, Padding<0>, T> layer;
    for (std::size_t c = 0; c < 3; ++c) {
        layer.weight.value[4 * c] = static_cast<T>(factor[c]);
        layer.bias.value[c] = static_cast<T>(offset[c]);
    }
    layer.prepare(for_backward);
    return layer;
}

}  // namespace gancodec
