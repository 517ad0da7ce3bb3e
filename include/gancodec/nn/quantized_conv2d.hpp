#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/nn/conv2d.hpp"

namespace gancodec {

/// A convolution that is trained in floating point but will run in integers: the forward pass uses weights rounded to
/// 8 bits (one step per output channel) and a bias rounded to the step of the accumulator, the gradients pass straight
/// through. integers() exports what the integer kernel needs.
///   q[co,…] = round(weight[co,…] / step[co]),  step[co] = max|weight[co,…]| / 127
template <int In, int Out, int Kernel, class T = float>
class QuantizedConv2d {
public:
    using Scalar = T;
    template <class U>
    using Rebind = QuantizedConv2d<In, Out, Kernel, U>;
    static constexpr std::size_t kFan = static_cast<std::size_t>(In) * Kernel * Kernel;

    static constexpr int out_channels(int in) { return in == In ? Out : kChannelMismatch; }
    static constexpr ConvGeometry geometry() { return {In, Out, Kernel, 1, Kernel / 2}; }

    QuantizedConv2d() : weight({Out, In, Kernel, Kernel}), bias({Out}) {}

    /// The value of 1 in the integers that come in: 1 for hyper latents, the activation step behind a ReLU.
    void set_input_step(double step) { input_step_ = step; }

    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        return conv2d(context, std::move(x), *this);
    }
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        f(prefix + "weight", weight);
        f(prefix + "bias", bias);
    }
    void prepare(bool for_backward) {
        const Integers q = integers();
        std::vector<T> rounded_weight(weight.value.size()), rounded_bias(bias.value.size());
        for (std::size_t co = 0; co < Out; ++co) {
            for (std::size_t i = co * kFan; i < (co + 1) * kFan; ++i)
                rounded_weight[i] = static_cast<T>(q.weight[i] * q.step[co]);
            rounded_bias[co] = static_cast<T>(q.bias[co] * q.step[co] * input_step_);
        }
        prepared.prepare(geometry(), rounded_weight.data(), rounded_bias.data(), for_backward);
    }
    void project() {}

    struct Integers {
        std::vector<std::int8_t> weight;  ///< OIHW
        std::vector<std::int32_t> bias;
        std::vector<double> step;  ///< accumulator unit = step[co] · input step
    };
    [[nodiscard]] Integers integers() const {
        Integers q{std::vector<std::int8_t>(weight.value.size()), std::vector<std::int32_t>(Out),
                   std::vector<double>(Out)};
        for (std::size_t co = 0; co < Out; ++co) {
            double largest = 1e-6;
            for (std::size_t i = co * kFan; i < (co + 1) * kFan; ++i)
                largest = std::max(largest, std::abs(static_cast<double>(weight.value[i])));
            q.step[co] = largest / 127;
            for (std::size_t i = co * kFan; i < (co + 1) * kFan; ++i)
                q.weight[i] =
                    static_cast<std::int8_t>(std::nearbyint(static_cast<double>(weight.value[i]) / q.step[co]));
            constexpr double kBiasLimit = 1 << 26;
            q.bias[co] = static_cast<std::int32_t>(std::nearbyint(
                std::clamp(static_cast<double>(bias.value[co]) / (q.step[co] * input_step_), -kBiasLimit, kBiasLimit)));
        }
        return q;
    }
    [[nodiscard]] double input_step() const { return input_step_; }

    Parameter<T> weight, bias;
    PreparedConv2d<T> prepared;

private:
    double input_step_ = 1;
};

}  // namespace gancodec
