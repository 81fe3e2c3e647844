// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Two processes, and what remains when one is killed.
#include "processes.hpp"
#include "names.hpp"
#include "numbered_text.hpp"
#include "random.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include <signal.h>
#include <sys/time.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Holder;
using shmq::Side;
using shmq::Status;
using shmq::Wait;

constexpr auto patience = 60s;

std::string message(std::uint32_t n) {
    return numbered_text(n, 4 + n % 150);
}

/// Sends from `n` on until it cannot.
int send_for_ever(Channel channel, std::uint32_t n) {
    auto tx = channel.sender();
    for (;; ++n)
        if (tx.write(message(n), patience) != Status::Ok)
            return 1;
}

TEST(Processes, TalkOverAnInheritedChannel) {
    for (const Wait wait : {Wait::spin_then_sleep(), Wait::sleep()}) {
        Channel first = Channel::memfd({.queue_size = 1024, .wait = wait});
        Child echo([&] {
            Channel second = first.other_side();
            auto rx = second.receiver();
            auto tx = second.sender();
            for (;;) {
                const auto m = rx.read(patience);
                if (!m)
                    return m.status() == Status::PeerGone ? 0 : 1;
                if (tx.write(m.data(), patience) != Status::Ok)
                    return 2;
            }
        });
        {
            auto tx = first.sender();
            auto rx = first.receiver();
            for (std::uint32_t n = 0; n < 2000; ++n) {
                ASSERT_EQ(tx.write(message(n), patience), Status::Ok);
                const auto m = rx.read(patience);
                ASSERT_TRUE(m) << to_string(m.status());
                ASSERT_EQ(m.text(), message(n));
            }
        }
        EXPECT_EQ(echo.join(), 0);
    }
}

TEST(Processes, TalkOverAName) {
    const ShmName name;
    Channel first =
        Channel::create(name.address(), {.queue_size = 1024, .format = Format::plain()});
    Child reader([&] {
        auto rx = Channel::open(name.address(), {.wait = Wait::sleep()}).receiver();
        for (std::uint32_t n = 0; n < 5000; ++n)
            if (rx.read(patience).text() != message(n))
                return 1;
        return 0;
    });
    auto tx = first.sender();
    for (std::uint32_t n = 0; n < 5000; ++n)
        ASSERT_EQ(tx.write(message(n), patience), Status::Ok);
    EXPECT_EQ(reader.join(), 0);
}

TEST(Processes, AKilledProducerLosesNothingThatItPublished) {
    Random random(1);
    for (const Format& format : {Format::checked(), Format::plain()}) {
        Channel first = Channel::memfd({.queue_size = 2048, .format = format});
        auto rx = first.other_side().receiver();
        std::uint32_t expected = 0;
        for (int round = 0; round < 20; ++round) {
            Child writer([&, expected] { return send_for_ever(std::move(first), expected); });
            // Killed while it writes, or while it waits for room.
            const std::uint32_t stop = expected + 50 + random.below(500);
            while (expected < stop) {
                const auto m = rx.read(patience);
                if (m.status() == Status::PeerGone)
                    continue; // the one before; its successor is about to come
                ASSERT_TRUE(m) << to_string(m.status());
                ASSERT_EQ(m.text(), message(expected)) << round;
                ++expected;
            }
            std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
            writer.kill();
            // What is left is whole messages in order, and then nothing.
            for (;;) {
                const auto m = rx.try_read();
                if (m.status() == Status::Empty)
                    break;
                if (m.status() == Status::PeerGone)
                    continue;
                ASSERT_TRUE(m) << to_string(m.status());
                ASSERT_EQ(m.text(), message(expected)) << round;
                ++expected;
            }
            EXPECT_EQ(rx.peer(), Holder::gone);
        }
    }
}

