#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/dropout.hpp"
#include "gancodec/nn/perceptual.hpp"
#include "gancodec/nn/pool.hpp"
#include "gancodec/nn/shuffle.hpp"
#include "gancodec/nn/spectral_norm.hpp"
#include "gancodec/nn/upsample.hpp"

// Discriminators, for training only. All are called alike,
//     Judgement judgement = discriminator(context, image, condition);
// so that a stage takes any of them; one that does not use the condition ignores it. `Wrap` is what every convolution is
// wrapped in: SpectralNorm, or Unconstrained.

namespace gancodec {

/// What a discriminator says of a batch: logits, high where it takes the image for real, one map for each scale it looks
/// at; and what it saw on the way, for feature matching.
template <class Value>
struct Judgement {
    std::vector<Value> logits, features;
};

template <class L>
using Unconstrained = L;

/// What patch discriminators share: four 4x4 convolutions In → W → 2W → 4W → 8W with leaky ReLU 0.2, the first three of
/// stride 2, and a last one to one logit per patch.
/// Shapes  in [n,In,h,w] · logits [n,1,h/16,w/16] for LastStride 2 and Head 1
template <int In, int W, int LastStride, int Head, template <class> class Wrap, class T = float>
class PatchTrunk {
    template <int Ci, int Co, int Kernel, int Step>
    using Conv = Wrap<Conv2d<Ci, Co, Kernel, Stride<Step>, Padding<(Kernel - 1) / 2>, T>>;

public:
    using Scalar = T;
    template <class U>
    using Rebind = PatchTrunk<In, W, LastStride, Head, Wrap, U>;

    template <class Context>
    [[nodiscard]] auto operator()(Context& context, typename Context::Value x) const {
        Judgement<typename Context::Value> judgement;
        const auto step = [&](const auto& conv) {
            x = activation(context, conv(context, std::move(x)), Activation::leaky_relu, T(0.2));
            judgement.features.push_back(x);
        };
        step(conv0);
        step(conv1);
        step(conv2);
        step(conv3);
        judgement.logits.push_back(head(context, dropout(context, std::move(x))));
        return judgement;
    }
    template <class F>
    void each_layer(F&& f) {
        f("conv0.", conv0);
        f("conv1.", conv1);
        f("conv2.", conv2);
        f("conv3.", conv3);
        f("head.", head);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        each_layer([&](const char* name, auto& layer) { layer.each_parameter(prefix + name, f); });
    }
    void prepare(bool for_backward) {
        each_layer([&](const char*, auto& layer) { layer.prepare(for_backward); });
    }
    void project() {
        each_layer([](const char*, auto& layer) { layer.project(); });
    }

    Conv<In, W, 4, 2> conv0;
    Conv<W, 2 * W, 4, 2> conv1;
    Conv<2 * W, 4 * W, 4, 2> conv2;
    Conv<4 * W, 8 * W, 4, LastStride> conv3;
    Dropout<T> dropout;  ///< before the head
    Conv<8 * W, 1, Head, 1> head;
};

/// Patches, conditional on latents: they pass a 3x3 convolution to 12 channels, are enlarged and join the colours.
/// Shapes  image [n,3,h,w] · latents [n,Latents,h/Enlargement,w/Enlargement] · logits [n,1,h/16,w/16]
/// Paper   Mentzer, Toderici, Tschannen, Agustsson: High-Fidelity Generative Image Compression, 2020.
template <int Latents, int Enlargement = 16, int W = 64, template <class> class Wrap = SpectralNorm, class T = float>
class PatchDiscriminator {
    static constexpr int kConditionChannels = 12;

public:
    using Scalar = T;
    template <class U>
    using Rebind = PatchDiscriminator<Latents, Enlargement, W, Wrap, U>;

    template <class Context>
    [[nodiscard]] auto operator()(Context& context, typename Context::Value image,
                                  typename Context::Value latents) const {
        auto told = activation(context, condition(context, std::move(latents)), Activation::leaky_relu, T(0.2));
        told = upsample_nearest(context, std::move(told), Enlargement);
        return trunk(context, concat_channels(context, std::move(image), std::move(told)));
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        condition.each_parameter(prefix + "condition.", f);
        trunk.each_parameter(prefix, f);
    }
    void prepare(bool for_backward) {
        condition.prepare(for_backward);
        trunk.prepare(for_backward);
    }
    void project() {
        condition.project();
        trunk.project();
    }

