#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace gancodec;

namespace {

struct Golden {
    const char *a, *b;
    double alex, vgg, squeeze, dists;
};

// python3 tests/metrics/make_perceptual_goldens.py FOLDER. For the two ex_ pairs LPIPS's authors publish 0.722 and 0.138
// (AlexNet).
constexpr Golden kGoldens[] = {
    {"ex_ref", "ex_p0", 0.72185756, 0.56859290, 0.71098432, 0.38791818},
    {"ex_ref", "ex_p1", 0.13755757, 0.42165529, 0.14790623, 0.22503456},
    {"kodak_crop", "kodak_crop_jpeg", 0.03538630, 0.18526987, 0.09335627, 0.19316700},
};
constexpr double kTolerance = 2e-5;

Image picture(const std::string& name) {
    std::ifstream file(std::filesystem::path(GANCODEC_TEST_DATA) / "metrics" / (name + ".ppm"), std::ios::binary);
    std::string kind;
    int width = 0, height = 0, depth = 0;
    file >> kind >> width >> height >> depth;
    REQUIRE((file && kind == "P6" && depth == 255));
    file.get();
    Image image = make_image(width, height);
    file.read(reinterpret_cast<char*>(image.rgb.data()), static_cast<std::streamsize>(image.rgb.size()));
    REQUIRE(file);
    return image;
}

std::filesystem::path committed(const std::string& name) {
    return std::filesystem::path(GANCODEC_SOURCE_DIR) / "weights" / name;
}

/// A file too large for the project, or nothing.
std::optional<std::filesystem::path> from_environment(const std::string& name) {
    const char* folder = std::getenv("GANCODEC_METRIC_WEIGHTS");
    if (folder == nullptr) return std::nullopt;
    return std::filesystem::path(folder) / name;
}

template <class Metric>
void check_goldens(const Metric& metric, double Golden::*expected) {
    for (const Golden& golden : kGoldens) {
        const Image a = picture(golden.a), b = picture(golden.b);
        const double distance = metric(a, b);
        CAPTURE(golden.b, distance, golden.*expected);
        CHECK(std::abs(distance - golden.*expected) < kTolerance);
        CHECK(std::abs(metric(b, a) - distance) < kTolerance);
        CHECK(std::abs(metric(a, a)) < 1e-12);
    }
}

/// The gradient to the first image, in double, against differences along random directions.
template <class Metric>
void check_loss_gradient(const Metric& metric, const Shape& shape) {
    auto x = random_tensor<double>(shape, 1, 0, 1);
    const auto y = random_tensor<double>(shape, 2, 0, 1);
    Tape<double> tape;
    const auto leaf = tape.leaf(x.view(), true);
    tape.backward(metric(tape, leaf, tape.leaf(y.view())));
    const auto gradient = tape.gradient(leaf);
    const std::vector<double> kept(gradient.data, gradient.data + gradient.size());

    // A short step: a longer one crosses kinks of ReLU and of the maxima.
    constexpr double kStep = 1e-7;
    for (const std::uint64_t seed : {3u, 4u, 5u}) {
        const auto direction = random_tensor<double>(shape, seed);
        const auto at = [&](double offset) {
            Tensor<double> moved(shape);
            for (std::size_t i = 0; i < moved.size(); ++i) moved.data()[i] = x.data()[i] + offset * direction.data()[i];
            Inference<double> context;
            return metric(context, context.copy(moved.view()), context.copy(y.view())).constant().data[0];
        };
        double analytic = 0;
        for (std::size_t i = 0; i < kept.size(); ++i) analytic += kept[i] * direction.data()[i];
        const double numeric = (at(kStep) - at(-kStep)) / (2 * kStep);
        CAPTURE(analytic, numeric);
        CHECK(std::abs(analytic - numeric) < 1e-6 * std::max(1e-3, std::abs(analytic)));
    }
}

}  // namespace

TEST_CASE("lpips with AlexNet agrees with PyTorch") {
    check_goldens(Lpips<AlexNet>::load(committed("lpips_alex.safetensors")), &Golden::alex);
}

TEST_CASE("lpips with SqueezeNet agrees with PyTorch") {
    check_goldens(Lpips<SqueezeNet>::load(committed("lpips_squeeze.safetensors")), &Golden::squeeze);
}

TEST_CASE("lpips with VGG16 agrees with PyTorch") {
    const auto path = from_environment("lpips_vgg.safetensors");
    if (!path) SKIP("GANCODEC_METRIC_WEIGHTS names no folder with lpips_vgg.safetensors");
    check_goldens(Lpips<Vgg16>::load(*path), &Golden::vgg);
}