TEST(Processes, AKilledConsumersSuccessorSeesAtMostOneMessageTwice) {
    Random random(2);
    const ShmName name;
    Channel first = Channel::create(name.address(), {.queue_size = 2048});
    // How far the children came, as they tell after each message.
    const shmq::Region told = shmq::Region::memfd("told", 4096);
    auto* const seen = reinterpret_cast<shmq_base>(told.bytes().data());
    auto tx = first.sender();
    std::uint32_t sent = 0;
    for (int round = 0; round < 20; ++round) {
        Child reader([&] {
            auto rx = Channel::open(name.address()).receiver();
            std::uint32_t next = shmq_load_acquire(seen, 0);
            for (bool first_one = true;; first_one = false) {
                const auto m = rx.front(patience);
                std::string s(m.size(), '?');
                m.data().copy_to(std::as_writable_bytes(std::span(s)));
                if (first_one && next > 0 && s == message(next - 1))
                    continue; // told, but not released
                if (s != message(next))
                    return 1;
                shmq_store_release(seen, 0, ++next);
            }
        });
        const std::uint32_t stop = sent + 50 + random.below(500);
        while (sent < stop) {
            const Status s = tx.write(message(sent), patience);
            if (s == Status::PeerGone)
                continue; // the one before; its successor is about to come
            ASSERT_EQ(s, Status::Ok);
            ++sent;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
        reader.kill();
    }
    auto rx = Channel::open(name.address()).receiver();
    std::uint32_t next = shmq_load_acquire(seen, 0);
    auto m = rx.try_read();
    if (m && next > 0 && m.text() == message(next - 1))
        m = rx.try_read();
    for (; m; m = rx.try_read())
        ASSERT_EQ(m.text(), message(next++));
    EXPECT_EQ(next, sent) << "all were delivered";
}

TEST(Processes, AKilledPeerEndsASleepWithinSeconds) {
    Channel first = Channel::memfd({.wait = Wait::sleep()});
    auto rx = first.other_side().receiver();
    Child writer([&] {
        auto tx = first.sender();
        (void)tx.write("hello");
        ::pause();
        return 0;
    });
    ASSERT_TRUE(rx.read(patience));
    writer.kill();
    EXPECT_EQ(rx.read(patience).status(), Status::PeerGone);
    EXPECT_EQ(rx.read(10ms).status(), Status::Timeout) << "told once";
}

TEST(Processes, AWriterWhoseConsumerWasKilledIsTold) {
    for (const Wait wait : {Wait::sleep(), Wait::spin(), Wait::gather(), Wait::periodic(1ms)}) {
        Channel first = Channel::memfd({.queue_size = 256, .wait = wait});
        Child reader([&] {
            auto rx = first.other_side().receiver();
            (void)rx.read(patience);
            ::pause();
            return 0;
        });
        auto tx = first.sender();
        while (tx.peer() != Holder::user)
            std::this_thread::yield();
        reader.kill();
        Status s = Status::Ok;
        while (s == Status::Ok)
            s = tx.write("filling the ring", patience);
        EXPECT_EQ(s, Status::PeerGone);
    }
}

TEST(Processes, TheEndOfAKilledHolderIsFree) {
    const ShmName name;
    Channel first = Channel::create(name.address());
    Child holder([&] {
        Channel second = Channel::open(name.address());
        auto rx = second.receiver();
        auto tx = second.sender();
        (void)tx.write("claimed");
        ::pause();
        return 0;
    });
    auto rx = first.receiver();
    ASSERT_TRUE(rx.read(patience));
    Channel second = Channel::open(name.address());
    std::error_code ec;
    (void)second.receiver(ec);
    EXPECT_EQ(ec, std::errc::device_or_resource_busy);
    holder.kill();
    (void)second.receiver(ec);
    EXPECT_FALSE(ec) << ec.message();
}

// Signals: a timer that fires all the time.

extern "C" void on_alarm(int) {}

class Alarms {
public:
    Alarms() {
        struct sigaction action {};
        action.sa_handler = on_alarm; // without SA_RESTART
        ::sigaction(SIGALRM, &action, &old_);
        const itimerval often{{0, 2000}, {0, 2000}};
        ::setitimer(ITIMER_REAL, &often, nullptr);
    }
    ~Alarms() {
        const itimerval never{};
        ::setitimer(ITIMER_REAL, &never, nullptr);
        ::sigaction(SIGALRM, &old_, nullptr);
    }

private:
    struct sigaction old_ {};
};

TEST(Processes, SignalsDoNotEndAWaitUnlessAsked) {
    for (const Wait wait : {Wait::sleep(), Wait::periodic(1h)}) {
        Channel first = Channel::memfd({.wait = wait});
        auto rx = first.other_side().receiver();
        const Alarms alarms;
        const auto before = std::chrono::steady_clock::now();
        EXPECT_EQ(rx.read(30ms).status(), Status::Timeout);
        EXPECT_GE(std::chrono::steady_clock::now() - before, 30ms)
            << "the time is not started over, nor cut short";
    }
    for (const Wait wait : {Wait::sleep(), Wait::periodic(1h)}) {
        Channel first = Channel::memfd({.wait = wait.interruptible()});
        auto rx = first.other_side().receiver();
        const Alarms alarms;
        EXPECT_EQ(rx.read(patience).status(), Status::Interrupted);
    }
}

} // namespace
