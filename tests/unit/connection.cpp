// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A channel over a Unix socket: its doorbell, two ends on one descriptor, control
// messages. Peers that do not keep to the protocol: hostile_connection.cpp.
#include "numbered_text.hpp"
#include "readiness.hpp"
#include "sockets.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <shmq/core/channel.h>

#include <linux/shmq.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/epoll.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Holder;
using shmq::Listener;
using shmq::Status;
using shmq::Wait;

constexpr auto patience = 60s;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint32_t messages = 5000;
#else
constexpr std::uint32_t messages = 50000;
#endif

/// Both sides of a channel over a socket, in this process.
struct Pair {
    explicit Pair(shmq::ListenOptions options = {}) {
        options.wait = options.wait.value_or(Wait::sleep());
        Listener listener = Listener::create(name.address(), options);
        std::thread client([&] { far = Channel::open(name.address(), {.wait = options.wait}); });
        near = listener.accept(patience);
        client.join();
    }
    SocketName name;
    Channel near, far;
};

std::string text(std::uint32_t n) {
    return numbered_text(n, 4 + n % 90);
}

shmq::Bytes bytes(const std::string& s) {
    return shmq::Bytes(s.data(), s.size());
}

/// A thread of this process that sends `count` messages, and waits for room.
class Sender {
public:
    Sender(Channel& channel, std::uint32_t count)
        : thread_([this, &channel, count] {
              tid_.store(::gettid());
              auto tx = channel.sender();
              for (std::uint32_t n = 0; n < count; ++n)
                  if (tx.write(bytes(text(n)), patience) == Status::PeerGone)
                      // Told once that the end which rang has gone.
                      (void)tx.write(bytes(text(n)), patience);
          }) {}
    ~Sender() { thread_.join(); }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    /// Waits until it has slept for some time; where that is not to be seen, for long.
    void wait_until_asleep() const {
        for (int asleep = 0; asleep < 20; ++asleep) {
            std::this_thread::sleep_for(1ms);
            std::ifstream stat("/proc/self/task/" + std::to_string(tid_.load()) + "/stat");
            std::string line;
            std::getline(stat, line);
            if (line.find(") S ") == std::string::npos)
                asleep = 0;
        }
    }

private:
    std::atomic<pid_t> tid_{0};
    std::thread thread_;
};

/// As the peer does before it rings for the sender of `channel`, its first side:
/// who sleeps in it is about to be woken.
void clear_word_of_sender(const Channel& channel) {
    auto* const base = reinterpret_cast<shmq_base>(channel.region().bytes().data());
    shmq_doorbell_disarm(base, shmq_channel_bell(SHMQ_BELL_ROOM(0)));
}

/// Rings for the sender of the other side, though it may not wait: twice each.
void ring_for_sender(Channel& channel, int times) {
    for (int i = 0; i < times; ++i)
        (void)channel.receiver();
}

TEST(Connection, ASideHasEachEndOnceAndNotTheOtherSides) {
    Pair p;
    auto tx = p.near.sender();
    std::error_code ec;
    (void)p.near.sender(ec);
    EXPECT_EQ(ec, std::errc::device_or_resource_busy);
    (void)p.near.byte_sender(ec);
    EXPECT_EQ(ec, std::errc::device_or_resource_busy);
    EXPECT_THROW((void)p.near.other_side(), std::system_error);
    tx = {};
    tx = p.near.sender();
    EXPECT_EQ(tx.status(), Status::Ok);
}

