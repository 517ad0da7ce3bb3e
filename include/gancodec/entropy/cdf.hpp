#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/entropy/table_hash.hpp"

namespace gancodec {

inline constexpr int kProbabilityBits = 16;
inline constexpr std::uint32_t kProbabilityTotal = std::uint32_t{1} << kProbabilityBits;
inline constexpr std::int32_t kMaxSymbol = (1 << 20) - 1;  ///< no symbol is larger in magnitude, escaped or not

/// The slots of probability tables, ready for the coder. A table has slot 0 for the escape, then one slot for each of
/// the symbols first, first + 1, …
/// Units    frequency = probability · 2^16; those of a table sum to 65536 and none is 0.
class CdfTables {
public:
    static constexpr int kBucketBits = 10;
    static constexpr std::size_t kBuckets = std::size_t{1} << kBucketBits;
    static constexpr std::size_t kMaxSlots = 4096;

    /// What the encoder needs of a slot: x / frequency = (x · reciprocal >> 64) >> shift for every state x below 2^63;
    /// for a frequency of 1 that is one too few, which `bias` makes up for (Giesen, ryg_rans, rans64.h).
    struct EncodeSlot {
        std::uint64_t reciprocal;
        std::uint32_t bias;
        std::uint16_t frequency;
        std::uint16_t shift;
    };
    /// cdf[slot] in the low half, frequency in the high half.
    using DecodeSlot = std::uint32_t;

    struct Table {
        std::int32_t first = 0;   ///< the symbol of slot 1
        std::uint32_t slots = 0;  ///< symbols and escape
        std::size_t begin = 0;    ///< of its slots among all
    };

    /// Appends a table of frequencies [escape, first, first + 1, …], checked because it may come from a file.
    /// Errors   Error{Errc::corrupt_weights} that begins with `where`.
    void add(std::int32_t first, std::span<const std::uint16_t> frequencies, const std::string& where) {
        check(first, frequencies, where);
        tables_.push_back({first, static_cast<std::uint32_t>(frequencies.size()), decode_slots_.size()});
        std::uint32_t start = 0;
        std::uint32_t bucket = 0;
        for (std::size_t slot = 0; slot < frequencies.size(); ++slot) {
            encode_slots_.push_back(encode_slot(start, frequencies[slot]));
            decode_slots_.push_back(start | (std::uint32_t{frequencies[slot]} << 16));
            start += frequencies[slot];
            constexpr std::uint32_t kWidth = kProbabilityTotal >> kBucketBits;
            for (; bucket * kWidth < start; ++bucket) buckets_.push_back(static_cast<std::uint16_t>(slot));
        }
    }

    /// Tables symmetric about 0 from their halves: frequencies [escape, P(0), P(1) .. P(m)] of table i at
    /// begin[i] .. begin[i + 1] of `half`.
    /// Errors   Error{Errc::corrupt_weights}.
    [[nodiscard]] static CdfTables symmetric(std::span<const std::uint16_t> half,
                                             std::span<const std::uint16_t> begin) {
        CdfTables tables;
        std::vector<std::uint16_t> whole;
        for (std::size_t i = 0; i + 1 < begin.size(); ++i) {
            if (begin[i] + 2 > begin[i + 1] || begin[i + 1] > half.size())
                raise_error(Errc::corrupt_weights, "scale table " + std::to_string(i) +
                                                       ": expected at least 2 frequencies, found a range outside");
            const auto table = half.subspan(begin[i], static_cast<std::size_t>(begin[i + 1] - begin[i]));
            whole.assign(1, table[0]);
            for (std::size_t k = table.size() - 1; k >= 2; --k) whole.push_back(table[k]);
            for (std::size_t k = 1; k < table.size(); ++k) whole.push_back(table[k]);
            tables.add(-static_cast<std::int32_t>(table.size() - 2), whole, "scale table " + std::to_string(i));
        }
        return tables;
    }

    [[nodiscard]] std::size_t size() const { return tables_.size(); }
    [[nodiscard]] const Table& table(std::size_t i) const { return tables_[i]; }
    [[nodiscard]] const EncodeSlot* encode_slots(const Table& table) const {
        return encode_slots_.data() + table.begin;
    }
    [[nodiscard]] const DecodeSlot* decode_slots(const Table& table) const {
        return decode_slots_.data() + table.begin;
    }
    /// For each of 1024 equal parts of [0, 65536): the slot in which it begins.
    [[nodiscard]] const std::uint16_t* buckets(std::size_t table) const { return buckets_.data() + table * kBuckets; }

    /// The frequency with which `symbol` is coded, that of the escape for one outside the table.
    [[nodiscard]] std::uint32_t frequency(std::size_t i, std::int32_t symbol) const {
        const Table& t = tables_[i];
        const std::int64_t slot = std::int64_t{symbol} - t.first + 1;
        return decode_slots(t)[slot >= 1 && slot < std::int64_t{t.slots} ? slot : 0] >> 16;
    }
    /// Adds every number that a stream depends on.
    void hash(TableHash& hash) const {
        hash.update(static_cast<std::int64_t>(size()));
        for (const Table& t : tables_) {
            hash.update(t.first);
            hash.update(std::span<const DecodeSlot>(decode_slots(t), t.slots));
        }
    }

private:
    static void check(std::int32_t first, std::span<const std::uint16_t> frequencies, const std::string& where) {
        const auto refuse = [&](const std::string& expected, const std::string& found) {
            raise_error(Errc::corrupt_weights, where + ": expected " + expected + ", found " + found);
        };
        if (frequencies.size() < 2 || frequencies.size() > kMaxSlots)
            refuse("2 to " + std::to_string(kMaxSlots) + " frequencies", std::to_string(frequencies.size()));
        const std::int64_t last = std::int64_t{first} + static_cast<std::int64_t>(frequencies.size()) - 2;
        if (first < -kMaxSymbol || last > kMaxSymbol)
            refuse("symbols of at most " + std::to_string(kMaxSymbol) + " in magnitude",
                   std::to_string(first) + " to " + std::to_string(last));
        std::uint32_t total = 0;
        for (const std::uint16_t frequency : frequencies) {
            if (frequency == 0) refuse("frequencies of at least 1", "0");
            total += frequency;
        }
        if (total != kProbabilityTotal) refuse("frequencies that sum to 65536", std::to_string(total));
    }
    static EncodeSlot encode_slot(std::uint32_t start, std::uint16_t frequency) {
        if (frequency == 1) return {~std::uint64_t{0}, start + kProbabilityTotal - 1, frequency, 0};
        std::uint16_t shift = 0;
        while (frequency > (std::uint32_t{1} << shift)) ++shift;
        // ceil(2^(63 + shift) / frequency) by two divisions of 64 bits, 32 quotient bits each.
        const std::uint64_t high = std::uint64_t{1} << (31 + shift);
        const std::uint64_t quotient = high / frequency, remainder = high % frequency;
        const std::uint64_t low = (remainder << 32) + frequency - 1u;
        return {(quotient << 32) + low / frequency, start, frequency, static_cast<std::uint16_t>(shift - 1)};
    }

    std::vector<Table> tables_;
    std::vector<EncodeSlot> encode_slots_;
    std::vector<DecodeSlot> decode_slots_;
    std::vector<std::uint16_t> buckets_;
};

}  // namespace gancodec
