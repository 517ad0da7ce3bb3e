#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "gancodec/image/image.hpp"

namespace gancodec::cli {

struct FolderOptions {
    int long_side = 0;                                 ///< shrink larger images to this long side; 0 keeps them
    int short_side_at_least = 1;                       ///< leave smaller images out
    std::uint64_t max_bytes = std::uint64_t{4} << 30;  ///< of 8-bit RGB in memory, all images together
    std::function<void(const std::string&)> note = [](const std::string&) {};
};

struct NamedImage {
    std::string name;  ///< relative to the folder
    Image image;
};

/// The *.png, *.jpg, *.jpeg and *.ppm below `folder`, sorted by name. Throws Error{io} when the folder cannot be read or
/// holds none.
[[nodiscard]] std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder);

/// Decodes every image below `folder` into memory, with progress: of any layout of folders, ImageNet's (train/n01440764/*.JPEG)
/// and COCO's (images/train2017/*.jpg beside annotations) among them; and those in CIFAR-10's binary files. Damaged files are left out, with a note each; images
/// beyond `max_bytes` are left out, with one note. Throws Error{io} when nothing remains.
[[nodiscard]] std::vector<NamedImage> read_image_folder(const std::filesystem::path& folder,
                                                        const FolderOptions& options = {});

}  // namespace gancodec::cli