TEST(Connection, OneDescriptorAChannel) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    const std::size_t before = open_descriptors();
    {
        Channel far;
        std::thread client([&] { far = Channel::open(name.address()); });
        const Channel near = listener.accept(patience);
        client.join();
        EXPECT_EQ(open_descriptors(), before + 2) << "the socket of each side, no memory's";
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST(Connection, OutlivedByItsEnds) {
    auto [tx, rx] = [] {
        Pair p;
        return std::pair(p.near.sender(), p.far.receiver());
    }();
    ASSERT_EQ(tx.write("no channel object any more"), Status::Ok);
    EXPECT_TRUE(rx.read(patience));
}

TEST(Connection, CarriesMessagesWhereBothEndsOfASideSleepInThreads) {
    // Four threads, all of which sleep: each side's two ends share a socket.
    Pair p({.queue_size = 512});
    const auto send = [](Channel& channel) {
        auto tx = channel.sender();
        for (std::uint32_t n = 0; n < messages; ++n)
            ASSERT_EQ(tx.write(bytes(text(n)), patience), Status::Ok) << n;
        // The peer reads what is left before it is told that this end has gone.
    };
    const auto receive = [](Channel& channel) {
        auto rx = channel.receiver();
        for (std::uint32_t n = 0; n < messages; ++n) {
            const auto m = rx.read(patience);
            ASSERT_TRUE(m) << n << ' ' << to_string(m.status());
            ASSERT_EQ(m.text(), text(n));
        }
    };
    std::vector<std::thread> threads;
    threads.emplace_back([&] { send(p.near); });
    threads.emplace_back([&] { send(p.far); });
    threads.emplace_back([&] { receive(p.near); });
    threads.emplace_back([&] { receive(p.far); });
    for (std::thread& t : threads)
        t.join();
}

TEST(Connection, APolledReceiverAndASenderThatSleepsDoNotTakeEachOthersBells) {
    for (const bool whole : {true, false}) {
        Pair p({.queue_size = 512});
        // Sends and receives in two threads; the receiver is polled, edge-triggered.
        std::thread sender([&] {
            auto tx = p.near.sender();
            for (std::uint32_t n = 0; n < messages; ++n)
                ASSERT_EQ(tx.write(bytes(text(n)), patience), Status::Ok) << n;
            ASSERT_EQ(tx.write("end", patience), Status::Ok);
        });
        std::thread echo([&] {
            auto rx = p.far.receiver();
            auto tx = p.far.sender();
            for (;;) {
                const auto m = rx.read(patience);
                ASSERT_TRUE(m) << to_string(m.status());
                ASSERT_EQ(tx.write(m.data(), patience), Status::Ok);
                if (m.text() == "end")
                    return;
            }
        });
        auto rx = p.near.receiver();
        const Epoll epoll(whole ? p.near.fd() : rx.fd(), EPOLLIN | EPOLLET);
        std::uint32_t next = 0;
        for (bool over = false; !over;) {
            if (whole) {
                // The echo may have left after its last message.
                const Status taken = p.near.take_rings();
                ASSERT_TRUE(taken == Status::Ok || taken == Status::PeerGone);
            }
            const auto d = rx.drain([&](const shmq::Message& m) {
                over = m.text() == "end";
                if (!over) {
                    ASSERT_EQ(m.text(), text(next++));
                }
            });
            ASSERT_TRUE(d.status == Status::Empty || (over && d.status == Status::PeerGone))
                << to_string(d.status) << " after " << next;
            ASSERT_TRUE(over || epoll.wait()) << "slept through message " << next;
        }
        EXPECT_EQ(next, messages);
        sender.join();
        echo.join();
    }
}

TEST(Connection, AnEventLoopServesBothEndsOverOneDescriptor) {
    for (const std::uint32_t trigger : {0U, static_cast<std::uint32_t>(EPOLLET)}) {
        Pair p({.queue_size = 256});
        std::thread peer([&] {
            auto tx = p.far.sender();
            auto rx = p.far.receiver();
            std::uint32_t back = 0;
            for (std::uint32_t n = 0; n < messages; ++n) {
                // Often full both ways: reads what came back when it cannot send.
                while (tx.try_write(bytes(text(n))) == Status::Full) {
                    const auto m = rx.read(patience);
                    ASSERT_TRUE(m) << to_string(m.status());
                    ASSERT_EQ(m.text(), text(back++));
                }
            }
            while (back < messages) {
                const auto m = rx.read(patience);
                ASSERT_TRUE(m) << to_string(m.status());
                ASSERT_EQ(m.text(), text(back++));
            }
        });
        auto tx = p.near.sender();
        auto rx = p.near.receiver();
        const Epoll epoll(p.near.fd(), EPOLLIN | trigger);
        std::string held;
        std::uint32_t next = 0;
        bool over = false;
        while (!over) {
            over = p.near.take_rings() == Status::PeerGone;
            for (;;) {
                if (!held.empty()) {
                    const Status s = tx.try_write(bytes(held));
                    if (s == Status::Full)
                        break;
                    if (s != Status::Ok) {
                        ASSERT_EQ(s, Status::PeerGone);
                        break;
                    }
                    held.clear();
                }
                const auto m = rx.try_read();
                if (!m)
                    break;
                ASSERT_EQ(m.text(), text(next++));
                held = m.text();
            }
            if (next == messages && held.empty())
                over = true;
            ASSERT_TRUE(over || epoll.wait()) << "slept through message " << next;
        }
        EXPECT_EQ(next, messages);
        peer.join();
    }
}

TEST(Connection, ItsDescriptorIsQuietAfterTheRingsWereTaken) {
    Pair p;
    auto rx = p.near.receiver();
    auto tx = p.far.sender();
    const int fd = p.near.fd();
    EXPECT_EQ(fd, rx.fd());
    EXPECT_EQ(p.near.take_rings(), Status::Ok);
    EXPECT_FALSE(rx.try_read());
    EXPECT_FALSE(is_readable(fd));
    ASSERT_EQ(tx.try_write("one"), Status::Ok);
    EXPECT_TRUE(is_readable(fd));
    EXPECT_EQ(p.near.take_rings(), Status::Ok);
    EXPECT_FALSE(is_readable(fd));
    EXPECT_TRUE(rx.try_read());
    ASSERT_EQ(tx.try_write("two"), Status::Ok);
    EXPECT_FALSE(is_readable(fd)) << "nobody said that he waits";
    EXPECT_TRUE(rx.try_read());
    EXPECT_FALSE(rx.try_read());
    ASSERT_EQ(tx.try_write("three"), Status::Ok);
    EXPECT_TRUE(is_readable(fd));
}

TEST(Connection, AnEndsOwnDescriptorNeedsNoMoreThanThatOfOtherChannels) {
    Pair p;
    auto rx = p.near.receiver();
    auto tx = p.far.sender();
    const int fd = rx.fd();
    while (is_readable(fd)) // the end that was made on the other side rings
        EXPECT_FALSE(rx.try_read());
    ASSERT_EQ(tx.try_write("one"), Status::Ok);
    EXPECT_TRUE(is_readable(fd));
    EXPECT_TRUE(rx.try_read());
    EXPECT_FALSE(rx.try_read()) << "this look announces, and takes the ring back";
    EXPECT_FALSE(is_readable(fd)) << "or a level-triggered loop would spin";
    // A control message does not keep it readable either.
    ASSERT_EQ(p.far.try_send_control("aside"), Status::Ok);
    EXPECT_TRUE(is_readable(fd));
    EXPECT_FALSE(rx.try_read());
    EXPECT_FALSE(is_readable(fd));
    std::byte to[16];
    EXPECT_TRUE(p.near.try_receive_control(to));
}

TEST(Connection, APeerThatLeavesIsToldEachTimeAndWhatItSentIsDelivered) {
    for (const Wait wait : {Wait::sleep(), Wait::spin_then_sleep(), Wait::spin()}) {
        Pair p({.wait = wait});
        auto rx = p.near.receiver();
        auto tx = p.near.sender();
        {
            auto tx_far = p.far.sender();
            ASSERT_EQ(tx_far.write("last"), Status::Ok);
            EXPECT_EQ(rx.peer(), Holder::user);
        }
        p.far = {};
        EXPECT_EQ(rx.peer(), Holder::gone);
        EXPECT_EQ(rx.read(patience).text(), "last");
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(rx.read(patience).status(), Status::PeerGone);
            EXPECT_EQ(rx.read().status(), Status::PeerGone);
            EXPECT_EQ(rx.try_read().status(), Status::PeerGone);
        }
        Status s = Status::Ok;
        while (s == Status::Ok)
            s = tx.write("to nobody", patience);
        EXPECT_EQ(s, Status::PeerGone);
        EXPECT_EQ(p.near.take_rings(), Status::PeerGone);
        EXPECT_EQ(p.near.try_send_control("x"), Status::PeerGone);
        std::byte to[8];
        EXPECT_EQ(p.near.try_receive_control(to).status, Status::PeerGone);
    }
}

