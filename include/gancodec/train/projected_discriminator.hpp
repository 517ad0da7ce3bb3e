#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include "gancodec/autograd/feature_ops.hpp"
#include "gancodec/autograd/latent_ops.hpp"
#include "gancodec/autograd/ops.hpp"
#include "gancodec/networks/discriminators.hpp"

namespace gancodec {

/// Judges the features of a frozen network instead of pixels: at every tap a random 1x1 convolution that is never trained,
/// then two 3x3 convolutions to one logit per place; unconditional. The paper's mixing across scales is left out.
///   `Features`  has Channels of its taps, kTapChannels, and features(context, image in [0, 1], see), as Lpips has
/// Shapes   image [n,3,h,w] in [−1, 1] · logits [n,1,h_i,w_i] for the places of each tap i
/// Paper    Sauer, Chitta, Müller, Geiger: Projected GANs Converge Faster, 2021.
template <class Features, int W = 64>
class ProjectedDiscriminator {
    static constexpr std::size_t kTaps = Features::kTapChannels.size();

public:
    using Scalar = typename Features::Scalar;

    /// `features` must outlive the discriminator.
    explicit ProjectedDiscriminator(const Features& features) : features_(&features) {
        each_head([](const char*, auto& head) { head.mix.weight.buffer = head.mix.bias.buffer = true; });
    }

    [[nodiscard]] auto operator()(Tape<Scalar>& tape, Variable<Scalar> image, Variable<Scalar>) const {
        Judgement<Variable<Scalar>> judgement;
        features_->features(tape, scale_and_shift(tape, image, Scalar(0.5), Scalar(0.5)),
                            [&](std::size_t tap, Variable<Scalar> seen) { judge(tape, tap, seen, judgement); });
        return judgement;
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        each_head([&](const char* name, auto& head) { head.each_parameter(prefix + name, f); });
    }
    void prepare(bool for_backward) {
        each_head([&](const char*, auto& head) { head.prepare(for_backward); });
    }
    void project() {
        each_head([](const char*, auto& head) { head.project(); });
    }

private:
    template <int In>
    struct Head {
        template <class F>
        void each_parameter(const std::string& prefix, F&& f) {
            mix.each_parameter(prefix + "mix.", f);
            inner.each_parameter(prefix + "inner.", f);
            logit.each_parameter(prefix + "logit.", f);
        }
        void prepare(bool for_backward) {
            mix.prepare(for_backward);
            inner.prepare(for_backward);
            logit.prepare(for_backward);
        }
        void project() {
            inner.project();
            logit.project();
        }

        Conv2d<In, W, 1, Stride<1>, Padding<0>, Scalar> mix;
        SpectralNorm<Conv2d<W, W, 3, Stride<1>, Padding<1>, Scalar>> inner;
        SpectralNorm<Conv2d<W, 1, 3, Stride<1>, Padding<1>, Scalar>> logit;
    };
    template <std::size_t... I>
    static auto make_heads(std::index_sequence<I...>) -> std::tuple<Head<Features::kTapChannels[I]>...>;
    using Heads = decltype(make_heads(std::make_index_sequence<kTaps>{}));

    template <class F>
    void each_head(F&& f) {
        static constexpr std::array<const char*, 6> kNames{"tap0.", "tap1.", "tap2.", "tap3.", "tap4.", "tap5."};
        static_assert(kTaps <= kNames.size(), "ProjectedDiscriminator: expected features of at most six taps");
        std::size_t tap = 0;
        std::apply([&](auto&... head) { (f(kNames[tap++], head), ...); }, heads_);
    }
    void judge(Tape<Scalar>& tape, std::size_t tap, Variable<Scalar> seen,
               Judgement<Variable<Scalar>>& judgement) const {
        const auto look = [&](const auto& head) {
            const auto inner =
                activation(tape, head.inner(tape, head.mix(tape, seen)), Activation::leaky_relu, Scalar(0.2));
            judgement.features.push_back(inner);
            judgement.logits.push_back(head.logit(tape, inner));
        };
        std::size_t index = 0;
        std::apply([&](const auto&... head) { ((index++ == tap ? look(head) : void()), ...); }, heads_);
    }

    const Features* features_;
    Heads heads_;
};

}  // namespace gancodec
