// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Pools of values within one program.
#include "random.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/time.h>

namespace {

using shmq::Arc;
using shmq::ArcPool;
using shmq::Box;
using shmq::Object;
using shmq::ObjectPool;
using shmq::Pool;
using shmq::PoolMemory;
using shmq::UninitBox;

struct Counted {
    explicit Counted(int v = 0) : value(v) { ++alive; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --alive; }
    static inline std::atomic<int> alive{0};
    int value;
};

SHMQ_STATIC_POOL(counted, Counted, 4);

// Before main(), in an initialiser of another object: no order to get wrong.
const bool usable_before_main = static_cast<bool>(counted.make(1));

TEST(Pool, OfOneLineIsUsableBeforeMain) {
    EXPECT_TRUE(usable_before_main);
    EXPECT_EQ(counted.capacity(), 4u);
}

TEST(Pool, ABoxDestroysItsValueAndGivesTheBlockBack) {
    {
        Box<Counted> a = counted.make(7);
        ASSERT_TRUE(a);
        EXPECT_EQ(a->value, 7);
        EXPECT_EQ((*a).value, 7);
        EXPECT_EQ(counted.counts().owned, 1u);
        Box<Counted> b = std::move(a);
        EXPECT_FALSE(a); // NOLINT(bugprone-use-after-move): it is what is tested
        EXPECT_EQ(Counted::alive, 1);
        b = counted.make(8);
        EXPECT_EQ(Counted::alive, 1);
        EXPECT_EQ(b->value, 8);
        b.reset();
        EXPECT_EQ(Counted::alive, 0);
    }
    EXPECT_EQ(counted.counts().free, 4u);
}

TEST(Pool, WithoutAFreeBlockMakesNothingAndTakesNothing) {
    Pool<std::unique_ptr<int>> none;
    auto argument = std::make_unique<int>(5);
    EXPECT_FALSE(none.make(std::move(argument)));
    EXPECT_TRUE(argument) << "the argument is as it was";
    EXPECT_FALSE(none.alloc());
    EXPECT_EQ(none.capacity(), 0u);

    std::vector<Box<Counted>> all;
    for (int i = 0; i < 4; ++i)
        ASSERT_TRUE(all.emplace_back(counted.make(i)));
    EXPECT_FALSE(counted.make(4));
    all.pop_back();
    EXPECT_TRUE(counted.make(5));
}

TEST(Pool, ABlockWithoutAValueDestroysNone) {
    {
        UninitBox<Counted> block = counted.alloc();
        ASSERT_TRUE(block);
        EXPECT_EQ(counted.counts().owned, 1u);
    }
    EXPECT_EQ(Counted::alive, 0);
    EXPECT_EQ(counted.counts().free, 4u);
    const Box<Counted> box = counted.alloc().init(3);
    EXPECT_EQ(box->value, 3);
    UninitBox<Counted> raw = counted.alloc();
    ::new (raw.memory()) Counted(9);
    const Box<Counted> made = std::move(raw).assume_init();
    EXPECT_EQ(made->value, 9);
}

TEST(Pool, AConstructorThatThrowsLosesNoBlock) {
    struct Throws {
        explicit Throws(bool now) {
            if (now)
                throw std::runtime_error("no");
        }
        int value = 0;
    };
    PoolMemory<Throws, 2> memory;
    Pool<Throws> pool(memory);
    EXPECT_THROW((void)pool.make(true), std::runtime_error);
    EXPECT_EQ(pool.counts().free, 2u);
    EXPECT_TRUE(pool.make(false));
}

TEST(Pool, GrowsEightTimesFromAnyMemory) {
    Pool<std::array<char, 128>> pool;
    alignas(64) static std::array<std::byte, 8 * 1024> memory;
    std::size_t gained = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        // Not aligned: the pool sees to that.
        const std::size_t n = pool.grow(std::span(memory).subspan(i * 1024 + i, 1000));
        EXPECT_GE(n, 6u);
        gained += n;
    }
    EXPECT_EQ(pool.grow(std::span(memory)), 0u) << "the ninth time";
    EXPECT_EQ(pool.capacity(), gained);
    std::vector<Box<std::array<char, 128>>> all;
    while (auto box = pool.make()) {
        box->fill(static_cast<char>(all.size()));
        all.push_back(std::move(box));
    }
    EXPECT_EQ(all.size(), gained);
    for (std::size_t i = 0; i < all.size(); ++i)
        for (const char c : *all[i])
            ASSERT_EQ(c, static_cast<char>(i)) << "blocks overlap";
    Random random(5);
    while (!all.empty()) { // into the pieces that they came from
        std::swap(all[random.below(static_cast<std::uint32_t>(all.size()))], all.back());
        all.pop_back();
    }
    EXPECT_EQ(pool.counts().free, gained);
    EXPECT_EQ(pool.grow(std::span(memory).first(0)), 0u);
}