TEST(Connection, AnEndThatIsGivenBackIsToldOnceWhileTheConnectionLives) {
    Pair p;
    auto rx = p.near.receiver();
    auto tx = p.far.sender();
    tx = {};
    EXPECT_EQ(rx.read(patience).status(), Status::PeerGone);
    EXPECT_EQ(rx.read(1ms).status(), Status::Timeout) << "told once";
    tx = p.far.sender();
    ASSERT_EQ(tx.write("successor"), Status::Ok);
    EXPECT_EQ(rx.read(patience).text(), "successor");
}

TEST(Connection, ALeavingPeerEndsASleepAtOnce) {
    Pair p;
    auto rx = p.near.receiver();
    std::thread leaver([&] {
        std::this_thread::sleep_for(20ms);
        p.far = {};
    });
    EXPECT_EQ(rx.read().status(), Status::PeerGone);
    leaver.join();
}

TEST(Connection, APeerThatHungUpIsNoticedByALoopThatOnlyTries) {
    Pair p;
    auto rx = p.near.receiver();
    EXPECT_EQ(rx.try_read().status(), Status::Empty);
    p.far = {};
    while (rx.try_read().status() == Status::Empty)
        std::this_thread::yield();
    EXPECT_EQ(rx.try_read().status(), Status::PeerGone);
}

