#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <Eigen/Eigenvalues>

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

TEST_CASE("symmetric_eigen agrees with Eigen", "[train][eigen]") {
    const auto size = static_cast<std::size_t>(GENERATE(1, 2, 3, 17, 96));
    const auto samples = GENERATE_COPY(size / 2 + 1, 3 * size);
    const auto matrix = moments(size, samples, size);
    const SymmetricEigen found = symmetric_eigen(matrix, size);

    const auto n = static_cast<Eigen::Index>(size);
    const Eigen::Map<const Eigen::MatrixXd> m(matrix.data(), n, n);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(m);
    const double scale = m.norm();
    for (std::size_t i = 0; i < size; ++i)
        CHECK(std::abs(found.values[i] - solver.eigenvalues()(n - 1 - static_cast<Eigen::Index>(i))) < 1e-12 * scale);
    // Vectors are free in sign, and in more where values repeat: test what defines them.
    const Eigen::Map<const Eigen::MatrixXd> columns(found.vectors.data(), n, n);
    CHECK((columns.transpose() * columns - Eigen::MatrixXd::Identity(n, n)).norm() < 1e-12 * static_cast<double>(size));
    const Eigen::Map<const Eigen::VectorXd> values(found.values.data(), n);
    CHECK((m * columns - columns * values.asDiagonal()).norm() < 1e-12 * scale);
    CHECK(std::is_sorted(found.values.rbegin(), found.values.rend()));
}
