// libFuzzer: hostile files of CompressAI's strings, and hostile strings.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "gancodec/bitstream/compressai_format.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/compressai_rans.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gancodec;
    static const CompressAiTables tables(std::vector{0, 9, 40000, 65530, 65536, 0, 1, 65536, 0, 0}, std::vector{5, 3},
                                         std::vector{-1, 7}, "tables");
    const ByteView bytes(data, size);
    // With a CRC-32 that fits, so that the fields are reached.
    Bytes sealed(bytes.begin(), bytes.end());
    append_little_endian(sealed, crc32(sealed));
    for (const ByteView file : {bytes, ByteView(sealed)}) try {
            const CompressAiStream stream = read_compressai_stream(file);
            if (stream.strings.empty() || stream.left + stream.width > stream.latent_px() * stream.w) std::abort();
        } catch (const Error& error) {
            if (error.code() == Errc::corrupt_weights) std::abort();
        }
    if (size == 0) return 0;
    std::vector<std::int32_t> symbols(data[0]);
    try {
        CompressAiRansDecoder::decode(bytes.subspan(1), symbols, tables, [&](std::size_t i) { return i % 2; });
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt_stream) std::abort();
    }
    return 0;
}
