// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What an end does around the queue: arms, looks again, rings, sleeps.
#include "memory.hpp"

#include <shmq/msg_queue.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace {

using namespace std::chrono_literals;
using shmq::Bell;
using shmq::Format;
using shmq::Holder;
using shmq::MsgConsumer;
using shmq::MsgProducer;
using shmq::Status;
using shmq::Wait;

/// A doorbell that counts, and does what the test wants while the end sleeps.
class FakeBell : public Bell {
public:
    FakeBell(shmq_base words, std::uint32_t own, std::uint32_t peer)
        : Bell({words, own, peer}, 1h) {}

    void ring() noexcept override { ++rings; }
    Woken sleep(Clock::time_point until) noexcept override {
        ++sleeps;
        slept_armed = shmq_load_relaxed(words().base, words().own) != 0;
        last_until = until;
        return while_asleep ? while_asleep() : Woken::time;
    }
    void quiet() noexcept override {
        ++quieted;
        if (on_quiet)
            on_quiet();
    }
    Status health(bool) noexcept override { return health_now; }
    Holder peer() noexcept override { return Holder::user; }
    [[nodiscard]] int fd() const noexcept override { return 77; }

    int rings = 0;
    int sleeps = 0;
    int quieted = 0;
    bool slept_armed = false;
    Clock::time_point last_until;
    std::function<Woken()> while_asleep;
    std::function<void()> on_quiet;
    Status health_now = Status::Ok;
};

struct Ends {
    explicit Ends(Wait rx_wait = Wait::sleep(), Wait tx_wait = Wait::sleep())
        : words(128), memory(256) {
        shmq::create_queue(memory.span());
        tx_bell = std::make_shared<FakeBell>(words.base(), 64, 0);
        rx_bell = std::make_shared<FakeBell>(words.base(), 0, 64);
        tx = MsgProducer::attach(memory.span(), Format::checked(),
                                 {.wait = tx_wait, .bell = tx_bell});
        rx = MsgConsumer::attach(memory.span(), Format::checked(),
                                 {.wait = rx_wait, .bell = rx_bell});
        EXPECT_EQ(tx_bell->rings, 1) << "attaching rings: a predecessor may have died";
        EXPECT_EQ(rx_bell->rings, 1);
        tx_bell->rings = rx_bell->rings = 0;
    }
    void fill() {
        while (tx.try_write("fill") == Status::Ok) {
        }
    }
    [[nodiscard]] bool rx_armed() const { return words.word(0) != 0; }
    [[nodiscard]] bool tx_armed() const { return words.word(64) != 0; }

    Memory words;
    Memory memory;
    std::shared_ptr<FakeBell> tx_bell;
    std::shared_ptr<FakeBell> rx_bell;
    MsgProducer tx;
    MsgConsumer rx;
};

TEST(Waiting, NobodyIsRungWhoDoesNotSleep) {
    Ends q;
    for (int i = 0; i < 3; ++i)
        ASSERT_EQ(q.tx.try_write("x"), Status::Ok);
    EXPECT_EQ(q.tx_bell->rings, 0);
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(q.rx.try_read());
    EXPECT_EQ(q.rx_bell->rings, 0);
}

TEST(Waiting, EmptyIsAnnouncedAndTheNextMessageRingsOnce) {
    Ends q;
    EXPECT_EQ(q.rx.try_read().status(), Status::Empty);
    EXPECT_TRUE(q.rx_armed());
    ASSERT_EQ(q.tx.try_write("one"), Status::Ok);
    EXPECT_EQ(q.tx_bell->rings, 1);
    EXPECT_FALSE(q.rx_armed()) << "who rings clears the word";
    ASSERT_EQ(q.tx.try_write("two"), Status::Ok);
    EXPECT_EQ(q.tx_bell->rings, 1);
}

TEST(Waiting, FullIsAnnouncedAndTheNextReleaseRingsOnce) {
    Ends q;
    q.fill();
    EXPECT_TRUE(q.tx_armed());
    EXPECT_TRUE(q.rx.try_read());
    EXPECT_EQ(q.rx_bell->rings, 1);
    EXPECT_FALSE(q.tx_armed());
    EXPECT_TRUE(q.rx.try_read());
    EXPECT_EQ(q.rx_bell->rings, 1);
    auto front = q.rx.try_front();
    EXPECT_EQ(q.rx_bell->rings, 1);
}

TEST(Waiting, AReleasedFrontRings) {
    Ends q;
    q.fill();
    q.rx.try_front().release();
    EXPECT_EQ(q.rx_bell->rings, 1);
}

TEST(Waiting, ACommittedReservationRings) {
    Ends q;
    EXPECT_FALSE(q.rx.try_read());
    auto r = q.tx.try_reserve(4);
    EXPECT_EQ(q.tx_bell->rings, 0);
    ASSERT_EQ(r.commit(), Status::Ok);
    EXPECT_EQ(q.tx_bell->rings, 1);
}

