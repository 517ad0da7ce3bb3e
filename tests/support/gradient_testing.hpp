#pragma once

// What tests of gradients share: analytic against central difference, in double, relative error under 1e-6.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/autograd/gradient_check.hpp"
#include "gancodec/core/parallel.hpp"
#include "gancodec/train/losses/distortion.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

namespace gancodec::testing {

inline constexpr double kTolerance = 1e-6;

/// Thousands of tiny networks run faster without a team of threads.
class OneThread {
public:
    OneThread() : before_(threads()) { set_threads(1); }
    ~OneThread() { set_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

private:
    int before_;
};

inline void randomise(Parameter<double>& parameter, Random& random, double low, double high) {
    for (double& v : parameter.value) v = random.uniform(low, high);
}

inline Tensor<double> random_input(const Shape& shape, std::uint64_t seed, double low = -1, double high = 1) {
    return random_tensor<double>(shape, seed, low, high);
}

/// A loss that weighs every output differently: Σ_i w_i·out_i² with fixed random w.
inline Variable<double> weighted_square(Tape<double>& tape, Variable<double> out) {
    const Shape s = out.shape();
    auto zero = tape.scratch().zeros<double>(s);
    Random random(99);
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x) zero.at(n, c, y, x) = random.uniform(-3, 3);
    std::vector<double> weight(static_cast<std::size_t>(s.n), 1.0), measured;
    return mean_squared_error(tape, out, tape.leaf(zero), std::span<const double>(weight), measured);
}

template <class Network>
double network_error(Network& network, Shape in, std::uint64_t seed = 5) {
    const OneThread alone;
    Random random(seed);
    network.each_parameter("", [&](const std::string&, Parameter<double>& p) { randomise(p, random, -0.5, 0.5); });
    network.project();
    std::vector<Tensor<double>> inputs;
    inputs.push_back(random_input(in, seed + 1));
    const GradientError error = gradient_check(
        network, inputs, [&](auto& tape, auto& x) { return weighted_square(tape, network(tape, x[0])); });
    INFO(error.where);
    CHECK(error.relative < kTolerance);
    return error.relative;
}

/// For one layer that is called with more than its input.
template <class Layer>
struct OneLayer {
    Layer& layer;
    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        layer.each_parameter(prefix, f);
    }
    void prepare(bool) {}
};

/// For operations without parameters.
struct NoParameters {
    template <class F>
    void each_parameter(const std::string&, F&&) {}
    void prepare(bool) {}
};

template <class Operation>
void operation_error(std::vector<Tensor<double>> inputs, const Operation& operation) {
    const OneThread alone;
    NoParameters none;
    const GradientError error = gradient_check(none, inputs, operation);
    INFO(error.where);
    CHECK(error.relative < kTolerance);
}

}  // namespace gancodec::testing
