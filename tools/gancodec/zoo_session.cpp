#include "zoo_session.hpp"

#include "gancodec/codec/zoo_codec.hpp"
#include "gancodec/networks/zoo/compressai.hpp"

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

}  // namespace

std::unique_ptr<ZooSession> load_zoo_session(const std::filesystem::path& weights) {
    const SafetensorsFile file = SafetensorsFile::load(weights);
    const auto stated = [&](const char* key) {
        const auto found = file.metadata().find(key);
        return found == file.metadata().end() ? std::string("none") : found->second;
    };
    const std::string name = stated("architecture"), sizes = stated("N") + "/" + stated("M");
    if (name == "bmshj2018-factorized") return of_size<zoo::FactorizedPrior>(file, sizes);
    if (name == "bmshj2018-hyperprior") return of_size<Hyperprior>(file, sizes);
    if (name == "mbt2018-mean") return of_size<zoo::MeanScaleHyperprior>(file, sizes);
    return nullptr;
}

}  // namespace gancodec::cli
