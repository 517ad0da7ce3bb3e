#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gancodec/core/parallel.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// A parameter under training, with what the optimiser and the average remember of it.
struct TrainedParameter {
    std::string name;
    Parameter<float>* parameter;
    std::vector<float> first_moment, second_moment, average;
    double learning_rate_factor = 1;
};

/// Registers every parameter of `network` for training: from now on it has a gradient. Buffers are registered too, so
/// that checkpoints hold them, and get none.
template <class Network>
void collect_parameters(Network& network, const std::string& prefix, std::vector<TrainedParameter>& into,
                        double learning_rate_factor = 1) {
    network.each_parameter(prefix, [&](const std::string& name, Parameter<float>& parameter) {
        const std::size_t size = parameter.value.size();
        parameter.grad.assign(parameter.buffer ? 0 : size, 0.0f);
        into.push_back({name, &parameter, std::vector<float>(size), std::vector<float>(size), parameter.value,
                        learning_rate_factor});
    });
}

/// Adam (Kingma and Ba 2015), with decoupled weight decay (Loshchilov and Hutter 2019) when asked.
struct AdamOptions {
    double beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, weight_decay = 0;
};

inline void adam_update(std::span<TrainedParameter> parameters, const AdamOptions& options, double learning_rate,
                        std::int64_t step, double gradient_factor) {
    const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(step + 1));
    const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(step + 1));
    const auto beta1 = static_cast<float>(options.beta1), beta2 = static_cast<float>(options.beta2);
    const auto factor = static_cast<float>(gradient_factor), epsilon = static_cast<float>(options.epsilon);
    const auto inverse_root2 = static_cast<float>(1 / std::sqrt(correction2));
    parallel_for(static_cast<std::int64_t>(parameters.size()), [&](std::int64_t index, int) {
        TrainedParameter& p = parameters[static_cast<std::size_t>(index)];
        if (!p.parameter->trained()) return;
        const auto rate = static_cast<float>(learning_rate * p.learning_rate_factor / correction1);
        const auto decay = static_cast<float>(learning_rate * options.weight_decay);
        float* value = p.parameter->value.data();
        const float* grad = p.parameter->grad.data();
        for (std::size_t i = 0; i < p.parameter->value.size(); ++i) {
            const float g = grad[i] * factor;
            p.first_moment[i] = std::fma(beta1, p.first_moment[i] - g, g);
            p.second_moment[i] = std::fma(beta2, p.second_moment[i] - g * g, g * g);
            const float root = std::fma(std::sqrt(p.second_moment[i]), inverse_root2, epsilon);
            value[i] = std::fma(-rate, p.first_moment[i] / root, std::fma(-decay, value[i], value[i]));
        }
    });
}

/// The Euclidean norm of all gradients together.
[[nodiscard]] inline double gradient_norm(std::span<const TrainedParameter> parameters) {
    double sum = 0;
    for (const TrainedParameter& p : parameters)
        for (const float g : p.parameter->grad) sum = std::fma(static_cast<double>(g), static_cast<double>(g), sum);
    return std::sqrt(sum);
}
inline void clear_gradients(std::span<TrainedParameter> parameters) {
    for (TrainedParameter& p : parameters) p.parameter->grad.assign(p.parameter->grad.size(), 0.0f);
}

/// Takes the gradients away from parameters for as long as it lives: what is recorded and differentiated meanwhile leaves
/// them alone, and costs nothing for them.
class Frozen {
public:
    explicit Frozen(std::span<TrainedParameter> parameters) : parameters_(parameters), kept_(parameters.size()) {
        exchange();
    }
    ~Frozen() { exchange(); }
    Frozen(const Frozen&) = delete;
    Frozen& operator=(const Frozen&) = delete;

private:
    void exchange() {
        for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i].swap(parameters_[i].parameter->grad);
    }
    std::span<TrainedParameter> parameters_;
    std::vector<std::vector<float>> kept_;
};

/// The decay of an average that begins with the first step: young averages forget faster.
[[nodiscard]] inline double warm_decay(double decay, std::int64_t step) {
    return std::min(decay, static_cast<double>(step + 1) / static_cast<double>(step + 10));
}

/// Exponential moving average of the weights: average ← decay·average + (1 − decay)·value.
inline void update_average(std::span<TrainedParameter> parameters, double decay) {
    const auto keep = static_cast<float>(decay);
    for (TrainedParameter& p : parameters)
        for (std::size_t i = 0; i < p.average.size(); ++i)
            p.average[i] = std::fma(keep, p.average[i] - p.parameter->value[i], p.parameter->value[i]);
}

}  // namespace gancodec
