// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A process that is stepped through one operation of a shared pool and killed
// before each of its instructions in turn. Whatever the instruction, the blocks
// add up, and a sweep and a settlement bring all of them back.
#include "processes.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <set>
#include <span>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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

constexpr std::uint32_t blocks = 6;

// Neither emulators nor machines whose exclusive stores fail after an exception
// can be stepped; a sanitizer's own instructions are not what is tested.
constexpr bool can_step =
#if (defined(__x86_64__) || defined(__i386__)) && !defined(__SANITIZE_THREAD__) &&                 \
    !defined(__SANITIZE_ADDRESS__)
    true;
#else
    false;
#endif

/// A child that stops before `operation` and after it.
class Stepped {
public:
    Stepped(const std::function<void()>& prepare, const std::function<void()>& operation)
        : pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            prepare();
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::kill(::getpid(), SIGSTOP);
            operation();
            ::kill(::getpid(), SIGSTOP);
            std::_Exit(0);
        }
        stopped_ = wait();
    }
    Stepped(const Stepped&) = delete;
    Stepped& operator=(const Stepped&) = delete;
    ~Stepped() { kill(); }

    /// One instruction. False: the operation is over, or the child is.
    bool step() {
        return ::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) == 0 && wait() &&
               last_ == SIGTRAP;
    }

    [[nodiscard]] bool stopped() const { return stopped_; }

    void kill() {
        if (pid_ <= 0)
            return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

private:
    bool wait() {
        int status = 0;
        if (::waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
            pid_ = -1;
            return false;
        }
        last_ = WSTOPSIG(status);
        return true;
    }

    pid_t pid_;
    bool stopped_ = false;
    int last_ = 0;
};

std::uint32_t total(const shmq::PoolCounts& c) {
    return static_cast<std::uint32_t>(c.free + c.owned + c.transit);
}

class PoolSingleStep : public ::testing::Test {
protected:
    void SetUp() override {
        if (!can_step)
            GTEST_SKIP() << "no single steps here";
        shmq::create_queue(queue());
    }

    [[nodiscard]] std::span<std::byte> queue() const { return region_.slice(0, 256); }

    void prepare() {
        pool = pool.again();
        tx = MsgProducer::attach(queue(), shmq::Format::plain());
    }

    // Kills before instruction 0, `stride`, 2 * `stride` … of the operation, and after
    // the last; `check` looks at what the dead left behind.
    void every_instruction(const char* name, const std::function<void()>& before,
                           const std::function<void()>& operation,
                           const std::function<void()>& check, unsigned long stride = 1) {
        unsigned long kills = 0;
        for (unsigned long n = 0;; n += stride) {
            bool over = false;
            {
                Stepped child(before, operation);
                ASSERT_TRUE(child.stopped());
                for (unsigned long i = 0; i < n && !over; ++i)
                    over = !child.step();
                child.kill();
            }
            ++kills;
            ASSERT_EQ(total(pool.counts()), blocks) << "killed before instruction " << n;
            check();
            ASSERT_EQ(pool.counts().free, blocks) << "killed before instruction " << n;
            if (over)
                break;
        }
        std::printf("%s: killed before %lu of its instructions\n", name, kills);
        EXPECT_GT(kills, 20u);
    }

    SharedPool pool = SharedPool::memfd({.blocks = blocks, .block_size = 64, .owners = 4});
    MsgProducer tx;
    SharedBlock block;
    PoolHandle handle;

private:
    shmq::Region region_ = shmq::Region::memfd("queue", 4096);
};

TEST_F(PoolSingleStep, OfAlloc) {
    std::set<std::size_t> swept;
    every_instruction(
        "alloc", [&] { prepare(); }, [&] { block = pool.alloc(); },
        [&] { swept.insert(pool.sweep()); });
    EXPECT_EQ(swept, (std::set<std::size_t>{0, 1})) << "killed before and after it had the block";
}

