#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <gancodec.hpp>

#include "support/catch.hpp"

using gancodec::MemoryBlock;

TEST_CASE("a memory block hands out aligned pieces that do not overlap", "[core]") {
    std::vector<std::byte> memory(std::size_t{1} << 16);
    MemoryBlock block(std::span<std::byte>(memory).subspan(3));
    gancodec::Random random(1);
    struct Held {
        std::uint8_t* p;
        std::size_t size;
        std::uint8_t mark;
    };
    std::vector<Held> held;
    int refused = 0;
    for (int i = 0; i < 5000; ++i) {
        if (random.next() % 2 == 0 && !held.empty()) {
            const std::size_t which = random.next() % held.size();
            for (std::size_t k = 0; k < held[which].size; ++k) REQUIRE(held[which].p[k] == held[which].mark);
            block.give_back(held[which].p);
            held[which] = held.back();
            held.pop_back();
            continue;
        }
        const std::size_t size = random.next() % 6000;
        auto* p = static_cast<std::uint8_t*>(block.take(size));
        if (p == nullptr) {
            ++refused;
            continue;
        }
        REQUIRE(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
        REQUIRE(block.owns(p));
        held.push_back({p, size, static_cast<std::uint8_t>(i)});
        std::fill_n(p, size, held.back().mark);
    }
    CHECK(refused > 0);
    for (const Held& h : held) block.give_back(h.p);
    CHECK(block.bytes_in_use() == 0);
    CHECK(block.take(60000) != nullptr);  // free neighbours are one piece again
}

TEST_CASE("a memory block of the size that was reached serves the same calls", "[core]") {
    const auto run = [](MemoryBlock& block) {
        std::vector<void*> all;
        for (const std::size_t size : {100u, 5000u, 64u, 0u, 3000u}) all.push_back(block.take(size));
        block.give_back(all[1]);
        all[1] = block.take(4000);
        for (void* p : all)
            if (p == nullptr) return false;
        return true;
    };
    alignas(64) std::array<std::byte, 16384> memory;
    MemoryBlock large(memory);
    REQUIRE(run(large));
    MemoryBlock enough(std::span<std::byte>(memory).first(large.bytes_reached()));
    CHECK(run(enough));
    MemoryBlock less(std::span<std::byte>(memory).first(large.bytes_reached() - 64));
    CHECK_FALSE(run(less));
    MemoryBlock none({});
    CHECK(none.take(0) == nullptr);
}

TEST_CASE("a memory block gives back all of a period", "[core]") {
    alignas(64) std::array<std::byte, 4096> memory;
    MemoryBlock block(memory);
    void* first = block.take(100);
    const std::size_t in_use = block.bytes_in_use();
    block.set_period(2);
    REQUIRE(block.take(1000) != nullptr);
    REQUIRE(block.take(1000) != nullptr);
    block.give_back_since(2);
    CHECK(block.bytes_in_use() == in_use);
    CHECK(block.take(3000) != nullptr);
    block.give_back(first);
    block.give_back_since(1);
    CHECK(block.bytes_in_use() == 0);
}
