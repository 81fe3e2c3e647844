// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A channel over a Unix socket: its doorbell, two ends on one descriptor, control
// messages, and peers that do not keep to the protocol.
#include "sockets.hpp"

#include "handshake.hpp"

#include <shmq/core/channel.h>
#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/epoll.h>
#include <sys/mman.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Holder;
using shmq::Listener;
using shmq::OpenOptions;
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
    std::string s(4 + n % 90, static_cast<char>(n));
    std::memcpy(s.data(), &n, 4);
    return s;
}

shmq::Bytes bytes(const std::string& s) {
    return shmq::Bytes(s.data(), s.size());
}

class Epoll {
public:
    Epoll(int fd, std::uint32_t events) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        epoll_event e{};
        e.events = events;
        EXPECT_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e), 0);
    }
    ~Epoll() { ::close(epoll_); }
    Epoll(const Epoll&) = delete;
    Epoll& operator=(const Epoll&) = delete;
    [[nodiscard]] bool wait(int timeout_ms = 60000) const {
        epoll_event e{};
        return ::epoll_wait(epoll_, &e, 1, timeout_ms) == 1;
    }

private:
    int epoll_;
};

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

// ---- peers that do not keep to the protocol

/// A listener's channel with a client that is none: its socket and its memory.
struct Hostile {
    explicit Hostile(const Format& format = Format::checked()) {
        Listener listener =
            Listener::create(name.address(), {.format = format, .wait = Wait::sleep()});
        client.emplace(name);
        const shmq::detail::Hello hello;
        EXPECT_TRUE(client->send(&hello, sizeof(hello)));
        near = listener.accept(patience);
        shmq::detail::Answer answer;
        iovec part{&answer, sizeof(answer)};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        EXPECT_EQ(::recvmsg(client->fd(), &message, 0), static_cast<ssize_t>(sizeof(answer)));
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
        memory = shmq::Region::from_fd(fd);
        ::close(fd);
    }
    bool send_words(std::vector<std::uint32_t> words) const {
        return client->send(words.data(), words.size() * sizeof(std::uint32_t));
    }
    SocketName name;
    std::optional<RawClient> client;
    Channel near;
    shmq::Region memory;
};

TEST(Connection, ItsMemoryCannotBeTakenAwayByTheClient) {
    Hostile h;
    EXPECT_LT(::ftruncate(h.memory.fd(), 4096), 0);
    EXPECT_LT(::ftruncate(h.memory.fd(), 1 << 30), 0);
    EXPECT_LT(::fcntl(h.memory.fd(), F_ADD_SEALS, F_SEAL_WRITE), 0);
    auto rx = h.near.receiver();
    // A hole reads as zeroes: positions that went back, not a signal.
    EXPECT_EQ(::fallocate(h.memory.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                          static_cast<off_t>(h.memory.size())),
              0);
    EXPECT_EQ(rx.try_read().status(), Status::Empty);
}

TEST(Connection, APacketThatIsNoneEndsTheConnection) {
    const std::vector<std::vector<std::uint32_t>> wrong = {
        {0},          // no such kind
        {5},          //
        {UINT32_MAX}, //
        {1, 1},       // a bell is one word
        {3},          // a control message has bytes
        {4},          // a credit, how many
        {4, 1},       // more than was sent
        {4, UINT32_MAX},
        std::vector<std::uint32_t>(66, 3), // longer than a control message may be
        std::vector<std::uint32_t>(20000, 3),
    };
    for (const auto& words : wrong) {
        Hostile h;
        auto rx = h.near.receiver();
        ASSERT_TRUE(h.send_words(words));
        ASSERT_TRUE(is_readable(h.near.fd()));
        EXPECT_EQ(h.near.take_rings(), Status::Corrupt) << words.size() << ' ' << words[0];
        EXPECT_EQ(rx.read(patience).status(), Status::Corrupt);
        EXPECT_EQ(rx.status(), Status::Corrupt);
        std::byte to[8];
        EXPECT_EQ(h.near.try_receive_control(to).status, Status::Corrupt);
        while (!h.client->receive(MSG_DONTWAIT).empty()) {
        }
        EXPECT_FALSE(h.send_words({1})) << "it was hung up on";
    }
    {
        Hostile h; // shorter than a word
        ASSERT_TRUE(h.client->send("ab", 2));
        ASSERT_TRUE(is_readable(h.near.fd()));
        EXPECT_EQ(h.near.take_rings(), Status::Corrupt);
    }
}

TEST(Connection, ControlMessagesWithoutCreditEndTheConnection) {
    Hostile h;
    for (std::size_t i = 0; i < Channel::max_unread_control; ++i)
        ASSERT_TRUE(h.send_words({3, 7}));
    EXPECT_TRUE(is_readable(h.near.fd()));
    EXPECT_EQ(h.near.take_rings(), Status::Ok);
    ASSERT_TRUE(h.send_words({3, 7}));
    EXPECT_EQ(h.near.take_rings(), Status::Corrupt);
}

