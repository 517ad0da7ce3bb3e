#include "zoo_session.hpp"

#include "gancodec/codec/zoo_codec.hpp"
#include "gancodec/networks/zoo/compressai.hpp"
#include "gancodec/networks/zoo/hific.hpp"

namespace gancodec::cli {

namespace {

template <class Network>
class SessionOf : public ZooSession {
public:
    explicit SessionOf(const SafetensorsFile& file) : codec_(file) {}

    Bytes encode(const Image& image) override { return codec_.encode(image); }
    Image decode(ByteView bytes) override { return codec_.decode(bytes); }
    std::size_t decode_memory_bytes(ByteView bytes) override {
        return codec_.decode_memory_bytes(read_stream(bytes).header);
    }

private:
    ZooCodec<Network> codec_;
};

template <template <int, int> class Network>
std::unique_ptr<ZooSession> of_size(const SafetensorsFile& file, const std::string& sizes) {
    if (sizes == "128/192") return std::make_unique<SessionOf<Network<128, 192>>>(file);
    if (sizes == "192/320") return std::make_unique<SessionOf<Network<192, 320>>>(file);
    throw Error(Errc::unsupported, file.where() + ": expected N/M of 128/192 or 192/320, found " + printable(sizes));
}

template <int N, int M>
using Hyperprior = zoo::ScaleHyperprior<N, M>;

/// As published, and as its port trains it unless told otherwise: with 9 or 7 blocks.
template <zoo::PixelRange Range>
std::unique_ptr<ZooSession> hific_of_size(const SafetensorsFile& file, const std::string& sizes) {
    if (sizes == "220/60/320/9") return std::make_unique<SessionOf<zoo::Hific<220, 60, 9, 320, Range>>>(file);
    if (sizes == "220/60/320/7") return std::make_unique<SessionOf<zoo::Hific<220, 60, 7, 320, Range>>>(file);
    throw Error(Errc::unsupported,
                file.where() + ": expected C/F/N/blocks of 220/60/320/9 or 220/60/320/7, found " + printable(sizes));
}

std::unique_ptr<ZooSession> hific(const SafetensorsFile& file, const std::string& sizes, const std::string& pixels) {
    if (pixels == "0 to 1") return hific_of_size<zoo::PixelRange::zero_to_one>(file, sizes);
    if (pixels == "-1 to 1") return hific_of_size<zoo::PixelRange::minus_one_to_one>(file, sizes);
    throw Error(Errc::unsupported,
                file.where() + ": expected pixels of \"0 to 1\" or \"-1 to 1\", found " + printable(pixels));
}

}  // namespace

std::unique_ptr<ZooSession> load_zoo_session(const SafetensorsFile& file) {
    const auto stated = [&](const char* key) {
        const auto found = file.metadata().find(key);
        return found == file.metadata().end() ? std::string("none") : found->second;
    };
    const std::string name = stated("architecture"), sizes = stated("N") + "/" + stated("M");
    if (name == "bmshj2018-factorized") return of_size<zoo::FactorizedPrior>(file, sizes);
    if (name == "bmshj2018-hyperprior") return of_size<Hyperprior>(file, sizes);
    if (name == "mbt2018-mean") return of_size<zoo::MeanScaleHyperprior>(file, sizes);
    if (name == "hific")
        return hific(file, stated("C") + "/" + stated("F") + "/" + stated("N") + "/" + stated("blocks"),
                     stated("pixels"));
    return nullptr;
}

}  // namespace gancodec::cli
