#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

/// Windows of a network with random weights against the whole.
template <class Network>
void check_windows(int channels, int h, int w, std::uint64_t seed) {
    Random random(seed);
    Network network;
    network.each_parameter("", [&](const std::string&, Parameter<float>& p) {
        for (float& value : p.value) value = static_cast<float>(random.uniform(-0.2, 0.2));
    });
    network.prepare(false);
    Inference<float> context;
    auto in = context.make({1, channels, h, w});
    for (std::size_t i = 0; i < in.shape().size(); ++i) in.view().data[i] = static_cast<float>(random.uniform(-1, 1));
    clear_padding(in.view());
    const auto whole = network(context, in);
    const auto below = [&](int count) { return static_cast<int>(random.below(static_cast<std::uint64_t>(count))); };
    for (int i = 0; i < 40; ++i) {
        const int top = below(whole.shape().h), left = below(whole.shape().w);
        const Area area{{top, top + 1 + below(whole.shape().h - top)},
                        {left, left + 1 + below(whole.shape().w - left)}};
        const Windowed<Network> window(h, w, area);
        const Area read = window.input();
        CAPTURE(h, w, area.y.first, area.y.end, area.x.first, area.x.end, read.y.first, read.y.end, read.x.first,
                read.x.end);
        auto part = context.make({1, channels, read.y.size(), read.x.size()});
        crop(in.constant(), read.y.first, read.x.first, part.view());
        const auto out = window(network, context, std::move(part));
        auto expected = context.make(out.shape());
        crop(whole.constant(), area.y.first, area.x.first, expected.view());
        REQUIRE(std::equal(out.constant().data, out.constant().data + out.shape().size(), expected.constant().data));
    }
}

}  // namespace

TEST_CASE("windows of a network equal the whole, bit for bit", "[nn][window]") {
    for (const auto& [h, w] : {std::pair{40, 44}, {64, 24}, {20, 96}, {4, 8}}) {
        check_windows<Sequential<Conv2d<32, 32, 3>, ResidualBlock<32>, Conv2d<32, 64, 3>, PixelShuffle<2>>>(32, h, w,
                                                                                                            1);
        check_windows<Sequential<Conv2d<16, 32, 3, Stride<2>>, LeakyRelu<>, ResidualBlock<32>, Conv2d<32, 8, 3>>>(16, h,
                                                                                                                  w, 2);
        check_windows<Sequential<PixelUnshuffle<4>, Conv2d<48, 32, 3>, Conv2d<32, 16, 1>>>(3, h, w, 3);
        check_windows<Sequential<Conv2d<16, 32, 5, Stride<2>, Padding<2>>, Conv2d<32, 32, 4, Stride<2>, Padding<1>>>>(
            16, h, w, 4);
        check_windows<Sequential<Conv2d<8, 8, 5>, Conv2d<8, 16, 7>, PixelShuffle<4>>>(8, h, w, 5);
    }
}

TEST_CASE("a window reads what reaches it and little more", "[nn][window]") {
    constexpr int kFar = 4000;
    const Windowed<Sequential<Conv2d<32, 32, 3>, Conv2d<32, 32, 3>>> winograd(9999, 9999,
                                                                              {{kFar, kFar + 4}, {kFar, kFar + 4}});
    // The tile itself reads one more on each side; those lie in its neighbours, which read to their own far ends.
    CHECK(winograd.input() == Area{{kFar - 4, kFar + 8}, {kFar - 4, kFar + 8}});
    const Windowed<Sequential<Conv2d<8, 8, 3>, Conv2d<8, 8, 3>>> taps(9999, 9999, {{kFar, kFar + 4}, {kFar, kFar + 4}});
    CHECK(taps.input() == Area{{kFar - 2, kFar + 6}, {kFar - 2, kFar + 6}});
}
