#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <stdexcept>

#include "bench.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/entropy/conditional_prior.hpp"
#include "gancodec/kernels/conv2d_int.hpp"
#include "gancodec/latents/scale_table.hpp"

namespace gancodec::bench {

namespace {

/// A million symbols, each drawn from one of the tables `low` to `high` at random.
struct Symbols {
    ConditionalPrior prior{CdfTables::symmetric(scale_tables().half, scale_tables().begin)};
    std::vector<std::uint8_t> index;
    std::vector<std::int32_t> symbols, decoded;
    Bytes bytes;

    Symbols(std::size_t count, int low, int high) : index(count), symbols(count), decoded(count) {
        Random random(7);
        for (std::size_t i = 0; i < count; ++i) {
            const auto tables = static_cast<std::uint64_t>(high - low + 1);
            index[i] = static_cast<std::uint8_t>(low + static_cast<int>(random.below(tables)));
            symbols[i] = static_cast<std::int32_t>(std::nearbyint(random.normal() * double{scale_sigma(index[i])}));
        }
        bytes = prior.encode(symbols, index);
        prior.decode(bytes, index, decoded);
        if (decoded != symbols) throw std::logic_error("rANS decoded other symbols than it encoded");
    }
};

void add_symbols(std::vector<Case>& cases, const char* name, int low, int high) {
    constexpr std::size_t kCount = 1 << 20;
    const auto make = [=] { return std::make_shared<Symbols>(kCount, low, high); };
    cases.push_back({std::string("rans encode, ") + name, "symbol", kCount, [=]() -> std::function<void()> {
                         return [s = make()] { s->bytes = s->prior.encode(s->symbols, s->index); };
                     }});
    cases.push_back({std::string("rans decode, ") + name, "symbol", kCount, [=]() -> std::function<void()> {
                         return [s = make()] { s->prior.decode(s->bytes, s->index, s->decoded); };
                     }});
}

/// A layer of the hyper scale network on integers, at the size that an image of 768x512 gives.
Case int_convolution(int ci, int co, int kernel, int h, int w) {
    char name[96];
    std::snprintf(name, sizeof name, "int conv %dx%d %d->%d 1x%dx%d", kernel, kernel, ci, co, w, h);
    return {name, "int op", 2.0 * h * w * ci * co * kernel * kernel, [=]() -> std::function<void()> {
                IntConv2dParameters p;
                p.in_channels = ci;
                p.out_channels = co;
                p.kernel = kernel;
                p.weight.assign(static_cast<std::size_t>(ci * co * kernel * kernel), 3);
                p.bias.assign(static_cast<std::size_t>(co), 5);
                p.multiplier.assign(static_cast<std::size_t>(co), 1 << 20);
                p.shift.assign(static_cast<std::size_t>(co), 30);
                struct State {
                    PreparedIntConv2d layer;
                    std::vector<std::int16_t> in, out;
                    Workspace ws;
                };
                auto s = std::make_shared<State>();
                s->layer = PreparedIntConv2d(p, "layer");
                s->in.assign(static_cast<std::size_t>(ci * h * w), 9);
                s->out.resize(static_cast<std::size_t>(co * h * w));
                return [=] { conv2d_int(s->in, h, w, s->layer, s->out, s->ws); };
            }};
}

}  // namespace

std::vector<Case> entropy_cases() {
    std::vector<Case> cases;
    add_symbols(cases, "64 tables", 0, 63);
    add_symbols(cases, "the 16 narrowest", 0, 15);
    add_symbols(cases, "the 16 widest", 48, 63);
    cases.push_back(int_convolution(96, 96, 3, 8, 12));
    cases.push_back(int_convolution(96, 2048, 1, 8, 12));
    return cases;
}

}  // namespace gancodec::bench
