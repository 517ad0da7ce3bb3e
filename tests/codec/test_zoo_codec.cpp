#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

using Factorized = zoo::FactorizedPrior<4, 6>;
using Hyperprior = zoo::ScaleHyperprior<4, 6>;
using MeanHyperprior = zoo::MeanScaleHyperprior<4, 6>;
using Hific = zoo::Hific<5, 2, 1, 6>;
using SignedHific = zoo::Hific<5, 2, 1, 6, zoo::PixelRange::minus_one_to_one>;

/// A small model of CompressAI, with an integer scale network at random: which tables are chosen does not matter here.
template <class Network>
SafetensorsFile small_weights(const std::string& name, std::uint64_t seed) {
    const SafetensorsFile golden =
        SafetensorsFile::load(std::filesystem::path(GANCODEC_TEST_DATA) / "compressai" / (name + ".safetensors"));
    SafetensorsWriter writer;
    for (const auto& [key, tensor] : golden.tensors()) {
        if (tensor.dtype == Dtype::f32) writer.add_float(key, tensor.shape, golden.read_float(key), Dtype::f32);
        if (tensor.dtype == Dtype::i32) writer.add_int(key, tensor.shape, golden.read_int(key), Dtype::i32);
    }
    Random random(seed);
    if constexpr (ZooCodec<Network>::kHasHyper) {
        Network network;
        std::vector<TensorRequest> requests;
        detail::request_scale_synthesis(network.h_s, Network::kM, requests);
        for (const TensorRequest& request : requests) {
            std::vector<std::int32_t> values;
            std::size_t count = 1;
            for (const int side : request.shape) count *= static_cast<std::size_t>(side);
            for (std::size_t i = 0; i < count; ++i) {
                const auto between = [&](int low, int high) {
                    return low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low + 1)));
                };
                values.push_back(request.name.ends_with("weight")       ? between(-128, 127)
                                 : request.name.ends_with("multiplier") ? between(1 << 20, 1 << 21)
                                 : request.name.ends_with("shift")      ? between(26, 28)
                                 : request.name.ends_with("unit")       ? 16
                                 : request.name.ends_with("thresholds") ? 4 * static_cast<int>(i) - 60
                                                                        : between(-200, 200));
            }
            writer.add_int(request.name, request.shape, values, Dtype::i32);
        }
    }
    const Bytes bytes = writer.bytes();
    return SafetensorsFile::parse(bytes, name);
}

/// A small HiFiC as converted, with what PyTorch makes of a picture (tools/make_goldens.py).
SafetensorsFile hific_weights() {
    return SafetensorsFile::load(std::filesystem::path(GANCODEC_TEST_DATA) / "zoo/hific.safetensors");
}

Image noise(int width, int height) {
    Image image = make_image(width, height);
    Random random(7);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] =
                    static_cast<std::uint8_t>(x * (c + 2) + y * 3 + static_cast<int>(random.next() % 64));
    return image;
}

std::vector<std::int16_t> plain_layer(const std::vector<std::int16_t>& in, int h, int w, const IntConv2dParameters& p,
                                      std::vector<std::int64_t>* sums = nullptr) {
    std::vector<std::int16_t> out;
    for (int co = 0; co < p.out_channels; ++co)
        for (int y = 0; y < h; ++y)
            for (int x = 0; x < w; ++x) {
                const auto c = static_cast<std::size_t>(co);
                std::int64_t acc = p.bias[c];
                for (int ci = 0; ci < p.in_channels; ++ci)
                    for (int ky = 0; ky < 3; ++ky)
                        for (int kx = 0; kx < 3; ++kx) {
                            const int iy = y + ky - 1, ix = x + kx - 1;
                            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
                            acc +=
                                std::int64_t{
                                    p.weight[static_cast<std::size_t>(((co * p.in_channels + ci) * 3 + ky) * 3 + kx)]} *
                                in[static_cast<std::size_t>((ci * h + iy) * w + ix)];
                        }
                const std::int64_t v = (acc * p.multiplier[c] + (std::int64_t{1} << (p.shift[c] - 1))) >> p.shift[c];
                if (sums != nullptr) sums->push_back(v);
                out.push_back(static_cast<std::int16_t>(std::clamp<std::int64_t>(v, p.low, p.high)));
            }
    return out;
}

