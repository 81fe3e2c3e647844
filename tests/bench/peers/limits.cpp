// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the memory between two cores allows: a word that goes back and forth,
// and copying as fast as the other side takes it.
#include "../peer.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <vector>

namespace bench {

namespace {

struct alignas(64) Line {
    std::atomic<std::uint64_t> word{0};
};

struct PingPong {
    static int create(void* memory) {
        new (memory) Line;
        return 0;
    }

    static void* end(void* memory) { return memory; }
    static Line& line(void* end) { return *static_cast<Line*>(end); }

    static std::uint64_t await(Line& from, std::uint64_t before, bench_run* run) {
        std::uint64_t seen = 0;
        while ((seen = from.word.load(std::memory_order_acquire)) == before)
            bench_wait_empty(&run->waiter);
        return seen;
    }
};

// Both write the same line.
struct OneLine : PingPong {
    static void ping(void* sender, void*, bench_run* run) {
        Line& both = line(sender);
        for (std::uint64_t i = 0; i < run->count; ++i) {
            const std::uint64_t ours = 2 * (run->first + i) + 1;
            const std::uint64_t start = bench_ticks();
            both.word.store(ours, std::memory_order_release);
            run->bad += await(both, ours, run) != ours + 1;
            run->ticks[i] = bench_ticks() - start;
        }
    }

    static void pong(void*, void* receiver, bench_run* run) {
        Line& both = line(receiver);
        for (std::uint64_t i = 0; i < run->count; ++i) {
            const std::uint64_t theirs = 2 * (run->first + i) + 1;
            run->bad += await(both, theirs - 1, run) != theirs;
            both.word.store(theirs + 1, std::memory_order_release);
        }
    }

    static constexpr bench_ops ops = {sizeof(Line), create, end, end, nullptr, nullptr, ping, pong};
};

// Each writes a line of its own.
struct TwoLines : PingPong {
    static void ping(void* sender, void* receiver, bench_run* run) {
        Line& out = line(sender);
        Line& in = line(receiver);
        for (std::uint64_t i = run->first + 1; i <= run->first + run->count; ++i) {
            const std::uint64_t start = bench_ticks();
            out.word.store(i, std::memory_order_release);
            run->bad += await(in, i - 1, run) != i;
            run->ticks[i - run->first - 1] = bench_ticks() - start;
        }
    }

    static void pong(void* sender, void* receiver, bench_run* run) {
        Line& out = line(sender);
        Line& in = line(receiver);
        for (std::uint64_t i = run->first + 1; i <= run->first + run->count; ++i) {
            run->bad += await(in, i - 1, run) != i;
            out.word.store(i, std::memory_order_release);
        }
    }

    static constexpr bench_ops ops = {sizeof(Line), create, end, end, nullptr, nullptr, ping, pong};
};

// A stream through a ring, published every few pages: large messages with
// nothing that a queue would have to do for them.
struct Streaming {
    static constexpr std::size_t message = 65536;
    static constexpr std::size_t step = 8192;
    static constexpr std::uint64_t steps = BENCH_QUEUE_BYTES / step;

    struct Ring {
        Line written;
        Line read;
        alignas(4096) std::array<std::byte, BENCH_QUEUE_BYTES> data;
    };

    static int create(void* memory) {
        new (memory) Ring;
        return 0;
    }

    static void* end(void* memory) { return memory; }

    static void send(void* end, bench_run* run) {
        Ring& ring = *static_cast<Ring*>(end);
        const std::vector<std::byte> from(message, std::byte{1});
        const std::uint64_t first = run->first * (message / step);
        std::uint64_t read = first;
        for (std::uint64_t i = first; i < first + run->count * (message / step); ++i) {
            while (i - read >= steps) {
                read = ring.read.word.load(std::memory_order_acquire);
                if (i - read >= steps)
                    bench_wait_full(&run->waiter);
            }
            std::byte* to = &ring.data[i % steps * step];
            std::memcpy(to, &from[i * step % message], step);
            std::memcpy(to, &i, sizeof(i));
            ring.written.word.store(i + 1, std::memory_order_release);
        }
    }

    static void receive(void* end, bench_run* run) {
        Ring& ring = *static_cast<Ring*>(end);
        std::vector<std::byte> to(message);
        const std::uint64_t first = run->first * (message / step);
        std::uint64_t written = first;
        for (std::uint64_t i = first; i < first + run->count * (message / step); ++i) {
            while (i == written) {
                written = ring.written.word.load(std::memory_order_acquire);
                if (i == written)
                    bench_wait_empty(&run->waiter);
            }
            std::byte* here = &to[i * step % message];
            std::memcpy(here, &ring.data[i % steps * step], step);
            __asm__ volatile("" : : "r"(here) : "memory");
            run->bad += std::memcmp(here, &i, sizeof(i)) != 0;
            ring.read.word.store(i + 1, std::memory_order_release);
        }
    }

    static constexpr bench_ops ops = {sizeof(Ring), create,  end,     end,
                                      send,         receive, nullptr, nullptr};
};

template <typename Limit, std::uint32_t Size>
const bench_ops* only_at(std::uint32_t size) {
    return size == Size ? &Limit::ops : nullptr;
}

} // namespace

std::span<const bench_peer> limits() {
    static const bench_peer peers[] = {
        {"ping-pong-1", "a word in one cache line", BENCH_LIMIT, 1, only_at<OneLine, 8>},
        {"ping-pong-2", "a word in each of two cache lines", BENCH_LIMIT, 1, only_at<TwoLines, 8>},
        {"streaming", "memcpy from core to core, 64 KiB", BENCH_LIMIT, 0,
         only_at<Streaming, Streaming::message>},
    };
    return peers;
}

} // namespace bench
