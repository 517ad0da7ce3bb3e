#include <cstddef>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

TEST_CASE("decoding in bf16 changes pixels a little, and symbols never", "[codec][bf16]") {
    if (!simd::kHasFma) SKIP("needs fused multiply-add");
    Codec codec(random_codec_weights(1));
    const Image image = test_picture(150, 90);
    const Bytes bytes = codec.encode(image, {.quality = 60}),
                tiled = codec.encode(image, {.quality = 60, .tile_px = 64});
    const DecodeOptions close{.precision = Precision::bf16};
    const Image exact = codec.decode(bytes);
    const Symbols symbols = codec.decode_symbols(bytes);
    const int before = threads();
    set_threads(1);
    const Image picture = codec.decode(bytes, close);
    set_threads(3);
    CHECK(codec.decode(bytes, close) == picture);
    set_threads(before);
    CHECK_FALSE(picture == exact);
    CHECK(psnr(picture, exact) > 20);  // of noise, which the weights of this test paint
    CHECK(codec.decode(tiled, close) == picture);
    const Symbols again = codec.decode_symbols(bytes, close);
    CHECK(again.z == symbols.z);
    CHECK(again.residuals == symbols.residuals);
    CHECK(codec.decode(bytes) == exact);  // the option is gone with its call
}