TEST(Pool, TooLittleMemoryAddsNothing) {
    Pool<std::array<char, 128>> pool;
    std::array<std::byte, 100> memory{};
    EXPECT_EQ(pool.grow(memory), 0u);
    EXPECT_FALSE(pool.make());
}

TEST(Pool, AlignsAsTheTypeAsks) {
    struct alignas(256) Wide {
        char c = 0;
    };
    static PoolMemory<Wide, 3> memory;
    Pool<Wide> pool(memory);
    const auto a = pool.make();
    const auto b = pool.make();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.get()) % 256, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.get()) % 256, 0u);
}

TEST(Pool, ABoxCanPassThroughCodeThatKnowsPointersOnly) {
    const shmq::PoolBlock block = counted.make(6).release();
    EXPECT_EQ(counted.counts().owned, 1u);
    const auto box = Box<Counted>::adopt(block);
    EXPECT_EQ(box->value, 6);
}

TEST(Pool, ThreadsGetBlocksOfTheirOwn) {
    static PoolMemory<std::array<std::uint32_t, 4>, 100> memory;
    Pool<std::array<std::uint32_t, 4>> pool(memory);
    std::atomic<int> errors{0};
    std::vector<std::thread> threads;
    for (std::uint32_t id = 1; id <= 4; ++id)
        threads.emplace_back([&, id] {
            Random random(id);
            std::vector<Box<std::array<std::uint32_t, 4>>> held;
            for (int i = 0; i < 20000; ++i) {
                if (held.size() < 24 && random.below(2)) {
                    if (auto box = pool.make()) {
                        box->fill(id);
                        held.push_back(std::move(box));
                    }
                } else if (!held.empty()) {
                    for (const std::uint32_t word : *held.back())
                        errors += word != id;
                    std::swap(held[random.below(static_cast<std::uint32_t>(held.size()))],
                              held.back());
                    held.pop_back();
                }
            }
        });
    for (auto& t : threads)
        t.join();
    EXPECT_EQ(errors, 0);
    EXPECT_EQ(pool.counts().free, 100u);
}

TEST(Pool, OneThreadMakesWhatAnotherDrops) {
    static PoolMemory<Counted, 50> memory;
    Pool<Counted> pool(memory);
    std::atomic<Box<Counted>*> slot{nullptr};
    std::thread consumer([&] {
        for (int n = 0; n < 20000;) {
            if (Box<Counted>* box = slot.exchange(nullptr)) {
                EXPECT_EQ((*box)->value, n++);
                delete box;
            }
            std::this_thread::yield();
        }
    });
    for (int n = 0; n < 20000; ++n) {
        auto* box = new Box<Counted>(pool.make(n));
        EXPECT_TRUE(*box);
        Box<Counted>* none = nullptr;
        while (!slot.compare_exchange_weak(none, box)) {
            none = nullptr;
            std::this_thread::yield();
        }
    }
    consumer.join();
    EXPECT_EQ(pool.counts().free, 50u);
    EXPECT_EQ(Counted::alive, 0);
}

