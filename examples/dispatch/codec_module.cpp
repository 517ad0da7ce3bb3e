// Compiled once for each instruction set, see CMakeLists.txt.
#include "codec_module.h"

#include <algorithm>
#include <exception>

#include <gancodec.hpp>

namespace {

using gancodec::Codec;

void* open(const char* weights_path) {
    try {
        return new Codec(Codec::load(weights_path));
    } catch (const std::exception&) {
        return nullptr;
    }
}

void close(void* codec) { delete static_cast<Codec*>(codec); }

std::size_t encode(void* codec, const std::uint8_t* rgb, int width, int height, double quality, std::uint8_t* out,
                   std::size_t capacity) {
    try {
        gancodec::Image image = gancodec::make_image(width, height);
        std::copy_n(rgb, image.rgb.size(), image.rgb.begin());
        const gancodec::Bytes stream = static_cast<Codec*>(codec)->encode(image, {.quality = quality});
        std::copy_n(stream.begin(), std::min(capacity, stream.size()), out);
        return stream.size();
    } catch (const std::exception&) {
        return 0;
    }
}

int decode(void* codec, const std::uint8_t* stream, std::size_t size, std::uint8_t* rgb, int width, int height) {
    try {
        const gancodec::Image image = static_cast<Codec*>(codec)->decode({stream, size});
        if (image.width != width || image.height != height) return 0;
        std::copy(image.rgb.begin(), image.rgb.end(), rgb);
        return 1;
    } catch (const std::exception&) {
        return 0;
    }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const CodecModule codec_module = {open, close, encode, decode};
