// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Blocks that processes share.
#include "names.hpp"
#include "processes.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::OwnerId;
using shmq::PoolHandle;
using shmq::Region;
using shmq::SharedBlock;
using shmq::SharedPool;
using shmq::Status;

constexpr auto patience = 60s;

shmq::Bytes as_bytes(const auto& value) {
    return std::as_bytes(std::span(&value, 1));
}

template <typename T>
T value_of(const shmq::Message& m) {
    T value{};
    if (m.data().size() == sizeof(T))
        std::memcpy(&value, m.data().data(), sizeof(T));
    return value;
}

TEST(SharedPool, BlocksGoBackWhenTheyAreDropped) {
    SharedPool pool = SharedPool::memfd({.blocks = 3, .block_size = 100});
    EXPECT_EQ(pool.capacity(), 3u);
    EXPECT_EQ(pool.block_size(), 128u);
    {
        std::vector<SharedBlock> all;
        for (int i = 0; i < 3; ++i) {
            all.push_back(pool.alloc());
            ASSERT_TRUE(all.back());
            EXPECT_EQ(all.back().bytes().size(), 128u);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(all.back().bytes().data()) % 64, 0u);
        }
        const SharedBlock none = pool.alloc();
        EXPECT_FALSE(none);
        EXPECT_EQ(none.status(), Status::Empty);
        EXPECT_TRUE(none.bytes().empty());
        EXPECT_EQ(all[0].free(), Status::Ok);
        EXPECT_EQ(all[0].free(), Status::Invalid);
        EXPECT_EQ(pool.counts().owned, 2u);
    }
    EXPECT_EQ(pool.counts().free, 3u);
}

TEST(SharedPool, LargeBlocksBeginWithAPage) {
    SharedPool pool = SharedPool::memfd({.blocks = 2, .block_size = 1 << 20});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pool.alloc().bytes().data()) % 4096, 0u);
}

TEST(SharedPool, NotOpenDoesNothing) {
    SharedPool pool;
    EXPECT_FALSE(pool);
    EXPECT_EQ(pool.alloc().status(), Status::Invalid);
    EXPECT_EQ(pool.adopt({0, 0}).status(), Status::Invalid);
    EXPECT_EQ(pool.sweep(), 0u);
    EXPECT_EQ(pool.settle(OwnerId{}), 0u);
    EXPECT_EQ(pool.counts(), shmq::PoolCounts{});
    EXPECT_TRUE(pool.region().empty());
}

TEST(SharedPool, IsFoundByItsName) {
    const ShmName name;
    std::error_code ec;
    (void)SharedPool::open(name.address(), ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
    SharedPool a = SharedPool::create(name.address(), {.blocks = 4});
    (void)SharedPool::create(name.address(), {}, ec);
    EXPECT_EQ(ec, std::errc::file_exists);
    SharedPool b = SharedPool::open(name.address());
    EXPECT_NE(a.id(), b.id());
    SharedBlock block = a.alloc();
    EXPECT_EQ(b.counts().owned, 1u);
    SharedPool::unlink(name.address());
    (void)SharedPool::open(name.address(), ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
    (void)SharedPool::open("pool", ec);
    EXPECT_EQ(ec, std::errc::protocol_not_supported);
    (void)SharedPool::open("dev:/dev/null", ec);
    EXPECT_EQ(ec, std::errc::inappropriate_io_control_operation) << "no device of ours";
    (void)SharedPool::create("dev:/dev/shmq0", {}, ec);
    EXPECT_EQ(ec, std::errc::operation_not_supported) << "the driver makes those";
}

TEST(SharedPool, ErrorsNameTheRemedy) {
    std::error_code ec;
    (void)SharedPool::memfd({.blocks = 0}, ec);
    EXPECT_EQ(ec, std::errc::invalid_argument);
    (void)SharedPool::memfd({.blocks = 5000, .block_size = 1 << 20}, ec);
    EXPECT_EQ(ec, std::errc::invalid_argument) << "4 GiB";
    (void)SharedPool::memfd({.owners = 1}, ec);
    EXPECT_EQ(ec, std::errc::invalid_argument);
    (void)SharedPool::attach(Region::memfd("blank", 8192), ec);
    EXPECT_EQ(ec, std::errc::resource_unavailable_try_again);
    (void)SharedPool::create_in(Region::memfd("small", 8192), {.blocks = 64}, ec);
    EXPECT_EQ(ec, std::errc::no_space_on_device);

    SharedPool a = SharedPool::memfd({.blocks = 4, .owners = 2});
    SharedPool b = a.again();
    try {
        (void)a.again();
        FAIL();
    } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::device_or_resource_busy);
        EXPECT_NE(std::string(e.what()).find("more owners"), std::string::npos) << e.what();
    }
    b = {};
    EXPECT_TRUE(a.again());
    (void)SharedPool::create_in(Region::from_fd(a.region().fd()), {.blocks = 4}, ec);
    EXPECT_EQ(ec, std::errc::file_exists);
}

