// libFuzzer: hostile rANS bytes, and a round trip of whatever symbols the bytes spell.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/latents/scale_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gancodec;
    static const ConditionalPrior prior(CdfTables::symmetric(scale_tables().half, scale_tables().begin));
    if (size < 4) return 0;
    // The first bytes choose how many symbols, on both sides of the fork, and with which tables.
    const std::size_t count = data[0] < 128 ? data[0] : kRansForkFrom - 64 + data[0];
    std::vector<std::uint8_t> index(count);
    for (std::size_t i = 0; i < count; ++i) index[i] = static_cast<std::uint8_t>((data[1] + i * data[2]) % kScales);
    const ByteView bytes(data + 3, size - 3);

    std::vector<std::int32_t> symbols(count);
    try {
        prior.decode(bytes, index, symbols);
        for (const std::int32_t symbol : symbols)
            if (symbol < -kMaxSymbol || symbol > kMaxSymbol) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt_stream) std::abort();
    }

    // Every byte in turn is a symbol, small ones mostly; 255 makes a large one.
    for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t byte = bytes[i % bytes.size()];
        symbols[i] = byte == 255 ? (i % 2 == 0 ? kMaxSymbol : -kMaxSymbol) : (byte - 128) / 8;
    }
    std::vector<std::int32_t> decoded(count);
    prior.decode(prior.encode(symbols, index), index, decoded);
    if (decoded != symbols) std::abort();
    return 0;
}
