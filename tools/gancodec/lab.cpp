#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "command.hpp"
#include "gancodec/core/file.hpp"
#include "gancodec/core/parallel.hpp"
#include "json_output.hpp"
#include "lab_page.hpp"
#include "lab_pictures.hpp"

namespace gancodec::cli {

namespace {

namespace fs = std::filesystem;

struct LabCommand {
    std::vector<std::string> names;
    std::string out = ".", data;
    int seeds = 3, steps = 0;
    CommonOptions common;
};

/// A technique as a change of settings; `shared` holds for both sides.
struct Technique {
    const char *name, *sentence, *conditions;
    void (*shared)(GridSettings&);
    void (*change)(GridSettings&);
};

void nothing(GridSettings&) {}
void wasserstein(GridSettings& s) { s.adversarial.loss = AdversarialLoss::wasserstein; }
void raised_rates(GridSettings& s) { s.generator_rate = s.discriminator_rate = 5e-3; }
void wasserstein_raised_rates(GridSettings& s) {
    wasserstein(s);
    raised_rates(s);
}

constexpr Technique kTechniques[] = {
    {"spectral_norm", "Every weight of the discriminator divided by its largest singular value (Miyato et al. 2018).",
     "learning rates raised to 5e-3", raised_rates, [](GridSettings& s) { s.spectral_norm = true; }},
    {"r1", "R1, the squared gradient of the discriminator at real samples, γ = 1 (Mescheder et al. 2018).", "", nothing,
     [](GridSettings& s) { s.r1_weight = 1; }},
    {"r1_raised_rate", "R1, the squared gradient of the discriminator at real samples, γ = 1 (Mescheder et al. 2018).",
     "learning rates raised to 5e-3", raised_rates, [](GridSettings& s) { s.r1_weight = 1; }},
    {"gradient_penalty", "WGAN-GP, slopes of 1 between real and fake samples, weight 0.1 (Gulrajani et al. 2017).",
     "Wasserstein loss", wasserstein, [](GridSettings& s) { s.gradient_penalty = 0.1; }},
    {"gradient_penalty_raised_rate",
     "WGAN-GP, slopes of 1 between real and fake samples, weight 0.1 (Gulrajani et al. 2017).",
     "Wasserstein loss, learning rates raised to 5e-3", wasserstein_raised_rates,
     [](GridSettings& s) { s.gradient_penalty = 0.1; }},
    {"spectral_norm_wasserstein",
     "Every weight of the discriminator divided by its largest singular value (Miyato et al. 2018).",
     "Wasserstein loss, learning rates raised to 5e-3", wasserstein_raised_rates,
     [](GridSettings& s) { s.spectral_norm = true; }},
    {"batch_deviation", "The batch's deviation as a feature of the discriminator (Karras et al. 2018).", "", nothing,
     [](GridSettings& s) { s.batch_deviation = true; }},
    {"minibatch_discrimination",
     "How near a sample is to the others of its batch, in 8 learnt measures, as features of the discriminator "
     "(Salimans et "
     "al. 2016).",
     "", nothing, [](GridSettings& s) { s.minibatch_discrimination = true; }},
    {"unrolled",
     "The generator follows the gradient through five steps of gradient descent of the discriminator (Metz et al. "
     "2017).",
     "", nothing, [](GridSettings& s) { s.unrolled.steps = 5; }},
    {"lookahead",
     "The generator follows a discriminator five steps ahead, which is then put back: unrolling (Metz et al. 2017) "
     "without "
     "the gradient through the unrolled steps.",
     "", nothing, [](GridSettings& s) { s.lookahead = 5; }},
    {"two_time_scales", "A discriminator four times as fast as the generator (Heusel et al. 2017).", "", nothing,
     [](GridSettings& s) { s.discriminator_rate = 4 * s.generator_rate; }},
    {"label_smoothing", "Real samples labelled 0.9 (Salimans et al. 2016).", "", nothing,
     [](GridSettings& s) { s.adversarial.real_label = 0.9; }},
    {"instance_noise",
     "Gaussian noise of deviation 0.5, falling to none, on all that is judged (Sønderby et al. 2017).", "", nothing,
     [](GridSettings& s) { s.instance_noise = 0.5; }},
    {"historical_average", "Parameters drawn to their moving average, weight 1e-3 (Salimans et al. 2016).", "", nothing,
     [](GridSettings& s) { s.historical_average = 1e-3; }},
    {"average", "The generator's moving average, decay 0.999, is what is judged (Yazıcı et al. 2019).", "", nothing,
     [](GridSettings& s) { s.averaging = 0.999; }},
    {"relativistic", "Logits judged against the mean of the other side (Jolicoeur-Martineau 2018).", "", nothing,
     [](GridSettings& s) { s.adversarial.relativistic = true; }},
    {"hinge", "Hinge loss (Lim, Ye 2017) instead of the non-saturating one.", "", nothing,
     [](GridSettings& s) { s.adversarial.loss = AdversarialLoss::hinge; }},
    {"least_squares", "Least squares (Mao et al. 2017) instead of the non-saturating loss.", "", nothing,
     [](GridSettings& s) { s.adversarial.loss = AdversarialLoss::least_squares; }},
    {"saturating", "The minimax game's own generator loss (Goodfellow et al. 2014) instead of the non-saturating one.",
     "", nothing, [](GridSettings& s) { s.adversarial.loss = AdversarialLoss::saturating; }},
};

std::vector<std::string> technique_names() {
    std::vector<std::string> names;
    for (const Technique& technique : kTechniques) names.emplace_back(technique.name);
    return names;
}
bool is_picture_technique(const std::string& name) {
    const std::vector<std::string> names = picture_technique_names();
    return std::find(names.begin(), names.end(), name) != names.end();
}
std::vector<std::string> all_names() {
    std::vector<std::string> names = technique_names();
    for (std::string& name : picture_technique_names()) names.push_back(std::move(name));
    return names;
}

/// Runs every seed of both sides; sides that techniques share run once.
class Laboratory {
public:
    explicit Laboratory(const LabCommand& command) : command_(command) {}

