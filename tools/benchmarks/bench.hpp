#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gancodec/core/random.hpp"
#include "gancodec/core/tensor.hpp"

namespace gancodec::bench {

/// Something to time. `amount` counts what one call does, in units of `unit`: "flop", "symbol" or "call".
struct Case {
    std::string name, unit;
    double amount = 1;
    std::function<std::function<void()>()> prepare;  ///< builds what it needs; the result is the call to time
};

/// Convolutions and GDN: the shapes of known networks and of the shipped ones.
std::vector<Case> kernel_cases();
/// rANS, and the integer convolutions of the hyper scale network.
std::vector<Case> entropy_cases();
/// The codec with weights from `weights_path`, as a whole and by stages, and a training step.
std::vector<Case> codec_cases(const std::string& weights_path);

inline Tensor<float> random_tensor(Shape shape, Random& random) {
    Tensor<float> t(shape);
    for (int n = 0; n < shape.n; ++n)
        for (int c = 0; c < shape.c; ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) t.at(n, c, y, x) = static_cast<float>(random.uniform(-1, 1));
    return t;
}
inline std::vector<float> random_vector(int size, Random& random) {
    std::vector<float> v(static_cast<std::size_t>(size));
    for (float& x : v) x = static_cast<float>(random.uniform(-0.1, 0.1));
    return v;
}

}  // namespace gancodec::bench
