#include "compressai.hpp"

#include <memory>
#include <string>

#include "gancodec/codec/compressai_decoder.hpp"
#include "gancodec/networks/zoo/compressai.hpp"

namespace gancodec::cli {

namespace {

using Decoder = std::function<Image(ByteView)>;

template <class Network>
Decoder decoder(const SafetensorsFile& file) {
    auto decoder = std::make_shared<CompressAiDecoder<Network>>(file);
    return [decoder](ByteView bytes) { return decoder->decode(read_compressai_stream(bytes)); };
}

template <int N, int M>
Decoder decoder_of(const std::string& name, const SafetensorsFile& file) {
    if (name == "bmshj2018-factorized") return decoder<zoo::FactorizedPrior<N, M>>(file);
    if (name == "bmshj2018-hyperprior") return decoder<zoo::ScaleHyperprior<N, M>>(file);
    if (name == "mbt2018-mean") return decoder<zoo::MeanScaleHyperprior<N, M>>(file);
    return {};
}

}  // namespace

Decoder load_compressai_decoder(const std::filesystem::path& weights) {
    const SafetensorsFile file = SafetensorsFile::load(weights);
    const auto stated = [&](const char* key) {
        const auto found = file.metadata().find(key);
        return found == file.metadata().end() ? std::string("none") : found->second;
    };
    const std::string name = stated("architecture"), sizes = stated("N") + "/" + stated("M");
    Decoder found;
    if (sizes == "128/192") found = decoder_of<128, 192>(name, file);
    if (sizes == "192/320") found = decoder_of<192, 320>(name, file);
    if (!found)
        throw Error(Errc::unsupported,
                    weights.string() +
                        ": expected bmshj2018-factorized, bmshj2018-hyperprior or mbt2018-mean with N/M of 128/192 or "
                        "192/320, found " +
                        printable(name) + " with " + printable(sizes));
    return found;
}

}  // namespace gancodec::cli
