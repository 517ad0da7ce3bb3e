#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace gancodec;

namespace {

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % kAlignmentBytes == 0; }

}  // namespace

TEST_CASE("AlignedArray is aligned, zero at birth, and copies only when asked", "[core][tensor]") {
    STATIC_CHECK(!std::is_copy_constructible_v<AlignedArray<float>>);
    AlignedArray<float> array(37);
    CHECK(aligned(array.data()));
    CHECK(std::all_of(array.begin(), array.end(), [](float v) { return v == 0.0f; }));
    array[36] = 4;
    AlignedArray<float> copy = array.copy();
    array[36] = 5;
    CHECK(copy[36] == 4);
    const AlignedArray<float> moved = std::move(copy);
    CHECK(moved.size() == 37);
    CHECK(moved[36] == 4);
    CHECK(AlignedArray<float>().copy().empty());
    CHECK(AlignedArray<float>(0).data() == nullptr);
}

TEST_CASE("a Tensor and its views name the same elements", "[core][tensor]") {
    Tensor<float> tensor({2, 20, 3, 5});
    CHECK(aligned(tensor.data()));
    tensor.at(1, 17, 2, 4) = 7;
    const TensorView<const float> view = tensor;
    CHECK(view.at(1, 17, 2, 4) == 7);
    CHECK(view.block(1, 1)[(2 * 5 + 4) * 16 + 1] == 7);
    const TensorView<float> writable = tensor.view();
    writable.at(0, 0, 0, 0) = 3;
    CHECK(std::as_const(tensor).at(0, 0, 0, 0) == 3);
    CHECK(view.size() == tensor.size());
    STATIC_CHECK(std::is_convertible_v<TensorView<float>, TensorView<const float>>);
    STATIC_CHECK(!std::is_convertible_v<TensorView<const float>, TensorView<float>>);
}

TEST_CASE("clear_padding writes zero beyond the channels and nothing else", "[core][tensor]") {
    const int channels = GENERATE(1, 15, 16, 17, 31, 33);
    Tensor<float> tensor({2, channels, 3, 2});
    std::fill_n(tensor.data(), tensor.size(), 1.0f);
    clear_padding(tensor.view());
    std::size_t wrong = 0;
    for (int n = 0; n < 2; ++n)
        for (int c = 0; c < tensor.shape().padded_c(); ++c)
            for (int y = 0; y < 3; ++y)
                for (int x = 0; x < 2; ++x) wrong += tensor.at(n, c, y, x) != (c < channels ? 1.0f : 0.0f);
    CHECK(wrong == 0);
}

TEST_CASE("random_tensor repeats itself and leaves the padding zero", "[core][support]") {
    const Shape shape{1, 3, 4, 5};
    const auto a = random_tensor<float>(shape, 1), b = random_tensor<float>(shape, 1),
               c = random_tensor<float>(shape, 2);
    CHECK(std::equal(a.data(), a.data() + a.size(), b.data()));
    CHECK(!std::equal(a.data(), a.data() + a.size(), c.data()));
    CHECK(a.at(0, 0, 0, 0) != 0);
    for (int channel = 3; channel < 16; ++channel) CHECK(a.at(0, channel, 3, 4) == 0);
}
