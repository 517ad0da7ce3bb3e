// libFuzzer: hostile PNG, JPEG and PPM give a picture or an Error; as PNG it comes back with all that belongs to it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gancodec/core/error.hpp"
#include "image_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gancodec;
    using namespace gancodec::cli;
    ReadOptions options;
    options.max_pixels = std::uint64_t{1} << 16;
    Attachments attachments, again;
    if (size % 2 == 0) options.attachments = &attachments;
    if (size % 3 == 0) options.flatten = {9, 8, 7};
    try {
        const Image image = decode_image(ByteView(data, size), "picture", options);
        if (image.empty() || image.rgb.size() != 3 * image.pixels()) std::abort();
        if (!attachments.alpha.empty() && attachments.alpha.size() != image.pixels()) std::abort();
        const Bytes png = encode_png(image, attachments);
        options.attachments = &again;
        options.flatten = {};
        if (decode_image(png, "again", options) != image || again.alpha != attachments.alpha) std::abort();
    } catch (const Error& error) {
        const Errc code = error.code();
        if (code != Errc::corrupt_stream && code != Errc::limit && code != Errc::unsupported) std::abort();
    }
    return 0;
}
