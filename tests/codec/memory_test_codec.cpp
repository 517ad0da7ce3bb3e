// A program of its own, because it replaces operator new to count what is allocated.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/test_weights.hpp"

namespace {

std::atomic<std::size_t> live_bytes{0}, peak_bytes{0}, large_allocations{0};
constexpr std::size_t kLargeBytes = 4096;
/// In front of every block, to know its size again; keeps the strictest alignment in use.
constexpr std::size_t kFront = 64;

void* counted_new(std::size_t size) {
    auto* block = static_cast<std::byte*>(std::aligned_alloc(kFront, (size + 2 * kFront - 1) / kFront * kFront));
    if (block == nullptr) throw std::bad_alloc();
    new (block) std::size_t(size);
    const std::size_t live = live_bytes += size;
    for (std::size_t peak = peak_bytes; live > peak && !peak_bytes.compare_exchange_weak(peak, live);) {
    }
    if (size >= kLargeBytes) ++large_allocations;
    return block + kFront;
}
void counted_delete(void* p) {
    if (p == nullptr) return;
    auto* block = static_cast<std::byte*>(p) - kFront;
    live_bytes -= *reinterpret_cast<std::size_t*>(block);
    std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return counted_new(size); }
void* operator new(std::size_t size, std::align_val_t) { return counted_new(size); }
void operator delete(void* p) noexcept { counted_delete(p); }
void operator delete(void* p, std::size_t) noexcept { counted_delete(p); }
void operator delete(void* p, std::align_val_t) noexcept { counted_delete(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { counted_delete(p); }

using namespace gancodec;

TEST_CASE("after the first image nothing is allocated but the result", "[memory]") {
    Codec codec(random_codec_weights(1));
    const Image picture = test_picture(200, 140);
    const Bytes bytes = codec.encode(picture, {60});
    static_cast<void>(codec.decode(bytes));
    static_cast<void>(codec.encode(picture, {60}));  // decoding may have changed the pool
    static_cast<void>(codec.decode(bytes));

    large_allocations = 0;
    const Image again = codec.decode(bytes);
    CHECK(large_allocations == 1);
    CHECK(again.rgb.size() >= kLargeBytes);

    large_allocations = 0;
    const Bytes smaller = codec.encode(test_picture(100, 60), {0});
    CHECK(large_allocations <= 6);  // the stream and its sections grow as they are written
    CHECK(codec.decode(smaller).width == 100);
}

TEST_CASE("the plan of a decoder is what it allocates", "[memory]") {
    for (const auto& [width, height] : {std::pair{64, 64}, {300, 200}, {70, 500}}) {
        CAPTURE(width, height);
        const Bytes bytes = Codec(random_codec_weights(1)).encode(test_picture(width, height), {50});
        Codec codec(random_codec_weights(1), {.use = CodecUse::decode});
        const std::size_t planned = codec.decode_memory_bytes(inspect(bytes));
        const std::size_t before = live_bytes;
        peak_bytes = before;
        const Image image = codec.decode(bytes);
        const std::size_t used = peak_bytes - before - image.rgb.size();
        CHECK(used >= planned);
        CHECK(used < planned + 16 * kLargeBytes);
        DecodeOptions tight;
        tight.limits.max_memory_bytes = planned - 1;
        CHECK_THROWS_AS(codec.decode(bytes, tight), Error);
        tight.limits.max_memory_bytes = planned;
        CHECK(codec.decode(bytes, tight) == image);
    }
}
