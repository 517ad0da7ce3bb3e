#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

IntConv2dParameters random_parameters(Random& random, int ci, int co, int k, bool extreme) {
    IntConv2dParameters p;
    p.in_channels = ci;
    p.out_channels = co;
    p.kernel = k;
    p.low = extreme ? -255 : 0;
    for (int i = 0; i < co * ci * k * k; ++i)
        p.weight.push_back(static_cast<std::int8_t>(extreme ? -128 : static_cast<int>(random.below(256)) - 128));
    for (int i = 0; i < co; ++i) {
        p.bias.push_back(extreme ? (i % 2 == 0 ? kIntConvMaxBias : -kIntConvMaxBias)
                                 : static_cast<std::int32_t>(random.below(20001)) - 10000);
        p.multiplier.push_back(extreme ? 2147483647 : static_cast<std::int32_t>(random.below(1u << 30)));
        p.shift.push_back(static_cast<std::uint8_t>(extreme ? 62 - i % 4 : 30 + static_cast<int>(random.below(13))));
    }
    return p;
}

// The definition, one sum per output and division in place of the shift.
std::vector<std::int16_t> naive(const std::vector<std::int16_t>& in, int h, int w, const IntConv2dParameters& p) {
    std::vector<std::int16_t> out;
    for (int co = 0; co < p.out_channels; ++co)
        for (int oy = 0; oy < h; ++oy)
            for (int ox = 0; ox < w; ++ox) {
                const auto c = static_cast<std::size_t>(co);
                std::int64_t acc = p.bias[c];
                for (int ci = 0; ci < p.in_channels; ++ci)
                    for (int ky = 0; ky < p.kernel; ++ky)
                        for (int kx = 0; kx < p.kernel; ++kx) {
                            const int iy = oy + ky - p.kernel / 2, ix = ox + kx - p.kernel / 2;
                            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
                            acc += std::int64_t{p.weight[static_cast<std::size_t>(
                                       ((co * p.in_channels + ci) * p.kernel + ky) * p.kernel + kx)]} *
                                   in[static_cast<std::size_t>((ci * h + iy) * w + ix)];
                        }
                const std::int64_t scaled = acc * p.multiplier[c] + (std::int64_t{1} << (p.shift[c] - 1));
                const std::int64_t unit = std::int64_t{1} << p.shift[c];
                const std::int64_t floor = scaled >= 0 ? scaled / unit : -((-scaled + unit - 1) / unit);
                out.push_back(static_cast<std::int16_t>(std::clamp<std::int64_t>(floor, p.low, p.high)));
            }
    return out;
}

}  // namespace

TEST_CASE("conv2d_int equals the definition", "[kernels][conv2d_int]") {
    Random random(1);
    struct Case {
        int ci, co, k, h, w;
    };
    for (const Case c : {Case{1, 1, 1, 1, 1}, Case{3, 5, 3, 1, 1}, Case{64, 17, 1, 12, 8}, Case{65, 4, 1, 3, 5},
                         Case{7, 9, 3, 13, 11}, Case{64, 33, 3, 12, 8}, Case{2, 3, 3, 1, 300}, Case{2, 3, 3, 300, 1}}) {
        const auto p = random_parameters(random, c.ci, c.co, c.k, false);
        std::vector<std::int16_t> in(static_cast<std::size_t>(c.ci * c.h * c.w));
        for (auto& v : in) v = static_cast<std::int16_t>(static_cast<int>(random.below(511)) - 255);
        const auto expected = naive(in, c.h, c.w, p);
        for (const int threads : {1, 2, 3}) {
            set_threads(threads);
            Workspace ws;
            std::vector<std::int16_t> out(expected.size(), -1);
            conv2d_int(in, c.h, c.w, PreparedIntConv2d(p, "layer"), out, ws);
            CHECK(out == expected);
        }
    }
    set_threads(0);
}

TEST_CASE("conv2d_int does not overflow at its bounds", "[kernels][conv2d_int]") {
    Random random(2);
    for (const int sign : {1, -1}) {
        const auto p = random_parameters(random, kIntConvMaxTaps, 4, 1, true);
        const std::vector<std::int16_t> in(static_cast<std::size_t>(kIntConvMaxTaps),
                                           static_cast<std::int16_t>(sign * kIntConvMaxActivation));
        Workspace ws;
        std::vector<std::int16_t> out(4);
        conv2d_int(in, 1, 1, PreparedIntConv2d(p, "layer"), out, ws);
        CHECK(out == naive(in, 1, 1, p));
    }
}

TEST_CASE("pixel_shuffle_int follows PyTorch's order", "[kernels][conv2d_int]") {
    const int channels = 3, h = 2, w = 5, r = 4;
    std::vector<std::int16_t> in(static_cast<std::size_t>(channels * r * r * h * w));
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::int16_t>(i % 251);
    std::vector<std::uint8_t> out(in.size());
    pixel_shuffle_int<std::uint8_t>(in, channels, h, w, r, out);
    for (int c = 0; c < channels; ++c)
        for (int y = 0; y < h * r; ++y)
            for (int x = 0; x < w * r; ++x) {
                const int from = ((c * r * r + (y % r) * r + x % r) * h + y / r) * w + x / r;
                REQUIRE(out[static_cast<std::size_t>((c * h * r + y) * w * r + x)] ==
                        in[static_cast<std::size_t>(from)]);
            }
}

TEST_CASE("integer layers from a file are checked", "[kernels][conv2d_int]") {
    Random random(3);
    const auto good = random_parameters(random, 4, 3, 3, false);
    REQUIRE_NOTHROW(validate(good, "layer"));
    const auto refused = [&](auto change) {
        auto bad = good;
        change(bad);
        try {
            validate(bad, "hyper_scale.0");
        } catch (const Error& error) {
            return error.code() == Errc::corrupt_weights &&
                   std::string(error.what()).starts_with("hyper_scale.0: expected");
        }
        return false;
    };
    CHECK(refused([](auto& p) { p.kernel = 2; }));
    CHECK(refused([](auto& p) { p.in_channels = 0; }));
    CHECK(refused([](auto& p) { p.in_channels = 1 << 20; }));
    CHECK(refused([](auto& p) { p.out_channels = -1; }));
    CHECK(refused([](auto& p) { p.weight.pop_back(); }));
    CHECK(refused([](auto& p) { p.bias.push_back(0); }));
    CHECK(refused([](auto& p) { p.multiplier.clear(); }));
    CHECK(refused([](auto& p) { p.shift.pop_back(); }));
    CHECK(refused([](auto& p) { p.bias[1] = kIntConvMaxBias + 1; }));
    CHECK(refused([](auto& p) { p.bias[1] = -kIntConvMaxBias - 1; }));
    CHECK(refused([](auto& p) { p.multiplier[2] = -1; }));
    CHECK(refused([](auto& p) { p.shift[0] = 0; }));
    CHECK(refused([](auto& p) { p.shift[0] = 63; }));
    CHECK(refused([](auto& p) { p.low = 5, p.high = 4; }));
    CHECK(refused([](auto& p) { p.high = 256; }));
}
