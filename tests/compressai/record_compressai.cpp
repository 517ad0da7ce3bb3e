// record_compressai WEIGHTS STREAM...: writes what this library finds in files of CompressAI's strings, for
// tools/compare_compressai.py. STREAM.z, STREAM.y: symbols, 32-bit integers in the order of the stream; STREAM.index: table
// of each y, 32-bit; STREAM.scales: floats. Where y is refused, its message is printed and STREAM.y is empty.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gancodec/codec/compressai_decoder.hpp"
#include "gancodec/networks/zoo/compressai.hpp"

using namespace gancodec;

namespace {

template <class T>
void save(const std::string& path, const std::vector<T>& numbers) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(T)));
}

template <class Network>
void record(const SafetensorsFile& file, int count, char** paths) {
    CompressAiDecoder<Network> decoder(file);
    for (int i = 0; i < count; ++i) {
        const std::string path = paths[i];
        std::ifstream in(path, std::ios::binary);
        const Bytes bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        const CompressAiStream stream = read_compressai_stream(bytes);
        CompressAiSymbols symbols = decoder.decode_indices(stream);
        save(path + ".z", symbols.z);
        save(path + ".index", std::vector<std::int32_t>(symbols.index.begin(), symbols.index.end()));
        save(path + ".scales", decoder.scales(symbols, stream));
        try {
            symbols = decoder.decode_symbols(stream);
        } catch (const Error& error) {
            std::printf("%s: %s\n", path.c_str(), error.what());
        }
        save(path + ".y", symbols.y);
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3) {
        std::fprintf(stderr, "record_compressai WEIGHTS STREAM...\n");
        return 2;
    }
    const SafetensorsFile file = SafetensorsFile::load(argv[1]);
    const std::string name = file.metadata().at("architecture");
    if (name == "bmshj2018-factorized")
        record<zoo::FactorizedPrior<128, 192>>(file, argc - 2, argv + 2);
    else if (name == "bmshj2018-hyperprior")
        record<zoo::ScaleHyperprior<128, 192>>(file, argc - 2, argv + 2);
    else
        record<zoo::MeanScaleHyperprior<128, 192>>(file, argc - 2, argv + 2);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
