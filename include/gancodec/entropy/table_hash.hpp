#pragma once

#include <cstdint>
#include <span>

namespace gancodec {

/// Names a set of integers by 32 bits: a stream carries the name of the tables it was made with, so that other weights
/// are refused instead of decoding to garbage. FNV-1a over eight little-endian bytes per integer, in 64 bits, folded.
/// Read first: update() of a span also hashes its length, so that neighbouring lists cannot be confused.
class TableHash {
public:
    void update(std::int64_t value) {
        if (value >= 0 && value <= 0xFF) {  // seven bytes of zero: seven products with the prime
            hash_ = (hash_ ^ static_cast<std::uint64_t>(value)) * kPrimeToThe8;
            return;
        }
        for (int shift = 0; shift < 64; shift += 8) {
            hash_ ^= (static_cast<std::uint64_t>(value) >> shift) & 0xFFu;
            hash_ *= kPrime;
        }
    }
    template <class Integer>
    void update(std::span<const Integer> values) {
        update(static_cast<std::int64_t>(values.size()));
        for (const Integer value : values) update(static_cast<std::int64_t>(value));
    }
    [[nodiscard]] std::uint32_t value() const { return static_cast<std::uint32_t>(hash_ ^ (hash_ >> 32)); }

private:
    static constexpr std::uint64_t kPrime = 0x100000001B3u;
    static constexpr std::uint64_t kPrimeToThe2 = kPrime * kPrime, kPrimeToThe4 = kPrimeToThe2 * kPrimeToThe2,
                                   kPrimeToThe8 = kPrimeToThe4 * kPrimeToThe4;
    std::uint64_t hash_ = 0xCBF29CE484222325u;
};

}  // namespace gancodec
