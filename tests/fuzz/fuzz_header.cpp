// libFuzzer: hostile containers, as they are and with sound checksums; what is read must be written back to the same bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "gancodec/core/error.hpp"
#include "sealed.hpp"

namespace {

using namespace gancodec;

void read_and_write_back(ByteView bytes) {
    try {
        const Stream stream = read_stream(bytes);
        const Bytes again = write_stream(stream);
        if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt_stream && error.code() != Errc::limit && error.code() != Errc::unsupported)
            std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    read_and_write_back(bytes);
    read_and_write_back(fuzz::sealed(bytes));
    return 0;
}
