#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "gancodec/train/optimizer.hpp"

namespace gancodec {

/// The gradients of one loss to the parameters of both networks, each set in one list.
template <class T>
struct TwoGradients {
    std::vector<T> to_discriminator, to_generator;
};

namespace detail {

template <class T>
std::vector<T> moved(const std::vector<T>& from, double distance, const std::vector<T>& along) {
    std::vector<T> result(from);
    for (std::size_t i = 0; i < result.size(); ++i)
        result[i] = static_cast<T>(std::fma(distance, static_cast<double>(along[i]), static_cast<double>(from[i])));
    return result;
}

}  // namespace detail

/// The generator's gradient of its loss against the discriminator that `steps` steps of gradient descent would lead to,
/// the answer of those steps to the generator included:
///   θ_0 = `discriminator`,  θ_{k+1} = θ_k − rate·∇_θ L_D(θ_k, G);   result d/dG L_G(θ_steps(G), G)
/// Back through the steps, products of second derivatives with a vector v are central differences of gradients along v,
/// so nothing needs to be differentiated twice; `difference` is their step, as a distance of parameters.
///   `discriminator_gradients(θ)`, `generator_gradients(θ)` -> TwoGradients of L_D and of L_G at θ
/// Paper    Metz, Poole, Pfau, Sohl-Dickstein: Unrolled Generative Adversarial Networks, 2017, equations 6 to 10.
template <class T, class D, class G>
[[nodiscard]] std::vector<T> unrolled_gradient(const std::vector<T>& discriminator, int steps, double rate,
                                               double difference, const D& discriminator_gradients,
                                               const G& generator_gradients) {
    std::vector<std::vector<T>> path = {discriminator};
    for (int k = 0; k < steps; ++k)
        path.push_back(detail::moved(path.back(), -rate, discriminator_gradients(path.back()).to_discriminator));
    TwoGradients<T> gradient = generator_gradients(path.back());
    for (std::size_t k = path.size() - 1; k-- > 0;) {
        double square = 0;
        for (const T v : gradient.to_discriminator) square = std::fma(double(v), double(v), square);
        if (square == 0) break;
        const double step = difference / std::sqrt(square);
        const auto& v = gradient.to_discriminator;
        const TwoGradients<T> ahead = discriminator_gradients(detail::moved(path[k], step, v)),
                              behind = discriminator_gradients(detail::moved(path[k], -step, v));
        const auto pull = [&](std::vector<T>& total, const std::vector<T>& plus, const std::vector<T>& minus) {
            for (std::size_t i = 0; i < total.size(); ++i)
                total[i] -= static_cast<T>(rate * (double(plus[i]) - double(minus[i])) / (2 * step));
        };
        pull(gradient.to_generator, ahead.to_generator, behind.to_generator);
        pull(gradient.to_discriminator, ahead.to_discriminator, behind.to_discriminator);
    }
    return gradient.to_generator;
}

/// How far the generator looks ahead.
struct UnrolledOptions {
    int steps = 0;  ///< of gradient descent of the discriminator; 0: no unrolling
    double rate = 0.1, difference = 1e-2;

    friend bool operator==(const UnrolledOptions&, const UnrolledOptions&) = default;
};

enum class Player { discriminator, generator };

namespace detail {

/// All values, or all gradients, of the parameters that have gradients, in one list; and back.
inline std::vector<float> joined(std::span<const TrainedParameter> parameters,
                                 std::vector<float> Parameter<float>::*part) {
    std::vector<float> all;
    for (const TrainedParameter& p : parameters)
        if (p.parameter->trained()) all.insert(all.end(), (p.parameter->*part).begin(), (p.parameter->*part).end());
    return all;
}
inline void spread(const std::vector<float>& all, std::span<TrainedParameter> parameters,
                   std::vector<float> Parameter<float>::*part) {
    std::size_t at = 0;
    for (TrainedParameter& p : parameters)
        if (p.parameter->trained())
            for (float& number : p.parameter->*part) number = all[at++];
}

}  // namespace detail

/// unrolled_gradient() of two networks, as the gradient of the generator's parameters; the discriminator's values are what
/// they were, and its layers are to be prepared again.
///   `backward(player)`  prepares and records both networks with the values they hold, and goes back from that player's loss,
///                       on the same batch every time
template <class Backward>
void unrolled_backward(std::span<TrainedParameter> generator, std::span<TrainedParameter> discriminator,
                       const UnrolledOptions& options, const Backward& backward) {
    using Numbers = Parameter<float>;
    const auto gradients = [&](const std::vector<float>& values, Player player) {
        detail::spread(values, discriminator, &Numbers::value);
        clear_gradients(discriminator);
        clear_gradients(generator);
        backward(player);
        return TwoGradients<float>{detail::joined(discriminator, &Numbers::grad),
                                   detail::joined(generator, &Numbers::grad)};
    };
    const std::vector<float> before = detail::joined(discriminator, &Numbers::value);
    const std::vector<float> gradient = unrolled_gradient(
        before, options.steps, options.rate, options.difference,
        [&](const std::vector<float>& d) { return gradients(d, Player::discriminator); },
        [&](const std::vector<float>& d) { return gradients(d, Player::generator); });
    detail::spread(before, discriminator, &Numbers::value);
    detail::spread(gradient, generator, &Numbers::grad);
}

}  // namespace gancodec
