#pragma once

#include <cstddef>
#include <span>

#include "gancodec/core/check.hpp"
#include "gancodec/core/tensor.hpp"

namespace gancodec {

/// Calls f(i, element) for the elements of one image in the order of symbols in a stream: channels, rows, columns.
/// Shapes  tensor [1,c,h,w] · i counts 0 … c·h·w − 1
template <class T, class F>
void each_in_symbol_order(TensorView<T> tensor, F&& f) {
    GANCODEC_ASSERT(tensor.shape.n == 1);
    const std::size_t plane = tensor.shape.plane();
    std::size_t i = 0;
    for (int c = 0; c < tensor.shape.c; ++c) {
        T* element = tensor.data + tensor.shape.offset(0, c, 0, 0);
        for (std::size_t pixel = 0; pixel < plane; ++pixel, ++i, element += kChannelBlock) f(i, *element);
    }
}

/// Writes numbers that come in the order of symbols: element = value(i).
template <class Value>
void fill_in_symbol_order(TensorView<float> tensor, Value&& value) {
    each_in_symbol_order(tensor, [&](std::size_t i, float& element) { element = value(i); });
    clear_padding(tensor);
}

}  // namespace gancodec
