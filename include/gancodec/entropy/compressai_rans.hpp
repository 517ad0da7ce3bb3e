#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/cdf.hpp"

// The entropy coder of CompressAI, whose strings are decoded here and not written.
//
//   string      words of 32 bits, little-endian; the first two are the state x, low word first
//   a slot      [start, start + f) of 65536: x <- f · floor(x / 65536) + x mod 65536 - start
//   raw bits    four at a time: x <- floor(x / 16); their value is x mod 16
//   after each  x <- x · 2^32 + the next word, while x < 2^31
//   a symbol    slot i of its table stands for offset + i; the last slot is an escape, and a number e follows in raw bits:
//               how many digits of four bits it has (15 adds to what follows), then the digits, lowest first.
//               offset - (e + 1) / 2 for odd e, offset + (last slot) + e / 2 for even e
//   the end     x = 2^31, and no word left
// (64-bit rANS: Duda 2013, arXiv:1311.2540; Giesen 2014, arXiv:1402.3392.)

namespace gancodec {

/// The integer tables of one of CompressAI's entropy models.
class CompressAiTables {
public:
    struct Table {
        std::size_t begin = 0;    ///< of its cdf among all
        std::size_t slots = 0;    ///< symbols and escape; cdf[slots] = 65536
        std::int32_t offset = 0;  ///< the symbol of slot 0
    };

    CompressAiTables() = default;
    /// Tables as a checkpoint has them: row i of `cdf` begins with lengths[i] sums of frequencies, from 0 to 65536.
    /// Shapes   cdf [tables][cdf.size() / tables] · lengths [tables] · offsets [tables]
    /// Errors   Error{Errc::corrupt_weights} that begins with `where`.
    CompressAiTables(std::span<const std::int32_t> cdf, std::span<const std::int32_t> lengths,
                     std::span<const std::int32_t> offsets, const std::string& where) {
        const std::size_t count = lengths.size();
        if (count == 0 || offsets.size() != count || cdf.size() % count != 0)
            raise_error(Errc::corrupt_weights, where + ": expected as many rows, lengths and offsets, found " +
                                                   std::to_string(cdf.size()) + ", " + std::to_string(count) + " and " +
                                                   std::to_string(offsets.size()) + " numbers");
        for (std::size_t i = 0; i < count; ++i)
            add(cdf.subspan(i * (cdf.size() / count), cdf.size() / count), lengths[i], offsets[i],
                where + " table " + std::to_string(i));
    }

    [[nodiscard]] std::size_t size() const { return tables_.size(); }
    [[nodiscard]] const Table& table(std::size_t i) const { return tables_[i]; }
    [[nodiscard]] const std::uint32_t* cdf(const Table& table) const { return cdf_.data() + table.begin; }

private:
    void add(std::span<const std::int32_t> row, std::int32_t length, std::int32_t offset, const std::string& where) {
        const auto refuse = [&](const std::string& expected, const std::string& found) {
            raise_error(Errc::corrupt_weights, where + ": expected " + expected + ", found " + found);
        };
        if (length < 2 || static_cast<std::size_t>(length) > row.size())
            refuse("a length of 2 to " + std::to_string(row.size()), std::to_string(length));
        if (offset < -kMaxSymbol || offset > kMaxSymbol)
            refuse("an offset of at most " + std::to_string(kMaxSymbol) + " in magnitude", std::to_string(offset));
        row = row.first(static_cast<std::size_t>(length));
        if (row.front() != 0 || row.back() != std::int32_t{kProbabilityTotal})
            refuse("sums from 0 to 65536", std::to_string(row.front()) + " to " + std::to_string(row.back()));
        if (std::adjacent_find(row.begin(), row.end(), std::greater_equal<>()) != row.end())
            refuse("sums that rise", "one that does not");
        tables_.push_back({cdf_.size(), row.size() - 1, offset});
        for (const std::int32_t sum : row) cdf_.push_back(static_cast<std::uint32_t>(sum));
    }

