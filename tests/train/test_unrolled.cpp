#include <algorithm>
#include <cmath>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

TEST_CASE("the unrolled gradient is what central differences of the unrolled loss say", "[gradient]") {
    // L_D = Σ_i cos(d_i + g_i) + d_0·d_1·g_0,  L_G = Σ_i sin(d_i·g_i)
    const std::vector<double> start = {0.3, -0.8};
    std::vector<double> g = {0.7, 0.4};
    const auto of_discriminator = [&](const std::vector<double>& d) {
        return TwoGradients<double>{{-std::sin(d[0] + g[0]) + d[1] * g[0], -std::sin(d[1] + g[1]) + d[0] * g[0]},
                                    {-std::sin(d[0] + g[0]) + d[0] * d[1], -std::sin(d[1] + g[1])}};
    };
    const auto of_generator = [&](const std::vector<double>& d) {
        return TwoGradients<double>{{g[0] * std::cos(d[0] * g[0]), g[1] * std::cos(d[1] * g[1])},
                                    {d[0] * std::cos(d[0] * g[0]), d[1] * std::cos(d[1] * g[1])}};
    };
    const double rate = 0.3;
    for (const int steps : {0, 1, 5}) {
        const auto loss = [&] {
            std::vector<double> d = start;
            for (int k = 0; k < steps; ++k) {
                const auto slope = of_discriminator(d).to_discriminator;
                for (std::size_t i = 0; i < d.size(); ++i) d[i] -= rate * slope[i];
            }
            return std::sin(d[0] * g[0]) + std::sin(d[1] * g[1]);
        };
        const auto analytic = unrolled_gradient(start, steps, rate, 1e-4, of_discriminator, of_generator);
        for (std::size_t i = 0; i < g.size(); ++i) {
            const double kept = g[i], step = 1e-3;
            const auto at = [&](double offset) {
                g[i] = kept + offset;
                return loss();
            };
            const double numeric = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
            g[i] = kept;
            INFO(steps << " steps: " << analytic[i] << " against " << numeric);
            CHECK(std::abs(analytic[i] - numeric) < 1e-6 * std::max(std::abs(numeric), 1e-3));
        }
    }
}
