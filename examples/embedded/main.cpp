// Decodes a stream without exceptions, RTTI and heap: weights in the program, memory and stack in static arrays. Once the
// decoder starts, a call of malloc() ends the program. Usage: example_embedded STREAM.gnc [OUT.ppm]
#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <span>

#include <gancodec/codec/embedded_decoder.hpp>

#ifndef EMBEDDED_MEMORY_MB
#define EMBEDDED_MEMORY_MB 64
#endif

extern "C" {
extern const std::uint8_t embedded_weights[], embedded_weights_end[];  // tools/embed_weights.py

// The linker sends every malloc() and its kin here (-Wl,--wrap), those of the C++ library included.
static bool started = false;
static void refuse_after_start() {
    if (started) {
        std::fputs("embedded: expected no allocation after start\n", stderr);
        std::abort();
    }
}
void* __real_malloc(std::size_t bytes);
void* __real_calloc(std::size_t count, std::size_t bytes);
void* __real_realloc(void* p, std::size_t bytes);
void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
void* __wrap_malloc(std::size_t bytes) {
    refuse_after_start();
    return __real_malloc(bytes);
}
void* __wrap_calloc(std::size_t count, std::size_t bytes) {
    refuse_after_start();
    return __real_calloc(count, bytes);
}
void* __wrap_realloc(void* p, std::size_t bytes) {
    refuse_after_start();
    return __real_realloc(p, bytes);
}
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
    refuse_after_start();
    return __real_aligned_alloc(alignment, bytes);
}
}

namespace {

constexpr std::size_t kStackBytes = std::size_t{128} << 10;
constexpr unsigned char kPaint = 0xA5;

alignas(4096) std::byte memory[std::size_t{EMBEDDED_MEMORY_MB} << 20];
alignas(4096) unsigned char stack[kStackBytes];
std::uint8_t stream[std::size_t{1} << 20];
char out_buffer[1 << 14], file_buffer[1 << 14];

struct Task {
    gancodec::ByteView stream;
    std::FILE* out;
    bool done = false;
};

void* run(void* argument) {
    started = true;
    Task& task = *static_cast<Task*>(argument);
    const gancodec::ByteView weights{embedded_weights, embedded_weights_end};
    {
        gancodec::EmbeddedDecoder too_small(std::span<std::byte>(memory).first(sizeof memory / 8));
        if (const auto loaded = too_small.load(weights); loaded || too_small.block().bytes_in_use() != 0)
            return nullptr;
        else
            std::printf("an eighth of the memory: %s\n", loaded.fault.message);
    }
    gancodec::EmbeddedDecoder decoder(memory);
    const auto loaded = decoder.load(weights);
    if (!loaded) {
        std::printf("%s\n", loaded.fault.message);
        return nullptr;
    }
    const std::size_t load_reached = decoder.block().bytes_reached();
    // What is cut off somewhere is refused, and leaves nothing behind.
    for (std::size_t size = 0; size < task.stream.size(); ++size)
        if (decoder.decode(task.stream.first(size)) || decoder.block().bytes_in_use() != loaded.value) return nullptr;
    std::printf("cut off anywhere: refused\n");
    const auto picture = decoder.decode(task.stream);
    if (!picture) {
        std::printf("%s\n", picture.fault.message);
        return nullptr;
    }
    const auto& [width, height, rgb] = picture.value;
    std::printf("%d x %d px, CRC-32 %08x; weights %zu bytes of the block; it must have %zu to load, %zu to decode\n",
                width, height, static_cast<unsigned>(gancodec::crc32(rgb)), loaded.value, load_reached,
                decoder.block().bytes_reached());
    if (task.out != nullptr) {
        std::fprintf(task.out, "P6\n%d %d\n255\n", width, height);
        task.done = std::fwrite(rgb.data(), 1, rgb.size(), task.out) == rgb.size();
    } else {
        task.done = true;
    }
    return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
    std::FILE* in = count > 1 ? std::fopen(arguments[1], "rb") : nullptr;
    if (in == nullptr) {
        std::fputs("embedded: expected STREAM.gnc [OUT.ppm]\n", stderr);
        return 2;
    }
    std::setvbuf(stdout, out_buffer, _IOFBF, sizeof out_buffer);
    Task task{{stream, std::fread(stream, 1, sizeof stream, in)}, count > 2 ? std::fopen(arguments[2], "wb") : nullptr};
    if (task.out != nullptr) std::setvbuf(task.out, file_buffer, _IOFBF, sizeof file_buffer);

    std::fill(std::begin(stack), std::end(stack), kPaint);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, sizeof stack);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, run, &task) != 0) return 1;
    pthread_join(thread, nullptr);
    const auto* deepest = std::find_if(std::begin(stack), std::end(stack), [](unsigned char b) { return b != kPaint; });
    std::printf("stack: %zu of %zu bytes\n", static_cast<std::size_t>(std::end(stack) - deepest), kStackBytes);
    if (task.out != nullptr && std::fclose(task.out) != 0) return 1;
    std::fflush(stdout);
    return task.done && deepest != std::begin(stack) ? 0 : 1;
}
