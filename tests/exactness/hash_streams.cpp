// Encodes one photograph at three qualities and writes the streams and the decoded pixels to a file, so that builds by
// other compilers, flags and thread counts can be compared byte by byte.
// Usage: hash_streams WEIGHTS PHOTO.png THREADS OUT
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <png.h>

#include <gancodec.hpp>

namespace {

gancodec::Image read_png(const char* path) {
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_file(&png, path)) throw gancodec::Error(gancodec::Errc::io, png.message);
    png.format = PNG_FORMAT_RGB;
    gancodec::Image image{static_cast<int>(png.width), static_cast<int>(png.height), {}};
    image.rgb.resize(PNG_IMAGE_SIZE(png));
    if (!png_image_finish_read(&png, nullptr, image.rgb.data(), 0, nullptr))
        throw gancodec::Error(gancodec::Errc::io, png.message);
    return image;
}

void write(std::ofstream& out, const gancodec::Bytes& bytes) {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 5) return 2;
    try {
        gancodec::set_threads(std::atoi(arguments[3]));
        gancodec::Codec codec = gancodec::Codec::load(arguments[1]);
        const gancodec::Image photo = read_png(arguments[2]);
        std::ofstream out(arguments[4], std::ios::binary);
        for (const double quality : {10.0, 45.0, 90.0}) {
            const gancodec::Bytes bytes = codec.encode(photo, {.quality = quality});
            write(out, bytes);
            write(out, codec.decode(bytes).rgb);
        }
        return out.flush() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "hash_streams: %s\n", error.what());
        return 1;
    }
}
