#pragma once

#include <cmath>
#include <cstddef>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"

namespace gancodec::reference {

/// The plain twin of gancodec::root_gdn_forward().
template <class T>
void root_gdn_forward(TensorView<const T> in, const T* beta, const T* gamma, bool inverse, TensorView<T> out) {
    GANCODEC_ASSERT(in.shape == out.shape);
    for (int n = 0; n < in.shape.n; ++n)
        for (int i = 0; i < in.shape.padded_c(); ++i)
            for (int y = 0; y < in.shape.h; ++y)
                for (int x = 0; x < in.shape.w; ++x) {
                    if (i >= in.shape.c) {
                        out.at(n, i, y, x) = T(0);
                        continue;
                    }
                    T norm = beta[i];
                    for (int j = 0; j < in.shape.c; ++j) {
                        const T square = in.at(n, j, y, x) * in.at(n, j, y, x);
                        norm = std::fma(gamma[static_cast<std::ptrdiff_t>(i) * in.shape.c + j], square, norm);
                    }
                    const T root = std::sqrt(norm);
                    out.at(n, i, y, x) = inverse ? in.at(n, i, y, x) * root : in.at(n, i, y, x) / root;
                }
}

}  // namespace gancodec::reference
