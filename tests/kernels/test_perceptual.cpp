#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace gancodec;

namespace {

/// The definition, in plain loops.
double distance_by_definition(const Tensor<double>& x, const Tensor<double>& y, const std::vector<double>& weight) {
    const Shape& s = x.shape();
    double sum = 0;
    for (int n = 0; n < s.n; ++n)
        for (int iy = 0; iy < s.h; ++iy)
            for (int ix = 0; ix < s.w; ++ix) {
                double length_x = 0, length_y = 0;
                for (int c = 0; c < s.c; ++c) {
                    length_x += x.at(n, c, iy, ix) * x.at(n, c, iy, ix);
                    length_y += y.at(n, c, iy, ix) * y.at(n, c, iy, ix);
                }
                length_x = std::sqrt(length_x) + 1e-10;
                length_y = std::sqrt(length_y) + 1e-10;
                for (int c = 0; c < s.c; ++c) {
                    const double d = x.at(n, c, iy, ix) / length_x - y.at(n, c, iy, ix) / length_y;
                    sum += weight[static_cast<std::size_t>(c)] * d * d;
                }
            }
    return sum / (s.n * s.h * s.w);
}

std::vector<double> random_weights(int count) {
    Random random(7);
    std::vector<double> weights(static_cast<std::size_t>(count));
    for (double& weight : weights) weight = random.uniform();
    return weights;
}

}  // namespace

TEST_CASE("feature_distance is its definition, for channels and pixels that leave remainders") {
    for (const Shape shape : {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 7}, Shape{1, 16, 4, 8}, Shape{3, 37, 3, 33}}) {
        CAPTURE(shape.n, shape.c, shape.h, shape.w);
        const auto x = random_tensor<double>(shape, 1), y = random_tensor<double>(shape, 2);
        const auto weight = random_weights(shape.c);
        Workspace ws;
        const double distance = feature_distance<double>(x.view(), y.view(), weight.data(), ws);
        CHECK(std::abs(distance - distance_by_definition(x, y, weight)) < 1e-14);
        CHECK(feature_distance<double>(x.view(), x.view(), weight.data(), ws) == 0.0);
    }
}

TEST_CASE("feature_distance does not depend on the number of threads") {
    const auto x = random_tensor<float>({2, 40, 9, 31}, 1), y = random_tensor<float>({2, 40, 9, 31}, 2);
    const std::vector<float> weight(40, 0.5f);
    Workspace ws;
    std::vector<float> distances;
    std::vector<Tensor<float>> gradients;
    for (const int threads : {1, 2, 3}) {
        set_threads(threads);
        distances.push_back(feature_distance<float>(x.view(), y.view(), weight.data(), ws));
        gradients.emplace_back(x.shape());
        feature_distance_backward<float>(x.view(), y.view(), weight.data(), 1.0f, gradients.back().view());
    }
    set_threads(0);
    for (std::size_t i = 1; i < distances.size(); ++i) {
        CHECK(distances[i] == distances[0]);
        CHECK(std::equal(gradients[i].data(), gradients[i].data() + gradients[i].size(), gradients[0].data()));
    }
}

TEST_CASE("feature_distance: gradients agree with differences, to either map") {
    StatelessLayer<double> none;
    const Shape shape{2, 19, 3, 4};
    const auto weight = random_weights(shape.c);
    std::vector<Tensor<double>> maps;
    maps.push_back(random_tensor<double>(shape, 3));
    maps.push_back(random_tensor<double>(shape, 4));
    const auto error = gradient_check(none, maps, [&](Tape<double>& tape, const std::vector<Variable<double>>& v) {
        return feature_distance(tape, v[0], v[1], weight.data());
    });
    CAPTURE(error.where);
    CHECK(error.relative < 1e-6);
}

TEST_CASE("feature_distance: pixels without any feature have no gradient, and no NaN") {
    Tensor<float> zero({1, 20, 2, 3}), gradient({1, 20, 2, 3});
    const auto y = random_tensor<float>({1, 20, 2, 3}, 5);
    const std::vector<float> weight(20, 1.0f);
    Workspace ws;
    CHECK(std::abs(feature_distance<float>(zero.view(), y.view(), weight.data(), ws) - 1.0f) < 1e-5f);
    feature_distance_backward<float>(zero.view(), y.view(), weight.data(), 1.0f, gradient.view());
    CHECK(std::all_of(gradient.data(), gradient.data() + gradient.size(), [](float d) { return d == 0.0f; }));
    feature_distance_backward<float>(y.view(), zero.view(), weight.data(), 1.0f, gradient.view());
    CHECK(std::all_of(gradient.data(), gradient.data() + gradient.size(), [](float d) { return std::isfinite(d); }));
    for (int lane = 4; lane < 16; ++lane) CHECK(gradient.view().block(0, 1)[lane] == 0.0f);  // padded channels
}
