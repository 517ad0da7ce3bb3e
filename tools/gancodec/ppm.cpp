#include <cstddef>
#include <cstdint>
#include <string>

#include "image_readers.hpp"

namespace gancodec::cli {

namespace {

/// Reads the numbers of a PNM header: white space and comments before each, digits, never past the end.
class HeaderScanner {
public:
    HeaderScanner(ByteView bytes, const std::string& name) : bytes_(bytes), name_(name) {}

    std::uint64_t number(const char* what) {
        while (at_ < bytes_.size() && (is_space(bytes_[at_]) || bytes_[at_] == '#')) {
            if (bytes_[at_] == '#')
                while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
            else
                ++at_;
        }
        std::uint64_t value = 0;
        const std::size_t start = at_;
        for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9' && value < 1'000'000'000u; ++at_)
            value = value * 10 + (bytes_[at_] - std::uint64_t{'0'});
        if (at_ == start) refuse(Errc::corrupt_stream, name_, std::string("the ") + what + " of a PPM", "no number");
        return value;
    }
    /// Where the pixels begin: after the one white space that ends the header.
    std::size_t pixels() {
        if (at_ >= bytes_.size() || !is_space(bytes_[at_]))
            refuse(Errc::corrupt_stream, name_, "white space after a PPM header", "none");
        return at_ + 1;
    }

private:
    static bool is_space(std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

    ByteView bytes_;
    const std::string& name_;
    std::size_t at_ = 2;
};

}  // namespace

Image decode_ppm(ByteView bytes, const std::string& name, const ReadOptions& options) {
    HeaderScanner header(bytes, name);
    const std::uint64_t width = header.number("width"), height = header.number("height");
    const std::uint64_t maximum = header.number("maximum");
    if (maximum < 1 || maximum > 65535)
        refuse(Errc::corrupt_stream, name, "a maximum of 1 to 65535", std::to_string(maximum));
    const std::size_t start = header.pixels();
    check_extents(name, width, height, bytes.size(), 1, options);
    const std::size_t channels = bytes[1] == '6' ? 3 : 1, depth = maximum > 255 ? 2 : 1;
    Image image{static_cast<int>(width), static_cast<int>(height), {}};
    const std::size_t samples = image.pixels() * channels;
    if (bytes.size() - start < samples * depth)
        refuse(Errc::corrupt_stream, name, std::to_string(samples * depth) + " bytes of pixels",
               std::to_string(bytes.size() - start));
    if (depth == 2) options.note(name + ": 16 bits per channel were reduced to 8");
    image.rgb.resize(3 * image.pixels());
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
        const std::uint8_t* p = bytes.data() + start + (channels == 3 ? i : i / 3) * depth;
        const std::uint64_t sample = depth == 2 ? std::uint64_t{p[0]} << 8 | p[1] : p[0];
        if (sample > maximum)
            refuse(Errc::corrupt_stream, name, "samples up to " + std::to_string(maximum), std::to_string(sample));
        image.rgb[i] = static_cast<std::uint8_t>((sample * 255 + maximum / 2) / maximum);
    }
    return image;
}

Bytes encode_ppm(const Image& image) {
    check_image(image, "encode_ppm");
    const std::string header = "P6\n" + std::to_string(image.width) + " " + std::to_string(image.height) + "\n255\n";
    Bytes bytes(header.begin(), header.end());
    bytes.insert(bytes.end(), image.rgb.begin(), image.rgb.end());
    return bytes;
}

}  // namespace gancodec::cli
