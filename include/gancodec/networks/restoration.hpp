#pragma once

#include <string>
#include <utility>

#include "gancodec/nn/activation.hpp"
#include "gancodec/nn/conv2d.hpp"
#include "gancodec/nn/residual_block.hpp"
#include "gancodec/nn/sequential.hpp"

namespace gancodec {

/// From pictures to pictures of another kind, decoded ones to originals or back: what two residual blocks add to them.
/// Shapes  in, out [n,3,h,w]
/// Paper   after the generators of Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation using Cycle-Consistent
///         Adversarial Networks (CycleGAN), 2017, without their change of resolution and their norms.
template <int W = 32, class T = float>
class RestorationGenerator {
public:
    using Scalar = T;
    template <class U>
    using Rebind = RestorationGenerator<W, U>;
    static constexpr int out_channels(int in) { return in == 3 ? 3 : kChannelMismatch; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return add(context, change(context, x), x);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        change.each_parameter(prefix, f);
    }
    void prepare(bool for_backward) { change.prepare(for_backward); }
    void project() {}

    typename Sequential<Conv2d<3, W, 3>, LeakyRelu<>, ResidualBlock<W>, ResidualBlock<W>,
                        Conv2d<W, 3, 3>>::template Rebind<T>
        change;
};

}  // namespace gancodec