TEST(Waiting, ABatchRingsWhenItPublishes) {
    Ends q;
    EXPECT_FALSE(q.rx.try_read());
    {
        const auto batch = q.tx.batch();
        ASSERT_EQ(q.tx.try_write("one"), Status::Ok);
        EXPECT_EQ(q.tx_bell->rings, 0);
    }
    EXPECT_EQ(q.tx_bell->rings, 1);
    EXPECT_TRUE(q.rx.try_read());
    EXPECT_FALSE(q.rx.try_read());
    const auto batch = q.tx.batch();
    Status s = Status::Ok;
    while (s == Status::Ok)
        s = q.tx.try_write("fill");
    EXPECT_EQ(s, Status::Full);
    EXPECT_EQ(q.tx_bell->rings, 2) << "a full look publishes, and rings for it";
}

TEST(Waiting, WhatComesBetweenTheLookAndTheWordIsNotMissed) {
    Ends q;
    // quiet() runs before the word is set: the last moment to slip through.
    q.rx_bell->on_quiet = [&] {
        q.rx_bell->on_quiet = nullptr;
        ASSERT_EQ(q.tx.try_write("slipped in"), Status::Ok);
    };
    EXPECT_EQ(q.rx.try_read().text(), "slipped in");
    EXPECT_EQ(q.tx_bell->rings, 0) << "nobody was announced";
    EXPECT_FALSE(q.rx_armed()) << "and who found something does not sleep";

    q.fill();
    q.tx_bell->on_quiet = [&] {
        q.tx_bell->on_quiet = nullptr;
        ASSERT_TRUE(q.rx.try_read());
    };
    EXPECT_EQ(q.tx.try_write("fill"), Status::Ok);
}

TEST(Waiting, AWaitLooksAgainBeforeItSleeps) {
    for (const Wait wait : {Wait::sleep(), Wait::spin_then_sleep(1us)}) {
        Ends q(wait, wait);
        q.rx_bell->on_quiet = [&] {
            q.rx_bell->on_quiet = nullptr;
            ASSERT_EQ(q.tx.try_write("slipped in"), Status::Ok);
        };
        EXPECT_EQ(q.rx.read().text(), "slipped in");
        EXPECT_EQ(q.rx_bell->sleeps, 0) << "nobody would ring for it";

        q.fill();
        q.words.set_word(64, 0);
        q.tx_bell->on_quiet = [&] {
            q.tx_bell->on_quiet = nullptr;
            ASSERT_TRUE(q.rx.try_read());
        };
        EXPECT_EQ(q.tx.write("fill"), Status::Ok);
        EXPECT_EQ(q.tx_bell->sleeps, 0);
    }
}

TEST(Waiting, AnArmedEndIsNotArmedAgain) {
    Ends q;
    EXPECT_FALSE(q.rx.try_read());
    q.words.set_word(0, 5); // still set, by whatever value
    EXPECT_FALSE(q.rx.try_read());
    EXPECT_EQ(q.words.word(0), 5u);
    q.words.set_word(0, 0);
    EXPECT_FALSE(q.rx.try_read());
    EXPECT_TRUE(q.rx_armed()) << "somebody took it: once more";
}

TEST(Waiting, AnEndThatOnlySpinsNeverAnnouncesItself) {
    for (const Wait wait : {Wait::spin(), Wait::gather(), Wait::periodic(1us)}) {
        Ends q(wait, wait);
        EXPECT_FALSE(q.rx.try_read());
        EXPECT_EQ(q.rx.read(1ms).status(), Status::Timeout);
        EXPECT_FALSE(q.rx_armed());
        q.fill();
        EXPECT_EQ(q.tx.write("fill", 1ms), Status::Timeout);
        EXPECT_FALSE(q.tx_armed());
        EXPECT_EQ(q.rx_bell->sleeps + q.tx_bell->sleeps, 0);
    }
}

TEST(Waiting, ASleeperIsArmedAndWokenByWhatComes) {
    for (const Wait wait : {Wait::sleep(), Wait::spin_then_sleep(10us)}) {
        Ends q(wait);
        q.rx_bell->while_asleep = [&] {
            EXPECT_EQ(q.tx.try_write("good morning"), Status::Ok);
            EXPECT_EQ(q.tx_bell->rings, 1);
            return Bell::Woken::rung;
        };
        EXPECT_EQ(q.rx.read().text(), "good morning");
        EXPECT_EQ(q.rx_bell->sleeps, 1);
        EXPECT_TRUE(q.rx_bell->slept_armed);
    }
}

TEST(Waiting, AProducerSleepsForRoom) {
    Ends q;
    q.fill();
    q.tx_bell->while_asleep = [&] {
        EXPECT_TRUE(q.rx.try_read());
        return Bell::Woken::rung;
    };
    EXPECT_EQ(q.tx.write("fill"), Status::Ok);
    EXPECT_EQ(q.tx_bell->sleeps, 1);
}

TEST(Waiting, AFalseAlarmIsSleptOver) {
    Ends q;
    int alarms = 0;
    q.rx_bell->while_asleep = [&] {
        if (++alarms == 5)
            (void)q.tx.try_write("at last");
        else
            q.words.set_word(0, 0); // rung, but for nothing
        return Bell::Woken::rung;
    };
    EXPECT_EQ(q.rx.read().text(), "at last");
    EXPECT_EQ(alarms, 5);
}