    Wrap<Conv2d<Latents, kConditionChannels, 3, Stride<1>, Padding<1>, T>> condition;
    PatchTrunk<3 + kConditionChannels, W, 2, 1, Wrap, T> trunk;
};

/// Patches of 70x70 pixels, conditional on an image that the judged one should follow.
/// Shapes  image, condition [n,3,h,w] · logits [n,1,h/8 − 2,w/8 − 2]
/// Paper   Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional Adversarial Networks, 2017; its batch norm
///         gives way to Wrap.
template <int W = 64, template <class> class Wrap = SpectralNorm, class T = float>
class Pix2PixDiscriminator : public PatchTrunk<6, W, 1, 4, Wrap, T> {
public:
    template <class U>
    using Rebind = Pix2PixDiscriminator<W, Wrap, U>;
    template <class Context>
    [[nodiscard]] auto operator()(Context& context, typename Context::Value image,
                                  typename Context::Value condition) const {
        return PatchTrunk<6, W, 1, 4, Wrap, T>::operator()(
            context, concat_channels(context, std::move(image), std::move(condition)));
    }
};

/// One logit for a whole image: the mean over its patches; unconditional.
/// Shapes  image [n,3,h,w] · logits [n,1,1,1]
/// Paper   Radford, Metz, Chintala: Unsupervised Representation Learning with Deep Convolutional GANs, 2016; its batch norm
///         gives way to Wrap, its last dense layer to a mean, so that images may have any size.
template <int W = 64, template <class> class Wrap = SpectralNorm, class T = float>
class DcganDiscriminator : public PatchTrunk<3, W, 2, 1, Wrap, T> {
public:
    template <class U>
    using Rebind = DcganDiscriminator<W, Wrap, U>;
    template <class Context>
    [[nodiscard]] auto operator()(Context& context, typename Context::Value image, typename Context::Value) const {
        auto judgement = PatchTrunk<3, W, 2, 1, Wrap, T>::operator()(context, std::move(image));
        judgement.logits[0] = spatial_mean(context, std::move(judgement.logits[0]));
        return judgement;
    }
};

/// Three PatchDiscriminators that see the image at full, half and quarter size.
/// Shapes  image [n,3,h,w] · latents [n,Latents,h/16,w/16] · logits three maps, [n,1,h/16,w/16] and smaller
/// Paper   Wang, Liu, Zhu, Tao, Kautz, Catanzaro: High-Resolution Image Synthesis with Conditional GANs, 2018.
template <int Latents, int W = 32, template <class> class Wrap = SpectralNorm, class T = float>
class MultiScaleDiscriminator {
public:
    using Scalar = T;
    template <class U>
    using Rebind = MultiScaleDiscriminator<Latents, W, Wrap, U>;

    template <class Context>
    [[nodiscard]] auto operator()(Context& context, typename Context::Value image,
                                  typename Context::Value latents) const {
        Judgement<typename Context::Value> all;
        const auto look = [&](const auto& discriminator) {
            auto one = discriminator(context, image, latents);
            for (auto& logits : one.logits) all.logits.push_back(std::move(logits));
            for (auto& features : one.features) all.features.push_back(std::move(features));
        };
        constexpr PoolGeometry kHalve{3, 2, 1, false};
        look(full);
        image = avg_pool(context, std::move(image), kHalve);
        look(half);
        image = avg_pool(context, std::move(image), kHalve);
        look(quarter);
        return all;
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        full.each_parameter(prefix + "full.", f);
        half.each_parameter(prefix + "half.", f);
        quarter.each_parameter(prefix + "quarter.", f);
    }
    void prepare(bool for_backward) {
        full.prepare(for_backward);
        half.prepare(for_backward);
        quarter.prepare(for_backward);
    }
    void project() {
        full.project();
        half.project();
        quarter.project();
    }

    PatchDiscriminator<Latents, 16, W, Wrap, T> full;
    PatchDiscriminator<Latents, 8, W, Wrap, T> half;
    PatchDiscriminator<Latents, 4, W, Wrap, T> quarter;
};

/// A U-Net: one logit per pixel from its decoder, one per 8x8 pixels from its encoder; unconditional.
/// Shapes  image [n,3,h,w] · logits [n,1,h,w] and [n,1,h/8,w/8]
/// Paper   Schönfeld, Schiele, Khoreva: A U-Net Based Discriminator for Generative Adversarial Networks, 2020.
template <int W = 32, template <class> class Wrap = SpectralNorm, class T = float>
class UNetDiscriminator {
    template <int Ci, int Co>
    using Down = Wrap<Conv2d<Ci, Co, 4, Stride<2>, Padding<1>, T>>;
    template <int Ci, int Co, int Kernel = 3>
    using Same = Wrap<Conv2d<Ci, Co, Kernel, Stride<1>, Padding<Kernel / 2>, T>>;

public:
    using Scalar = T;
    template <class U>
    using Rebind = UNetDiscriminator<W, Wrap, U>;

    template <class Context>
    [[nodiscard]] auto operator()(Context& context, typename Context::Value image, typename Context::Value) const {
        using Value = typename Context::Value;
        const auto step = [&](const auto& conv, Value x) {
            return activation(context, conv(context, std::move(x)), Activation::leaky_relu, T(0.2));
        };
        const auto up = [&](Value below, Value beside) {
            return concat_channels(context, upsample_nearest(context, std::move(below), 2), std::move(beside));
        };
        const Value half = step(down0, std::move(image));
        const Value quarter = step(down1, half);
        const Value eighth = step(down2, quarter);
        const Value quarter_again = step(up1, up(eighth, quarter));
        const Value half_again = step(up0, up(quarter_again, half));
        return Judgement<Value>{{pixel_shuffle(context, pixels(context, half_again), 2), whole(context, eighth)},
                                {half, quarter, eighth, quarter_again, half_again}};
    }
    template <class F>
    void each_layer(F&& f) {
        f("down0.", down0);
        f("down1.", down1);
        f("down2.", down2);
        f("up1.", up1);
        f("up0.", up0);
        f("pixels.", pixels);
        f("whole.", whole);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        each_layer([&](const char* name, auto& layer) { layer.each_parameter(prefix + name, f); });
    }
    void prepare(bool for_backward) {
        each_layer([&](const char*, auto& layer) { layer.prepare(for_backward); });
    }
    void project() {
        each_layer([](const char*, auto& layer) { layer.project(); });
    }

    Down<3, W> down0;
    Down<W, 2 * W> down1;
    Down<2 * W, 4 * W> down2;
    Same<6 * W, 2 * W> up1;
    Same<3 * W, W> up0;
    Same<W, 4> pixels;
    Same<4 * W, 1, 1> whole;
};

}  // namespace gancodec
