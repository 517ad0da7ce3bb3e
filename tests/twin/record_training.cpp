// What the C++ trainer computes in its first steps, for tools/torch/tests to repeat in PyTorch. Usage: record_training FOLDER SEED
//   start.safetensors, after_1.safetensors    checkpoints before and after the first recorded step
//   steps.safetensors                         per recorded step k: "k.x" [N,3,h,w], "k.noise_y", "k.noise_z", and
//                                             "k.report" = offset, loss, bpp, bpp_y, bpp_z, psnr, lpips, gradient norm
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/test_weights.hpp"

using namespace gancodec;

namespace {

constexpr int kWarmUp = 6, kSteps = 10, kCrop = 128, kBatch = 3;

void add_tensor(SafetensorsWriter& writer, const std::string& name, TensorView<const float> x) {
    std::vector<float> values;
    for (int n = 0; n < x.shape.n; ++n)
        for (int c = 0; c < x.shape.c; ++c)
            for (int y = 0; y < x.shape.h; ++y)
                for (int ix = 0; ix < x.shape.w; ++ix) values.push_back(x.at(n, c, y, ix));
    writer.add_float(name, {x.shape.n, x.shape.c, x.shape.h, x.shape.w}, values);
}

/// The noise that add_uniform_noise() draws next.
void add_noise(SafetensorsWriter& writer, const std::string& name, const Shape& shape, Random& random) {
    Tape<float> tape;
    const Tensor<float> zero(shape);
    add_tensor(writer, name, add_uniform_noise(tape, tape.leaf(zero.view()), random).constant());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: record_training FOLDER SEED\n"), 2;
    const std::filesystem::path folder = argv[1];
    std::vector<Image> images;
    for (std::uint64_t i = 0; i < 4; ++i) images.push_back(test_picture(170 + 10 * static_cast<int>(i), 150, i));
    const Dataset data(std::move(images));
    const auto lpips = Lpips<AlexNet>::load(GANCODEC_SOURCE_DIR "/weights/lpips_alex.safetensors", true);
    Recipe recipe;
    recipe.seed = std::strtoull(argv[2], nullptr, 10);
    recipe.batch = kBatch;
    recipe.augmentation.crop_px = kCrop;
    recipe.odd_size_probability = 0;
    recipe.learning_rate.warm_up_steps = 8;
    recipe.lambda_ramp.hold_steps = 2;
    recipe.lambda_ramp.ramp_steps = 20;
    Trainer trainer(recipe, data, {&lpips});
    for (int i = 0; i < kWarmUp; ++i) trainer.step();  // the second convolutions of residual blocks leave zero
    trainer.save(folder / "start.safetensors");

    SafetensorsWriter steps;
    for (int k = 0; k < kSteps; ++k) {
        const auto step = static_cast<std::uint64_t>(trainer.state().step);
        Tensor<float> x({kBatch, 3, kCrop, kCrop});
        data.draw(recipe.seed, step, recipe.augmentation, x.view());
        // As Trainer draws: the offset of the quality positions, the odd size, the phase of LPIPS, then the noise on z and on the residual.
        Random random(recipe.seed * 0x2545F4914F6CDD1Du + step);
        random.next();
        const double offset = random.uniform();
        random.next();
        const auto top = random.below(kLpipsPhases), left = random.below(kLpipsPhases);
        const std::string prefix = std::to_string(k) + ".";
        add_tensor(steps, prefix + "x", x.view());
        add_noise(steps, prefix + "noise_z", {kBatch, kHyperChannels, kCrop / 64, kCrop / 64}, random);
        add_noise(steps, prefix + "noise_y", {kBatch, kLatentChannels, kCrop / 16, kCrop / 16}, random);
        const StepReport r = trainer.step();
        std::vector<float> report;
        for (const double v : {offset, static_cast<double>(top), static_cast<double>(left), r.loss, r.at("bpp"),
                               r.at("bpp_y"), r.at("bpp_z"), r.at("psnr"), r.at("lpips"), r.at("gradient_norm")})
            report.push_back(static_cast<float>(v));
        steps.add_float(prefix + "report", {static_cast<int>(report.size())}, report);
        if (k == 0) trainer.save(folder / "after_1.safetensors");
    }
    steps.save(folder / "steps.safetensors");
    return 0;
}
