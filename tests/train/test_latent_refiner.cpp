#include <limits>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

TEST_CASE("refined latents cost less, and are an ordinary stream", "[train]") {
    const Image picture = test_picture(100, 70);
    constexpr int kStep = 128;
    Codec codec(random_codec_weights(7));
    LatentRefiner refiner(random_codec_weights(7));

    const Symbols plain = refiner.refine(picture, kStep, {.iterations = 0});
    const Bytes bytes = codec.encode(picture, {kStep / 2.55});
    CHECK(codec.encode_symbols(plain, 100, 70, kStep) == bytes);

    double first = 0, best = std::numeric_limits<double>::infinity();
    const Symbols refined = refiner.refine(picture, kStep, {.iterations = 8}, [&](int i, double loss) {
        if (i == 0) first = loss;
        best = std::min(best, loss);
    });
    CHECK(best < first);
    CHECK(refined.z == plain.z);
    CHECK(refined.residuals != plain.residuals);
    const Bytes smaller = codec.encode_symbols(refined, 100, 70, kStep);
    CHECK(codec.decode_symbols(smaller).residuals == refined.residuals);
    CHECK(codec.decode(smaller).width == 100);
}