// ---- what stands behind the bell of an end that sleeps, or behind many bells

TEST(Connection, APollerIsGivenWhatStandsBehindTheBellOfAnEndThatSleeps) {
    for (const bool whole : {true, false}) {
        Pair p({.queue_size = 512});
        auto rx = p.near.receiver();
        ring_for_sender(p.far, 2);
        const Sender sender(p.near, 100);
        sender.wait_until_asleep();
        const Epoll epoll(whole ? p.near.fd() : rx.fd(), EPOLLIN | EPOLLET);
        ASSERT_EQ(p.far.try_send_control("aside"), Status::Ok);
        sender.wait_until_asleep();
        clear_word_of_sender(p.near);
        ASSERT_TRUE(epoll.wait());
        if (whole) {
            EXPECT_EQ(p.near.take_rings(), Status::Ok);
        }
        EXPECT_EQ(rx.try_read().status(), Status::Empty);
        std::byte to[Channel::max_control];
        EXPECT_EQ(p.near.try_receive_control(to).status, Status::Ok) << "no event comes for it";
        p.far = {};
    }
}

TEST(Connection, APollersBellIsNotLostBehindThoseOfASenderThatSleeps) {
    for (const bool whole : {true, false}) {
        Pair p({.queue_size = 256});
        auto rx = p.near.receiver();
        ring_for_sender(p.far, 2);
        const Sender sender(p.near, messages);
        sender.wait_until_asleep();
        const Epoll epoll(whole ? p.near.fd() : rx.fd(), EPOLLIN | EPOLLET);
        auto tx = p.far.sender(); // rings for the receiver
        sender.wait_until_asleep();
        clear_word_of_sender(p.near);
        ASSERT_TRUE(epoll.wait());
        if (whole) {
            EXPECT_EQ(p.near.take_rings(), Status::Ok);
        }
        EXPECT_EQ(rx.try_read().status(), Status::Empty);
        // Now it waits, and the sender is rung for more often than a socket holds.
        auto rx_far = p.far.receiver();
        for (std::uint32_t n = 0; n < messages; ++n)
            ASSERT_EQ(rx_far.read(patience).text(), text(n));
        ASSERT_EQ(tx.write("at last"), Status::Ok);
        for (std::string got; got != "at last";) {
            ASSERT_TRUE(epoll.wait()) << "slept through a message";
            if (whole) {
                EXPECT_EQ(p.near.take_rings(), Status::Ok);
            }
            const auto m = rx.try_read();
            ASSERT_TRUE(m || m.status() == Status::Empty);
            got = m.text();
        }
    }
}

TEST(Connection, APollerIsGivenWhatStandsBehindManyBells) {
    Pair p;
    auto rx = p.near.receiver();
    const Epoll epoll(p.near.fd(), EPOLLIN | EPOLLET);
    ring_for_sender(p.far, 50);
    ASSERT_EQ(p.far.try_send_control("aside"), Status::Ok);
    ASSERT_TRUE(epoll.wait());
    EXPECT_EQ(p.near.take_rings(), Status::Ok);
    std::byte to[Channel::max_control];
    EXPECT_EQ(p.near.try_receive_control(to).status, Status::Ok) << "no event comes for it";
    ring_for_sender(p.far, 50);
    p.far = {};
    ASSERT_TRUE(epoll.wait());
    EXPECT_EQ(p.near.take_rings(), Status::PeerGone) << "no event comes for that";
}

TEST(Connection, AReceiverThatSleepsIsWokenThoughTheSocketWasFullOfTheSendersBells) {
    Pair p;
    std::thread receiver([&] {
        auto rx = p.near.receiver();
        for (std::uint32_t n = 0; n < 20; ++n) {
            const auto start = std::chrono::steady_clock::now();
            // A message that came is given at the end of the time too.
            ASSERT_EQ(rx.read(patience).text(), text(n));
            ASSERT_LT(std::chrono::steady_clock::now() - start, patience) << "slept through it";
        }
    });
    auto tx = p.far.sender();
    for (std::uint32_t n = 0; n < 20; ++n) {
        ring_for_sender(p.far, 500);
        EXPECT_EQ(tx.write(bytes(text(n))), Status::Ok);
    }
    receiver.join();
}

