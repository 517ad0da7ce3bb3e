#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// The largest disagreement that gradient_check() found.
struct GradientError {
    double relative = 0;  ///< |analytic − numeric| / max(|analytic|, |numeric|, 1e-3 · largest gradient of that tensor)
    std::string where;  ///< name[index]: analytic, numeric
};

namespace detail {

/// Checks the elements of one tensor that are listed in `indices`.
template <class Loss>
void check_values(const std::string& name, double* values, const double* gradient,
                  const std::vector<std::size_t>& indices, const Loss& loss, GradientError& worst) {
    constexpr double kStep = 1e-3;
    double largest = 1e-12;
    for (const std::size_t i : indices) largest = std::max(largest, std::abs(gradient[i]));
    for (const std::size_t i : indices) {
        const double kept = values[i];
        const auto at = [&](double offset) {
            values[i] = kept + offset;
            return loss();
        };
        // Five points: the error falls with the fourth power of the step.
        const double numeric = (8 * (at(kStep) - at(-kStep)) - (at(2 * kStep) - at(-2 * kStep))) / (12 * kStep);
        values[i] = kept;
        const double scale = std::max({std::abs(gradient[i]), std::abs(numeric), 1e-3 * largest});
        const double relative = std::abs(gradient[i] - numeric) / scale;
        if (relative > worst.relative)
            worst = {relative, name + "[" + std::to_string(i) + "]: analytic " + std::to_string(gradient[i]) +
                                   ", numeric " + std::to_string(numeric)};
    }
}

}  // namespace detail

/// Compares the gradients of any network or loss with central differences, in double.
///   `network`  anything with each_parameter() and prepare(); its parameters are checked
///   `inputs`   tensors whose gradients are checked as well
///   `record`   record(tape, variables of the inputs) -> Variable<double>, one number; called many times, so it must be
///              deterministic, and smooth near the point where it is checked (no kink of a ReLU within 2e-3)
template <class Network, class Record>
[[nodiscard]] GradientError gradient_check(Network& network, std::vector<Tensor<double>>& inputs,
                                           const Record& record) {
    Tape<double> tape;
    const auto run = [&](std::vector<Variable<double>>& variables) {
        tape.clear();
        network.prepare(true);
        variables.clear();
        for (Tensor<double>& input : inputs) variables.push_back(tape.leaf(input.view(), true));
        return record(tape, variables);
    };
    network.each_parameter("", [](const std::string&, Parameter<double>& p) {
        if (!p.buffer) p.grad.assign(p.value.size(), 0.0);
    });
    std::vector<Variable<double>> variables;
    tape.backward(run(variables));
    std::vector<std::vector<double>> input_gradients;
    for (const auto& variable : variables) {
        const auto gradient = tape.gradient(variable);
        input_gradients.emplace_back(variable.constant().size(), 0.0);  // zero where nothing flowed back
        if (gradient.data) input_gradients.back().assign(gradient.data, gradient.data + gradient.size());
    }
    const auto loss = [&] {
        std::vector<Variable<double>> ignored;
        return run(ignored).scalar();
    };
    GradientError worst;
    network.each_parameter("", [&](const std::string& name, Parameter<double>& p) {
        if (p.buffer) return;
        const std::vector<double> gradient = p.grad;  // recording again adds nothing, but backward() would
        std::vector<std::size_t> all(p.value.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        detail::check_values(name, p.value.data(), gradient.data(), all, loss, worst);
    });
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Shape& s = inputs[i].shape();
        std::vector<std::size_t> logical;  // padding channels are not inputs
        for (int n = 0; n < s.n; ++n)
            for (int c = 0; c < s.c; ++c)
                for (int y = 0; y < s.h; ++y)
                    for (int x = 0; x < s.w; ++x) logical.push_back(s.offset(n, c, y, x));
        detail::check_values("input " + std::to_string(i), inputs[i].data(), input_gradients[i].data(), logical, loss,
                             worst);
    }
    return worst;
}

}  // namespace gancodec
