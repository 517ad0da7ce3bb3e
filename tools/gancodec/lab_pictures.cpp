#include "lab_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <iterator>
#include <utility>

#include "command.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/train/synthetic_images.hpp"
#include "image_folder.hpp"
#include "lab_page.hpp"
#include "picture_gan.hpp"
#include "sheet.hpp"

namespace gancodec::cli {

namespace {

/// A technique as a change of settings; `shared` holds for both sides. Ramps are given in steps of the run.
struct Technique {
    const char *name, *sentence;
    void (*shared)(PictureSettings&);
    void (*change)(PictureSettings&);
};
void nothing(PictureSettings&) {}
void content_only(PictureSettings& s) { s.content_share = 1; }
void wide_content_only(PictureSettings& s) {
    content_only(s);
    s.networks = PictureNetworks::wide;
}
void unpaired(PictureSettings& s) {
    s.networks = PictureNetworks::restoration;
    s.cycle_weight = 0;
}

constexpr Technique kTechniques[] = {
    {"two_stage", "Content alone for half of the steps, then adversarial with a frozen encoder (Mentzer et al. 2020).",
     nothing, [](PictureSettings& s) { s.content_share = 0.5; }},
    {"adversarial", "The adversarial loss, beside the mean squared error alone.", content_only,
     [](PictureSettings& s) { s.content_share = 0; }},
    {"progressive_growing",
     "Half the resolution first, the whole fades in from a quarter to half of the run (Karras et al. 2018).", nothing,
     [](PictureSettings& s) { s.growth = {s.steps / 4, s.steps / 2}; }},
    {"low_pass_curriculum",
     "Pictures without detail first, which comes in from an eighth to half of the run (Bengio et al. 2009).", nothing,
     [](PictureSettings& s) { s.detail = {s.steps / 8, s.steps / 2}; }},
    {"gradient_balance", "The adversarial weight follows the ratio of gradients, times 0.5 (Esser et al. 2021).",
     nothing,
     [](PictureSettings& s) {
         s.gradient_balance = true;
         s.adversarial_weight = 0.5;
     }},
    {"diff_augment", "What the discriminator judges is changed by DiffAugment (Zhao et al. 2020).", nothing,
     [](PictureSettings& s) { s.diff_augment = {true, true, true}; }},
    {"projected", "The discriminator judges frozen features of AlexNet (Sauer et al. 2021).", nothing,
     [](PictureSettings& s) { s.projected = true; }},
    {"residual_gdn", "Residual blocks with GDN in place of a convolution (Cheng et al. 2020).", nothing,
     [](PictureSettings& s) { s.networks = PictureNetworks::residual_gdn; }},
    {"mixed_precision",
     "Convolutions multiply in bf16, forward and backward; sums and weights stay fp32 (Kalamkar et al. 2019). Mean "
     "squared "
     "error alone, layers of 64 to 128 channels.",
     wide_content_only, [](PictureSettings& s) { s.precision = Precision::bf16; }},
    {"cycle_consistency",
     "Unpaired restoration of pictures without detail: there and back again is the same (CycleGAN, Zhu et al. 2017).",
     unpaired, [](PictureSettings& s) { s.cycle_weight = 10; }},
    {"variational", "Latents drawn from Gaussians instead of rounded ones, at no fixed rate (Larsen et al. 2016).",
     nothing, [](PictureSettings& s) { s.networks = PictureNetworks::variational; }},
};

struct Side {
    Spread lpips, psnr, seconds;
};
Side end_of(const std::vector<PictureRun>& runs) {
    std::vector<double> lpips, psnr, seconds;
    for (const PictureRun& run : runs) {
        lpips.push_back(run.points.back().lpips);
        psnr.push_back(run.points.back().psnr);
        seconds.push_back(run.points.back().seconds);
    }
    return {spread(lpips), spread(psnr), spread(seconds)};
}
/// Processor seconds until LPIPS is `goal` or less for the first time; the runs that never are, are counted apart.
std::string time_to(const std::vector<PictureRun>& runs, double goal) {
    std::vector<double> seconds;
    for (const PictureRun& run : runs) {
        const auto found = std::find_if(run.points.begin(), run.points.end(),
                                        [&](const PicturePoint& point) { return point.lpips <= goal; });
        if (found != run.points.end()) seconds.push_back(found->seconds);
    }
    const std::string reached = std::to_string(seconds.size()) + " of " + std::to_string(runs.size());
    if (seconds.empty()) return "never (" + reached + ")";
    const Spread time = spread(seconds);
    return format_number(time.mean, 1) + " ± " + format_number(time.deviation, 1) + " s (" + reached + ")";
}
std::string side_text(const std::vector<PictureRun>& runs, double goal) {
    const Side s = end_of(runs);
    return "LPIPS " + format_number(s.lpips.mean, 4) + " ± " + format_number(s.lpips.deviation, 4) + ", PSNR " +
           format_number(s.psnr.mean, 2) + " ± " + format_number(s.psnr.deviation, 2) + ", " +
           format_number(s.seconds.mean, 1) + " s, to LPIPS " + format_number(goal, 4) + ": " + time_to(runs, goal);
}
Json side_json(const std::vector<PictureRun>& runs) {
    const Side s = end_of(runs);
    return {{"lpips", s.lpips.mean},
            {"lpips_deviation", s.lpips.deviation},
            {"psnr", s.psnr.mean},
            {"psnr_deviation", s.psnr.deviation},
            {"seconds", s.seconds.mean}};
}
/// The curves as a table: means over the seeds.
std::string curves(const std::vector<PictureRun>& without, const std::vector<PictureRun>& with) {
    std::string text = "| step | LPIPS without | LPIPS with |\n|---|---|---|\n";
    for (std::size_t i = 0; i < without.front().points.size(); ++i) {
        const auto mean = [&](const std::vector<PictureRun>& runs) {
            double total = 0;
            for (const PictureRun& run : runs) total += run.points[i].lpips;
            return format_number(total / static_cast<double>(runs.size()), 4);
        };
        text +=
            "| " + std::to_string(without.front().points[i].step) + " | " + mean(without) + " | " + mean(with) + " |\n";
    }
    return text;
}
/// Every pixel three times as wide and high.
Image enlarged(const Image& image) {
    constexpr int kTimes = 3;
    Image out = make_image(kTimes * image.width, kTimes * image.height);
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x) std::copy_n(image.at(x / kTimes, y / kTimes), 3, out.at(x, y));
    return out;
}
Image sheet(const std::vector<std::pair<const char*, const std::vector<Image>*>>& rows) {
    std::vector<std::vector<SheetCell>> cells;
    for (const auto& [name, images] : rows) {
        cells.emplace_back();
        for (const Image& image : *images)
            cells.back().push_back({enlarged(image), {cells.back().empty() ? name : ""}});
    }
    SheetOptions options;
    options.text_scale = 1;
    return compose_sheet(cells, options);
}

/// The pictures to learn from, and those to judge by.
std::pair<Dataset, Dataset> read_pictures(const std::filesystem::path& folder) {
    std::vector<Image> images;
    if (folder.empty())
        mix_in_synthetic(images = {make_image(64, 64)}, 0.99, 64, 5);
    else
        for (NamedImage& named : read_image_folder(folder, {.long_side = 256}))
            images.push_back(std::move(named.image));
    std::vector<Image> training, judged;
    for (std::size_t i = 0; i < images.size(); ++i) (i % 8 == 7 ? judged : training).push_back(std::move(images[i]));
    return {Dataset(std::move(training)), Dataset(std::move(judged))};
}

}  // namespace