TEST(Connection, TwoPolledEndsDoNotLeaveWhatIsForNeitherToTheOther) {
    Pair p;
    auto rx = p.near.receiver();
    auto tx = p.near.sender();
    auto tx_far = p.far.sender();
    (void)tx.fd();
    const Epoll epoll(rx.fd(), EPOLLIN | EPOLLET);
    ASSERT_EQ(p.near.try_send_control("aside"), Status::Ok);
    std::byte to[Channel::max_control];
    EXPECT_EQ(p.far.try_receive_control(to).status, Status::Ok);
    // So it gave credit, which is for no end, and its bells must not stand behind.
    for (std::uint32_t n = 0; n < 1000; ++n) {
        EXPECT_EQ(rx.try_read().status(), Status::Empty);
        ASSERT_EQ(tx_far.write(bytes(text(n))), Status::Ok);
        ASSERT_TRUE(epoll.wait()) << "slept through message " << n;
        ASSERT_EQ(rx.try_read().text(), text(n));
    }
}

// ---- control messages

TEST(Connection, ControlMessagesComeInOrderBesideTheData) {
    Pair p;
    auto tx = p.far.sender();
    auto rx = p.near.receiver();
    std::byte to[Channel::max_control];
    EXPECT_EQ(p.near.try_receive_control(to).status, Status::Empty);
    for (std::uint32_t n = 0; n < 1000; ++n) {
        ASSERT_EQ(p.far.try_send_control(bytes(text(n))), Status::Ok) << n;
        ASSERT_EQ(tx.write(bytes(text(n))), Status::Ok);
        ASSERT_EQ(rx.read(patience).text(), text(n));
        const auto c = p.near.try_receive_control(to);
        ASSERT_EQ(c.status, Status::Ok);
        ASSERT_EQ(std::string(reinterpret_cast<char*>(to), c.size), text(n));
    }
    EXPECT_EQ(p.near.try_receive_control(to).status, Status::Empty);
}

TEST(Connection, UnreadControlMessagesAreLimitedAndNoneIsLost) {
    Pair p;
    std::byte to[Channel::max_control];
    for (std::uint32_t round = 0; round < 3; ++round) {
        std::uint32_t n = 0;
        while (p.far.try_send_control(bytes(text(n))) == Status::Ok)
            ++n;
        EXPECT_EQ(n, Channel::max_unread_control);
        EXPECT_EQ(p.far.try_send_control("x"), Status::Full);
        for (std::uint32_t i = 0; i < n; ++i) {
            const auto c = p.near.try_receive_control(to);
            ASSERT_EQ(c.status, Status::Ok);
            EXPECT_EQ(std::string(reinterpret_cast<char*>(to), c.size), text(i));
        }
    }
}

TEST(Connection, ControlMessagesHaveASize) {
    Pair p;
    const std::string longest(Channel::max_control, 'l');
    EXPECT_EQ(p.far.try_send_control(bytes(longest)), Status::Ok);
    EXPECT_EQ(p.far.try_send_control(bytes(longest + "!")), Status::TooBig);
    EXPECT_EQ(p.far.try_send_control(""), Status::Invalid);
    std::byte little[8];
    const auto c = p.near.try_receive_control(little);
    EXPECT_EQ(c.status, Status::ShortBuffer);
    EXPECT_EQ(c.size, longest.size());
    std::byte to[Channel::max_control];
    EXPECT_EQ(p.near.try_receive_control(to).size, longest.size()) << "it stayed";
    Channel memory = Channel::memfd();
    EXPECT_EQ(memory.try_send_control("x"), Status::Invalid);
    EXPECT_EQ(memory.try_receive_control(to).status, Status::Invalid);
    EXPECT_EQ(memory.fd(), -1);
    EXPECT_EQ(memory.take_rings(), Status::Ok);
}

TEST(Connection, WhatAKilledPeerSaidIsStillThere) {
    Pair p;
    ASSERT_EQ(p.far.try_send_control("last words"), Status::Ok);
    ASSERT_EQ(p.near.try_send_control("never read"), Status::Ok); // a reset, not an end
    p.far = {};
    std::byte to[Channel::max_control];
    const auto c = p.near.try_receive_control(to);
    ASSERT_EQ(c.status, Status::Ok);
    EXPECT_EQ(std::string(reinterpret_cast<char*>(to), c.size), "last words");
    EXPECT_EQ(p.near.try_receive_control(to).status, Status::PeerGone);
}

} // namespace
