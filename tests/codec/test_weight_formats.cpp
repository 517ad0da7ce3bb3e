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
