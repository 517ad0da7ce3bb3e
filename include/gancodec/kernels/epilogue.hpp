#pragma once

#include <cstddef>

#include "gancodec/core/config.hpp"
#include "gancodec/kernels/activation.hpp"
#include "gancodec/simd/batch.hpp"

namespace gancodec {

/// What a convolution does to its sums before it leaves them: out = act(sum + skip). Nothing by default.
/// Saves a pass over the tensor; equal to the separate operations, bit for bit.
template <class T>
struct Epilogue {
    /// The tensor to add, of the shape of the output; null for none. Not the
    /// output itself.
    const T* skip = nullptr;
    bool activate = false;
    Activation activation = Activation::relu;  ///< relu or leaky_relu
    T slope = T(0);                            ///< of leaky_relu

    [[nodiscard]] bool empty() const { return skip == nullptr && !activate; }
    [[nodiscard]] T apply(T sum, T other) const {
        if (skip != nullptr) sum += other;
        if (!activate || sum > T(0)) return sum;
        return activation == Activation::relu ? T(0) : slope * sum;
    }
};

namespace detail {

/// Epilogue::apply() on a register; `skip` points at the numbers to add, if any.
template <class Arch>
GANCODEC_INLINE simd::Floats<Arch> finish_register(const Epilogue<float>& e, simd::Floats<Arch> sum,
                                                   const float* skip) {
    if (e.skip != nullptr) sum = sum + simd::load<Arch>(skip);
    if (!e.activate) return sum;
    return simd::positive_or(
        sum, e.activation == Activation::relu ? simd::broadcast<Arch>(0.0f) : simd::broadcast<Arch>(e.slope) * sum);
}

/// Applies an epilogue to `pixels` pixels of 16 channels, `step` floats apart; `offset` is that of `out` in its tensor.
template <class Arch>
void finish_pixels(const Epilogue<float>& e, float* out, std::ptrdiff_t offset, int pixels, std::ptrdiff_t step) {
    for (int p = 0; p < pixels; ++p, out += step, offset += step)
        for (int lane = 0; lane < kChannelBlock; lane += simd::kLanes<Arch>)
            simd::store<Arch>(out + lane, finish_register<Arch>(e, simd::load<Arch>(out + lane),
                                                                e.skip == nullptr ? nullptr : e.skip + offset + lane));
}

}  // namespace detail
}  // namespace gancodec