    std::vector<Table> tables_;
    std::vector<std::uint32_t> cdf_;
};

/// Reads symbols from a string that CompressAI wrote.
/// Safe     Any bytes: no read outside `bytes`, no endless loop.
/// Errors   Error{Errc::corrupt_stream}, also where the end is not that of the last symbol. One symbol read with another
///          table than the encoder's leads to another state at the end, but for a chance of 2^-31 or so, and but for
///          symbols that have the very same slot in both (those in the tails, of frequency 1): then only this one is wrong.
class CompressAiRansDecoder {
public:
    /// Decodes symbols[i] with table table_of(i) for every i.
    /// Requires table_of(i) < tables.size().
    template <class TableOf>
    static void decode(ByteView bytes, std::span<std::int32_t> symbols, const CompressAiTables& tables,
                       const TableOf& table_of) {
        CompressAiRansDecoder decoder(bytes);
        for (std::size_t i = 0; i < symbols.size(); ++i) {
            GANCODEC_ASSERT(table_of(i) < tables.size());
            symbols[i] = decoder.get_symbol(tables, tables.table(table_of(i)));
        }
        if (decoder.x_ != kLow) refuse("a state of 2^31 after the last symbol", "another");
        if (decoder.next_ != bytes.size()) refuse("an end after the last symbol", "words left over");
    }

private:
    static constexpr std::uint64_t kLow = std::uint64_t{1} << 31;
    static constexpr std::size_t kWordBytes = 4;
    static constexpr int kDigitBits = 4;
    static constexpr std::uint32_t kLargestDigit = (1u << kDigitBits) - 1;
    static constexpr std::uint32_t kMaxDigits = 8;

    explicit CompressAiRansDecoder(ByteView bytes) : bytes_(bytes) {
        if (bytes.size() % kWordBytes != 0)
            refuse("whole words of 4 bytes", (std::to_string(bytes.size()) + " bytes").c_str());
        x_ = get_word();
        x_ |= std::uint64_t{get_word()} << 32;
    }
    [[noreturn]] static void refuse(const char* expected, const char* found) {
        raise_error(Errc::corrupt_stream, std::string("CompressAI string: expected ") + expected + ", found " + found);
    }
    std::uint32_t get_word() {
        if (next_ == bytes_.size()) refuse("more words", "its end");
        const auto word = read_little_endian<std::uint32_t>(bytes_.data() + next_);
        next_ += kWordBytes;
        return word;
    }
    /// One word is enough wherever an encoder was at work: x was at least 2^31, and lost 16 bits at most.
    void pull() {
        if (x_ < kLow) x_ = (x_ << 32) | get_word();
    }
    std::uint32_t get_digit() {
        const auto digit = static_cast<std::uint32_t>(x_) & kLargestDigit;
        x_ >>= kDigitBits;
        pull();
        return digit;
    }
    std::int32_t get_symbol(const CompressAiTables& tables, const CompressAiTables::Table& table) {
        const std::uint32_t* cdf = tables.cdf(table);
        const auto position = static_cast<std::uint32_t>(x_) & (kProbabilityTotal - 1);
        const std::uint32_t* above = std::upper_bound(cdf + 1, cdf + table.slots, position);
        const std::uint32_t start = above[-1];
        x_ = std::uint64_t{*above - start} * (x_ >> kProbabilityBits) + position - start;
        pull();
        const auto slot = static_cast<std::int64_t>(above - cdf) - 1;
        const bool escape = slot + 1 == static_cast<std::int64_t>(table.slots);
        return escape ? get_escape_symbol(table, slot) : table.offset + static_cast<std::int32_t>(slot);
    }
    std::int32_t get_escape_symbol(const CompressAiTables::Table& table, std::int64_t last_slot) {
        std::uint32_t count = 0, digit = kLargestDigit;
        while (digit == kLargestDigit && count <= kMaxDigits) count += digit = get_digit();
        if (count > kMaxDigits) refuse("an escaped number of at most 32 bits", "a longer one");
        std::int64_t e = 0;
        for (std::uint32_t i = 0; i < count; ++i) e |= std::int64_t{get_digit()} << (kDigitBits * i);
        const std::int64_t symbol = table.offset + (e % 2 != 0 ? -(e + 1) / 2 : last_slot + e / 2);
        if (symbol < std::numeric_limits<std::int32_t>::min() || symbol > std::numeric_limits<std::int32_t>::max())
            refuse("a symbol of 32 bits", "a larger one");
        return static_cast<std::int32_t>(symbol);
    }

    ByteView bytes_;
    std::size_t next_ = 0;
    std::uint64_t x_ = 0;
};

}  // namespace gancodec
