#pragma once

#include <memory>
#include <string>

#include "gancodec/core/bytes.hpp"
#include "gancodec/image/image.hpp"
#include "gancodec/weights/safetensors.hpp"

namespace gancodec::cli {

/// A ZooCodec behind a wall, whichever its network is.
class ZooSession {
public:
    virtual ~ZooSession() = default;
    [[nodiscard]] virtual Bytes encode(const Image& image) = 0;
    [[nodiscard]] virtual Image decode(ByteView bytes) = 0;
    [[nodiscard]] virtual std::size_t decode_memory_bytes(ByteView bytes) = 0;
};

/// The codec of weights that tools/convert_weights.py made; nothing for those of another architecture.
/// Errors  Error{corrupt_weights, wrong_weights}, Error{unsupported} for sizes that are not compiled in.
[[nodiscard]] std::unique_ptr<ZooSession> load_zoo_session(const SafetensorsFile& file);

}  // namespace gancodec::cli
