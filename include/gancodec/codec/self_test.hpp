#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "gancodec/bitstream/checksum.hpp"
#include "gancodec/codec/options.hpp"
#include "gancodec/codec/transform.hpp"
#include "gancodec/core/random.hpp"
#include "gancodec/simd/batch.hpp"

namespace gancodec {

template <class Networks>
class BasicCodec;

/// Errors  Error{corrupt_weights} when the weights do not state the id of their entropy tables.
template <class Networks>
void check_entropy_id(const BasicCodec<Networks>& codec, const std::string& where) {
    const auto& metadata = codec.weights().metadata;
    const auto stated = metadata.find("entropy_id");
    const std::string found = detail::hex32(codec.entropy_id());
    if (stated == metadata.end() || stated->second != found)
        raise_error(Errc::corrupt_weights,
                    where + ": expected entropy tables with id " +
                        (stated == metadata.end() ? "(none stated)" : printable(stated->second)) + ", found " + found);
}

/// What a weights file says about itself, so that a machine can find out whether it computes what the trainer computed:
/// the CRC-32 of a test picture's stream, and of the pixels of test symbols at every setting of realism.
struct SelfTest {
    static constexpr int kWidth = 72, kHeight = 56;

    /// The CRC at a setting of realism, from as many as the weights state; where they state one, it is that of every setting.
    [[nodiscard]] static std::string pick(const std::string& stated, int realism) {
        constexpr std::size_t kStride = 9;  // 8 digits and a space
        const std::size_t at = stated.size() < kStride ? 0 : static_cast<std::size_t>(realism) * kStride;
        return at < stated.size() ? stated.substr(at, kStride - 1) : "";
    }
    /// Encodes a picture made from integers alone.
    template <class Networks>
    [[nodiscard]] static std::uint32_t stream(BasicCodec<Networks>& codec) {
        Image picture = make_image(kWidth, kHeight);
        Random random(1);
        for (int y = 0; y < kHeight; ++y)
            for (int x = 0; x < kWidth; ++x)
                for (int c = 0; c < 3; ++c)
                    picture.at(x, y)[c] =
                        static_cast<std::uint8_t>(x * (c + 1) + y * (3 - c) + static_cast<int>(random.next() % 32));
        return crc32(codec.encode(picture));
    }
    /// Paints small random symbols.
    template <class Networks>
    [[nodiscard]] static std::uint32_t pixels(BasicCodec<Networks>& codec) {
        constexpr int kHyperPlaces =
            round_up(kWidth, kImageMultiple) / kImageMultiple * (round_up(kHeight, kImageMultiple) / kImageMultiple);
        Random random(2);
        Symbols symbols;
        for (int i = 0; i < kHyperChannels * kHyperPlaces; ++i)
            symbols.z.push_back(static_cast<std::int32_t>(random.next() % 5) - 2);
        for (int i = 0; i < kLatentChannels * 16 * kHyperPlaces; ++i)
            symbols.residuals.push_back(static_cast<std::int32_t>(random.next() % 3) - 1);
        StreamHeader header;
        header.width = kWidth;
        header.height = kHeight;
        header.quality_step = 128;
        return crc32(codec.paint(symbols, header).rgb);
    }
};

/// Errors  Error{wrong_weights} when the weights carry a self-test and this build computes something else. A build
///         without fused multiply-add is known to differ in last digits, and is not tested.
template <class Networks>
void check_self_test(BasicCodec<Networks>& codec, const std::string& where) {
    const auto& metadata = codec.weights().metadata;
    const auto stream = metadata.find("self_test_stream"), pixels = metadata.find("self_test_pixels");
    if (!simd::kHasFma || stream == metadata.end() || pixels == metadata.end()) return;
    const auto check = [&](const char* what, const std::string& expected, std::uint32_t found) {
        if (expected != detail::hex32(found))
            raise_error(Errc::wrong_weights, where + ": expected a self-test with " + what + " " + printable(expected) +
                                                 ", found " + detail::hex32(found));
    };
    const std::string expected = SelfTest::pick(pixels->second, realism_step(codec.options().realism));
    check("pixels", expected, SelfTest::pixels(codec));
    if (codec.options().use == CodecUse::encode_and_decode) check("a stream", stream->second, SelfTest::stream(codec));
}

}  // namespace gancodec
