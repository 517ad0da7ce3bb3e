#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// A small model of others with PyTorch's results (tools/make_goldens.py): its weights are in `network`.
template <class Network>
struct Golden {
    explicit Golden(const std::string& name)
        : file(SafetensorsFile::load(std::filesystem::path(GANCODEC_TEST_DATA) / "zoo" / (name + ".safetensors"))) {
        std::vector<TensorRequest> requests;
        append_requests(network, "", requests);
        for (const auto& [tensor, entry] : file.tensors())
            for (const char* prefix : {"golden.", "layer.", "codec.", "entropy_bottleneck.", "scale_synthesis."})
                if (tensor.starts_with(prefix)) requests.push_back({tensor, entry.shape});
        require_tensors(file, requests);
        read_parameters(file, network, "");
        network.prepare(false);
    }
    Pooled<float> tensor(const std::string& name) {
        const std::vector<float> values = file.read_float(name);
        const std::vector<int>& s = file.find(name)->shape;
        auto result = context.make({s.at(0), s.at(1), s.at(2), s.at(3)});
        const TensorView<float> view = result.view();
        std::fill_n(view.data, view.size(), 0.0f);
        std::size_t i = 0;
        for (int c = 0; c < s[1]; ++c)
            for (int y = 0; y < s[2]; ++y)
                for (int x = 0; x < s[3]; ++x) view.at(0, c, y, x) = values[i++];
        return result;
    }
    /// Largest difference from the tensor `name`, as a share of its largest magnitude.
    double error(const Pooled<float>& found, const std::string& name) {
        const auto expected = tensor(name);
        const Shape& s = expected.shape();
        REQUIRE(found.shape() == s);
        double largest = 0, difference = 0;
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x) {
                    const double e = static_cast<double>(expected.constant().at(0, c, y, x));
                    largest = std::max(largest, std::abs(e));
                    difference =
                        std::max(difference, std::abs(e - static_cast<double>(found.constant().at(0, c, y, x))));
                }
        CAPTURE(name, largest, difference);
        CHECK(largest > 0);
        return difference / largest;
    }
    template <class Part>
    void check(const Part& part, const std::string& in, const std::string& out) {
        CAPTURE(in, out);
        CHECK(error(part(context, tensor("golden." + in)), "golden." + out) < 1e-4);
    }
    template <class Layers>
    void check_layers(const Layers& network_part, const std::string& name, const std::string& in) {
        auto x = tensor("golden." + in);
        int i = 0;
        std::apply(
            [&](const auto&... layer) {
                const auto step = [&](const auto& each) {
                    const std::string golden = "layer." + name + "." + std::to_string(i++);
                    CAPTURE(golden);
                    x = each(context, x);
                    CHECK(error(x, golden) < 1e-4);
                };
                (step(layer), ...);
            },
            network_part.layers);
        CHECK(file.find("layer." + name + "." + std::to_string(i)) == nullptr);
    }

    SafetensorsFile file;
    Network network;
    Inference<float> context;
};

}  // namespace

TEST_CASE("every layer of bmshj2018-factorized agrees with CompressAI", "[zoo]") {
    Golden<zoo::FactorizedPrior<4, 6>> golden("bmshj2018-factorized");
    golden.check_layers(golden.network.g_a, "g_a", "x");
    golden.check_layers(golden.network.g_s, "g_s", "y_hat");
}

TEST_CASE("bmshj2018-hyperprior agrees with CompressAI", "[zoo]") {
    Golden<zoo::ScaleHyperprior<4, 6>> golden("bmshj2018-hyperprior");
    golden.check(golden.network.g_a, "x", "y");
    golden.check(golden.network.g_s, "y", "x_hat");
    golden.check(golden.network.h_s, "z_hat", "scales");
    auto magnitudes = golden.tensor("golden.y");
    for (std::size_t i = 0; i < magnitudes.view().size(); ++i)
        magnitudes.view().data[i] = std::abs(magnitudes.view().data[i]);
    CHECK(golden.error(golden.network.h_a(golden.context, magnitudes), "golden.z") < 1e-4);
}

TEST_CASE("mbt2018-mean agrees with CompressAI", "[zoo]") {
    Golden<zoo::MeanScaleHyperprior<4, 6>> golden("mbt2018-mean");
    golden.check(golden.network.g_a, "x", "y");
    golden.check(golden.network.h_a, "y", "z");
    golden.check(golden.network.h_s, "z_hat", "parameters");
    golden.check(golden.network.g_s, "y", "x_hat");
}

TEST_CASE("HiFiC agrees with PyTorch", "[zoo]") {
    Golden<zoo::Hific<5, 2, 1, 6>> golden("hific");
    golden.check(golden.network.g_a, "x", "y");
    golden.check(golden.network.g_s, "y", "x_hat");
    golden.check(golden.network.h_a, "latents", "z");
    golden.check(golden.network.h_mean, "z_hat", "means");
    golden.check(golden.network.h_s, "z_hat", "scales");
}

TEST_CASE("channel norm with the variance of a sample equals its formula", "[zoo]") {
    ChannelNorm<3, Variance::of_sample> sample;
    ChannelNorm<3, Variance::of_population> population;
    sample.gamma.value = population.gamma.value = {1, 2, 3};
    sample.beta.value = population.beta.value = {0.5f, 0, -1};
    sample.prepare(false);
    population.prepare(false);
    Inference<float> context;
    const auto value = [&](const auto& norm, int c) {
        auto x = context.make({1, 3, 1, 1});
        std::fill_n(x.view().data, x.view().size(), 0.0f);
        x.view().at(0, 0, 0, 0) = 0.01f;
        x.view().at(0, 2, 0, 0) = 0.05f;
        return static_cast<double>(norm(context, x).constant().at(0, c, 0, 0));
    };
    // Mean 0.02, Σ(x − mean)² = 0.0014.
    CHECK(std::abs(value(sample, 2) - (3 * 0.03 / std::sqrt(0.0014 / 2 + 1e-3) - 1)) < 1e-6);
    CHECK(std::abs(value(population, 2) - (3 * 0.03 / std::sqrt(0.0014 / 3 + 1e-3) - 1)) < 1e-6);
}
