#include "kernels/kernel_testing.hpp"

using namespace gancodec;
using namespace kernel_testing;

TEST_CASE("pixel_shuffle moves channels to pixels in PyTorch's order, and pixel_unshuffle back", "[kernels][shuffle]") {
    for (const int r : {1, 2, 3, 4})
        for (const int c : {1, 3, 12, 16, 17, 40})
            for (const auto& [h, w] : {std::pair{1, 1}, std::pair{3, 5}}) {
                CAPTURE(r, c, h, w);
                const Shape packed{2, c * r * r, h, w}, spread{2, c, h * r, w * r};
                const auto in = random_tensor<float>(packed, 1);
                const auto out = run<float>(spread, [&](auto o) { pixel_shuffle<float>(in, r, o); });
                bool equal = true;
                for_each(spread, [&](int n, int ic, int y, int x) {
                    equal = equal && out.at(n, ic, y, x) == in.at(n, ic * r * r + y % r * r + x % r, y / r, x / r);
                });
                CHECK(equal);
                const auto back = run<float>(packed, [&](auto o) { pixel_unshuffle<float>(out, r, o); });
                CHECK(same_bits(back, in));
            }
}

TEST_CASE("concat_channels stacks and split_channels cuts, whatever the channel counts", "[kernels][shuffle]") {
    const std::vector<std::vector<int>> cases{{1},         {16, 16},     {32, 16, 48}, {3, 12},
                                              {1, 17, 40}, {17, 16, 15}, {5, 6, 5},    {16, 3, 32}};
    for (const auto& channels : cases) {
        std::vector<Tensor<float>> inputs;
        std::vector<TensorView<const float>> views;
        int total = 0;
        for (const int c : channels) {
            inputs.push_back(random_tensor<float>({2, c, 3, 5}, static_cast<unsigned>(total + 1)));
            total += c;
        }
        for (const auto& in : inputs) views.push_back(in.view());
        const auto out = run<float>({2, total, 3, 5}, [&](auto o) { concat_channels<float>(views, o); });
        int first = 0;
        bool equal = true;
        for (const auto& in : inputs) {
            for_each(in.shape(), [&](int n, int c, int y, int x) {
                equal = equal && out.at(n, first + c, y, x) == in.at(n, c, y, x);
            });
            first += in.shape().c;
        }
        CHECK(equal);

        std::vector<Tensor<float>> pieces;
        std::vector<TensorView<float>> targets;
        for (const auto& in : inputs) {
            pieces.emplace_back(in.shape());
            std::fill_n(pieces.back().data(), pieces.back().size(), 9.0f);
        }
        for (auto& piece : pieces) targets.push_back(piece.view());
        split_channels<float>(out, targets);
        for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(same_bits(pieces[i], inputs[i]));
    }
}

TEST_CASE("slice_channels_backward puts the gradient where the slice came from", "[kernels][shuffle][gradient]") {
    const Shape whole{2, 40, 2, 3}, part{2, 19, 2, 3};
    auto in = random_tensor<double>(whole, 1);
    for (const int first : {0, 16, 13, 21})
        CHECK(kernel_gradient_error(
                  in, part, [&](auto x, auto out) { slice_channels<double>(x, first, out); },
                  [&](auto, auto d, auto d_in) { slice_channels_backward<double>(d, first, d_in); }) <
              kGradientTolerance);
}
