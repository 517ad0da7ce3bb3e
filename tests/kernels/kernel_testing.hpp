#pragma once

// What every kernel test needs: random tensors, a runner that tries thread counts, and a gradient check in double.

#include <gancodec.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"

namespace kernel_testing {

using gancodec::Shape;
using gancodec::Tensor;
using gancodec::TensorView;

/// Shapes whose channels and pixels leave every kind of remainder.
inline std::vector<Shape> remainder_shapes() {
    std::vector<Shape> shapes;
    for (const int c : {1, 3, 12, 17, 40}) {
        shapes.push_back({1, c, 1, 1});
        shapes.push_back({2, c, 7, 5});
        shapes.push_back({1, c, 3, 29});
    }
    return shapes;
}

/// Calls `body(n, c, y, x)` for every element that is not padding.
template <class Body>
void for_each(const Shape& s, const Body& body) {
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x) body(n, c, y, x);
}

template <class T>
std::vector<T> random_vector(std::size_t size, unsigned seed, double low = -1.0, double high = 1.0) {
    std::vector<T> values(size);
    gancodec::Random random(seed);
    for (T& value : values) value = static_cast<T>(random.uniform(low, high));
    return values;
}

template <class T>
Tensor<T> tensor_of(const Shape& shape, const std::vector<T>& values) {
    Tensor<T> tensor(shape);
    std::size_t i = 0;
    for_each(shape, [&](int n, int c, int y, int x) { tensor.at(n, c, y, x) = values.at(i++); });
    return tensor;
}

/// The elements that are not padding, in n, c, y, x order.
template <class T>
std::vector<T> values_of(const Tensor<T>& tensor) {
    std::vector<T> values;
    for_each(tensor.shape(), [&](int n, int c, int y, int x) { values.push_back(tensor.at(n, c, y, x)); });
    return values;
}

template <class T>
bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
    return a.shape() == b.shape() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
bool padding_is_zero(const Tensor<T>& tensor) {
    const Shape& s = tensor.shape();
    for (int n = 0; n < s.n; ++n)
        for (int c = s.c; c < s.padded_c(); ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x)
                    if (tensor.at(n, c, y, x) != T(0)) return false;
    return true;
}

/// Calls `kernel(view)` on memory full of NaN with 1, 2 and 3 threads; the results must have the same bits, and zeros
/// in the padding.
template <class T, class Kernel>
Tensor<T> run(const Shape& shape, const Kernel& kernel) {
    Tensor<T> results[3];
    for (int i = 0; i < 3; ++i) {
        results[i] = Tensor<T>(shape);
        std::fill_n(results[i].data(), results[i].size(), std::numeric_limits<T>::quiet_NaN());
        gancodec::set_threads(i + 1);
        kernel(results[i].view());
    }
    gancodec::set_threads(0);
    CHECK(same_bits(results[0], results[1]));
    CHECK(same_bits(results[0], results[2]));
    CHECK(padding_is_zero(results[0]));
    return std::move(results[0]);
}

/// Largest |a − b| over the elements.
template <class T>
double max_difference(const std::vector<T>& a, const std::vector<T>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        if (!(difference <= worst)) worst = difference;  // NaN is the worst
    }
    return worst;
}

/// Σ w · out: a loss whose gradient with respect to `out` is w.
inline double weighted_sum(const Tensor<double>& weight, const Tensor<double>& out) {
    double total = 0;
    for (std::size_t i = 0; i < out.size(); ++i) total += weight.data()[i] * out.data()[i];
    return total;
}

/// Central differences of `loss()` with respect to numbers in memory, against their analytic gradient.
/// Returns ‖numeric − analytic‖ / ‖numeric‖ over at most `kChecked` of them, evenly spread.
template <class Loss>
double gradient_error(const std::vector<double*>& variables, const std::vector<double>& analytic, const Loss& loss) {
    REQUIRE(variables.size() == analytic.size());
    constexpr std::size_t kChecked = 150;
    constexpr double kStep = 1e-4;
    const std::size_t step = std::max<std::size_t>(1, variables.size() / kChecked);
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < variables.size(); i += step) {
        const double original = *variables[i];
        const auto at = [&](double offset) {
            *variables[i] = original + offset;
            return loss();
        };
        // Fourth order: the error is of the size of kStep^4.
        const double numeric = (8 * (at(kStep) - at(-kStep)) - (at(2 * kStep) - at(-2 * kStep))) / (12 * kStep);
        *variables[i] = original;
        error += (numeric - analytic[i]) * (numeric - analytic[i]);
        norm += numeric * numeric;
    }
    return norm == 0 ? std::sqrt(error) : std::sqrt(error / norm);
}

inline std::vector<double*> pointers(Tensor<double>& tensor) {
    std::vector<double*> result;
    for_each(tensor.shape(), [&](int n, int c, int y, int x) { result.push_back(&tensor.at(n, c, y, x)); });
    return result;
}
inline std::vector<double*> pointers(std::vector<double>& values) {
    std::vector<double*> result;
    for (double& value : values) result.push_back(&value);
    return result;
}

inline constexpr double kGradientTolerance = 1e-6;

/// The gradient check of a kernel with one input: `forward(in, out)`, and `backward(in, d_out, d_in)`.
template <class Forward, class Backward>
double kernel_gradient_error(Tensor<double>& in, const Shape& out_shape, const Forward& forward,
                             const Backward& backward) {
    const Tensor<double> weight = random_tensor<double>(out_shape, 77);
    const Tensor<double> d_in =
        run<double>(in.shape(), [&](TensorView<double> d) { backward(in.view(), weight.view(), d); });
    Tensor<double> out(out_shape);
    return gradient_error(pointers(in), values_of(d_in), [&] {
        forward(in.view(), out.view());
        return weighted_sum(weight, out);
    });
}

}  // namespace kernel_testing
