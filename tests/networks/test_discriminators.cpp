#include <vector>

#include <gancodec.hpp>

#include "support/gradient_testing.hpp"

using namespace gancodec;
using namespace gancodec::testing;

namespace {

/// Runs a small discriminator on an image of 64x64 pixels and compares the shapes of its logits.
template <class Discriminator>
void check(const Shape& condition, const std::vector<Shape>& logits, std::uint64_t seed) {
    const OneThread alone;
    Discriminator network;
    Random random(seed);
    init_keep_variance(network, random);
    settle_spectral_norm(network);
    network.prepare(false);
    const auto image = random_input({1, 3, 64, 64}, seed + 1), told = random_input(condition, seed + 2);
    Tape<double> tape;
    const auto seen = network(tape, tape.leaf(image.view()), tape.leaf(told.view()));
    CHECK(seen.features.size() >= 4);
    REQUIRE(seen.logits.size() == logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) CHECK(seen.logits[i].shape() == logits[i]);
}

}  // namespace

TEST_CASE("every discriminator answers logits of the shape it promises", "[discriminator]") {
    check<PatchDiscriminator<5, 16, 2>::Rebind<double>>({1, 5, 4, 4}, {{1, 1, 4, 4}}, 1);
    check<Pix2PixDiscriminator<2>::Rebind<double>>({1, 3, 64, 64}, {{1, 1, 6, 6}}, 2);
    check<DcganDiscriminator<2>::Rebind<double>>({1, 1, 1, 1}, {{1, 1, 1, 1}}, 3);
    check<MultiScaleDiscriminator<5, 2>::Rebind<double>>({1, 5, 4, 4}, {{1, 1, 4, 4}, {1, 1, 2, 2}, {1, 1, 1, 1}}, 4);
    check<UNetDiscriminator<2>::Rebind<double>>({1, 1, 1, 1}, {{1, 1, 64, 64}, {1, 1, 8, 8}}, 5);
}

TEST_CASE("a conditional discriminator hears its condition", "[discriminator]") {
    PatchDiscriminator<5, 16, 2>::Rebind<double> network;
    Random random(1);
    init_keep_variance(network, random);
    network.prepare(false);
    const auto image = random_input({1, 3, 64, 64}, 2), one = random_input({1, 5, 4, 4}, 3),
               other = random_input({1, 5, 4, 4}, 4);
    Tape<double> tape;
    const auto x = tape.leaf(image.view());
    const auto a = network(tape, x, tape.leaf(one.view())), b = network(tape, x, tape.leaf(other.view()));
    CHECK(a.logits[0].scalar() != b.logits[0].scalar());
}
