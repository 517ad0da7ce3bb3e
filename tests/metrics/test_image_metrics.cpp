#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// The pictures that pair() in make_ssim_goldens.py draws.
std::pair<Image, Image> patterns(int width, int height, int strength) {
    std::pair<Image, Image> images{make_image(width, height), make_image(width, height)};
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c) {
                const int value = ((x * 3 + y * 5 + c * 40) ^ ((x * y) >> 4)) & 255;
                const auto mixed = static_cast<std::uint32_t>((x * 7919 + y * 1047 + c * 929) & 0xFFFF);
                const int noise = static_cast<int>((mixed * mixed >> 4) % static_cast<std::uint32_t>(2 * strength + 1));
                images.first.at(x, y)[c] = static_cast<std::uint8_t>(value);
                images.second.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(value + noise - strength, 0, 255));
            }
    return images;
}

struct Golden {
    int width, height, strength;
    double psnr, ssim, ms_ssim;
};

// python3 tests/metrics/make_ssim_goldens.py
constexpr Golden kGoldens[] = {
    {200, 177, 20, 26.611643404089, 0.932880763772, 0.993086315404},
    {161, 190, 90, 14.553184291042, 0.513307323084, 0.910509923614},
    {176, 256, 4, 39.487579571164, 0.996946095038, 0.999706999851},
    {40, 11, 20, 26.415976874523, 0.636250953187, 0.000000000000},
    {11, 29, 60, 17.366054194601, 0.189427488219, 0.000000000000},
};

bool is_near(double value, double expected) { return std::abs(value - expected) < 1e-10; }

template <class Metric>
bool refuses(Metric&& metric, const Image& a, const Image& b) {
    try {
        static_cast<void>(metric(a, b));
    } catch (const Error& error) {
        return error.code() == Errc::invalid_argument;
    }
    return false;
}

}  // namespace

TEST_CASE("psnr, ssim and ms_ssim agree with pytorch-msssim") {
    for (const Golden& golden : kGoldens) {
        const auto [a, b] = patterns(golden.width, golden.height, golden.strength);
        CAPTURE(golden.width, golden.height);
        CHECK(is_near(psnr(a, b), golden.psnr));
        CHECK(is_near(ssim(a, b), golden.ssim));
        if (golden.ms_ssim > 0) CHECK(is_near(ms_ssim(a, b), golden.ms_ssim));
    }
}

TEST_CASE("psnr, ssim and ms_ssim of equal images") {
    const auto [a, b] = patterns(170, 165, 10);
    CHECK(psnr(a, a) == std::numeric_limits<double>::infinity());
    CHECK(is_near(ssim(a, a), 1.0));
    CHECK(is_near(ms_ssim(a, a), 1.0));
    CHECK(ssim(a, b) == ssim(b, a));
    CHECK(ms_ssim(a, b) == ms_ssim(b, a));
}

TEST_CASE("psnr of opposite images is 0 dB") {
    CHECK(is_near(psnr(make_image(3, 2), make_image(3, 2, 255, 255, 255)), 0.0));
}

TEST_CASE("ssim and ms_ssim do not depend on the number of threads") {
    const auto [a, b] = patterns(203, 199, 30);
    set_threads(1);
    const double one = ssim(a, b), one_ms = ms_ssim(a, b);
    set_threads(3);
    CHECK(ssim(a, b) == one);
    CHECK(ms_ssim(a, b) == one_ms);
    set_threads(0);
}

TEST_CASE("image metrics refuse pairs that they cannot compare") {
    const Image small = make_image(10, 11), wide = make_image(200, 161), high = make_image(161, 200);
    CHECK(refuses(ssim, small, small));
    CHECK_FALSE(refuses(ssim, make_image(11, 11), make_image(11, 11)));
    CHECK(refuses(ms_ssim, make_image(160, 300), make_image(160, 300)));
    CHECK_FALSE(refuses(ms_ssim, high, high));
    for (const auto each : {psnr, ssim, ms_ssim}) CHECK(refuses(each, wide, high));
    CHECK(refuses(psnr, Image{}, Image{}));
    CHECK(refuses(psnr, Image{2, 2, {1, 2, 3}}, make_image(2, 2)));
}
