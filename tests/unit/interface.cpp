// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Values of one type both ways, in the words of memenpsf.
#include "sockets.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Interface;
using shmq::Status;

struct Sample {
    std::uint64_t number;
    double value;
};

template <typename T>
struct Pair {
    explicit Pair(std::size_t queue_size = 4096)
        : first(Channel::memfd({.queue_size = queue_size})),
          near(first.other_side()),
          far(std::move(first)) {}
    Channel first;
    Interface<T> near, far;
};

TEST(Interface, SendsAndReceivesValues) {
    Pair<Sample> p;
    EXPECT_EQ(p.near.xmit({1, 0.5}), Status::Ok);
    EXPECT_EQ(p.near.try_xmit({2, 1.5}), Status::Ok);
    EXPECT_EQ(p.far.recv()->number, 1u);
    EXPECT_EQ(p.far.try_recv()->value, 1.5);
    EXPECT_EQ(p.far.last(), Status::Ok);
    EXPECT_FALSE(p.far.try_recv());
    EXPECT_EQ(p.far.last(), Status::Empty);
    EXPECT_FALSE(p.far.recv(1ms));
    EXPECT_EQ(p.far.last(), Status::Timeout);
}

TEST(Interface, ReceivesAllThatIsThereAcrossTheWrap) {
    Pair<std::uint32_t> p(128);
    std::uint32_t sent = 0;
    std::uint32_t next = 0;
    for (int round = 0; round < 50; ++round) {
        while (p.near.try_xmit(sent) == Status::Ok)
            ++sent;
        if (round % 2)
            next += static_cast<std::uint32_t>(p.far.recv_vectored(7).size());
        for (const std::uint32_t value : p.far.recv_vectored())
            ASSERT_EQ(value, next++);
        ASSERT_EQ(next, sent) << "nothing is left";
        EXPECT_TRUE(p.far.recv_vectored().empty());
        EXPECT_EQ(p.far.last(), Status::Empty);
    }
    const std::vector<std::uint32_t> some = {1, 2, 3};
    EXPECT_EQ(p.near.xmit(some), Status::Ok);
    EXPECT_EQ(p.far.recv_vectored(), some);
    EXPECT_TRUE(p.far.recv_vectored(0).empty());
    std::vector<std::uint32_t> all = some;
    EXPECT_EQ(p.near.xmit(4), Status::Ok);
    EXPECT_EQ(p.far.recv_vectored(all), Status::Ok);
    EXPECT_EQ(all.size(), 4u) << "appended";
}

TEST(Interface, SpeaksOverASocketWithControlMessages) {
    const SocketName name;
    auto listener = shmq::Listener::create(name.address(), {.element_size = sizeof(Sample)});
    std::thread server([&] {
        Interface<Sample> near(listener.accept(60s));
        while (const auto s = near.recv(60s))
            ASSERT_EQ(near.xmit({s->number, 2 * s->value}), Status::Ok);
        EXPECT_EQ(near.last(), Status::PeerGone);
        std::byte to[16];
        EXPECT_EQ(near.recv_ctrl_msg(to).size, 5u);
        // That was an end that was given back; the connection goes after it.
        EXPECT_FALSE(near.recv(60s));
        EXPECT_EQ(near.last(), Status::PeerGone);
        EXPECT_TRUE(near.recv_vectored().empty());
        EXPECT_EQ(near.last(), Status::PeerGone);
    });
    {
        Interface<Sample> far(Channel::open(name.address(), {.element_size = sizeof(Sample)}));
        for (std::uint64_t n = 0; n < 1000; ++n) {
            ASSERT_EQ(far.xmit({n, 0.25}), Status::Ok);
            const auto back = far.recv(60s);
            ASSERT_TRUE(back);
            ASSERT_EQ(back->number, n);
            ASSERT_EQ(back->value, 0.5);
        }
        EXPECT_EQ(far.send_ctrl_msg("aside"), Status::Ok);
    }
    server.join();
    std::error_code ec;
    Channel other = Channel::open(name.address(), {.element_size = 3, .timeout = 1ms}, ec);
    EXPECT_FALSE(other);
}

} // namespace
