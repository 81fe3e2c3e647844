// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Waiting for an end with poll(2) and epoll(7) instead of with the end itself.
#include "readiness.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

#include <sys/epoll.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Status;
using shmq::Wait;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint32_t messages = 10000;
#else
constexpr std::uint32_t messages = 200000;
#endif

struct Ends {
    explicit Ends(std::size_t queue_size = 1024)
        : channel(Channel::memfd({.queue_size = queue_size, .wait = Wait::sleep()})),
          tx(channel.sender()),
          rx(channel.other_side().receiver()) {}
    Channel channel;
    shmq::MsgProducer tx;
    shmq::MsgConsumer rx;
};

TEST(Poll, EachEndOfAMemfdChannelHasADescriptorOfItsOwn) {
    Ends q;
    ASSERT_GE(q.rx.fd(), 0);
    ASSERT_GE(q.tx.fd(), 0);
    EXPECT_NE(q.rx.fd(), q.tx.fd());
    EXPECT_EQ(q.rx.fd(), q.rx.fd());
}

TEST(Poll, TheDescriptorIsReadableWhenAMessageCameAndQuietWhenAllAreRead) {
    Ends q;
    const int fd = q.rx.fd();
    EXPECT_FALSE(q.rx.try_read());
    EXPECT_FALSE(is_readable(fd));
    ASSERT_EQ(q.tx.try_write("one"), Status::Ok);
    EXPECT_TRUE(is_readable(fd));
    EXPECT_TRUE(q.rx.try_read());
    EXPECT_FALSE(q.rx.try_read()) << "this look announces, and takes the ring back";
    EXPECT_FALSE(is_readable(fd)) << "or a level-triggered loop would spin";
    ASSERT_EQ(q.tx.try_write("two"), Status::Ok);
    EXPECT_TRUE(is_readable(fd));
}

TEST(Poll, TheDescriptorOfAFullProducerTellsOfRoom) {
    Ends q(128);
    const int fd = q.tx.fd();
    while (q.tx.try_write("fill") == Status::Ok) {
    }
    EXPECT_FALSE(is_readable(fd));
    EXPECT_TRUE(q.rx.try_read());
    EXPECT_TRUE(is_readable(fd));
    EXPECT_EQ(q.tx.try_write("fill"), Status::Ok);
    EXPECT_EQ(q.tx.try_write("fill"), Status::Full);
    EXPECT_FALSE(is_readable(fd));
}

TEST(Poll, EdgeTriggeredLosesNoMessage) {
    Ends q;
    Epoll epoll(q.rx.fd(), EPOLLIN | EPOLLET);
    std::thread writer([&] {
        for (std::uint32_t n = 0; n < messages; ++n)
            ASSERT_EQ(q.tx.write(shmq::Bytes(&n, sizeof(n)), 60s), Status::Ok);
    });
    std::uint32_t next = 0;
    bool stuck = false;
    while (next < messages && !stuck) {
        const auto d = q.rx.drain([&](const shmq::Message& m) {
            std::uint32_t n = 0;
            std::memcpy(&n, m.data().data(), sizeof(n));
            ASSERT_EQ(n, next);
            ++next;
        });
        ASSERT_EQ(d.status, Status::Empty);
        // Without a ring for what comes now nobody would wake us.
        if (next < messages)
            stuck = !epoll.wait(20000);
    }
    EXPECT_FALSE(stuck) << "slept through message " << next;
    writer.join();
}

TEST(Poll, EdgeTriggeredLosesNoRoom) {
    Ends q(256);
    Epoll epoll(q.tx.fd(), EPOLLIN | EPOLLET);
    std::thread reader([&] {
        for (std::uint32_t n = 0; n < messages; ++n)
            ASSERT_TRUE(q.rx.read(60s));
    });
    for (std::uint32_t n = 0; n < messages; ++n) {
        Status s = q.tx.try_write(shmq::Bytes(&n, sizeof(n)));
        while (s == Status::Full) {
            ASSERT_TRUE(epoll.wait(20000)) << "slept through room for message " << n;
            s = q.tx.try_write(shmq::Bytes(&n, sizeof(n)));
        }
        ASSERT_EQ(s, Status::Ok);
    }
    reader.join();
}

TEST(Poll, APeerThatLeavesIsSeen) {
    Ends q;
    EXPECT_FALSE(q.rx.try_read());
    Epoll epoll(q.rx.fd(), EPOLLIN | EPOLLET);
    q.tx = shmq::MsgProducer();
    EXPECT_TRUE(epoll.wait(0));
    EXPECT_EQ(q.rx.try_read().status(), Status::PeerGone);
}

} // namespace
