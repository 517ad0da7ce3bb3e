#include "image_folder.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>
#include <utility>

#include "cifar.hpp"
#include "console.hpp"
#include "file_bytes.hpp"
#include "gancodec/core/error.hpp"
#include "gancodec/image/resize.hpp"
#include "image_file.hpp"

namespace gancodec::cli {

namespace fs = std::filesystem;

namespace {

bool has_image_extension(const fs::path& path) {
    std::string extension = path.extension().string();
    for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    constexpr std::array kExtensions{".png", ".jpg", ".jpeg", ".ppm"};
    return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

[[noreturn]] void refuse(const fs::path& folder, const std::string& found) {
    throw Error(Errc::io, folder.string() + ": expected a folder of PNG, JPEG or PPM images, found " + found);
}

/// The files below `folder` that are `wanted`, sorted by name. Throws Error{io} where there is none.
template <class Wanted>
std::vector<fs::path> list_files(const fs::path& folder, const Wanted& wanted) {
    std::error_code error;
    if (fs::exists(folder, error) && !fs::is_directory(folder, error)) refuse(folder, "a file");
    fs::recursive_directory_iterator entry(folder, error), end;
    if (error) refuse(folder, error.message());
    std::vector<fs::path> paths;
    for (; entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (wanted(entry->path()) && entry->is_regular_file(ignored)) paths.push_back(entry->path());
    }
    if (error) refuse(folder, error.message());
    if (paths.empty()) refuse(folder, "none");
    std::sort(paths.begin(), paths.end());
    return paths;
}

/// What a file holds: one picture, or those of CIFAR-10.
std::vector<NamedImage> read_pictures(const fs::path& path, const fs::path& folder, const ReadOptions& options) {
    const std::string name = fs::relative(path, folder).string();
    std::vector<NamedImage> images;
    if (!is_cifar10(path)) {
        images.push_back({name, read_image(path, options)});
        return images;
    }
    std::size_t number = 0;
    for (Image& image : parse_cifar10(read_file(path), path.string()))
        images.push_back({name + "#" + std::to_string(number++), std::move(image)});
    return images;
}

}  // namespace

std::vector<fs::path> list_images(const fs::path& folder) { return list_files(folder, has_image_extension); }

std::vector<NamedImage> read_image_folder(const fs::path& folder, const FolderOptions& options) {
    const std::vector<fs::path> paths =
        list_files(folder, [](const fs::path& path) { return has_image_extension(path) || is_cifar10(path); });
    std::vector<NamedImage> images;
    Progress progress("reading images", static_cast<std::int64_t>(paths.size()));
    ReadOptions read;
    read.flatten = std::array<std::uint8_t, 3>{255, 255, 255};  // the notes are not passed on: one per file is too many
    std::uint64_t used_bytes = 0;
    std::size_t too_small = 0;
    const auto keep = [&](NamedImage named) {
        if (options.long_side > 0) named.image = shrink_to_long_side(std::move(named.image), options.long_side);
        if (std::min(named.image.width, named.image.height) < options.short_side_at_least) {
            ++too_small;
            return;
        }
        used_bytes += named.image.rgb.size();
        if (used_bytes <= options.max_bytes) images.push_back(std::move(named));
    };
    for (std::size_t done = 0; done < paths.size() && used_bytes <= options.max_bytes; ++done) {
        progress.update(static_cast<std::int64_t>(done), paths[done].filename().string());
        try {
            for (NamedImage& named : read_pictures(paths[done], folder, read)) keep(std::move(named));
        } catch (const Error& error) {
            options.note(std::string("skipped ") + error.what());
        }
    }
    if (used_bytes > options.max_bytes)
        options.note(folder.string() + ": only the first " + std::to_string(images.size()) + " images of " +
                     std::to_string(paths.size()) + " files fit into " + std::to_string(options.max_bytes) +
                     " bytes of memory");
    if (too_small > 0)
        options.note(folder.string() + ": left out " + std::to_string(too_small) + " images with a side under " +
                     std::to_string(options.short_side_at_least) + " pixels");
    if (images.empty()) refuse(folder, "none that can be used");
    return images;
}

}  // namespace gancodec::cli
