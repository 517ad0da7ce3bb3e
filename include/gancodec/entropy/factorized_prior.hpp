#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "gancodec/core/bytes.hpp"
#include "gancodec/core/check.hpp"
#include "gancodec/entropy/cdf.hpp"
#include "gancodec/entropy/rans_decoder.hpp"
#include "gancodec/entropy/rans_encoder.hpp"

namespace gancodec {

/// Codes hyper latents: every channel has one table of its own, made from the weights file.
/// Shapes   symbols [channels][plane], plane = h·w
/// Errors   encode(): Error{Errc::invalid_argument} for a symbol beyond ±kMaxSymbol;
///          decode(): Error{Errc::corrupt_stream}.
class FactorizedPrior {
    [[nodiscard]] auto channel_of(std::size_t count) const {
        GANCODEC_ASSERT(tables_.size() > 0 && count % tables_.size() == 0);
        return [plane = count / tables_.size()](std::size_t i) { return i / plane; };
    }

public:
    FactorizedPrior() = default;
    explicit FactorizedPrior(CdfTables tables) : tables_(std::move(tables)) {}

    [[nodiscard]] const CdfTables& tables() const { return tables_; }

    /// Requires symbols.size() is a multiple of tables().size().
    [[nodiscard]] Bytes encode(std::span<const std::int32_t> symbols) const {
        return RansEncoder::encode(symbols, tables_, channel_of(symbols.size()));
    }
    /// Requires as encode().
    void decode(ByteView bytes, std::span<std::int32_t> symbols) const {
        RansDecoder::decode(bytes, symbols, tables_, channel_of(symbols.size()));
    }

private:
    CdfTables tables_;
};

}  // namespace gancodec
