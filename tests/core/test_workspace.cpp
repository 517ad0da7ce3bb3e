#include <cstdint>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using namespace gancodec;

namespace {

constexpr std::size_t kMebi = std::size_t{1} << 20;

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % kAlignmentBytes == 0; }

}  // namespace

TEST_CASE("what a Workspace hands out is aligned and does not overlap", "[core][workspace]") {
    Workspace workspace;
    std::vector<float*> parts;
    for (std::size_t i = 0; i < 50; ++i) {
        parts.push_back(workspace.take<float>(i * 997 + 1));
        REQUIRE(aligned(parts.back()));
        for (std::size_t k = 0; k <= i * 997; ++k) parts.back()[k] = static_cast<float>(i);
    }
    bool kept = true;
    for (std::size_t i = 0; i < parts.size(); ++i)
        for (std::size_t k = 0; k <= i * 997; ++k) kept = kept && parts[i][k] == static_cast<float>(i);
    CHECK(kept);
}

TEST_CASE("a Scope gives back what was taken since its birth", "[core][workspace]") {
    Workspace workspace;
    float* first = workspace.take<float>(100);
    first[99] = 1;
    float* inside = nullptr;
    {
        const Workspace::Scope scope(workspace);
        inside = workspace.take<float>(100);
        inside[0] = 2;
        {
            const Workspace::Scope inner(workspace);
            CHECK(workspace.take<float>(16) == inside + 112);  // 400 bytes, rounded up to 448
        }
        CHECK(workspace.take<float>(16) == inside + 112);
    }
    CHECK(workspace.take<float>(100) == inside);
    CHECK(first[99] == 1);
}

TEST_CASE("a Scope that made a chunk gives it back, and pointers before it stay good", "[core][workspace]") {
    Workspace workspace;
    double* first = workspace.take<double>(kMebi / 16);
    first[0] = 3;
    for (int round = 0; round < 3; ++round) {
        const Workspace::Scope scope(workspace);
        double* big = workspace.take<double>(kMebi);
        big[kMebi - 1] = 4;
    }
    CHECK(first[0] == 3);
    CHECK(workspace.peak_bytes() == kMebi / 2 + 8 * kMebi);
}

TEST_CASE("after reset() the same work fits one chunk: nothing is allocated any more", "[core][workspace]") {
    Workspace workspace;
    const auto work = [&] {
        std::vector<std::byte*> parts;
        for (int i = 0; i < 7; ++i) parts.push_back(workspace.take<std::byte>(kMebi));
        return parts;
    };
    work();
    workspace.reset();
    CHECK(workspace.peak_bytes() == 7 * kMebi);
    const auto second = work();
    for (std::size_t i = 1; i < second.size(); ++i) CHECK(second[i] == second[i - 1] + kMebi);
    workspace.reset();
    CHECK(work() == second);
}

TEST_CASE("tensor() and zeros() have their shape", "[core][workspace]") {
    Workspace workspace;
    const Shape shape{1, 3, 4, 5};
    {
        const Workspace::Scope scope(workspace);
        const auto dirty = workspace.tensor<float>(shape);
        CHECK(dirty.shape == shape);
        for (std::size_t i = 0; i < dirty.size(); ++i) dirty.data[i] = 1;
    }
    const auto clean = workspace.zeros<float>(shape);
    bool zero = true;
    for (std::size_t i = 0; i < clean.size(); ++i) zero = zero && clean.data[i] == 0;
    CHECK(zero);
}