TEST_CASE("dists agrees with PyTorch") {
    const auto path = from_environment("dists.safetensors");
    if (!path) SKIP("GANCODEC_METRIC_WEIGHTS names no folder with dists.safetensors");
    check_goldens(Dists<>::load(*path), &Golden::dists);
}

TEST_CASE("lpips is the same on a tape, for any number of threads, and as the mean of a batch") {
    const auto lpips = Lpips<AlexNet>::load(committed("lpips_alex.safetensors"), true);
    const Image a = picture("kodak_crop"), b = picture("kodak_crop_jpeg");
    set_threads(1);
    const double one = lpips(a, b);
    set_threads(3);
    CHECK(lpips(a, b) == one);
    set_threads(0);
    const auto x = image_to_tensor(a), y = image_to_tensor(b);
    Tape<float> tape;
    const auto recorded = lpips(tape, tape.leaf(x.view(), true), tape.leaf(y.view()));
    CHECK(static_cast<double>(recorded.scalar()) == one);
    tape.backward(recorded);

    Tensor<float> batch_x({2, 3, a.height, a.width}), batch_y({2, 3, a.height, a.width});
    image_to_tensor(a, batch_x.view(), 0);
    image_to_tensor(a, batch_x.view(), 1);
    image_to_tensor(b, batch_y.view(), 0);
    image_to_tensor(a, batch_y.view(), 1);
    Inference<float> context;
    const auto mean = lpips(context, context.copy(batch_x.view()), context.copy(batch_y.view()));
    CHECK(std::abs(static_cast<double>(mean.constant().data[0]) - one / 2) < 1e-6);
}

TEMPLATE_TEST_CASE("lpips as a loss: the gradient in double agrees with differences along random directions", "",
                   AlexNet, SqueezeNet) {
    using Net = typename TestType::template Rebind<double>;
    const char* name = TestType::kTaps == 5 ? "lpips_alex.safetensors" : "lpips_squeeze.safetensors";
    const Lpips<Net> lpips(SafetensorsFile::load(committed(name)), true);
    check_loss_gradient(lpips, {1, 3, 35, 33});
}

TEST_CASE("dists as a loss: the gradient in double agrees with differences along random directions") {
    using Net =
        Backbone<Conv2d<3, 20, 3>, Relu, FeatureTap<>, L2Pool<>, Conv2d<20, 17, 3>, FeatureTap<>>::Rebind<double>;
    Random random(9);
    SafetensorsWriter writer;
    const auto add = [&](const std::string& name, const std::vector<int>& shape, std::size_t count, double low) {
        std::vector<float> values(count);
        for (float& value : values) value = static_cast<float>(low + (0.4 - low) * random.uniform());
        writer.add_float(name, shape, values, Dtype::f32);
    };
    add("alpha", {40}, 40, 0);
    add("beta", {40}, 40, 0);
    add("features.0.weight", {20, 3, 3, 3}, 540, -0.4);
    add("features.0.bias", {20}, 20, -0.4);
    add("features.3.weight", {17, 20, 3, 3}, 3060, -0.4);
    add("features.3.bias", {17}, 17, -0.4);
    const Dists<Net> dists(SafetensorsFile::parse(writer.bytes()), true);
    check_loss_gradient(dists, {2, 3, 9, 11});
}

TEST_CASE("lpips and dists refuse what they cannot use") {
    const auto code = [](auto&& action) -> std::optional<Errc> {
        try {
            action();
        } catch (const Error& error) {
            return error.code();
        }
        return std::nullopt;
    };
    const auto squeeze = committed("lpips_squeeze.safetensors");
    CHECK(code([&] { static_cast<void>(Lpips<AlexNet>::load(squeeze)); }) == Errc::wrong_weights);
    CHECK(code([&] { static_cast<void>(Dists<>::load(squeeze)); }) == Errc::wrong_weights);
    CHECK(code([&] { static_cast<void>(Lpips<AlexNet>::load(committed("no_such_file"))); }) == Errc::io);
    const auto lpips = Lpips<SqueezeNet>::load(squeeze);
    const auto with = [&](const Image& a, const Image& b) { return code([&] { static_cast<void>(lpips(a, b)); }); };
    CHECK(with(make_image(32, 32), make_image(32, 32)) == std::nullopt);
    CHECK(with(make_image(31, 64), make_image(31, 64)) == Errc::invalid_argument);
    CHECK(with(make_image(40, 32), make_image(32, 40)) == Errc::invalid_argument);
}
