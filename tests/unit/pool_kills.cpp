// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Processes that are killed at random instructions of alloc, free, send and
// adopt: afterwards every block is free or somebody's, and nothing that was
// published is lost.
#include "processes.hpp"
#include "random.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using shmq::MsgConsumer;
using shmq::MsgProducer;
using shmq::OwnerId;
using shmq::PoolHandle;
using shmq::SharedBlock;
using shmq::SharedPool;
using shmq::Status;

// Under a sanitizer or an emulator a kill takes ten times as long.
int rounds() {
    const char* more = std::getenv("SHMQ_TEST_LONG");
    return more ? 20000 : 2000;
}

constexpr std::uint32_t blocks = 40;

std::uint32_t mark_of(const SharedBlock& block) {
    std::uint32_t mark = 0;
    std::memcpy(&mark, block.bytes().data(), sizeof(mark));
    return mark;
}

/// A queue in each direction without locks: its ends pass from child to child.
class Queues {
public:
    Queues() : region_(shmq::Region::memfd("queues", 8192)) {
        shmq::create_queue(in());
        shmq::create_queue(out());
    }
    [[nodiscard]] std::span<std::byte> in() const { return region_.slice(0, 1024); }
    [[nodiscard]] std::span<std::byte> out() const { return region_.slice(1024, 1024); }

private:
    shmq::Region region_;
};

// Allocates, frees, adopts what comes in, sends what it has, for ever.
[[noreturn]] void work(const SharedPool& parent, const Queues& queues, OwnerId to,
                       std::uint32_t seed, int told) {
    SharedPool pool = parent.again();
    auto rx = MsgConsumer::attach(queues.in(), shmq::Format::plain());
    auto tx = MsgProducer::attach(queues.out(), shmq::Format::plain());
    const OwnerId id = pool.id();
    if (::write(told, &id, sizeof(id)) != sizeof(id))
        std::_Exit(1);
    Random random(seed);
    std::vector<SharedBlock> held;
    for (;;) {
        switch (random.below(4)) {
        case 0:
            if (held.size() < 10)
                if (SharedBlock block = pool.alloc())
                    held.push_back(std::move(block));
            break;
        case 1:
            if (!held.empty())
                held.pop_back();
            break;
        case 2:
            if (!held.empty()) {
                SharedBlock block = std::move(held.back());
                held.pop_back();
                const std::uint32_t mark = 0xabcd0000u | block.handle().index;
                std::memcpy(block.bytes().data(), &mark, sizeof(mark));
                (void)block.send(to, [&](PoolHandle h) {
                    return tx.try_write(std::as_bytes(std::span(&h, 1)));
                });
            }
            break;
        default:
            if (const auto m = rx.try_read()) {
                PoolHandle h;
                std::memcpy(&h, m.data().data(), sizeof(h));
                if (SharedBlock block = pool.adopt(h); block && held.size() < 10)
                    held.push_back(std::move(block));
            }
        }
    }
}

TEST(PoolKills, AtRandomInstructionsLoseNothing) {
    SharedPool pool = SharedPool::memfd({.blocks = blocks, .block_size = 64, .owners = 4});
    Random random(6);
    std::uint64_t adopted = 0;
    std::uint64_t swept = 0;
    std::uint64_t settled = 0;
    std::vector<SharedBlock> held;
    for (int round = 0; round < rounds(); ++round) {
        const Queues queues;
        auto tx = MsgProducer::attach(queues.in(), shmq::Format::plain());
        auto rx = MsgConsumer::attach(queues.out(), shmq::Format::plain());
        int told[2];
        ASSERT_EQ(::pipe(told), 0);
        OwnerId child_id{};
        const auto receive = [&] {
            const auto m = rx.try_read();
            if (!m)
                return false;
            PoolHandle h;
            std::memcpy(&h, m.data().data(), sizeof(h));
            SharedBlock block = pool.adopt(h);
            EXPECT_TRUE(block) << "published, but " << to_string(block.status());
            EXPECT_EQ(mark_of(block), 0xabcd0000u | h.index);
            EXPECT_EQ(block.from(), child_id);
            if (block && held.size() < 5)
                held.push_back(std::move(block));
            ++adopted;
            return true;
        };
        {
            Child child([&]() -> int {
                work(pool, queues, pool.id(), static_cast<std::uint32_t>(round), told[1]);
            });
            ASSERT_EQ(::read(told[0], &child_id, sizeof(child_id)),
                      static_cast<ssize_t>(sizeof(child_id)));
            // Takes part, so that everything is under way when it is killed.
            for (std::uint32_t i = random.below(40); i; --i) {
                (void)receive();
                if (SharedBlock block = pool.alloc())
                    (void)block.send(child_id, [&](PoolHandle h) {
                        return tx.try_write(std::as_bytes(std::span(&h, 1)));
                    });
                if (!held.empty() && random.below(2))
                    held.pop_back();
            }
            child.kill();
        }
        ::close(told[0]);
        ::close(told[1]);
        while (receive()) {
        }
        swept += pool.sweep();
        settled += pool.settle(child_id);
        const auto counts = pool.counts();
        ASSERT_EQ(counts.owned, held.size()) << "round " << round;
        ASSERT_EQ(counts.free, blocks - held.size()) << "round " << round;
    }
    std::printf("%d kills: %llu blocks adopted, %llu swept, %llu settled\n", rounds(),
                static_cast<unsigned long long>(adopted), static_cast<unsigned long long>(swept),
                static_cast<unsigned long long>(settled));
    EXPECT_GT(adopted, 0u);
    EXPECT_GT(swept, 0u);
}

// Sweepers that die too: each is killed while it sweeps after the one before.
TEST(PoolKills, ASweeperMayDieAndAnotherGoesOn) {
    constexpr std::uint32_t many = 20000;
    SharedPool pool = SharedPool::memfd({.blocks = many, .block_size = 64, .owners = 16});
    for (int round = 0; round < 20; ++round) {
        {
            Child owner([&] {
                pool = pool.again();
                std::vector<SharedBlock> all;
                while (SharedBlock block = pool.alloc())
                    all.push_back(std::move(block));
                ::kill(::getpid(), SIGKILL);
                return 0;
            });
            EXPECT_EQ(owner.join(), -1);
        }
        Random random(static_cast<std::uint32_t>(round));
        for (int i = 0; i < 5; ++i) {
            Child sweeper([&] {
                pool = pool.again(); // sweeps the slot that it takes
                (void)pool.sweep();
                return 0;
            });
            ::usleep(random.below(600));
            sweeper.kill();
        }
        (void)pool.sweep();
        ASSERT_EQ(pool.counts().free, many) << "round " << round;
    }
}

} // namespace
