// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A channel over a Unix socket whose client does not keep to the protocol: costs
// that channel and nothing else.
#include "handshake.hpp"
#include "readiness.hpp"
#include "sockets.hpp"

#include <shmq/core/channel.h>
#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Listener;
using shmq::Status;
using shmq::Wait;

constexpr auto patience = 60s;

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

TEST(HostileConnection, ItsMemoryCannotBeTakenAwayByTheClient) {
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

TEST(HostileConnection, APacketThatIsNoneEndsTheConnection) {
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

TEST(HostileConnection, ControlMessagesWithoutCreditEndTheConnection) {
    Hostile h;
    for (std::size_t i = 0; i < Channel::max_unread_control; ++i)
        ASSERT_TRUE(h.send_words({3, 7}));
    EXPECT_TRUE(is_readable(h.near.fd()));
    EXPECT_EQ(h.near.take_rings(), Status::Ok);
    ASSERT_TRUE(h.send_words({3, 7}));
    EXPECT_EQ(h.near.take_rings(), Status::Corrupt);
}

TEST(HostileConnection, AFloodOfBellsIsABoundedAmountOfWorkAndOfMemory) {
    Hostile h;
    auto rx = h.near.receiver();
    std::size_t sent = 0;
    while (h.send_words({1 + static_cast<std::uint32_t>(sent % 2)}))
        ++sent;
    EXPECT_GT(sent, 64u);
    EXPECT_LT(sent, 100000u) << "its own send buffer is full";
    ASSERT_EQ(h.near.take_rings(), Status::Ok);
    EXPECT_EQ(rx.try_read().status(), Status::Empty);
    EXPECT_FALSE(is_readable(h.near.fd())) << "a turn takes what stood there";
    std::atomic<bool> over{false};
    std::thread flood([&] {
        while (!over.load(std::memory_order_relaxed))
            h.send_words({1});
    });
    for (int turn = 0; turn < 1000; ++turn) // each of which ends
        ASSERT_EQ(h.near.take_rings(), Status::Ok);
    over = true;
    flood.join();
    // Full of what it does not read, its own socket does not block ours.
    for (std::uint32_t i = 0; i < 10000; ++i)
        (void)h.near.sender();
}

TEST(HostileConnection, AWaitEndsInTimeThoughThePeerClearsTheSleepWord) {
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

TEST(HostileConnection, PositionsAndDataThatChangeAtWillHurtOnlyTheirQueue) {
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

TEST(HostileConnection, AForgedRunOfHeadersDoesNotTakeForEver) {
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