std::vector<std::int16_t> plain_shuffle(const std::vector<std::int16_t>& in, int channels, int h, int w) {
    std::vector<std::int16_t> out(in.size());
    for (int c = 0; c < channels; ++c)
        for (int y = 0; y < 2 * h; ++y)
            for (int x = 0; x < 2 * w; ++x)
                out[static_cast<std::size_t>((c * 2 * h + y) * 2 * w + x)] =
                    in[static_cast<std::size_t>(((c * 4 + y % 2 * 2 + x % 2) * h + y / 2) * w + x / 2)];
    return out;
}

/// The symbols of PyTorch exactly, the tables of the integer form too; pixels within rounding.
template <class Network>
void check_against_python(const std::string& range) {
    CAPTURE(range);
    const SafetensorsFile file = hific_weights();
    const std::string prefix = "codec." + range + ".";
    ZooCodec<Network> codec(file);
    const std::vector<int>& shape = file.find("codec.image")->shape;
    Image image = make_image(shape[1], shape[0]);
    const ByteView rgb = file.raw("codec.image");
    image.rgb.assign(rgb.begin(), rgb.end());
    const ZooSymbols symbols = codec.analyse(image);
    CHECK((symbols.z == file.read_int(prefix + "z")));
    CHECK((symbols.residuals == file.read_int(prefix + "residuals")));

    std::vector<std::uint8_t> index(symbols.residuals.size());
    Workspace ws;
    detail::read_scale_synthesis(file).run(symbols.z, image.height / 64, image.width / 64, index, ws);
    const ByteView expected_index = file.raw(prefix + "index"), expected = file.raw(prefix + "pixels");
    CHECK(std::equal(index.begin(), index.end(), expected_index.begin(), expected_index.end()));

    const Image painted = codec.decode(codec.encode(image));
    REQUIRE(expected.size() == rgb.size() / 16);
    std::size_t i = 0, unequal = 0;
    for (int y = 0; y < image.height; y += 4)
        for (int x = 0; x < image.width; x += 4)
            for (int c = 0; c < 3; ++c, ++i) {
                const int difference = painted.at(x, y)[c] - expected[i];
                REQUIRE(std::abs(difference) <= 1);
                unequal += difference != 0;
            }
    CHECK(unequal * 500 < expected.size());
}

/// Nothing where f() throws no Error.
template <class F>
std::string refusal(const F& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

template <class Network>
void check_round_trips(const SafetensorsFile& weights) {
    CAPTURE(weights.where());
    ZooCodec<Network> codec(weights);
    for (const auto& [width, height] : {std::pair(1, 1), std::pair(64, 64), std::pair(65, 17), std::pair(130, 71)}) {
        CAPTURE(width, height);
        const Image image = noise(width, height);
        const ZooSymbols symbols = codec.analyse(image);
        CHECK(codec.decode(codec.encode(image)).rgb == codec.paint(symbols, width, height).rgb);
        set_threads(1);
        const Bytes bytes = codec.encode(image);
        const ZooSymbols one = codec.decode_symbols(bytes);
        const Image decoded = codec.decode(bytes);
        set_threads(2);
        CHECK(codec.encode(image) == bytes);
        const ZooSymbols two = codec.decode_symbols(bytes);
        CHECK(codec.decode(bytes).rgb == decoded.rgb);
        set_threads(0);
        CHECK((one.z == symbols.z && one.residuals == symbols.residuals));
        CHECK((two.z == symbols.z && two.residuals == symbols.residuals));
        CHECK((decoded.width == width && decoded.height == height));
    }
}

template <class Network>
void check_damage(const SafetensorsFile& weights) {
    CAPTURE(weights.where());
    ZooCodec<Network> codec(weights);
    const Bytes bytes = codec.encode(noise(40, 24));
    // With its checksums made good again the damage reaches the decoder.
    const auto sealed = [](Bytes damaged) {
        try {
            const Stream stream = read_stream(damaged);
            return write_stream(stream);
        } catch (const Error&) {
            return damaged;
        }
    };
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(refusal([&] { static_cast<void>(codec.decode(ByteView(bytes).first(size))); }).empty());
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        Bytes flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        CHECK_FALSE(refusal([&] { static_cast<void>(codec.decode(sealed(flipped))); }).empty());
    }
    const Stream whole = read_stream(bytes);
    Random random(1);
    for (int round = 0; round < 200; ++round) {
        Bytes z(whole.hyper_latents.begin(), whole.hyper_latents.end());
        Bytes y(whole.latents.begin(), whole.latents.end());
        if (!z.empty() && round % 2 == 0) z[random.next() % z.size()] = static_cast<std::uint8_t>(random.next());
        y[random.next() % y.size()] = static_cast<std::uint8_t>(random.next());
        if (round % 5 == 0) y.resize(random.next() % y.size());
        const Bytes damaged = write_stream({whole.header, {}, z, y});
        static_cast<void>(refusal([&] { static_cast<void>(codec.decode(damaged)); }));
    }
    DecodeOptions options;
    options.limits.max_memory_bytes = codec.decode_memory_bytes(whole.header) - 1;
    CHECK(refusal([&] { static_cast<void>(codec.decode(bytes, options)); }).find("bytes of memory") !=
          std::string::npos);
}

}  // namespace

