#include <memory>
#include <utility>

#include "bench.hpp"
#include "gancodec/codec/codec.hpp"
#include "gancodec/train/trainer.hpp"

namespace gancodec::bench {

namespace {

constexpr int kWidth = 768, kHeight = 512;
constexpr double kQuality = 40;

/// Smooth colours with some noise: networks cost the same on any picture.
Image picture(int width, int height, std::uint64_t seed) {
    Image image = make_image(width, height);
    Random random(seed);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] = static_cast<std::uint8_t>(128 + 60 * std::sin(0.01 * x + c) * std::cos(0.013 * y) +
                                                              static_cast<double>(random.below(24)));
    return image;
}

struct Coded {
    Codec codec;
    Image image = picture(kWidth, kHeight, 7);
    Bytes bytes;
    explicit Coded(const std::string& path) : codec(Codec::load(path)) {
        bytes = codec.encode(image, {.quality = kQuality});
    }
};

/// One network of the codec on random numbers, `shrink` times smaller than the image.
template <class Pick>
Case network(const std::string& name, const std::string& path, int channels, int shrink, const Pick& pick) {
    return {name, "call", 1, [=]() -> std::function<void()> {
                struct State {
                    Codec codec;
                    Tensor<float> in;
                    Inference<float> context{};
                };
                Random random(1);
                auto s = std::make_shared<State>(
                    Codec::load(path), random_tensor({1, channels, kHeight / shrink, kWidth / shrink}, random));
                return [s, pick] {
                    static_cast<void>(pick(s->codec.weights().networks)(s->context, s->context.copy(s->in.view())));
                };
            }};
}

Case hyper_scale(const std::string& path) {
    return {"network hyper scale", "call", 1, [=]() -> std::function<void()> {
                struct State {
                    Codec codec;
                    std::vector<std::int16_t> z;
                    std::vector<std::uint8_t> index;
                    Workspace ws{};
                };
                auto s = std::make_shared<State>(Codec::load(path));
                s->z.assign(std::size_t{kHyperChannels} * (kHeight / 64) * (kWidth / 64), 3);
                s->index.resize(std::size_t{kLatentChannels} * (kHeight / 16) * (kWidth / 16));
                return
                    [s] { s->codec.weights().hyper_scale.run(s->z, kHeight / 64, kWidth / 64, 100, s->index, s->ws); };
            }};
}

/// A step of stage 1 on the shipped networks, without LPIPS.
Case training_step(Precision precision) {
    const char* name =
        precision == Precision::bf16 ? "training step, 8 crops of 128x128, bf16" : "training step, 8 crops of 128x128";
    return {name, "call", 1, [precision]() -> std::function<void()> {
                struct State {
                    Dataset data;
                    Trainer trainer;
                    explicit State(Precision precision)
                        : data({picture(512, 512, 1), picture(512, 512, 2)}), trainer(recipe(precision), data, {}) {}
                    static Recipe recipe(Precision precision) {
                        Recipe recipe;
                        recipe.batch = 8;
                        recipe.augmentation.crop_px = 128;
                        recipe.odd_size_probability = 0;
                        recipe.mixed_precision = precision;
                        return recipe;
                    }
                };
                auto s = std::make_shared<State>(precision);
                return [s] { static_cast<void>(s->trainer.step()); };
            }};
}

}  // namespace

std::vector<Case> codec_cases(const std::string& path) {
    std::vector<Case> cases;
    const auto coded = [path] { return std::make_shared<Coded>(path); };
    cases.push_back({"load weights", "call", 1,
                     [path]() -> std::function<void()> { return [path] { static_cast<void>(Codec::load(path)); }; }});
    cases.push_back({"encode 768x512", "call", 1, [coded]() -> std::function<void()> {
                         return [s = coded()] { s->bytes = s->codec.encode(s->image, {.quality = kQuality}); };
                     }});
    cases.push_back({"decode 768x512", "call", 1, [coded]() -> std::function<void()> {
                         return [s = coded()] { s->image = s->codec.decode(s->bytes); };
                     }});
    cases.push_back({"decode 768x512, bf16", "call", 1, [coded]() -> std::function<void()> {
                         return [s = coded()] { s->image = s->codec.decode(s->bytes, {.precision = Precision::bf16}); };
                     }});
    const auto pick = [](auto member) { return [member](const Model<float>& m) -> const auto& { return m.*member; }; };
    cases.push_back(network("network encoder", path, 3, 1, pick(&Model<float>::encoder)));
    cases.push_back(network("network hyper encoder", path, kLatentChannels, 16, pick(&Model<float>::hyper_encoder)));
    cases.push_back(hyper_scale(path));
    cases.push_back(network("network hyper mean", path, kHyperChannels, 64, pick(&Model<float>::hyper_mean)));
    cases.push_back(network("network generator", path, kLatentChannels, 16, pick(&Model<float>::generator)));
    cases.push_back(training_step(Precision::fp32));
    cases.push_back(training_step(Precision::bf16));
    return cases;
}

}  // namespace gancodec::bench
