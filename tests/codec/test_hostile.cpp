// Every truncation and every flipped bit of twenty streams, and how long what comes of it takes.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"
#include "support/small_model.hpp"
#include "support/test_weights.hpp"

using namespace gancodec;

namespace {

SmallCodec& test_codec() {
    static SmallCodec codec = small_codec();
    return codec;
}

/// Milliseconds that decoding takes, to an image or an Error; anything else fails the test.
double decode_ms(ByteView bytes, const DecodeOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    try {
        const Image image = test_codec().decode(bytes, options);
        if (image.empty() || image.rgb.size() != 3 * image.pixels()) FAIL("expected an image with pixels");
    } catch (const Error&) {
    }
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// Times damaged bytes against three times a sound decode; what was slow is timed again, as the machine may have been.
class Stopwatch {
public:
    Stopwatch(ByteView sound, const DecodeOptions& options) : options_(options) {
        std::vector<double> times;
        for (int i = 0; i < 7; ++i) times.push_back(decode_ms(sound, options));
        std::sort(times.begin(), times.end());
        sound_ms_ = times[3];
    }
    void try_bytes(ByteView bytes) {
        double ms = decode_ms(bytes, options_);
        for (int i = 0; i < 9 && ms > kMost * sound_ms_; ++i) ms = std::min(ms, decode_ms(bytes, options_));
        worst_ = std::max(worst_, ms / sound_ms_);
        if (ms > kMost * sound_ms_) FAIL("a damaged stream took " << ms << " ms, a sound one " << sound_ms_);
    }
    [[nodiscard]] double worst() const { return worst_; }

private:
    static constexpr double kMost = 3;
    DecodeOptions options_;
    double sound_ms_ = 0, worst_ = 0;
};

/// Threads that wait for a busy machine would be timed too.
class OneThread {
public:
    OneThread() : before_(threads()) { set_threads(1); }
    ~OneThread() { set_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

private:
    int before_;
};

/// Small ones and large ones, in one piece and in tiles.
std::vector<Bytes> streams() {
    struct Case {
        int width, height, quality, tile_px;
    };
    std::vector<Bytes> list;
    for (const Case& c :
         {Case{1, 1, 0, 0},    {7, 5, 90, 0},      {64, 64, 0, 0},     {65, 63, 30, 0},   {96, 160, 45, 0},
          {192, 128, 10, 0},   {3, 190, 70, 0},    {128, 128, 100, 0}, {256, 192, 20, 0}, {320, 37, 60, 0},
          {64, 64, 0, 64},     {65, 65, 20, 64},   {1, 200, 50, 64},   {200, 1, 50, 128}, {130, 70, 0, 64},
          {150, 150, 80, 128}, {256, 128, 10, 64}, {500, 400, 5, 0},   {500, 400, 5, 64}, {700, 300, 30, 256}})
        list.push_back(
            test_codec().encode(test_picture(c.width, c.height), {.quality = 1.0 * c.quality, .tile_px = c.tile_px}));
    return list;
}

}  // namespace

TEST_CASE("every cut and every flipped bit of twenty streams is refused or decodes, and soon", "[hostile]") {
    const OneThread alone;
    constexpr std::size_t kMostPlaces = 20000;  // of one stream; longer ones are sampled
    std::size_t tried = 0;
    double worst = 0;
    const std::vector<Bytes> all = streams();
    REQUIRE(all.size() == 20);
    for (const Bytes& sound : all) {
        Stopwatch clock(sound, {});
        Random random(3);
        const auto places = [&](std::size_t count, const auto& f) {
            for (std::size_t i = 0; i < std::min(count, kMostPlaces); ++i)
                f(count <= kMostPlaces ? i : static_cast<std::size_t>(random.below(count)));
            tried += std::min(count, kMostPlaces);
        };
        places(sound.size(), [&](std::size_t size) { clock.try_bytes(ByteView(sound).first(size)); });
        Bytes flipped = sound;
        places(8 * sound.size(), [&](std::size_t bit) {
            flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
            clock.try_bytes(flipped);
            flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
        });
        worst = std::max(worst, clock.worst());
    }
    INFO(tried << " damaged streams, the slowest took " << worst << " times a sound decode");
    CHECK(tried > 100000);
}

TEST_CASE("tolerance of damage takes no longer than a sound decode either", "[hostile]") {
    const OneThread alone;
    DecodeOptions tolerant;
    tolerant.tolerant = true;
    for (const Bytes& sound : streams()) {
        Stopwatch clock(sound, tolerant);
        Random random(4);
        for (int i = 0; i < 20; ++i) {
            Bytes flipped = sound;
            const std::size_t bit = random.below(8 * sound.size());
            flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
            clock.try_bytes(flipped);
        }
    }
}

TEST_CASE("the picture that is returned counts towards the limits too", "[hostile]") {
    const Bytes bytes = test_codec().encode(test_picture(1000, 1500), {.quality = 0, .tile_px = 512});
    DecodeOptions options;
    options.memory_bytes = std::size_t{1} << 23;
    options.limits.max_memory_bytes = 3 * 1000 * 1500 - 1;
    std::string message;
    try {
        static_cast<void>(test_codec().decode(bytes, options));
    } catch (const Error& error) {
        CHECK(error.code() == Errc::limit);
        message = error.what();
    }
    CHECK(message.rfind("picture: expected at most", 0) == 0);
    options.limits.max_memory_bytes = std::uint64_t{1} << 24;
    CHECK(test_codec().decode(bytes, options).width == 1000);
}
