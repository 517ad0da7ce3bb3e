#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace gancodec;

namespace {

/// 1 less the similarity of the paper, in plain loops: (2)-(4) of Ding et al. 2020.
double distance_by_definition(const Tensor<double>& x, const Tensor<double>& y, const std::vector<double>& alpha,
                              const std::vector<double>& beta) {
    constexpr double kC = 1e-6;
    const Shape& s = x.shape();
    const double pixels = static_cast<double>(s.plane());
    double distance = 0;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c) {
            double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
            for (int h = 0; h < s.h; ++h)
                for (int w = 0; w < s.w; ++w) {
                    const double a = x.at(n, c, h, w), b = y.at(n, c, h, w);
                    mx += a / pixels;
                    my += b / pixels;
                    xx += a * a / pixels;
                    yy += b * b / pixels;
                    xy += a * b / pixels;
                }
            const double texture = (2 * mx * my + kC) / (mx * mx + my * my + kC);
            const double structure = (2 * (xy - mx * my) + kC) / (xx - mx * mx + yy - my * my + kC);
            const auto i = static_cast<std::size_t>(c);
            distance += alpha[i] * (1 - texture) + beta[i] * (1 - structure);
        }
    return distance / s.n;
}

std::vector<double> weights(int count, std::uint64_t seed) {
    Random random(seed);
    std::vector<double> result(static_cast<std::size_t>(count));
    for (double& weight : result) weight = random.uniform();
    return result;
}

}  // namespace

TEST_CASE("texture_distance is its definition, for channels and pixels that leave remainders") {
    for (const Shape shape : {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 7}, Shape{1, 16, 4, 8}, Shape{3, 37, 3, 33}}) {
        CAPTURE(shape.n, shape.c, shape.h, shape.w);
        const auto x = random_tensor<double>(shape, 1), y = random_tensor<double>(shape, 2);
        const auto alpha = weights(shape.c, 3), beta = weights(shape.c, 4);
        Workspace ws;
        const double distance = texture_distance<double>(x.view(), y.view(), alpha.data(), beta.data(), ws);
        CHECK(std::abs(distance - distance_by_definition(x, y, alpha, beta)) < 1e-12 * shape.c);
        CHECK(texture_distance<double>(y.view(), x.view(), alpha.data(), beta.data(), ws) == distance);
        CHECK(texture_distance<double>(x.view(), x.view(), alpha.data(), beta.data(), ws) == 0.0);
    }
}

TEST_CASE("texture_distance does not depend on the number of threads") {
    const auto x = random_tensor<float>({2, 40, 9, 31}, 1), y = random_tensor<float>({2, 40, 9, 31}, 2);
    const std::vector<float> weight(40, 0.5f);
    Workspace ws;
    std::vector<double> distances;
    std::vector<Tensor<float>> gradients;
    for (const int threads : {1, 2, 3}) {
        set_threads(threads);
        distances.push_back(texture_distance<float>(x.view(), y.view(), weight.data(), weight.data(), ws));
        gradients.emplace_back(x.shape());
        texture_distance_backward<float>(x.view(), y.view(), weight.data(), weight.data(), 1.0f,
                                         gradients.back().view());
    }
    set_threads(0);
    for (std::size_t i = 1; i < distances.size(); ++i) {
        CHECK(distances[i] == distances[0]);
        CHECK(std::equal(gradients[i].data(), gradients[i].data() + gradients[i].size(), gradients[0].data()));
    }
}

TEST_CASE("texture_distance: gradients agree with differences, to either map") {
    StatelessLayer<double> none;
    const Shape shape{2, 19, 3, 4};
    const auto alpha = weights(shape.c, 5), beta = weights(shape.c, 6);
    std::vector<Tensor<double>> maps;
    maps.push_back(random_tensor<double>(shape, 3));
    maps.push_back(random_tensor<double>(shape, 4));
    const auto error = gradient_check(none, maps, [&](Tape<double>& tape, const std::vector<Variable<double>>& v) {
        return texture_distance(tape, v[0], v[1], alpha.data(), beta.data());
    });
    CAPTURE(error.where);
    CHECK(error.relative < 1e-6);
}

TEST_CASE("texture_distance: flat channels have a finite gradient, padded ones none") {
    Tensor<float> flat({1, 20, 2, 3}), gradient({1, 20, 2, 3});
    const auto y = random_tensor<float>({1, 20, 2, 3}, 5);
    const std::vector<float> weight(20, 1.0f);
    texture_distance_backward<float>(flat.view(), y.view(), weight.data(), weight.data(), 1.0f, gradient.view());
    CHECK(std::all_of(gradient.data(), gradient.data() + gradient.size(), [](float d) { return std::isfinite(d); }));
    for (int lane = 4; lane < 16; ++lane) CHECK(gradient.view().block(0, 1)[lane] == 0.0f);
    texture_distance_backward<float>(flat.view(), flat.view(), weight.data(), weight.data(), 1.0f, gradient.view());
    CHECK(std::all_of(gradient.data(), gradient.data() + gradient.size(), [](float d) { return d == 0.0f; }));
}
