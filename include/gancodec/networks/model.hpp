#pragma once

#include <string>

#include "gancodec/networks/presets.hpp"
#include "gancodec/nn/gain.hpp"

namespace gancodec {

/// All networks of one codec, in the form in which they are trained. `T` is double only in gradient checks.
template <class T = float>
struct Model {
    using Scalar = T;
    Encoder::Rebind<T> encoder;
    HyperEncoder::Rebind<T> hyper_encoder;
    ScaleNetwork::Rebind<T> hyper_scale;
    HyperMean::Rebind<T> hyper_mean;
    Generator::Rebind<T> generator;
    Gain<kQualityLevels, kLatentChannels, T> gain;

    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        encoder.each_parameter(prefix + "encoder.", f);
        hyper_encoder.each_parameter(prefix + "hyper_encoder.", f);
        hyper_scale.each_parameter(prefix + "hyper_scale.", f);
        hyper_mean.each_parameter(prefix + "hyper_mean.", f);
        generator.each_parameter(prefix + "generator.", f);
        gain.each_parameter(prefix + "gain.", f);
    }
    void prepare(bool for_backward) {
        encoder.prepare(for_backward);
        hyper_encoder.prepare(for_backward);
        hyper_scale.prepare(for_backward);
        hyper_mean.prepare(for_backward);
        generator.prepare(for_backward);
    }
    void project() {
        encoder.project();
        hyper_encoder.project();
        hyper_mean.project();
        generator.project();
    }
};

}  // namespace gancodec
