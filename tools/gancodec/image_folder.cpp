#include "image_folder.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>
#include <utility>

#include "console.hpp"
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

}  // namespace

std::vector<fs::path> list_images(const fs::path& folder) {
    std::error_code error;
    if (fs::exists(folder, error) && !fs::is_directory(folder, error)) refuse(folder, "a file");
    fs::recursive_directory_iterator entry(folder, error), end;
    if (error) refuse(folder, error.message());
    std::vector<fs::path> paths;
    for (; entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (has_image_extension(entry->path()) && entry->is_regular_file(ignored)) paths.push_back(entry->path());
    }
    if (error) refuse(folder, error.message());
    if (paths.empty()) refuse(folder, "none");
    std::sort(paths.begin(), paths.end());
    return paths;
}

std::vector<NamedImage> read_image_folder(const fs::path& folder, const FolderOptions& options) {
    const std::vector<fs::path> paths = list_images(folder);
    std::vector<NamedImage> images;
    Progress progress("reading images", static_cast<std::int64_t>(paths.size()));
    ReadOptions read;
    read.flatten = std::array<std::uint8_t, 3>{255, 255, 255};  // the notes are not passed on: one per file is too many
    std::uint64_t used_bytes = 0;
    std::size_t too_small = 0, done = 0;
    for (const fs::path& path : paths) {
        progress.update(static_cast<std::int64_t>(done++), path.filename().string());
        try {
            Image image = read_image(path, read);
            if (options.long_side > 0) image = shrink_to_long_side(std::move(image), options.long_side);
            if (std::min(image.width, image.height) < options.short_side_at_least) {
                ++too_small;
                continue;
            }
            used_bytes += image.rgb.size();
            if (used_bytes > options.max_bytes) {
                options.note(folder.string() + ": only the first " + std::to_string(images.size()) + " of " +
                             std::to_string(paths.size()) + " images fit into " + std::to_string(options.max_bytes) +
                             " bytes of memory");
                break;
            }
            images.push_back({fs::relative(path, folder).string(), std::move(image)});
        } catch (const Error& error) {
            options.note(std::string("skipped ") + error.what());
        }
    }
    if (too_small > 0)
        options.note(folder.string() + ": left out " + std::to_string(too_small) + " images with a side under " +
                     std::to_string(options.short_side_at_least) + " pixels");
    if (images.empty()) refuse(folder, "none that can be used");
    return images;
}

}  // namespace gancodec::cli
