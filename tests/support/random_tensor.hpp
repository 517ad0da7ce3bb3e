#pragma once

#include <cstdint>

#include "gancodec/core/random.hpp"
#include "gancodec/core/tensor.hpp"

/// A tensor of seeded values, uniform in [low, high); the padded channels are zero.
template <class T>
gancodec::Tensor<T> random_tensor(const gancodec::Shape& shape, std::uint64_t seed, double low = -1.0,
                                  double high = 1.0) {
    gancodec::Tensor<T> tensor(shape);
    gancodec::Random random(seed);
    for (int n = 0; n < shape.n; ++n)
        for (int c = 0; c < shape.c; ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) tensor.at(n, c, y, x) = static_cast<T>(random.uniform(low, high));
    return tensor;
}
