// SPDX-License-Identifier: GPL-2.0-only OR MIT
// handler=none: two programs at the two sides of one device.
#include "support/epoll.hpp"
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <algorithm>

namespace {

using namespace test;

struct Peers : DriverTest {
    Peers() : DriverTest("handler=none size=32K") {}
};

const unsigned count = 10'000 * long_factor();
constexpr std::uint32_t largest = 5000;

// One side: sends all, receives all, sleeps for either in one poll.
int side(unsigned sending, unsigned receiving, unsigned seed) {
    const Device d;
    const View v(d);
    CHILD_CHECK(d.claim(sending, producer, largest) == 0);
    CHILD_CHECK(d.claim(receiving, consumer) == 0);
    Sender s(d, v, sending);
    Receiver r(d, v, receiving);
    Dice dice(seed);
    unsigned sent = 0, received = 0;
    std::string m;
    while (sent < count || received < count) {
        bool moved = false;
        auto go_on = [&] {
            while (sent < count && s.try_send(pattern(sent + 1000 * sending, largest)) == SHMQ_OK) {
                sent++;
                moved = true;
            }
            while (received < count && r.try_receive(m) == SHMQ_OK) {
                if (m != pattern(received + 1000 * receiving, largest))
                    fail("message " + std::to_string(received) + " came changed", EILSEQ);
                received++;
                moved = true;
            }
        };
        go_on();
        if (!dice(100))
            usleep(dice(1000));
        if (moved)
            continue;
        if (sent < count)
            shmq_doorbell_arm(v.wake(), View::word(SHMQ_BELL_ROOM(sending)));
        shmq_doorbell_arm(v.wake(), View::word(SHMQ_BELL_DATA(receiving)));
        go_on();
        if (moved)
            continue;
        CHILD_CHECK(d.poll(sent < count ? POLLIN | POLLOUT : POLLIN) & (POLLIN | POLLOUT));
    }
    return 0;
}

TEST_F(Peers, TalkBothWaysAndSleep) {
    Child a([] { return side(0, 1, 11); });
    Child b([] { return side(1, 0, 12); });
    EXPECT_EQ(a.wait(600), 0);
    EXPECT_EQ(b.wait(600), 0);
    const Device d;
    const View v(d);
    EXPECT_EQ(v.state(0).messages + v.state(1).messages, 0u) << "the kernel is not among them";
    EXPECT_EQ(v.state(0).state + v.state(1).state, 0u);
}

TEST_F(Peers, OneMayUseReadAndWrite) {
    Child shell([] {
        const Device d;
        std::string m;
        for (unsigned i = 0; i < 2000; i++) {
            CHILD_CHECK(d.write(pattern(i, largest)) == 0);
            CHILD_CHECK(d.read(m) == 0 && m == "got " + std::to_string(i));
        }
        return 0;
    });
    const Device d;
    const View v(d);
    ASSERT_EQ(d.claim(from_kernel, producer), 0);
    ASSERT_EQ(d.claim(to_kernel, consumer), 0);
    Sender s(d, v, from_kernel);
    Receiver r(d, v, to_kernel);
    std::string m;
    for (unsigned i = 0; i < 2000; i++) {
        ASSERT_EQ(r.receive(m), SHMQ_OK);
        ASSERT_EQ(m, pattern(i, largest));
        ASSERT_EQ(s.send("got " + std::to_string(i)), SHMQ_OK);
    }
    EXPECT_EQ(shell.wait(), 0);
}

TEST_F(Peers, AKilledOneLeavesWhatItPublishedToItsSuccessor) {
    Gate sent;
    Child first([&] {
        const Device d;
        const View v(d);
        CHILD_CHECK(d.claim(0, producer) == 0);
        Sender s(d, v, 0);
        for (int i = 0; i < 5; i++)
            CHILD_CHECK(s.try_send("first " + std::to_string(i)) == SHMQ_OK);
        // One that is never published.
        shmq_pieces room;
        CHILD_CHECK(shmq_frame_reserve(&s.writer, 100, &room) == SHMQ_OK);
        std::memset(shmq_at(v.base(0), room.off[0]), 'h', 50);
        sent.open();
        pause();
        return 0;
    });
    sent.pass();
    first.kill();

    const Device d, next;
    const View v(d), nv(next);
    ASSERT_EQ(d.claim(0, consumer), 0);
    ASSERT_EQ(next.claim(0, producer), 0);
    Sender s(next, nv, 0);
    ASSERT_EQ(s.try_send("second"), SHMQ_OK);
    Receiver r(d, v, 0);
    std::string m;
    for (int i = 0; i < 5; i++) {
        ASSERT_EQ(r.receive(m), SHMQ_OK);
        EXPECT_EQ(m, "first " + std::to_string(i));
    }
    ASSERT_EQ(r.receive(m), SHMQ_OK);
    EXPECT_EQ(m, "second");
    EXPECT_EQ(r.try_receive(m), SHMQ_EMPTY);
}

TEST_F(Peers, AKilledReaderRepeatsAtMostWhatItHadNotReleased) {
    const Device d;
    const View v(d);
    ASSERT_EQ(d.claim(0, producer), 0);
    Sender s(d, v, 0);
    for (int i = 0; i < 6; i++)
        ASSERT_EQ(s.try_send(std::to_string(i)), SHMQ_OK);
    Gate three;
    Child first([&] {
        const Device mine;
        const View mapped(mine);
        CHILD_CHECK(mine.claim(0, consumer) == 0);
        Receiver r(mine, mapped, 0);
        std::string m;
        for (int i = 0; i < 3; i++)
            CHILD_CHECK(r.receive(m) == SHMQ_OK && m == std::to_string(i));
        three.open();
        pause();
        return 0;
    });
    three.pass();
    first.kill();
    const Device next;
    const View nv(next);
    ASSERT_EQ(next.claim(0, consumer), 0);
    Receiver r(next, nv, 0);
    std::string m;
    for (int i = 3; i < 6; i++) {
        ASSERT_EQ(r.receive(m), SHMQ_OK);
        EXPECT_EQ(m, std::to_string(i));
    }
    EXPECT_EQ(r.try_receive(m), SHMQ_EMPTY);
}

// Killed at random moments, for many rounds; the survivor never sees half.
TEST_F(Peers, SendersKilledAtRandomNeverShowHalfAMessage) {
    const Device d;
    const View v(d);
    ASSERT_EQ(d.claim(0, consumer), 0);
    Receiver r(d, v, 0);
    Dice dice(13);
    std::string m;
    unsigned received = 0;
    for (unsigned round = 0; round < 60 * long_factor(); round++) {
        Child victim([] {
            const Device mine;
            const View mapped(mine);
            while (mine.claim(0, producer) == EBUSY)
                usleep(100);
            Sender s(mine, mapped, 0);
            for (unsigned i = 0;; i++)
                if (s.send(pattern(i, largest)) != SHMQ_OK)
                    return 1;
        });
        // Its messages start with number 0 whoever it is; read on until it dies.
        const unsigned until = 1 + dice(60);
        unsigned next = 0;
        while (next < until) {
            ASSERT_EQ(r.receive(m), SHMQ_OK);
            ASSERT_EQ(m, pattern(next, largest)) << "round " << round;
            next++;
        }
        if (dice(2))
            usleep(dice(500));
        victim.kill();
        shmq_status status;
        while ((status = r.try_receive(m)) == SHMQ_OK) {
            ASSERT_EQ(m, pattern(next, largest)) << "round " << round;
            next++;
        }
        ASSERT_EQ(status, SHMQ_EMPTY) << "round " << round;
        received += next;
    }
    EXPECT_GT(received, 100u);
}

} // namespace
