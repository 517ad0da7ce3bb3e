#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/entropy/rans_decoder.hpp"
#include "gancodec/entropy/rans_encoder.hpp"

namespace gancodec {

/// Codes residuals of the latents: an index per element, computed in integers from the hyper latents, picks its table.
/// Shapes   symbols, index: the same number of elements, in any order that encoder and decoder share
/// Errors   Error{Errc::corrupt_weights} for an index without a table; encode(): Error{Errc::invalid_argument} for a
///          symbol beyond ±kMaxSymbol; decode(): Error{Errc::corrupt_stream}.
class ConditionalPrior {
public:
    ConditionalPrior() = default;
    /// With the 64 scales: ConditionalPrior(CdfTables::symmetric(scale_tables().half, scale_tables().begin)).
    explicit ConditionalPrior(CdfTables tables) : tables_(std::move(tables)) {}

    [[nodiscard]] const CdfTables& tables() const { return tables_; }

    /// Requires symbols.size() == index.size().
    [[nodiscard]] Bytes encode(std::span<const std::int32_t> symbols, std::span<const std::uint8_t> index) const {
        check(symbols.size(), index);
        return RansEncoder::encode(symbols, tables_, [p = index.data()](std::size_t i) { return std::size_t{p[i]}; });
    }
    /// Requires symbols.size() == index.size().
    void decode(ByteView bytes, std::span<const std::uint8_t> index, std::span<std::int32_t> symbols) const {
        check(symbols.size(), index);
        decode(bytes, symbols, [p = index.data()](std::size_t i) { return std::size_t{p[i]}; });
    }
    /// The same with table_of(i), which is asked in rising order, each time when all symbols before are there.
    /// Requires table_of(i) < tables().size().
    template <class TableOf>
    void decode(ByteView bytes, std::span<std::int32_t> symbols, const TableOf& table_of) const {
        RansDecoder::decode(bytes, symbols, tables_, table_of);
    }
    void require_tables(std::span<const std::uint8_t> index) const {
        std::uint8_t largest = 0;
        for (const std::uint8_t i : index) largest = std::max(largest, i);
        if (!index.empty() && largest >= tables_.size())
            raise_error(Errc::corrupt_weights, "scale index: expected below " + std::to_string(tables_.size()) +
                                                   ", found " + std::to_string(largest));
    }

private:
    void check([[maybe_unused]] std::size_t symbols, std::span<const std::uint8_t> index) const {
        GANCODEC_ASSERT(symbols == index.size());
        require_tables(index);
    }

    CdfTables tables_;
};

}  // namespace gancodec
