#include "cifar.hpp"

#include <cstddef>

#include "gancodec/core/error.hpp"

namespace gancodec::cli {

std::vector<Image> parse_cifar10(ByteView bytes, const std::string& name) {
    constexpr int kSide = 32, kLabels = 10;
    constexpr std::size_t kPixels = std::size_t{kSide} * kSide, kRecord = 1 + 3 * kPixels;
    const auto refuse = [&](const std::string& found) {
        throw Error(Errc::corrupt_stream, name + ": expected CIFAR-10's records of 3073 bytes, found " + found);
    };
    if (bytes.empty() || bytes.size() % kRecord != 0) refuse(std::to_string(bytes.size()) + " bytes");
    std::vector<Image> images;
    for (std::size_t at = 0; at < bytes.size(); at += kRecord) {
        if (bytes[at] >= kLabels) refuse("a label of " + std::to_string(bytes[at]));
        Image& image = images.emplace_back(make_image(kSide, kSide));
        for (std::size_t i = 0; i < 3 * kPixels; ++i) image.rgb[i % kPixels * 3 + i / kPixels] = bytes[at + 1 + i];
    }
    return images;
}

bool is_cifar10(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return path.extension() == ".bin" && (name.rfind("data_batch", 0) == 0 || name.rfind("test_batch", 0) == 0);
}

}  // namespace gancodec::cli
