// libFuzzer: hostile bytes of alpha planes, and a round trip of whatever plane the bytes spell.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gancodec/entropy/plane_coder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gancodec;
    if (size < 3) return 0;
    const int width = 1 + data[0], height = 1 + data[1] % 64;
    const ByteView bytes(data + 2, size - 2);
    try {
        const Bytes plane = decode_plane(bytes, width, height);
        if (decode_plane(encode_plane(plane, width, height), width, height) != plane) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt_stream) std::abort();
    }
    Bytes plane(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    for (std::size_t i = 0; i < plane.size(); ++i) plane[i] = bytes[i % bytes.size()];
    if (decode_plane(encode_plane(plane, width, height), width, height) != plane) std::abort();
    return 0;
}