TEST(SharedPool, MemoryThatIsOnlyReadableIsAnErrorNotACrash) {
    SharedPool pool = SharedPool::memfd();
    std::error_code ec;
    const auto readable = [&] {
        return Region::from_fd_read_only(pool.region().fd(), pool.region().size());
    };
    (void)SharedPool::attach(readable(), ec);
    EXPECT_EQ(ec, std::errc::permission_denied);
    (void)SharedPool::create_in(readable(), {}, ec);
    EXPECT_EQ(ec, std::errc::permission_denied);
}

TEST(SharedPool, ABlockPassesFromOwnerToOwner) {
    SharedPool a = SharedPool::memfd({.blocks = 2});
    SharedPool b = a.again();
    SharedBlock block = a.alloc();
    std::ranges::fill(block.bytes(), std::byte{42});
    PoolHandle told;
    ASSERT_EQ(block.send(b.id(),
                         [&](PoolHandle h) {
                             told = h;
                             return Status::Ok;
                         }),
              Status::Ok);
    EXPECT_FALSE(block);
    EXPECT_EQ(a.counts().transit, 1u);
    EXPECT_EQ(a.adopt(told).status(), Status::Foreign);
    SharedBlock received = b.adopt(told);
    ASSERT_TRUE(received);
    EXPECT_EQ(received.from(), a.id());
    EXPECT_TRUE(std::ranges::all_of(received.bytes(), [](auto x) { return x == std::byte{42}; }));
    EXPECT_EQ(b.adopt(told).status(), Status::Stale);
    EXPECT_EQ(b.adopt({99, 0}).status(), Status::Invalid);
}

TEST(SharedPool, ABlockWhoseMessageIsNotSentStays) {
    SharedPool a = SharedPool::memfd({.blocks = 2});
    SharedPool b = a.again();
    SharedBlock block = a.alloc();
    EXPECT_EQ(block.send(b.id(), [](PoolHandle) { return Status::Full; }), Status::Full);
    EXPECT_TRUE(block);
    EXPECT_THROW(
        (void)block.send(b.id(), [](PoolHandle) -> Status { throw std::runtime_error("no"); }),
        std::runtime_error);
    EXPECT_TRUE(block);
    EXPECT_EQ(a.counts().owned, 1u);
    const OwnerId gone = b.id();
    b = {};
    bool called = false;
    EXPECT_EQ(block.send(gone,
                         [&](PoolHandle) {
                             called = true;
                             return Status::Ok;
                         }),
              Status::NoOwner);
    EXPECT_FALSE(called);
    EXPECT_TRUE(block);
    EXPECT_EQ(block.free(), Status::Ok);
}

TEST(SharedPool, LeavingFreesAllThatAnOwnerHas) {
    SharedPool a = SharedPool::memfd({.blocks = 4});
    {
        SharedPool b = a.again();
        SharedBlock forgotten = b.alloc();
        SharedBlock sent = a.alloc();
        ASSERT_EQ(sent.send(b.id(), [](PoolHandle) { return Status::Ok; }), Status::Ok);
        EXPECT_EQ(a.counts().owned + a.counts().transit, 2u);
        b = {};
        forgotten = SharedBlock(); // of a pool that is not open any more
    }
    EXPECT_EQ(a.counts().free, 4u);
}