TEST_F(PoolSingleStep, OfAllocWithoutAHint) {
    std::set<std::size_t> swept;
    every_instruction(
        "alloc, searching",
        [&] {
            prepare();
            for (std::uint32_t i = 0; i + 1 < blocks; ++i) {
                SharedBlock taken = pool.alloc();
                new SharedBlock(std::move(taken)); // never dropped
            }
        },
        [&] { block = pool.alloc(); }, [&] { swept.insert(pool.sweep()); });
    EXPECT_EQ(swept, (std::set<std::size_t>{blocks - 1, blocks}));
}

TEST_F(PoolSingleStep, OfFree) {
    std::set<std::size_t> swept;
    every_instruction(
        "free",
        [&] {
            prepare();
            block = pool.alloc();
        },
        [&] { (void)block.free(); }, [&] { swept.insert(pool.sweep()); });
    EXPECT_EQ(swept, (std::set<std::size_t>{0, 1}));
}

TEST_F(PoolSingleStep, OfSend) {
    auto rx = MsgConsumer::attach(queue(), shmq::Format::plain());
    const OwnerId me = pool.id();
    unsigned owned = 0;
    unsigned unpublished = 0;
    unsigned published = 0;
    OwnerId sender{};
    every_instruction(
        "send and publish",
        [&] {
            prepare();
            block = pool.alloc();
            block.bytes()[0] = std::byte{77};
        },
        [&] {
            (void)block.send(
                me, [&](PoolHandle h) { return tx.try_write(std::as_bytes(std::span(&h, 1))); });
        },
        [&] {
            // The child is in the slot after this one.
            sender = OwnerId{shmq_owner_id_of(
                1, shmq_load_relaxed(reinterpret_cast<shmq_base>(pool.region().bytes().data()),
                                     SHMQ_POOL_HEADER + 4))};
            owned += static_cast<unsigned>(pool.sweep());
            if (const auto m = rx.try_read()) {
                ++published;
                std::memcpy(&handle, m.data().data(), sizeof(handle));
                const SharedBlock got = pool.adopt(handle);
                ASSERT_TRUE(got) << "a published block is lost";
                EXPECT_EQ(got.bytes()[0], std::byte{77});
            }
            unpublished += static_cast<unsigned>(pool.settle(sender));
        });
    EXPECT_GT(owned, 0u);
    EXPECT_GT(unpublished, 0u);
    EXPECT_GT(published, 0u);
}

TEST_F(PoolSingleStep, OfAdopt) {
    // The child sends to itself, which is a slot like any other.
    std::set<std::size_t> swept;
    every_instruction(
        "adopt",
        [&] {
            prepare();
            SharedBlock sent = pool.alloc();
            (void)sent.send(pool.id(), [&](PoolHandle h) {
                handle = h;
                return Status::Ok;
            });
        },
        [&] { block = pool.adopt(handle); }, [&] { swept.insert(pool.sweep()); });
    EXPECT_EQ(swept, (std::set<std::size_t>{1})) << "in transit to it, or its own";
}

TEST_F(PoolSingleStep, OfASweep) {
    // Each time an owner dies first, which has four blocks.
    unsigned by_child = 0;
    every_instruction(
        "sweep",
        [&] {
            prepare();
            Child owner([&] {
                pool = pool.again();
                for (int i = 0; i < 4; ++i)
                    new SharedBlock(pool.alloc());
                ::kill(::getpid(), SIGKILL);
                return 0;
            });
            (void)owner.join();
        },
        [&] { (void)pool.sweep(); }, [&] { by_child += pool.sweep() < 4; }, 7);
    EXPECT_GT(by_child, 0u) << "none was killed halfway";
}

TEST_F(PoolSingleStep, OfJoining) {
    every_instruction(
        "join", [] {}, [&] { new SharedPool(pool.again()); }, [&] { (void)pool.sweep(); }, 61);
    // The slots that they died in are free.
    SharedPool a = pool.again();
    SharedPool b = pool.again();
    EXPECT_TRUE(pool.again());
}

} // namespace
