#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "gancodec/core/check.hpp"

namespace gancodec {

/// Eigenvalues of a symmetric matrix, largest first, and their eigenvectors: row i, of `size` numbers, belongs to values[i].
struct SymmetricEigen {
    std::size_t size = 0;
    std::vector<double> values, vectors;

    [[nodiscard]] double vector(std::size_t i, std::size_t component) const { return vectors[i * size + component]; }
};

namespace detail {

/// Applies the rotation [c −s; s c] to two rows.
inline void rotate_rows(double* p, double* q, std::size_t size, double c, double s) {
    for (std::size_t k = 0; k < size; ++k) {
        const double a = p[k], b = q[k];
        p[k] = c * a - s * b;
        q[k] = s * a + c * b;
    }
}

}  // namespace detail

/// Decomposes a symmetric matrix by rotations that clear one pair of elements after another (Jacobi 1846; Golub and
/// Van Loan, Matrix Computations, section 8.5). Slow beside a library's for large matrices; here they have hundreds of rows.
///   matrix = Σ_i values[i] · v_i v_iᵀ, with orthonormal v_i
/// Shapes  matrix [size·size], row by row; only symmetry makes the result mean something
[[nodiscard]] inline SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t size) {
    GANCODEC_ASSERT(matrix.size() == size * size);
    constexpr int kMaxSweeps = 60;
    std::vector<double> vectors(size * size);
    for (std::size_t i = 0; i < size; ++i) vectors[i * size + i] = 1;

    double norm = 0;
    for (const double value : matrix) norm += value * value;
    for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
        double off_diagonal = 0;
        for (std::size_t p = 0; p < size; ++p)
            for (std::size_t q = p + 1; q < size; ++q) off_diagonal += matrix[p * size + q] * matrix[p * size + q];
        if (off_diagonal <= 1e-28 * norm) break;
        for (std::size_t p = 0; p < size; ++p)
            for (std::size_t q = p + 1; q < size; ++q) {
                const double apq = matrix[p * size + q], app = matrix[p * size + p], aqq = matrix[q * size + q];
                if (apq * apq <= 1e-36 * norm) continue;
                // tan of the angle that makes the pair zero, the smaller of the two: then sweeps converge.
                const double half = (aqq - app) / (2 * apq);
                const double t = (half >= 0 ? 1 : -1) / (std::abs(half) + std::sqrt(half * half + 1));
                const double c = 1 / std::sqrt(t * t + 1), s = t * c;
                detail::rotate_rows(&matrix[p * size], &matrix[q * size], size, c, s);
                for (std::size_t k = 0; k < size;
                     ++k) {  // by symmetry the columns are the rows, but for the four at p, q
                    matrix[k * size + p] = matrix[p * size + k];
                    matrix[k * size + q] = matrix[q * size + k];
                }
                matrix[p * size + p] = app - t * apq;
                matrix[q * size + q] = aqq + t * apq;
                matrix[p * size + q] = matrix[q * size + p] = 0;
                detail::rotate_rows(&vectors[p * size], &vectors[q * size], size, c, s);
            }
    }

    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return matrix[a * size + a] > matrix[b * size + b]; });
    SymmetricEigen result{size, {}, {}};
    for (const std::size_t i : order) {
        result.values.push_back(matrix[i * size + i]);
        result.vectors.insert(result.vectors.end(), &vectors[i * size], &vectors[i * size] + size);
    }
    return result;
}

}  // namespace gancodec
