#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

TEST_CASE("a sealed file of every format gives back what was sealed", "[codec][weights]") {
    const Image picture = test_picture(70, 50);
    std::size_t last_bytes = 0;
    for (const WeightFormat format : {WeightFormat::f16, WeightFormat::bf16, WeightFormat::int8}) {
        CAPTURE(static_cast<int>(format));
        CodecWeights weights = seal_weights(random_codec_weights(4), format);
        const Bytes file = write_codec_weights(weights, format).bytes();
        const std::string path = (std::filesystem::temp_directory_path() / "gancodec_test_format.safetensors").string();
        write_codec_weights(weights, format).save(path);
        Codec loaded = Codec::load(path);  // replays the self-test of the sealed weights
        std::filesystem::remove(path);
        Codec sealed(std::move(weights));
        const Bytes bytes = sealed.encode(picture, {60});
        CHECK(loaded.encode(picture, {60}) == bytes);
        CHECK(loaded.decode(bytes) == sealed.decode(bytes));
        if (format == WeightFormat::int8) CHECK(file.size() < last_bytes * 6 / 10);
        last_bytes = file.size();
    }
}

TEST_CASE("realism moves between two generators, and every setting has its self-test", "[codec][weights]") {
    const Image picture = test_picture(70, 50);
    CodecWeights weights = random_codec_weights(4);
    Random random(6);
    detail::each_realism_parameter(weights, [&](const std::string&, Parameter<float>& added, const auto& p) {
        for (std::size_t i = 0; i < added.value.size(); ++i)
            added.value[i] = 0.1f * p.value[i] * static_cast<float>(random.normal());
    });
    weights = seal_weights(std::move(weights), WeightFormat::int8);
    CHECK(weights.metadata.at("self_test_pixels").size() == 9 * (kRealismSteps + 1) - 1);
    const std::string path = (std::filesystem::temp_directory_path() / "gancodec_test_realism.safetensors").string();
    write_codec_weights(weights, WeightFormat::int8).save(path);
    Bytes stream;
    Image plain;
    double last = -1;
    for (const double realism : {0.0, 0.3, 1.0}) {
        CAPTURE(realism);
        Codec loaded = Codec::load(path, {.realism = realism});
        Codec in_memory(read_codec_weights(SafetensorsFile::load(path)), {.realism = std::min(realism + 0.02, 1.0)});
        if (realism == 0) {
            stream = loaded.encode(picture);
            plain = loaded.decode(stream);
        }
        CHECK(loaded.encode(picture) == stream);  // the knob is the decoder's
        const Image image = loaded.decode(stream);
        CHECK(image == in_memory.decode(stream));  // tenths
        const double moved = mean_squared_error(image, plain);
        CHECK(moved > last);
        last = moved;
    }
    CHECK_THROWS_AS(static_cast<void>(Codec::load(path, {.realism = 1.1})), Error);

    weights.metadata["self_test_pixels"].replace(0, 8, "00000000");  // the setting that is loaded is tested
    write_codec_weights(weights, WeightFormat::int8).save(path);
    if (simd::kHasFma) CHECK_THROWS_AS(static_cast<void>(Codec::load(path, {.realism = 0})), Error);
    CHECK_NOTHROW(static_cast<void>(Codec::load(path, {.realism = 1})));
    std::filesystem::remove(path);
}

TEST_CASE("sealing sealed weights changes nothing", "[codec][weights]") {
    for (const WeightFormat format : {WeightFormat::int8, WeightFormat::f16}) {
        CodecWeights weights = random_codec_weights(3);
        Random random(5);
        detail::each_realism_parameter(weights, [&](const std::string&, Parameter<float>& added, auto&) {
            for (float& value : added.value) value = static_cast<float>(0.01 * random.normal());
        });
        CodecWeights once = seal_weights(std::move(weights), format);
        const Bytes first = write_codec_weights(once, format).bytes();
        CodecWeights twice = seal_weights(read_codec_weights(SafetensorsFile::parse(first)), format);
        CHECK(write_codec_weights(twice, format).bytes() == first);
    }
}

TEST_CASE("8-bit weights are within half a step", "[codec][weights]") {
    Random random(5);
    Parameter<float> p({6, 4, 3, 3});
    for (float& v : p.value) v = static_cast<float>(random.normal());
    for (std::size_t i = 0; i < 36; ++i) p.value[i] = 0;  // a channel of zeros
    Parameter<float> rounded = p;
    round_to_stored(rounded, WeightFormat::int8);
    for (std::size_t co = 0; co < 6; ++co) {
        float largest = 0, error = 0;
        for (std::size_t i = co * 36; i < (co + 1) * 36; ++i) {
            largest = std::max(largest, std::abs(p.value[i]));
            error = std::max(error, std::abs(p.value[i] - rounded.value[i]));
        }
        CHECK(error <= 0.501f * largest / 127.0f);
    }
    Parameter<float> again = rounded;
    round_to_stored(again, WeightFormat::int8);
    CHECK(again.value == rounded.value);
}
