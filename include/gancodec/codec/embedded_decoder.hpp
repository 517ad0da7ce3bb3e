#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "gancodec/codec/codec.hpp"
#include "gancodec/core/memory_block.hpp"
#include "gancodec/nn/layer.hpp"

namespace gancodec {

/// What a call gave, or why it gave nothing.
template <class T>
struct Result {
    T value{};
    bool ok = false;
    Fault fault;  ///< where it is not ok

    explicit operator bool() const { return ok; }
};

/// A decoder for programs without exceptions, RTTI and heap: the same Codec, in a block of memory of the caller.
///   static std::byte memory[…];
///   EmbeddedDecoder decoder(memory);
///   if (const auto loaded = decoder.load(weights); !loaded) …loaded.fault.message…
///   const auto picture = decoder.decode(stream);
///
/// Read first: (1) GANCODEC_NO_EXCEPTIONS goes with -fno-exceptions and -fno-rtti, in every source file; (2) the program's
/// operator new takes memory from MemoryBlock::current(), as examples/embedded/block_new.cpp; (3) an error leaves what
/// ran without destructors (core/error.hpp): here that is sound, because all it held lies in the block, of which
/// everything taken by the call is given back; (4) one caller at a time.
template <class Networks>
class BasicEmbeddedDecoder {
public:
    /// Interleaved 8-bit RGB in the block, valid until the next call.
    struct Picture {
        int width = 0, height = 0;
        std::span<const std::uint8_t> rgb;
    };
    /// What a stream takes beside the weights: memory to work in, and the picture.
    struct Needs {
        int width = 0, height = 0;
        std::size_t memory_bytes = 0;
    };

    /// Requires  the memory outlives the decoder.
    explicit BasicEmbeddedDecoder(std::span<std::byte> memory) : block_(memory) {}
    ~BasicEmbeddedDecoder() {
        const MemoryBlock::Use use(block_);
        image_ = {};
        codec_.reset();
    }
    BasicEmbeddedDecoder(const BasicEmbeddedDecoder&) = delete;
    BasicEmbeddedDecoder& operator=(const BasicEmbeddedDecoder&) = delete;

    /// Once, from a safetensors file in memory, which is read in place and not needed afterwards. Gives the bytes of the
    /// block in use.
    /// Errors  as Codec::load(), and Errc::limit where the block is too small.
    [[nodiscard]] Result<std::size_t> load(ByteView weights, double realism = 1) {
        auto result = call<std::size_t>([&](std::size_t& bytes) {
            if (codec_) raise_error(Errc::invalid_argument, "load: expected a decoder without weights, found some");
            const LoadOptions options{CodecUse::decode, realism};
            codec_.reset(new Codec(Codec::load(SafetensorsFile::view(weights), options)));  // never on the stack
            codec_->forget();
            bytes = block_.bytes_in_use();
        });
        if (!codec_) {
            NumbersLater::wanted() = false;
            block_.give_back_since(kLoading);
        }
        block_.set_period(kDecoding);
        return result;
    }
    /// Errors  as gancodec::inspect().
    [[nodiscard]] Result<Needs> inspect(ByteView stream, const Limits& limits = {}) {
        return decoding<Needs>([&](Needs& needs) {
            const StreamHeader header = read_layout(stream, limits).header;
            needs = {header.width, header.height,
                     codec_->decode_memory_bytes(header) +
                         3 * static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.height)};
        });
    }
    /// Errors  as Codec::decode(), and Errc::limit where the block is too small.
    [[nodiscard]] Result<Picture> decode(ByteView stream, const Limits& limits = {}) {
        return decoding<Picture>([&](Picture& picture) {
            DecodeOptions options;
            options.limits = limits;
            options.memory_bytes = window_bytes(read_layout(stream, limits).header);
            image_ = codec_->decode(stream, options);
            picture = {image_.width, image_.height, image_.rgb};
        });
    }
    [[nodiscard]] const MemoryBlock& block() const { return block_; }

private:
    using Codec = BasicCodec<Networks>;
    static constexpr std::uint32_t kLoading = 1, kDecoding = 2;

    template <class T, class F>
    [[nodiscard]] Result<T> call(F&& f) {
        const MemoryBlock::Use use(block_);
        Result<T> result;
        result.ok = caught_as_fault([&] { f(result.value); }, result.fault);
        return result;
    }
    /// Every call finds the block as load() left it, whatever the calls before came to.
    template <class T, class F>
    [[nodiscard]] Result<T> decoding(F&& f) {
        start_anew();
        Result<T> result = call<T>([&](T& value) {
            if (!codec_)
                raise_error(Errc::invalid_argument, "decode: expected load() to be called before, found no weights");
            f(value);
        });
        if (!result) start_anew();
        return result;
    }
    /// For a picture in tiles: what it leaves of the block, less a quarter for headers and gaps.
    [[nodiscard]] std::size_t window_bytes(const StreamHeader& header) const {
        const std::uint64_t picture =
            3 * std::uint64_t{static_cast<unsigned>(header.width)} * static_cast<unsigned>(header.height);
        const std::uint64_t left = block_.bytes() - block_.bytes_in_use();
        return std::min(kWindowMemoryBytes, static_cast<std::size_t>(left > picture ? (left - picture) / 4 * 3 : 0));
    }
    void start_anew() {
        const MemoryBlock::Use use(block_);
        image_ = {};
        if (codec_) codec_->forget();
        block_.give_back_since(kDecoding);
    }

    MemoryBlock block_;
    std::unique_ptr<Codec> codec_;
    Image image_;
};

using EmbeddedDecoder = BasicEmbeddedDecoder<Model<float>>;

}  // namespace gancodec
