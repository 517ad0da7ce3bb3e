#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// Second moments of correlated samples: what training decomposes. Fewer samples than `size` leave eigenvalues at zero.
std::vector<double> moments(std::size_t size, std::size_t samples, std::uint64_t seed) {
    Random random(seed);
    std::vector<double> matrix(size * size), x(size);
    for (std::size_t n = 0; n < samples; ++n) {
        double walk = 0;
        for (double& value : x) value = walk = 0.9 * walk + random.normal();
        for (std::size_t i = 0; i < size; ++i)
            for (std::size_t k = 0; k < size; ++k) matrix[i * size + k] += x[i] * x[k];
    }
    return matrix;
}

}  // namespace

TEST_CASE("symmetric_eigen finds what defines a decomposition", "[train][eigen]") {
    const auto size = static_cast<std::size_t>(GENERATE(1, 2, 3, 17, 96));
    const auto samples = GENERATE_COPY(size / 2 + 1, 3 * size);
    const auto matrix = moments(size, samples, size);
    const SymmetricEigen found = symmetric_eigen(matrix, size);
    REQUIRE(found.values.size() == size);
    CHECK(std::is_sorted(found.values.rbegin(), found.values.rend()));

    double norm = 0, residual = 0, overlap = 0;
    for (const double value : matrix) norm += value * value;
    for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t k = 0; k < size; ++k) {
            double product = 0, image = 0;
            for (std::size_t c = 0; c < size; ++c) {
                product += found.vector(i, c) * found.vector(k, c);
                image += matrix[k * size + c] * found.vector(i, c);
            }
            overlap = std::max(overlap, std::abs(product - (i == k ? 1.0 : 0.0)));
            residual = std::max(residual, std::abs(image - found.values[i] * found.vector(i, k)));
        }
    }
    CHECK(overlap < 1e-13 * static_cast<double>(size));
    CHECK(residual < 1e-12 * std::sqrt(norm));
    if (samples < size) CHECK(std::abs(found.values.back()) < 1e-12 * std::sqrt(norm));
}

TEST_CASE("symmetric_eigen on a matrix whose answer is known", "[train][eigen]") {
    // [2 1; 1 2]: 3 along (1, 1), 1 along (1, −1).
    const SymmetricEigen found = symmetric_eigen({2, 1, 1, 2}, 2);
    CHECK(std::abs(found.values[0] - 3) < 1e-15);
    CHECK(std::abs(found.values[1] - 1) < 1e-15);
    CHECK(std::abs(found.vector(0, 0) - found.vector(0, 1)) < 1e-15);
    CHECK(std::abs(found.vector(1, 0) + found.vector(1, 1)) < 1e-15);
    CHECK(symmetric_eigen(std::vector<double>(9), 3).values == std::vector<double>(3));
}
