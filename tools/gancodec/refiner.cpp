#include "refiner.hpp"

#include <algorithm>
#include <utility>

#include "command.hpp"
#include "console.hpp"
#include "gancodec/train/latent_refiner.hpp"

namespace gancodec::cli {

struct Refiner::Parts {
    int iterations;
    std::optional<Lpips<AlexNet>> lpips;
    std::optional<LatentRefiner> refiner;
};

Refiner::Refiner(const std::filesystem::path& weights, int effort, double realism) : parts_(new Parts{}) {
    parts_->iterations = 4 * ((effort * effort + 4) / 5);  // 4 at effort 1, 68 at 9
    const std::filesystem::path lpips = find_data_file("lpips_alex.safetensors");
    if (lpips.empty())
        print_note("lpips_alex.safetensors: not found, refined for squared error alone");
    else
        parts_->lpips = Lpips<AlexNet>::load(lpips, true);
    parts_->refiner.emplace(read_codec_weights(SafetensorsFile::load(weights), realism),
                            parts_->lpips ? &*parts_->lpips : nullptr);
}
Refiner::~Refiner() = default;

SizedStream Refiner::encode_at(const Session& session, const Image& image, int step) const {
    RefineOptions options;
    options.iterations = parts_->iterations;
    Progress progress("refine", options.iterations);
    const Symbols symbols = parts_->refiner->refine(
        image, step, options, [&](int i, double loss) { progress.update(i, "loss " + format_number(loss, 3)); });
    return {step, session.encode_symbols(symbols, image, step)};
}

SizedStream Refiner::encode(const Session& session, const Image& image, std::optional<double> quality) const {
    return encode_at(session, image, session.encode(image, quality).step);
}

SizedStream Refiner::encode_to_size(const Session& session, const Image& image, std::size_t max_bytes) const {
    constexpr int kTrials = 4;
    SizedStream best = session.encode_to_size(image, max_bytes);
    double allowed = static_cast<double>(max_bytes);  // for a plain file that shrinks below max_bytes when refined
    for (int trial = 0; trial < kTrials; ++trial) {
        const SizedStream plain = session.encode_to_size(image, static_cast<std::size_t>(allowed));
        SizedStream refined = encode_at(session, image, plain.step);
        const double shrunk = static_cast<double>(refined.bytes.size()) / static_cast<double>(plain.bytes.size());
        const bool fits = refined.bytes.size() <= max_bytes;
        if (fits && (trial == 0 || refined.bytes.size() > best.bytes.size() || refined.step > best.step))
            best = std::move(refined);
        constexpr double kCloseEnough = 0.985;
        if (fits && static_cast<double>(best.bytes.size()) > kCloseEnough * static_cast<double>(max_bytes)) break;
        allowed = static_cast<double>(max_bytes) / shrunk * (fits ? 1.0 : 0.985);
    }
    return best;
}

}  // namespace gancodec::cli
