// Our side of tools/bench_peers: runs one network as often as it is told, so that rounds of several runtimes interleave.
//
//     gancodec_bench_peers NETWORK FILE THREADS
//
// FILE is a safetensors file with the network's tensors under "net." and its "input"; standard input then gives lines
//     run N          → the seconds that N runs took
//     output PATH    → the output as raw float32, n c h w, written to PATH; then its number of values
// NETWORK training_step is a step of the shipped codec's stage 1 without LPIPS; it reads no FILE and has no output.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gancodec.hpp>

namespace {

using namespace gancodec;

/// Six residual blocks at 1/16, then four doublings: a decoder of 14.6 kMAC per pixel.
using GLite = Sequential<Conv2d<192, 128, 3>, ResidualBlock<128, 0>, ResidualBlock<128, 0>, ResidualBlock<128, 0>,
                         ResidualBlock<128, 0>, ResidualBlock<128, 0>, ResidualBlock<128, 0>,  //
                         ConvTranspose2d<128, 96, 4>, Relu, ConvTranspose2d<96, 64, 4>, Relu,  //
                         ConvTranspose2d<64, 32, 4>, Relu, ConvTranspose2d<32, 16, 4>, Relu, Conv2d<16, 3, 3>>;

Tensor<float> read_tensor(const SafetensorsFile& file, const std::string& name) {
    const std::vector<float> values = file.read_float(name);
    const std::vector<int>& s = file.find(name)->shape;
    Tensor<float> tensor({s.at(0), s.at(1), s.at(2), s.at(3)});
    const float* p = values.data();
    for (int n = 0; n < s[0]; ++n)
        for (int c = 0; c < s[1]; ++c)
            for (int y = 0; y < s[2]; ++y)
                for (int x = 0; x < s[3]; ++x) tensor.at(n, c, y, x) = *p++;
    return tensor;
}

std::size_t write_raw(TensorView<const float> t, const std::string& path) {
    std::vector<float> values;
    for (int n = 0; n < t.shape.n; ++n)
        for (int c = 0; c < t.shape.c; ++c)
            for (int y = 0; y < t.shape.h; ++y)
                for (int x = 0; x < t.shape.w; ++x) values.push_back(t.at(n, c, y, x));
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
    return values.size();
}

/// Seconds that `count` calls of `work` take, printed.
template <class Work>
void print_seconds(const Work& work, int count) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) work();
    std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() << std::endl;
}

template <class Network>
void serve(const std::string& path) {
    const SafetensorsFile file = SafetensorsFile::load(path);
    Network network;
    std::vector<TensorRequest> requests;
    append_requests(network, "net.", requests);
    requests.push_back({"input", file.find("input") ? file.find("input")->shape : std::vector<int>(4)});
    require_tensors(file, requests);
    read_parameters(file, network, "net.");
    network.prepare(false);
    const Tensor<float> input = read_tensor(file, "input");
    Inference<float> context;
    const auto run = [&] { return network(context, context.copy(input.view())); };
    run();
    std::cout << "ready" << std::endl;
    for (std::string command; std::cin >> command;) {
        if (command == "run") {
            int count = 0;
            std::cin >> count;
            print_seconds(run, count);
        } else {
            std::string path;
            std::cin >> path;
            std::cout << write_raw(run().constant(), path) << std::endl;
        }
    }
}

/// The same batch as tools/benchmarks/peers/peer.py takes: 8 crops of 128x128 from two noisy pictures.
void serve_training(const std::string&) {
    Recipe recipe;
    recipe.batch = 8;
    recipe.augmentation.crop_px = 128;
    recipe.odd_size_probability = 0;
    Random random(1);
    std::vector<Image> pictures;
    for (int i = 0; i < 2; ++i) {
        pictures.push_back(make_image(512, 512));
        for (int p = 0; p < 512 * 512; ++p)
            for (int c = 0; c < 3; ++c)
                pictures.back().at(p % 512, p / 512)[c] = static_cast<std::uint8_t>(random.below(256));
    }
    const Dataset data(std::move(pictures));
    Trainer trainer(recipe, data, {});
    trainer.step();
    std::cout << "ready" << std::endl;
    int count = 0;
    for (std::string command; std::cin >> command >> count;)
        print_seconds([&] { static_cast<void>(trainer.step()); }, count);
}

const std::map<std::string, void (*)(const std::string&)> kNetworks{
    {"g_a", serve<zoo::Analysis<128, 192>>},
    {"g_s", serve<zoo::Synthesis<128, 192>>},
    {"g_lite", serve<GLite>},
    {"encoder", serve<Encoder>},
    {"generator", serve<Generator>},
    {"hific_generator", serve<zoo::HificGenerator<>>},
    {"training_step", serve_training},
};

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 4 || !kNetworks.contains(argv[1])) {
            std::fprintf(stderr, "usage: gancodec_bench_peers NETWORK FILE THREADS, NETWORK one of");
            for (const auto& [name, serve] : kNetworks) std::fprintf(stderr, " %s", name.c_str());
            std::fprintf(stderr, "\n");
            return 2;
        }
        set_threads(std::stoi(argv[3]));
        kNetworks.at(argv[1])(argv[2]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gancodec_bench_peers: %s\n", error.what());
        return 1;
    }
}
