#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/entropy/escape.hpp"
#include "gancodec/entropy/rans.hpp"

namespace gancodec {

/// Reads symbols back from the bytes that RansEncoder wrote.
/// Read first: (1) it needs the very tables and the very number of symbols; (2) damaged bytes may go unnoticed until
/// the last symbol, so what `symbols` holds means nothing after an Error; (3) it is no checksum: the container's are.
/// Safe     Any bytes: no read outside `bytes`, no endless loop, every symbol within ±kMaxSymbol.
/// Errors   Error{Errc::corrupt_stream}.
class RansDecoder {
public:
    /// Decodes symbols[i] with table table_of(i) for every i.
    /// Requires table_of(i) < tables.size().
    template <class TableOf>
    static void decode(ByteView bytes, std::span<std::int32_t> symbols, const CdfTables& tables,
                       const TableOf& table_of) {
        const std::uint8_t* next = bytes.data();
        const std::uint8_t* end = next + bytes.size();
        std::uint64_t x = symbols.empty() ? 1 : get_state(next, end);
        std::size_t done = 0;
        Bytes tail;
        if (symbols.size() >= kRansForkFrom) {
            const std::uint32_t k = get_bits(x, next, end, kRansForkBits);
            if (k != kRansNoFork) {
                done = rans_main_count(symbols.size(), k);
                tail = get_main(x, next, end, symbols.first(done), tables, table_of);
                next = tail.data();
                end = next + tail.size();
                x = get_state(next, end);
            }
        }
        for (; done < symbols.size(); ++done) symbols[done] = get_symbol(x, next, end, tables, table_of(done));
        if (x != 1 || next != end)
            refuse("them to end with the last symbol", next != end ? "bytes left over" : "another state");
    }

private:
    [[noreturn]] static void refuse(const char* expected, const char* found) {
        raise_error(Errc::corrupt_stream, std::string("rANS bytes: expected ") + expected + ", found " + found);
    }

    /// Decodes the part in four states, of which the first is `x0`, and returns the bytes of the tail.
    template <class TableOf>
    static Bytes get_main(std::uint64_t x0, const std::uint8_t* next, const std::uint8_t* end,
                          std::span<std::int32_t> symbols, const CdfTables& tables, const TableOf& table_of) {
        std::uint64_t x1 = get_state(next, end), x2 = get_state(next, end), x3 = get_state(next, end);
        for (std::size_t i = 0; i < symbols.size(); i += kRansLanes) {
            symbols[i] = get_symbol(x0, next, end, tables, table_of(i));
            symbols[i + 1] = get_symbol(x1, next, end, tables, table_of(i + 1));
            symbols[i + 2] = get_symbol(x2, next, end, tables, table_of(i + 2));
            symbols[i + 3] = get_symbol(x3, next, end, tables, table_of(i + 3));
        }
        Bytes tail;
        for (const std::uint64_t x : {x0, x1, x2, x3}) {
            if (x >> 32 != kRansForkLow >> 32) refuse("four states that join in the tail", "others");
            for (int shift = 24; shift >= 0; shift -= 8) tail.push_back(static_cast<std::uint8_t>(x >> shift));
        }
        tail.insert(tail.end(), next, end);
        return tail;
    }

    /// Pulls bytes while x < 2^31 and there are any. The encoder's stack began empty, so a valid stream may lack some
    /// at its end; a cut one goes on with a state that only shrinks, and fails the last check.
    static void pull(std::uint64_t& x, const std::uint8_t*& next, const std::uint8_t* end) {
        if (end - next >= 2) {
            // Without branches, 0, 1 or 2 bytes; a slot of 2^-16 needs no more.
            const unsigned pulled = unsigned{x < kRansLow} + unsigned{x < (kRansLow >> 8)};
            const auto two = static_cast<std::uint64_t>((next[0] << 8) | next[1]);
            x = (x << (8 * pulled)) | (two >> (16 - 8 * pulled));
            next += pulled;
        } else {
            while (x < kRansLow && next != end) x = (x << 8) | *next++;
        }
    }
    static std::uint64_t get_state(const std::uint8_t*& next, const std::uint8_t* end) {
        std::uint64_t x = 0;
        while (x < kRansLow && next != end) x = (x << 8) | *next++;
        return x;
    }
    static std::int32_t get_symbol(std::uint64_t& x, const std::uint8_t*& next, const std::uint8_t* end,
                                   const CdfTables& tables, std::size_t table) {
        const CdfTables::Table& t = tables.table(table);
        const CdfTables::DecodeSlot* slots = tables.decode_slots(t);
        const auto position = static_cast<std::uint32_t>(x & (kProbabilityTotal - 1));
        std::uint32_t slot = tables.buckets(table)[position >> (kProbabilityBits - CdfTables::kBucketBits)];
        CdfTables::DecodeSlot s = slots[slot];
        while (position - (s & 0xFFFFu) >= s >> 16) s = slots[++slot];
        x = std::uint64_t{s >> 16} * (x >> kProbabilityBits) + position - (s & 0xFFFFu);
        pull(x, next, end);
        if (slot == 0) return get_escape_symbol(x, next, end, t);
        return t.first + static_cast<std::int32_t>(slot) - 1;
    }
    static std::uint32_t get_bits(std::uint64_t& x, const std::uint8_t*& next, const std::uint8_t* end, int count) {
        const int unused = kProbabilityBits - count;
        const auto position = static_cast<std::uint32_t>(x & (kProbabilityTotal - 1));
        x = ((x >> kProbabilityBits) << unused) | (position & ((1u << unused) - 1u));
        pull(x, next, end);
        return position >> unused;
    }
    static std::int32_t get_escape_symbol(std::uint64_t& x, const std::uint8_t*& next, const std::uint8_t* end,
                                          const CdfTables::Table& table) {
        // Copies, so that only this rare path needs the state in memory.
        std::uint64_t state = x;
        const std::uint8_t* from = next;
        const std::int64_t code = get_escape([&] { return get_bits(state, from, end, 1); });
        x = state;
        next = from;
        if (code < 0) refuse("an escape code below 2^23", "a longer one");
        const std::int32_t symbol = escape_symbol(static_cast<std::uint32_t>(code), table);
        if (symbol < -kMaxSymbol || symbol > kMaxSymbol) refuse("a symbol below 2^20 in magnitude", "a larger one");
        return symbol;
    }
};

}  // namespace gancodec
