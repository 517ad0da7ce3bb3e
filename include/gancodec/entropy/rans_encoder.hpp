#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/config.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/entropy/escape.hpp"
#include "gancodec/entropy/rans.hpp"

namespace gancodec {

/// Writes symbols by rANS as rans.hpp lays out, from the last to the first.
/// Read first: (1) encode() takes all symbols at once, because rANS is a stack; (2) the decoder needs the very tables
/// and the very number of symbols.
/// Errors   Error{Errc::invalid_argument} for a symbol beyond ±kMaxSymbol.
class RansEncoder {
public:
    /// Encodes symbols[i] with table table_of(i) for every i.
    /// Requires table_of(i) < tables.size().
    template <class TableOf>
    [[nodiscard]] static Bytes encode(std::span<const std::int32_t> symbols, const CdfTables& tables,
                                      const TableOf& table_of) {
        RansEncoder encoder;
        std::uint64_t x = 1;
        std::size_t left = symbols.size();
        const auto put_down_to = [&](std::size_t end) {
            while (left > end) {
                --left;
                encoder.make_room();
                put_symbol(x, encoder.top_, tables, table_of(left), symbols[left]);
            }
        };
        std::uint32_t k = kRansNoFork;
        if (symbols.size() >= kRansForkFrom) {
            constexpr std::size_t kStateBytes = 4;  // at least, once bytes were pushed
            for (std::uint32_t i = kRansSmallestTail; k == kRansNoFork && rans_main_count(symbols.size(), i) > 0; ++i) {
                put_down_to(rans_main_count(symbols.size(), i));
                if (encoder.size() + kStateBytes >= kRansForkBytes) k = i;
            }
        }
        if (k != kRansNoFork) {
            encoder.flush(x);
            encoder.put_main(symbols.first(left), tables, table_of, k);
        } else if (!symbols.empty()) {
            put_down_to(0);
            encoder.make_room();
            if (symbols.size() >= kRansForkFrom) put_bits(x, encoder.top_, kRansNoFork, kRansForkBits);
            encoder.flush(x);
        }
        return encoder.reversed();
    }

private:
    // The most that a symbol pushes: 2 bytes for its slot, 45 bits of escape, and 1 that is written but not kept.
    static constexpr std::size_t kRoom = 16;

    struct State {
        std::uint64_t x;
        std::uint8_t* top;
    };

    RansEncoder() : bytes_(1024), top_(bytes_.data()) {}

    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(top_ - bytes_.data()); }
    void make_room(std::size_t room = kRoom) {
        const std::size_t used = size();
        if (bytes_.size() - used >= room) return;
        bytes_.resize(2 * bytes_.size());
        top_ = bytes_.data() + used;
    }
    /// Pushes a state in as few bytes as it has, so that the reader meets its highest byte first.
    void flush(std::uint64_t x) {
        make_room();
        for (; x > 0; x >>= 8) *top_++ = static_cast<std::uint8_t>(x);
    }
    [[nodiscard]] Bytes reversed() {
        bytes_.resize(size());
        std::reverse(bytes_.begin(), bytes_.end());
        return std::move(bytes_);
    }

    template <class TableOf>
    void put_main(std::span<const std::int32_t> symbols, const CdfTables& tables, const TableOf& table_of,
                  std::uint32_t k) {
        std::uint64_t lanes[kRansLanes];
        for (std::uint64_t& x : lanes) {
            x = 1;
            for (int i = 0; i < 4; ++i) x = (x << 8) | *--top_;
        }
        auto [x0, x1, x2, x3] = lanes;
        for (std::size_t i = symbols.size(); i > 0; i -= kRansLanes) {
            make_room(kRansLanes * kRoom);
            std::uint8_t* top = top_;  // a local: writing bytes could otherwise change the member itself
            put_symbol(x3, top, tables, table_of(i - 1), symbols[i - 1]);
            put_symbol(x2, top, tables, table_of(i - 2), symbols[i - 2]);
            put_symbol(x1, top, tables, table_of(i - 3), symbols[i - 3]);
            put_symbol(x0, top, tables, table_of(i - 4), symbols[i - 4]);
            top_ = top;
        }
        for (const std::uint64_t x : {x3, x2, x1}) flush(x);
        make_room();
        put_bits(x0, top_, k, kRansForkBits);
        flush(x0);
    }

    /// Pushes the bytes that keep x below 2^39 when a slot of `frequency` is put next: 0, 1 or 2 of them.
    GANCODEC_INLINE static void renormalise(std::uint64_t& x, std::uint8_t*& top, std::uint64_t frequency) {
        top[0] = static_cast<std::uint8_t>(x);
        top[1] = static_cast<std::uint8_t>(x >> 8);
        const unsigned pushed = unsigned{x >= frequency << 23} + unsigned{x >= frequency << 31};
        top += pushed;
        x >>= 8 * pushed;
    }
    GANCODEC_INLINE static void put_symbol(std::uint64_t& x, std::uint8_t*& top, const CdfTables& tables,
                                           std::size_t table, std::int32_t symbol) {
        const CdfTables::Table& t = tables.table(table);
        // Unsigned: symbols below the first one become huge, and one comparison finds both sides.
        std::uint32_t slot = static_cast<std::uint32_t>(symbol) - static_cast<std::uint32_t>(t.first) + 1u;
        if (slot - 1u >= t.slots - 1u) [[unlikely]] {
            const State after = put_escape({x, top}, symbol, t);
            x = after.x;
            top = after.top;
            slot = 0;
        }
        const CdfTables::EncodeSlot& s = tables.encode_slots(t)[slot];
        renormalise(x, top, s.frequency);
        const auto quotient = multiply_high(x, s.reciprocal) >> s.shift;
        x += s.bias + quotient * (kProbabilityTotal - s.frequency);
    }
    static void put_bits(std::uint64_t& x, std::uint8_t*& top, std::uint32_t value, int count) {
        const int unused = kProbabilityBits - count;
        renormalise(x, top, std::uint64_t{1} << unused);
        const std::uint64_t within = x & ((std::uint64_t{1} << unused) - 1);
        x = ((x >> unused) << kProbabilityBits) + (std::uint64_t{value} << unused) + within;
    }
    /// By value, and never inlined, so that only this rare path needs the state in memory.
    [[nodiscard]] GANCODEC_RARE static State put_escape(State at, std::int32_t symbol, const CdfTables::Table& table) {
        if (symbol < -kMaxSymbol || symbol > kMaxSymbol)
            raise_error(Errc::invalid_argument, "symbol to encode: expected at most " + std::to_string(kMaxSymbol) +
                                                    " in magnitude, found " + std::to_string(symbol));
        put_escape_backwards(escape_code(symbol, table), [&](std::uint32_t bit) { put_bits(at.x, at.top, bit, 1); });
        return at;
    }

    Bytes bytes_;  // in the order of pushing, the reverse of reading
    std::uint8_t* top_;
};

}  // namespace gancodec