TEST(Waiting, ASleepEndsAtTheTimeout) {
    Ends q;
    q.rx_bell->while_asleep = [&] {
        while (Bell::Clock::now() < q.rx_bell->last_until) {
        }
        return Bell::Woken::time;
    };
    const auto before = Bell::Clock::now();
    EXPECT_EQ(q.rx.read(3ms).status(), Status::Timeout);
    EXPECT_GE(Bell::Clock::now() - before, 3ms);
    EXPECT_EQ(q.rx_bell->sleeps, 1);
    EXPECT_EQ(q.rx.read(0ms).status(), Status::Timeout);
    EXPECT_EQ(q.rx_bell->sleeps, 1) << "no time, no sleep";
}

TEST(Waiting, WithoutATimeoutOnlyTheSliceEndsASleep) {
    Ends q;
    q.rx_bell->while_asleep = [&] {
        EXPECT_GT(q.rx_bell->last_until, Bell::Clock::now() + 59min);
        (void)q.tx.try_write("x");
        return Bell::Woken::rung;
    };
    EXPECT_TRUE(q.rx.read());
}

TEST(Waiting, ASignalIsSleptOverUnlessThePolicyAsks) {
    const auto signals = [](Ends& q, int& count) {
        q.rx_bell->while_asleep = [&] {
            if (++count == 3)
                (void)q.tx.try_write("x");
            return Bell::Woken::signal;
        };
    };
    int count = 0;
    Ends patient;
    signals(patient, count);
    EXPECT_TRUE(patient.rx.read());
    EXPECT_EQ(count, 3);

    count = 0;
    Ends nervous(Wait::sleep().interruptible());
    signals(nervous, count);
    EXPECT_EQ(nervous.rx.read().status(), Status::Interrupted);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(nervous.rx.status(), Status::Ok) << "it may go on";
}

TEST(Waiting, APeerThatIsGoneIsToldOnceForEachDeparture) {
    Ends q;
    q.rx_bell->health_now = Status::PeerGone;
    EXPECT_EQ(q.rx.try_read().status(), Status::PeerGone);
    EXPECT_EQ(q.rx.try_read().status(), Status::Empty);
    EXPECT_EQ(q.rx.read(1ms).status(), Status::Timeout);
    q.rx_bell->health_now = Status::Ok;
    EXPECT_EQ(q.rx.try_read().status(), Status::Empty);
    q.rx_bell->health_now = Status::PeerGone;
    EXPECT_EQ(q.rx.read().status(), Status::PeerGone);
    EXPECT_EQ(q.rx.status(), Status::Ok);
}

TEST(Waiting, WhatAGonePeerPublishedIsDeliveredFirst) {
    for (const Status end : {Status::PeerGone, Status::Removed, Status::Corrupt}) {
        Ends q;
        q.rx_bell->health_now = Status::Ok;
        q.rx_bell->on_quiet = [&, end] { // after the first, empty look
            q.rx_bell->on_quiet = nullptr;
            ASSERT_EQ(q.tx.try_write("last words"), Status::Ok);
            q.rx_bell->health_now = end;
        };
        EXPECT_EQ(q.rx.try_read().text(), "last words") << to_string(end);
        EXPECT_EQ(q.rx.try_read().status(), end);
    }
}

TEST(Waiting, AnEndOfTheWorldIsFinal) {
    for (const Status end : {Status::Removed, Status::Recreated, Status::Corrupt}) {
        Ends q;
        q.rx_bell->health_now = q.tx_bell->health_now = end;
        EXPECT_EQ(q.rx.read().status(), end);
        q.fill();
        q.rx_bell->health_now = q.tx_bell->health_now = Status::Ok;
        EXPECT_EQ(q.rx.try_read().status(), end) << "also when it looks well again";
        EXPECT_EQ(q.rx.status(), end);
        EXPECT_EQ(q.tx.try_write("fill"), end);
        EXPECT_EQ(q.tx.write("fill"), end);
        EXPECT_EQ(q.tx.status(), end);
    }
}

TEST(Waiting, AWaitNoticesTheEndOfTheWorld) {
    for (const Wait wait : {Wait::spin(), Wait::gather(1us), Wait::periodic(1us), Wait::sleep(),
                            Wait::spin_then_sleep(1us)}) {
        Ends q(wait);
        q.rx_bell->health_now = Status::Removed;
        EXPECT_EQ(q.rx.read().status(), Status::Removed);
    }
}

TEST(Waiting, TheDescriptorAndThePeerAreTheBells) {
    Ends q;
    EXPECT_EQ(q.rx.fd(), 77);
    EXPECT_EQ(q.tx.peer(), Holder::user);
    EXPECT_EQ(q.rx.policy().kind(), Wait::Kind::sleep);
    MsgConsumer alone = MsgConsumer::attach(q.memory.span(), Format::checked());
    EXPECT_EQ(alone.fd(), -1);
    EXPECT_EQ(alone.peer(), Holder::unknown);
}

} // namespace
