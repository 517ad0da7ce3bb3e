// Decodes streams, encodes what came out again at three qualities and decodes that, and writes all of it to two files, so
// that builds by other compilers, flags, processors and thread counts can be compared byte by byte.
// Usage: hash_streams WEIGHTS THREADS OUT STREAM.gnc...
//   OUT.symbols  the integers decoded from the streams: equal on every machine
//   OUT.pixels   their pixels, the new streams, the new pixels: equal wherever there is fused multiply-add
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gancodec.hpp>

namespace {

class Output {
public:
    explicit Output(const std::string& path) : file_(path, std::ios::binary) {}
    void put(const std::vector<std::uint8_t>& bytes) {
        file_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    void put(const std::vector<std::int32_t>& integers) {
        gancodec::Bytes bytes;
        for (const std::int32_t value : integers)
            gancodec::append_little_endian(bytes, std::bit_cast<std::uint32_t>(value));
        put(bytes);
    }
    bool close() { return static_cast<bool>(file_.flush()); }

private:
    std::ofstream file_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) return 2;
    try {
        gancodec::set_threads(std::atoi(arguments[2]));
        // Not Codec::load(): its self-test refuses builds that round otherwise, and they are to be shown too.
        gancodec::Codec codec(gancodec::read_codec_weights(gancodec::SafetensorsFile::load(arguments[1])));
        const std::string out = arguments[3];
        Output symbols(out + ".symbols"), pixels(out + ".pixels");
        for (int i = 4; i < count; ++i) {
            std::ifstream file(arguments[i], std::ios::binary);
            const gancodec::Bytes stream{std::istreambuf_iterator<char>(file), {}};
            const gancodec::Symbols found = codec.decode_symbols(stream);
            symbols.put(found.z);
            symbols.put(found.residuals);
            const gancodec::Image image = codec.decode(stream);
            pixels.put(image.rgb);
            for (const double quality : {10.0, 45.0, 90.0}) {
                const gancodec::Bytes bytes = codec.encode(image, {.quality = quality});
                pixels.put(bytes);
                pixels.put(codec.decode(bytes).rgb);
            }
        }
        return symbols.close() && pixels.close() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "hash_streams: %s\n", error.what());
        return 1;
    }
}