TEST(SharedPool, WithoutADescriptorItWorksButNoticesNoDeath) {
    alignas(64) static std::byte memory[4096];
    SharedPool a =
        SharedPool::create_in(Region::raw(memory, sizeof(memory)), {.blocks = 4, .block_size = 64});
    SharedPool b = a.again();
    SharedBlock block = b.alloc();
    EXPECT_TRUE(block);
    EXPECT_EQ(a.sweep(), 0u);
    EXPECT_EQ(block.free(), Status::Ok);
}

TEST(SharedPool, AKilledOwnersBlocksComeBack) {
    SharedPool pool = SharedPool::memfd({.blocks = 8});
    Channel channel = Channel::memfd();
    auto rx = channel.other_side().receiver();
    SharedBlock mine = pool.alloc();
    Child child([&] {
        pool = pool.again();
        auto tx = channel.sender();
        std::vector<SharedBlock> held;
        for (int i = 0; i < 3; ++i)
            held.push_back(pool.alloc());
        const OwnerId id = pool.id();
        (void)tx.write(as_bytes(id));
        ::pause();
        return 0;
    });
    const auto id = value_of<OwnerId>(rx.read(patience));
    EXPECT_EQ(pool.sweep(), 0u) << "it lives";
    EXPECT_EQ(pool.counts().owned, 4u);
    SharedBlock sent = pool.alloc();
    ASSERT_EQ(sent.send(id, [](PoolHandle) { return Status::Ok; }), Status::Ok);
    child.kill();
    EXPECT_EQ(pool.sweep(), 4u) << "three of its own, and one on its way to it";
    EXPECT_EQ(pool.sweep(), 0u);
    EXPECT_EQ(pool.counts().free, 7u);
    EXPECT_EQ(mine.free(), Status::Ok);
}

TEST(SharedPool, AForkedChildThatEndsFreesNothingOfItsParents) {
    SharedPool pool = SharedPool::memfd({.blocks = 8});
    SharedBlock block = pool.alloc();
    Child child([&] {
        {
            SharedPool mine = pool.again();
            pool = std::move(mine);
        }
        pool = {};
        return 0;
    });
    EXPECT_EQ(child.join(), 0);
    EXPECT_EQ(block.free(), Status::Ok);
}

TEST(SharedPool, MessagesOfADeadSenderAreReadAndTheRestSettled) {
    SharedPool pool = SharedPool::memfd({.blocks = 8});
    Channel channel = Channel::memfd();
    auto rx = channel.other_side().receiver();
    const OwnerId me = pool.id();
    Child child([&] {
        pool = pool.again();
        auto tx = channel.sender();
        for (int i = 0; i < 3; ++i) {
            SharedBlock block = pool.alloc();
            block.bytes()[0] = static_cast<std::byte>(i);
            (void)block.send(me, [&](PoolHandle h) { return tx.write(as_bytes(h)); });
        }
        // Killed before it could publish.
        SharedBlock last = pool.alloc();
        (void)last.send(me, [](PoolHandle) {
            ::pause();
            return Status::Ok;
        });
        return 0;
    });
    const auto first = value_of<PoolHandle>(rx.read(patience));
    while (pool.counts().transit < 4)
        std::this_thread::yield();
    child.kill();
    EXPECT_EQ(pool.sweep(), 0u) << "they may all have been published";
    const SharedBlock a = pool.adopt(first);
    ASSERT_TRUE(a);
    for (int i = 1; i < 3; ++i) {
        const SharedBlock b = pool.adopt(value_of<PoolHandle>(rx.read(patience)));
        ASSERT_TRUE(b);
        EXPECT_EQ(b.bytes()[0], static_cast<std::byte>(i));
    }
    EXPECT_EQ(rx.read(patience).status(), Status::PeerGone);
    EXPECT_EQ(pool.settle(a.from()), 1u);
    EXPECT_EQ(pool.counts().free, 7u);
}

static_assert(!std::is_copy_constructible_v<SharedBlock> &&
              !std::is_copy_constructible_v<SharedPool>);

} // namespace
