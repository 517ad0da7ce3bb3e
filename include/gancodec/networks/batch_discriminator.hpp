#pragma once

#include <string>
#include <utility>

#include "gancodec/networks/discriminators.hpp"

namespace gancodec {

/// Logits for patches, and one for the whole image that depends on the other images of its batch: the last features of the
/// patches' trunk, their means over the image, then `Aware`, a layer that looks across the batch, and a dense layer;
/// unconditional.
/// Shapes   image [n,3,h,w] · logits [n,1,h/16,w/16] and [n,1,1,1]
/// Paper    Salimans et al. 2016 with MinibatchDiscrimination, Karras et al. 2018 with BatchDeviation as `Aware`.
template <class Aware, int W = 32, template <class> class Wrap = SpectralNorm, class T = float>
class BatchDiscriminator {
    static_assert(Aware::out_channels(8 * W) != kChannelMismatch,
                  "BatchDiscriminator: expected a layer for the 8·W features of its trunk, found one for others.");

public:
    using Scalar = T;
    template <class U>
    using Rebind = BatchDiscriminator<typename Aware::template Rebind<U>, W, Wrap, U>;

    template <class Context>
    [[nodiscard]] auto operator()(Context& context, typename Context::Value image, typename Context::Value) const {
        auto judgement = trunk(context, std::move(image));
        judgement.logits.push_back(whole(context, aware(context, spatial_mean(context, judgement.features.back()))));
        return judgement;
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        trunk.each_parameter(prefix, f);
        aware.each_parameter(prefix + "aware.", f);
        whole.each_parameter(prefix + "whole.", f);
    }
    void prepare(bool for_backward) {
        trunk.prepare(for_backward);
        aware.prepare(for_backward);
        whole.prepare(for_backward);
    }
    void project() {
        trunk.project();
        aware.project();
        whole.project();
    }

    PatchTrunk<3, W, 2, 1, Wrap, T> trunk;
    Aware aware;
    Wrap<Conv2d<Aware::out_channels(8 * W), 1, 1, Stride<1>, Padding<0>, T>> whole;
};

}  // namespace gancodec