std::vector<std::string> picture_technique_names() {
    std::vector<std::string> names;
    for (const Technique& technique : kTechniques) names.emplace_back(technique.name);
    return names;
}

Json run_picture_lab(const PictureLab& lab, const std::vector<std::string>& names, bool quiet) {
    const auto [training, judged] = read_pictures(lab.data);
    const auto lpips = Lpips<AlexNet>::load(find_data_file("lpips_alex.safetensors"), true);
    const std::vector<Image> originals = judged_originals(judged);
    std::deque<std::pair<PictureSettings, std::vector<PictureRun>>> done;
    const auto runs = [&](const PictureSettings& settings) -> const std::vector<PictureRun>& {
        for (const auto& [known, results] : done)
            if (known == settings) return results;
        std::vector<PictureRun> results;
        for (int seed = 1; seed <= lab.seeds; ++seed)
            results.push_back(run_pictures(settings, static_cast<std::uint64_t>(seed), training, judged, lpips));
        return done.emplace_back(settings, std::move(results)).second;
    };
    Json results = Json::array();
    for (const std::string& name : names) {
        const auto technique = std::find_if(std::begin(kTechniques), std::end(kTechniques),
                                            [&](const Technique& t) { return name == t.name; });
        PictureSettings settings;
        if (lab.steps > 0) settings.steps = lab.steps;
        technique->shared(settings);
        const std::vector<PictureRun>& without = runs(settings);
        technique->change(settings);
        const std::vector<PictureRun>& with = runs(settings);
        const double goal = end_of(without).lpips.mean;
        const std::string seen = "with: " + side_text(with, goal) + "; without: " + side_text(without, goal);
        const std::string page = "# " + name + "\n\n" + technique->sentence + "\n\n" + seen +
                                 ".\n\n![originals, without, with](" + name + ".png)\n\n" + curves(without, with);
        write_file(lab.out / (name + ".md"), Bytes(page.begin(), page.end()));
        write_image(
            lab.out / (name + ".png"),
            sheet({{"original", &originals}, {"without", &without.front().samples}, {"with", &with.front().samples}}));
        results.push_back({{"technique", name}, {"with", side_json(with)}, {"without", side_json(without)}});
        if (!quiet) {
            std::printf("%s  %s\n", name.c_str(), seen.c_str());
            std::fflush(stdout);
        }
    }
    return results;
}

}  // namespace gancodec::cli
