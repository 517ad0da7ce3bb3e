#pragma once

#include <string>
#include <utility>

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/conv_transpose2d.hpp"
#include "gancodec/nn/gdn.hpp"
#include "gancodec/nn/sequential.hpp"

// Encoders and generators of residual blocks with GDN, after the blocks of Cheng, Sun, Takeuchi, Katto: Learned Image
// Compression with Discretized Gaussian Mixture Likelihoods and Attention Modules, 2020. The encoder and generator of Pei, Liu,
// Ling et al. (ISCAS 2023) are of this kind; their table of channels and blocks was not at hand, so these are not theirs.

namespace gancodec {

/// skip(x) + norm(same(leaky_relu(move(x)))): `Move` and `Skip` change the resolution alike, `Same` keeps it.
template <class Move, class Same, class Norm, class Skip>
class ResidualGdn {
public:
    using Scalar = typename Move::Scalar;
    template <class U>
    using Rebind = ResidualGdn<typename Move::template Rebind<U>, typename Same::template Rebind<U>,
                               typename Norm::template Rebind<U>, typename Skip::template Rebind<U>>;
    static constexpr int out_channels(int in) {
        const int main = Norm::out_channels(Same::out_channels(Move::out_channels(in)));
        return main == Skip::out_channels(in) ? main : kChannelMismatch;
    }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        auto inner = activation(context, move(context, x), Activation::leaky_relu, Scalar(0.2));
        inner = norm(context, same(context, std::move(inner)));
        return add(context, std::move(inner), skip(context, std::move(x)));
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        move.each_parameter(prefix + "move.", f);
        same.each_parameter(prefix + "same.", f);
        norm.each_parameter(prefix + "norm.", f);
        skip.each_parameter(prefix + "skip.", f);
    }
    void prepare(bool for_backward) {
        move.prepare(for_backward);
        same.prepare(for_backward);
        norm.prepare(for_backward);
        skip.prepare(for_backward);
    }
    void project() {
        move.project();
        same.project();
        norm.project();
        skip.project();
    }

    Move move;
    Same same;
    Norm norm;
    Skip skip;
};

/// [n,In,h,w] → [n,Out,h/2,w/2], with GDN.
template <int In, int Out>
using ResidualGdnDown =
    ResidualGdn<Conv2d<In, Out, 3, Stride<2>>, Conv2d<Out, Out, 3>, Gdn<Out>, Conv2d<In, Out, 3, Stride<2>>>;
/// [n,In,h,w] → [n,Out,2h,2w], with inverse GDN.
template <int In, int Out>
using ResidualGdnUp =
    ResidualGdn<ConvTranspose2d<In, Out, 4>, Conv2d<Out, Out, 3>, Gdn<Out, true>, ConvTranspose2d<In, Out, 4>>;

/// x [n,3,h,w] → y [n,Latents,h/16,w/16], and back.
template <int Latents, int W = 128>
using ResidualGdnEncoder =
    Sequential<ResidualGdnDown<3, W>, ResidualGdnDown<W, W>, ResidualGdnDown<W, W>, Conv2d<W, Latents, 3, Stride<2>>>;
template <int Latents, int W = 128>
using ResidualGdnGenerator =
    Sequential<ResidualGdnUp<Latents, W>, ResidualGdnUp<W, W>, ResidualGdnUp<W, W>, ConvTranspose2d<W, 3, 4>>;

}  // namespace gancodec
