#include <algorithm>

#include <gancodec.hpp>

#include "kernels/conv_cases.hpp"
#include "support/catch.hpp"

namespace {

using namespace conv_cases;

/// Runs the layers one by one, so that no convolution takes its activation along.
template <class Network>
Tensor<float> layer_by_layer(const Network& network, const Tensor<float>& in) {
    Inference<float> context;
    auto x = context.copy(in);
    std::apply([&](const auto&... layer) { ((x = layer(context, std::move(x))), ...); }, network.layers);
    Tensor<float> out(x.shape());
    std::copy_n(x.constant().data, out.size(), out.data());
    return out;
}

/// A convolution that does more before it convolves.
struct Negating : Conv2d<16, 16, 3> {
    template <class Context>
    [[nodiscard]] typename Context::Value operator()(Context& context, typename Context::Value x) const {
        auto negative = context.make(x.shape());
        scale(x.constant(), -1.0f, negative.view());
        return conv2d(context, std::move(negative), *this);
    }
};

template <class Network>
void check_equal(int channels) {
    Random random(3);
    Network network;
    network.each_parameter("", [&](const std::string&, Parameter<float>& p) {
        for (float& value : p.value) value = static_cast<float>(random.normal());
    });
    network.prepare(false);
    const auto in = random_tensor<float>({2, channels, 7, 9}, random);
    Inference<float> context;
    const auto out = network(context, context.copy(in));
    Tensor<float> found(out.shape());
    std::copy_n(out.constant().data, found.size(), found.data());
    CHECK(same(layer_by_layer(network, in), found));
}

}  // namespace

TEST_CASE("sequential: convolutions take their activations along, and no number changes", "[sequential]") {
    check_equal<Sequential<Conv2d<3, 16, 3>, Relu, Conv2d<16, 3, 5, Stride<2>>, LeakyRelu<>>>(
        3);  // direct, pixel lanes
    check_equal<Sequential<Conv2d<32, 40, 3>, LeakyRelu<30>, Relu, Conv2d<40, 32, 5, Stride<2>>, Relu>>(
        32);  // Winograd
    check_equal<Sequential<ConvTranspose2d<32, 33, 4>, Relu, ConvTranspose2d<33, 3, 5>, LeakyRelu<1>>>(32);
    check_equal<Sequential<Conv2d<3, 8, 3>, Sigmoid, Conv2d<8, 8, 1>, Tanh>>(3);  // stay layers of their own
    check_equal<Sequential<Negating, Relu>>(16);                                  // is not taken for a Conv2d
}

TEST_CASE("sequential: a part ends between a convolution and its activation", "[sequential]") {
    Sequential<Conv2d<3, 4, 1>, Relu> network;
    std::get<0>(network.layers).bias.value.assign(4, -1.0f);
    network.prepare(false);
    Inference<float> context;
    const auto x = context.copy(Tensor<float>({1, 3, 2, 2}));
    CHECK(network.all_but_last(context, x).constant().at(0, 0, 0, 0) == -1.0f);
    CHECK(network(context, x).constant().at(0, 0, 0, 0) == 0.0f);
}