TEST_CASE("converted models code images of every size, alike for 1 and 2 threads", "[zoo_codec]") {
    check_round_trips<Factorized>(small_weights<Factorized>("bmshj2018-factorized", 1));
    check_round_trips<Hyperprior>(small_weights<Hyperprior>("bmshj2018-hyperprior", 1));
    check_round_trips<MeanHyperprior>(small_weights<MeanHyperprior>("mbt2018-mean", 1));
    check_round_trips<SignedHific>(hific_weights());
}

TEST_CASE("HiFiC gives the symbols and the tables of Python", "[zoo_codec]") {
    check_against_python<Hific>("zero_to_one");
    check_against_python<SignedHific>("minus_one_to_one");
}

TEST_CASE("damaged streams of converted models are refused or decoded", "[zoo_codec]") {
    check_damage<Factorized>(small_weights<Factorized>("bmshj2018-factorized", 1));
    check_damage<Hyperprior>(small_weights<Hyperprior>("bmshj2018-hyperprior", 1));
    check_damage<MeanHyperprior>(small_weights<MeanHyperprior>("mbt2018-mean", 1));
    check_damage<SignedHific>(hific_weights());
}

TEST_CASE("streams of other weights of the same model are refused", "[zoo_codec]") {
    ZooCodec<Hyperprior> codec(small_weights<Hyperprior>("bmshj2018-hyperprior", 1));
    ZooCodec<Hyperprior> other(small_weights<Hyperprior>("bmshj2018-hyperprior", 2));
    const Bytes bytes = codec.encode(noise(20, 20));
    CHECK(refusal([&] { static_cast<void>(other.decode(bytes)); }).find("entropy id") != std::string::npos);
    CHECK(refusal([] {
              ZooCodec<Factorized>(small_weights<Hyperprior>("bmshj2018-hyperprior", 1));
          }).find("expected") != std::string::npos);
    const SafetensorsFile golden = SafetensorsFile::load(std::filesystem::path(GANCODEC_TEST_DATA) /
                                                         "compressai/bmshj2018-hyperprior.safetensors");
    CHECK(refusal([&] { ZooCodec<Hyperprior> bare(golden); }).find("scale_synthesis.0.weight") != std::string::npos);
}

TEST_CASE("the integer scale network equals its definition", "[zoo_codec]") {
    const SafetensorsFile file = small_weights<MeanHyperprior>("mbt2018-mean", 3);
    const zoo::IntegerScaleSynthesis network = detail::read_scale_synthesis(file);
    const int h = 3, w = 5, n = network.hyper_channels();
    Random random(4);
    std::vector<std::int32_t> z;
    std::vector<std::int16_t> x;
    for (int i = 0; i < n * h * w; ++i) {
        z.push_back(i == 7 ? kMaxSymbol : static_cast<std::int32_t>(random.below(41)) - 20);
        const std::int32_t offset = network.offset()[static_cast<std::size_t>(i / (h * w))];
        x.push_back(static_cast<std::int16_t>(std::clamp(network.unit() * z.back() + offset, -255, 255)));
    }
    x = plain_shuffle(plain_layer(x, h, w, network.layer(0)), network.layer(1).in_channels, h, w);
    x = plain_shuffle(plain_layer(x, 2 * h, 2 * w, network.layer(1)), network.layer(2).in_channels, 2 * h, 2 * w);
    std::vector<std::int64_t> sums;
    plain_layer(x, 4 * h, 4 * w, network.layer(2), &sums);
    std::vector<std::uint8_t> index(sums.size());
    Workspace ws;
    network.run(z, h, w, index, ws);
    std::vector<bool> seen(64);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        int expected = 0;
        for (const std::int32_t threshold : network.thresholds()) expected += sums[i] >= threshold;
        REQUIRE(int{index[i]} == expected);
        seen[index[i]] = true;
    }
    CHECK(std::count(seen.begin(), seen.end(), true) > 8);
}
