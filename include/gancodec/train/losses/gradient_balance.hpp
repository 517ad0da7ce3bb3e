#pragma once

#include <algorithm>

#include "gancodec/autograd/tape.hpp"

namespace gancodec {

/// What an adversarial loss must be multiplied by for its gradient to be as long as that of the content loss, both taken
/// at the last layer of the generator:
///   min( ‖∇ content‖ / (‖∇ adversarial‖ + 1e-6), 1e4 )
/// Nothing flows through the weight itself. Costs one pass back from each loss to that layer.
/// Requires nothing but that layer is trained between the losses and the generator's other layers (a frozen
///          discriminator), `take_norm()` -> double answers the norm of the gradients of all parameters and clears them.
/// Paper    Esser, Rombach, Ommer: Taming Transformers for High-Resolution Image Synthesis, 2021, equation 7.
template <class T, class TakeNorm>
[[nodiscard]] double gradient_balance(Tape<T>& tape, Variable<T> content, Variable<T> adversarial,
                                      const TakeNorm& take_norm) {
    constexpr double kEpsilon = 1e-6, kLargest = 1e4;
    const auto norm = [&](Variable<T> loss) {
        tape.backward_to_last_layer(loss);
        return take_norm();
    };
    const double of_content = norm(content), of_adversarial = norm(adversarial);
    return std::min(of_content / (of_adversarial + kEpsilon), kLargest);
}

}  // namespace gancodec