// A handler that allocates and frees while the program it interrupts does.
SHMQ_STATIC_POOL(signalled, std::uint64_t, 6);
volatile sig_atomic_t handled = 0;
Box<std::uint64_t> kept_by_handler;

extern "C" void use_pool(int) {
    auto a = signalled.make(1u);
    auto b = signalled.make(2u);
    if (a && b && *a == 1 && *b == 2)
        handled = handled + 1;
    kept_by_handler = std::move(b);
}

TEST(Pool, SignalHandlersUseItWhileTheProgramDoes) {
    struct sigaction action {
    }, old{};
    action.sa_handler = use_pool;
    ::sigaction(SIGALRM, &action, &old);
    const itimerval often{{0, 100}, {0, 100}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    std::uint64_t n = 0;
    while (handled < 1000) {
        auto a = signalled.make(n);
        auto b = signalled.make(n + 1);
        ASSERT_TRUE(a && b);
        ASSERT_EQ(*a, n);
        ASSERT_EQ(*b, n + 1);
        ++n;
    }
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &old, nullptr);
    kept_by_handler.reset();
    EXPECT_EQ(signalled.counts().free, 6u);
}

TEST(ArcPool, TheLastShareDestroysTheValue) {
    static ArcPool<Counted>::Memory<2> memory;
    ArcPool<Counted> pool(memory);
    Arc<Counted> a = pool.make(5);
    ASSERT_TRUE(a);
    {
        const Arc<Counted> b = a; // NOLINT(performance-unnecessary-copy-initialization)
        EXPECT_EQ(b->value, 5);
        EXPECT_EQ(a.shares(), 2u);
        EXPECT_EQ(b.get(), a.get());
    }
    EXPECT_EQ(a.shares(), 1u);
    const Arc<Counted> c = pool.make(6);
    EXPECT_FALSE(pool.make(7));
    a = c;
    EXPECT_EQ(Counted::alive, 1);
    EXPECT_EQ(pool.counts().free, 1u);
    a = {};
    EXPECT_EQ(c.shares(), 1u);
}

TEST(ArcPool, SharesAreCopiedAndDroppedByThreads) {
    static ArcPool<Counted>::Memory<4> memory;
    ArcPool<Counted> pool(memory);
    for (int round = 0; round < 200; ++round) {
        Arc<Counted> first = pool.make(round);
        ASSERT_TRUE(first);
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([share = first, round] {
                for (int i = 0; i < 20; ++i) {
                    const Arc<Counted> copy = share; // NOLINT
                    EXPECT_EQ(copy->value, round);
                }
            });
        first = {};
        for (auto& t : threads)
            t.join();
        threads.clear();
        ASSERT_EQ(pool.counts().free, 4u);
    }
    EXPECT_EQ(Counted::alive, 0);
}

TEST(ObjectPool, ObjectsLiveOnWhileNobodyHasThem) {
    alignas(64) std::array<std::byte, 400> memory{};
    {
        ObjectPool<std::string> pool;
        EXPECT_FALSE(pool.request());
        const std::size_t n = pool.grow(memory, "a string that is too long for its own object");
        EXPECT_GE(n, 8u);
        std::vector<Object<std::string>> all;
        while (auto o = pool.request())
            all.push_back(std::move(o));
        EXPECT_EQ(all.size(), n);
        for (auto& s : all) {
            EXPECT_EQ(s->substr(0, 8), "a string");
            *s += " and this remains";
        }
        all.clear();
        EXPECT_EQ(pool.counts().free, n);
        EXPECT_EQ(*pool.request(), "a string that is too long for its own object and this remains");
    } // asan looks whether all strings are destroyed
}

static_assert(!std::is_copy_constructible_v<Box<int>> &&
              !std::is_copy_constructible_v<Object<int>>);
static_assert(std::is_nothrow_move_constructible_v<Box<int>>);

} // namespace
