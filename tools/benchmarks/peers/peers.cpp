// Our side of tools/bench_peers: runs one network as often as it is told, so that rounds of several runtimes interleave.
//
//     gancodec_bench_peers NETWORK FILE THREADS
//
// FILE is a safetensors file with the network's tensors under "net." and its "input"; standard input then gives lines
//     run N          → the seconds that N runs took
//     output PATH    → the output as raw float32, n c h w, written to PATH; then its number of values

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
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

template <class Network>
void serve(const SafetensorsFile& file) {
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
            const auto start = std::chrono::steady_clock::now();
            for (int i = 0; i < count; ++i) run();
            std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() << std::endl;
        } else {
            std::string path;
            std::cin >> path;
            std::cout << write_raw(run().constant(), path) << std::endl;
        }
    }
}

const std::map<std::string, void (*)(const SafetensorsFile&)> kNetworks{
    {"g_a", serve<zoo::Analysis<128, 192>>},
    {"g_s", serve<zoo::Synthesis<128, 192>>},
    {"g_lite", serve<GLite>},
    {"encoder", serve<Encoder>},
    {"generator", serve<Generator>},
    {"hific_generator", serve<zoo::HificGenerator<>>},
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
        kNetworks.at(argv[1])(SafetensorsFile::load(argv[2]));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gancodec_bench_peers: %s\n", error.what());
        return 1;
    }
}