TEST(Connection, AFloodOfBellsIsABoundedAmountOfWorkAndOfMemory) {
    Hostile h;
    auto rx = h.near.receiver();
    std::size_t sent = 0;
    while (h.send_words({1 + static_cast<std::uint32_t>(sent % 2)}))
        ++sent;
    EXPECT_GT(sent, 64u);
    EXPECT_LT(sent, 100000u) << "its own send buffer is full";
    std::size_t turns = 0;
    while (is_readable(h.near.fd())) {
        ASSERT_EQ(h.near.take_rings(), Status::Ok);
        EXPECT_EQ(rx.try_read().status(), Status::Empty);
        ++turns;
    }
    EXPECT_GE(turns, sent / 64) << "a turn takes 64 at most";
    // Full of what it does not read, its own socket does not block ours.
    for (std::uint32_t i = 0; i < 10000; ++i)
        (void)h.near.sender();
}

TEST(Connection, AWaitEndsInTimeThoughThePeerClearsTheSleepWord) {
    Hostile h;
    auto rx = h.near.receiver();
    std::atomic<bool> over{false};
    std::thread hostile([&] {
        auto* const base = reinterpret_cast<shmq_base>(h.memory.bytes().data());
        while (!over.load(std::memory_order_relaxed))
            for (std::uint32_t bell = 0; bell < SHMQ_CHANNEL_ENDS; ++bell)
                shmq_store_relaxed(base, shmq_channel_bell(bell), 0);
    });
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(rx.read(2ms).status(), Status::Timeout);
    over = true;
    hostile.join();
}

TEST(Connection, PositionsAndDataThatChangeAtWillHurtOnlyTheirQueue) {
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        Hostile h;
        auto rx = h.near.receiver();
        auto tx = h.near.sender();
        std::atomic<bool> over{false};
        std::thread hostile([&] {
            std::uint32_t x = seed;
            auto* const base = reinterpret_cast<shmq_base>(h.memory.bytes().data());
            const auto words = static_cast<std::uint32_t>(h.memory.size() / 4);
            while (!over.load(std::memory_order_relaxed)) {
                x = x * 1664525 + 1013904223;
                // Mostly the header and the positions.
                const std::uint32_t at = x % 4 ? (x >> 8) % 130 * 4 : (x >> 8) % words * 4;
                shmq_store_relaxed(base, x % 5 ? at : 4096 + 4 * (x >> 30), x >> 12);
                h.send_words({1 + (x >> 31)});
            }
        });
        for (int i = 0; i < 3000; ++i) {
            (void)h.near.take_rings();
            (void)rx.try_read();
            (void)tx.try_write("to a hostile peer");
            if (i % 1000 == 999)
                (void)rx.read(1ms);
        }
        over = true;
        hostile.join();
        rx = {};
        tx = {};
        // Ends that are made anew find an error or a queue, nothing worse.
        std::error_code ec;
        auto again = h.near.receiver(ec);
        (void)again.try_read();
        auto tx_again = h.near.sender(ec);
        (void)tx_again.try_write("x");
    }
}

TEST(Connection, AForgedRunOfHeadersDoesNotTakeForEver) {
    Hostile h(Format::checked(""));
    auto rx = h.near.receiver();
    // Headers at each few bytes, each with a right CRC of its own and a length
    // up to the end: hashing all of them would be quadratic.
    const auto queue = h.memory.bytes().subspan(4096 + (h.memory.size() - 4096) / 2);
    auto* const base = reinterpret_cast<shmq_base>(queue.data());
    const auto size = static_cast<std::uint32_t>(queue.size() - SHMQ_QUEUE_HEADER);
    std::vector<std::byte> forged(size - 1);
    std::uint32_t at = 0;
    for (; at + 13 < forged.size(); at += 13) {
        std::byte* const p = forged.data() + at;
        p[0] = std::byte{SHMQ_FRAME_VERSION};
        const auto length = static_cast<std::uint32_t>(forged.size() - at - 13);
        for (int i = 0; i < 4; ++i)
            p[1 + i] = static_cast<std::byte>(length >> (8 * i));
        const std::uint32_t crc = shmq_crc32(0, p, 5);
        for (int i = 0; i < 4; ++i)
            p[5 + i] = static_cast<std::byte>(crc >> (8 * i));
    }
    shmq_copy_out(base, SHMQ_QUEUE_HEADER, forged.data(),
                  static_cast<std::uint32_t>(forged.size()));
    shmq_store_release(base, SHMQ_WRITE_POSITION, static_cast<std::uint32_t>(forged.size()));
    unsigned again = 0;
    unsigned calls = 0;
    for (;; ++calls) {
        const Status s = rx.try_read().status();
        if (s == Status::Empty)
            break;
        ASSERT_TRUE(s == Status::Again || s == Status::BadCrc || s == Status::TooBig)
            << to_string(s);
        again += s == Status::Again;
    }
    EXPECT_GT(again, 10u) << calls << " calls: none hashes all of it";
}

} // namespace