    [[nodiscard]] Comparison compare(const Technique& technique) {
        GridSettings without;
        if (command_.steps > 0) without.steps = command_.steps;
        technique.shared(without);
        GridSettings with = without;
        technique.change(with);
        return {technique.name, technique.sentence, technique.conditions, runs(without), runs(with)};
    }

private:
    const std::vector<GridRun>& runs(const GridSettings& settings) {
        for (const auto& [known, results] : done_)
            if (known == settings) return results;
        std::vector<GridRun> results(static_cast<std::size_t>(command_.seeds));
        parallel_for(command_.seeds, [&](std::int64_t i, int) {
            results[static_cast<std::size_t>(i)] = run_grid(settings, static_cast<std::uint64_t>(i + 1));
        });
        return done_.emplace_back(settings, std::move(results)).second;
    }

    const LabCommand& command_;
    std::deque<std::pair<GridSettings, std::vector<GridRun>>> done_;
};

Json side_json(const std::vector<GridRun>& runs) {
    const Outcome o = outcome(runs);
    return {{"modes", o.modes.mean},       {"modes_deviation", o.modes.deviation},
            {"good_percent", o.good.mean}, {"good_percent_deviation", o.good.deviation},
            {"logit", o.logit.mean},       {"logit_deviation", o.logit.deviation}};
}

void run(const LabCommand& command) {
    set_threads(command.common.threads);
    std::error_code error;
    fs::create_directories(command.out, error);
    if (error) throw Error(Errc::io, command.out + ": expected a folder to write to, found: " + error.message());
    Laboratory laboratory(command);
    Json results = Json::array();
    std::vector<std::string> on_pictures;
    for (const std::string& name : command.names) {
        if (is_picture_technique(name)) {
            on_pictures.push_back(name);
            continue;
        }
        const auto technique = std::find_if(std::begin(kTechniques), std::end(kTechniques),
                                            [&](const Technique& t) { return name == t.name; });
        const Comparison comparison = laboratory.compare(*technique);
        const std::string line = "gancodec lab " + name + " --seeds " + std::to_string(command.seeds) +
                                 (command.steps > 0 ? " --steps " + std::to_string(command.steps) : "");
        const auto write = [&](const char* extension, const std::string& text) {
            write_file(fs::path(command.out) / (name + extension), Bytes(text.begin(), text.end()));
        };
        write(".svg", comparison_svg(comparison));
        write(".md", comparison_page(comparison, line));
        results.push_back(
            {{"technique", name}, {"with", side_json(comparison.with)}, {"without", side_json(comparison.without)}});
        if (!command.common.json) std::printf("%s  %s\n", name.c_str(), seen(comparison).c_str());
    }
    if (!on_pictures.empty())
        for (Json& result : run_picture_lab({command.data, command.out, command.seeds, command.steps}, on_pictures,
                                            command.common.json))
            results.push_back(std::move(result));
    if (command.common.json) print_json(results);
}

}  // namespace

Command add_lab(CLI::App& app) {
    auto command = std::make_shared<LabCommand>();
    CLI::App* sub = app.add_subcommand("lab", "Try a GAN technique against its absence on a small task");
    sub->add_option("names", command->names, "The techniques")->required()->check(CLI::IsMember(all_names()));
    sub->add_option("--out", command->out, "Folder for NAME.md and NAME.svg")->capture_default_str();
    sub->add_option("--seeds", command->seeds, "Runs of each side")->check(within(1, 100))->capture_default_str();
    sub->add_option("--steps", command->steps, "Steps of each run; 0 takes 10000, on pictures 400")
        ->check(within(0, 1e6));
    sub->add_option("--data", command->data, "Photographs for the techniques on pictures; else synthetic ones");
    add_threads(*sub, command->common);
    add_json(*sub, command->common);
    sub->footer(
        "The task is 25 Gaussians on a grid; for two_stage, adversarial, progressive_growing, low_pass_curriculum,\n"
        "gradient_balance, diff_augment, projected, residual_gdn, mixed_precision, cycle_consistency and\n"
        "variational it is pictures of 32x32 pixels. Equal seeds give equal figures.\n"
        "Examples:\n"
        "  gancodec lab spectral_norm\n"
        "  gancodec lab r1 hinge --seeds 5 --out pages");
    return {sub, [command] { run(*command); }};
}

}  // namespace gancodec::cli
