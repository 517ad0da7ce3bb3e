#include <gancodec.hpp>

#include "support/catch.hpp"

namespace {

using namespace gancodec;

/// fma rounds once: with a = b = 1 + 2^-12 and c = −(1 + 2^-11), a·b + c is 2^-24, which two roundings lose.
template <class Arch>
float fused() {
    const float a = 1.0f + 0x1p-12f, c = -(1.0f + 0x1p-11f);
    alignas(kAlignmentBytes) float lanes[kChannelBlock];
    simd::store<Arch>(lanes, simd::fma(simd::broadcast<Arch>(a), simd::broadcast<Arch>(a), simd::broadcast<Arch>(c)));
    return lanes[simd::kLanes<Arch> - 1];
}

}  // namespace

TEST_CASE("simd: multiply-add rounds once, on emulated registers and on the machine's", "[simd]") {
    CHECK(fused<simd::EmulatedArch<4>>() == 0x1p-24f);
    CHECK(fused<simd::EmulatedArch<16>>() == 0x1p-24f);
    if (simd::kHasFma) CHECK(fused<simd::NativeArch>() == 0x1p-24f);
}

TEST_CASE("simd: a block of channels is a whole number of registers", "[simd]") {
    STATIC_CHECK(simd::kVectors<simd::EmulatedArch<4>> == 4);
    STATIC_CHECK(simd::kVectors<simd::EmulatedArch<16>> == 1);
    STATIC_CHECK(simd::kVectors<simd::NativeArch> * simd::kLanes<simd::NativeArch> == kChannelBlock);
}
