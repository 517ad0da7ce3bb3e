#include <algorithm>
#include <cmath>
#include <cstdint>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

TEST_CASE("splitmix64 gives its published sequence", "[core][random]") {
    // The first outputs for seed 1234567 that implementations of splitmix64 are commonly checked against.
    Random random(1234567);
    CHECK(random.next() == 6457827717110365317u);
    CHECK(random.next() == 3203168211198807973u);
    CHECK(random.next() == 9817491932198370423u);
    CHECK(random.next() == 4593380528125082431u);
    CHECK(random.next() == 16408922859458223821u);
}

TEST_CASE("a saved state goes on where it was", "[core][random]") {
    Random random(7);
    random.next();
    random.normal();
    Random other;
    other.set_state(random.state());
    for (int i = 0; i < 5; ++i) CHECK(other.next() == random.next());
}

TEST_CASE("uniform and below stay in their range and fill it", "[core][random]") {
    Random random(1);
    double sum = 0, low = 1, high = 0;
    int counts[5] = {};
    for (int i = 0; i < 20000; ++i) {
        const double value = random.uniform();
        sum += value;
        low = std::min(low, value);
        high = std::max(high, value);
        ++counts[random.below(5)];
    }
    CHECK(low >= 0);
    CHECK(low < 0.001);
    CHECK(high < 1);
    CHECK(high > 0.999);
    CHECK(std::abs(sum / 20000 - 0.5) < 0.01);
    for (const int count : counts) CHECK(std::abs(count - 4000) < 300);
    for (int i = 0; i < 100; ++i) {
        const double value = random.uniform(-3, 5);
        CHECK(value >= -3);
        CHECK(value < 5);
    }
}

TEST_CASE("normal has mean 0, variance 1 and the kurtosis of a Gaussian", "[core][random]") {
    Random random(2);
    double sum = 0, squares = 0, fourths = 0;
    constexpr int kDraws = 40000;
    for (int i = 0; i < kDraws; ++i) {
        const double value = random.normal();
        sum += value;
        squares += value * value;
        fourths += value * value * value * value;
    }
    CHECK(std::abs(sum / kDraws) < 0.02);
    CHECK(std::abs(squares / kDraws - 1) < 0.03);
    CHECK(std::abs(fourths / kDraws - 3) < 0.2);
}
