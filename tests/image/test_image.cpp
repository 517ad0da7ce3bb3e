#include <cstdint>
#include <limits>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

Image noise(int width, int height, std::uint64_t seed = 1) {
    Random random(seed);
    Image image = make_image(width, height);
    for (auto& byte : image.rgb) byte = static_cast<std::uint8_t>(random.below(256));
    return image;
}

/// The mean of the covered area by definition: over an image blown up by the target's extents.
Image shrink_plainly(const Image& image, int width, int height) {
    Image out = make_image(width, height);
    const int area = image.width * image.height;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c) {
                long long sum = 0;
                for (int v = y * image.height; v < (y + 1) * image.height; ++v)
                    for (int u = x * image.width; u < (x + 1) * image.width; ++u)
                        sum += image.at(u / width, v / height)[c];
                out.at(x, y)[c] = static_cast<std::uint8_t>((sum + area / 2) / area);
            }
    return out;
}

}  // namespace

TEST_CASE("to_byte brings back every level, rounds halves up and clamps", "[image]") {
    for (int level = 0; level < 256; ++level) {
        CHECK(to_byte(static_cast<float>(level) / 255.0f) == level);
        CHECK(to_byte(static_cast<double>(level) / 255.0) == level);
    }
    CHECK(to_byte(0.5f) == 128);
    CHECK(to_byte(std::nextafter(0.5f, 0.0f)) == 127);
    CHECK(to_byte(-1.0f) == 0);
    CHECK(to_byte(7.0f) == 255);
    CHECK(to_byte(std::numeric_limits<float>::quiet_NaN()) == 0);
    CHECK(to_byte(std::numeric_limits<float>::infinity()) == 255);
    CHECK(to_byte(-std::numeric_limits<float>::infinity()) == 0);
}

TEST_CASE("squares of pixels lie in the channels as before a pixel shuffle, with an offset", "[image]") {
    const auto [width, height] = GENERATE(std::pair{8, 4}, std::pair{7, 5}, std::pair{1, 9});
    const Image image = noise(width, height);
    constexpr int r = 4;
    const Tensor<float> plain = image_to_tensor(image, r);
    const Shape s = plain.shape();
    Tensor<float> squares({1, 3 * r * r, s.h / r, s.w / r});
    image_to_tensor<float>(image, squares.view(), 0, {.shuffle = r, .offset = -0.5f});
    for (int c = 0; c < 3; ++c)
        for (int y = 0; y < s.h; ++y)
            for (int x = 0; x < s.w; ++x)
                REQUIRE(squares.at(0, (c * r + y % r) * r + x % r, y / r, x / r) == plain.at(0, c, y, x) - 0.5f);
    CHECK(tensor_to_image<float>(squares.view(), width, height, {.shuffle = r, .offset = -0.5f}) == image);
}

TEST_CASE("an image survives the way through a tensor, and padding repeats the edges", "[image]") {
    const auto [width, height] = GENERATE(std::pair{1, 1}, std::pair{7, 5}, std::pair{1, 3000}, std::pair{64, 64});
    const Image image = noise(width, height);
    const int multiple = GENERATE(1, 8, 64);
    const Tensor<float> tensor = image_to_tensor(image, multiple);
    CHECK(tensor.shape() == Shape{1, 3, round_up(height, multiple), round_up(width, multiple)});
    CHECK(tensor_to_image(tensor.view(), width, height) == image);
    const Image padded = pad_to_multiple(image, multiple);
    CHECK(tensor_to_image(tensor) == padded);
    CHECK(crop(padded, 0, 0, width, height) == image);
    CHECK(padded.at(padded.width - 1, padded.height - 1)[1] == image.at(width - 1, height - 1)[1]);
}

TEST_CASE("image_to_tensor writes the padded channels as zeros and only its own image of a batch", "[image]") {
    Tensor<float> batch({3, 3, 4, 5});
    std::fill_n(batch.data(), batch.size(), 9.0f);
    image_to_tensor(noise(5, 3), batch.view(), 1);
    for (int y = 0; y < 4; ++y)
        for (int x = 0; x < 5; ++x)
            for (int c = 0; c < kChannelBlock; ++c) {
                CHECK(batch.at(0, c, y, x) == 9.0f);
                CHECK((c < 3 ? batch.at(1, c, y, x) <= 1.0f : batch.at(1, c, y, x) == 0.0f));
                CHECK(batch.at(2, c, y, x) == 9.0f);
            }
}

TEST_CASE("crop takes the rectangle asked for", "[image]") {
    const Image image = noise(9, 6), part = crop(image, 2, 1, 4, 3);
    REQUIRE(part.width == 4);
    REQUIRE(part.height == 3);
    for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 4; ++x)
            for (int c = 0; c < 3; ++c) CHECK(part.at(x, y)[c] == image.at(x + 2, y + 1)[c]);
}

TEST_CASE("shrink is the mean of the covered area", "[image]") {
    const Image image = noise(13, 11, 5);
    for (const auto& [width, height] : {std::pair{13, 11}, {12, 11}, {7, 3}, {1, 1}, {5, 10}})
        CHECK(shrink(image, width, height) == shrink_plainly(image, width, height));
    CHECK(shrink(image, 13, 11) == image);
    CHECK(shrink(make_image(640, 480, 255, 1, 7), 33, 21) == make_image(33, 21, 255, 1, 7));
}

TEST_CASE("shrink_to_long_side keeps the proportions and never enlarges", "[image]") {
    const Image wide = shrink_to_long_side(noise(300, 100), 30);
    CHECK(wide.width == 30);
    CHECK(wide.height == 10);
    const Image line = shrink_to_long_side(noise(1, 3000), 100);
    CHECK(line.width == 1);
    CHECK(line.height == 100);
    CHECK(shrink_to_long_side(noise(20, 10), 20) == noise(20, 10));
}

TEST_CASE("check_image refuses images whose bytes do not fit their extents", "[image]") {
    CHECK_NOTHROW(check_image(make_image(2, 3), "test"));
    CHECK_THROWS_AS(check_image(Image{}, "test"), Error);
    CHECK_THROWS_AS(check_image(Image{2, 3, std::vector<std::uint8_t>(17)}, "test"), Error);
    CHECK_THROWS_AS(check_image(Image{-1, -1, std::vector<std::uint8_t>(3)}, "test"), Error);
}
