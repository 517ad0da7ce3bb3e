#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>

#include "gancodec/codec/rate_control.hpp"
#include "gancodec/image/image.hpp"
#include "session.hpp"

namespace gancodec::cli {

/// Encodes with effort 1 to 9: the latents of each image are refined by gradient before they are coded. Without the
/// weights of LPIPS, which a note tells, for squared error alone.
class Refiner {
public:
    /// `realism` is what the picture is meant to be decoded with.
    Refiner(const std::filesystem::path& weights, int effort, double realism);
    ~Refiner();

    /// At a quality of 0 to 100.
    [[nodiscard]] SizedStream encode(const Session& session, const Image& image, std::optional<double> quality) const;
    /// The best quality that fits, nearly: refined files are smaller, so a few qualities are tried.
    [[nodiscard]] SizedStream encode_to_size(const Session& session, const Image& image, std::size_t max_bytes) const;

private:
    [[nodiscard]] SizedStream encode_at(const Session& session, const Image& image, int step) const;
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace gancodec::cli
