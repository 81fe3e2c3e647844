// SPDX-License-Identifier: GPL-2.0-only OR MIT
// poll(2) and level-triggered epoll.
#include "support/epoll.hpp"
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <vector>

namespace {

using namespace test;

struct Poll : DriverTest {};

struct PollBetweenPrograms : DriverTest {
    PollBetweenPrograms() : DriverTest("handler=none") {}
};

constexpr short both = POLLIN | POLLOUT;

TEST_F(Poll, AFreshDeviceHasRoomAndNoMessage) {
    const Device d;
    EXPECT_EQ(d.poll(both, 0), POLLOUT);
    EXPECT_EQ(d.poll(POLLIN, 0), 0);
}

TEST_F(Poll, ReadableUntilTheLastMessageIsRead) {
    const Device d;
    for (const char* m : {"1", "2", "3"})
        ASSERT_EQ(d.write(m), 0);
    for (int i = 0; i < 3; i++) {
        ASSERT_EQ(d.poll(POLLIN), POLLIN);
        EXPECT_EQ(d.poll(POLLIN, 0), POLLIN) << "again: the level counts";
        d.read();
    }
    EXPECT_EQ(d.poll(POLLIN, 0), 0);
}

TEST_F(Poll, LevelTriggeredEpollRepeats) {
    const Device d;
    const Epoll e(d.fd(), EPOLLIN);
    EXPECT_EQ(e.wait(0), 0u);
    ASSERT_EQ(d.write("x"), 0);
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(e.wait(), EPOLLIN);
    d.read();
    EXPECT_EQ(e.wait(0), 0u);
}

TEST_F(Poll, WritableUntilFull) {
    reload("handler=none");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    Receiver r(d, v, to_kernel);
    const std::string m(10'000, 'x');
    while (d.write(m) == 0)
        EXPECT_EQ(d.poll(POLLOUT, 0), POLLOUT);
    EXPECT_EQ(d.poll(POLLOUT, 0), POLLOUT) << "a small message fits";
    while (d.write("") == 0) {
    }
    EXPECT_EQ(d.poll(POLLOUT, 0), 0);
    std::string got;
    ASSERT_EQ(r.try_receive(got), SHMQ_OK);
    EXPECT_EQ(d.poll(POLLOUT, 0), POLLOUT);
}

TEST_F(PollBetweenPrograms, WritableMeansTheDeclaredRoom) {
    const Device d;
    const View v(d);
    ASSERT_EQ(d.claim(to_kernel, producer, 50'000), 0);
    Sender s(d, v);
    Receiver r(d, v, to_kernel);
    const std::string m(10'000, 'x');
    const std::uint32_t frame = 10'000 + 17, need = 50'000 + 17;
    std::uint32_t free = v.capacity(0) - 1;
    std::string got;
    while (s.place(m) == SHMQ_OK) {
        free -= frame;
        EXPECT_EQ(d.poll(POLLOUT, 0), free >= need ? POLLOUT : 0) << free << " bytes are free";
    }
    while (r.try_receive(got) == SHMQ_OK) {
        free += frame;
        EXPECT_EQ(d.poll(POLLOUT, 0), free >= need ? POLLOUT : 0) << free << " bytes are free";
    }
    // What another file declared is gone with its claim.
    ASSERT_EQ(d.release(to_kernel, producer), 0);
    while (s.place(m) == SHMQ_OK) {
    }
    EXPECT_EQ(d.poll(POLLOUT, 0), POLLOUT);
}

TEST_F(PollBetweenPrograms, BytesAreCountedOneByOneIfClaimedSo) {
    const Device user, peer;
    const View v(user);
    const std::uint32_t room = 1000, all = v.capacity(to_kernel) - 1;
    shmq_claim c = Device::claim_of(to_kernel, producer, room);
    c.flags = SHMQ_CLAIM_BYTES;
    ASSERT_EQ(user.ioctl(SHMQ_IOC_CLAIM, &c), 0);
    c = Device::claim_of(to_kernel, consumer);
    c.flags = SHMQ_CLAIM_BYTES;
    ASSERT_EQ(peer.ioctl(SHMQ_IOC_CLAIM, &c), 0);

    EXPECT_EQ(peer.poll(POLLIN, 0), 0);
    v.set_position(to_kernel, SHMQ_WRITE_POSITION, 1);
    EXPECT_EQ(peer.poll(POLLIN, 0), POLLIN) << "one byte";
    v.set_position(to_kernel, SHMQ_WRITE_POSITION, all - room);
    EXPECT_EQ(user.poll(POLLOUT, 0), POLLOUT);
    v.set_position(to_kernel, SHMQ_WRITE_POSITION, all - room + 1);
    EXPECT_EQ(user.poll(POLLOUT, 0), 0);
    v.set_position(to_kernel, SHMQ_READ_POSITION, 1);
    EXPECT_EQ(user.poll(POLLOUT, 0), POLLOUT);
    // A successor that claims messages is not told of bytes.
    ASSERT_EQ(peer.release(to_kernel, consumer), 0);
    ASSERT_EQ(peer.claim(to_kernel, consumer), 0);
    v.set_position(to_kernel, SHMQ_WRITE_POSITION, 2);
    EXPECT_EQ(peer.poll(POLLIN, 0), 0);
}

TEST_F(PollBetweenPrograms, ASleeperForLittleRoomIsNotLeftBehindByOneForMuch) {
    const Device d;
    const View v(d);
    ASSERT_EQ(d.claim(to_kernel, producer, 60'000), 0);
    Sender s(d, v);
    while (s.place(std::string(5'000, 'x')) == SHMQ_OK) {
    }
    Child sleeper([&] {
        CHILD_CHECK(d.poll(POLLOUT) == POLLOUT);
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(sleeper.pid()));
    Receiver r(d, v, to_kernel);
    std::string m;
    while (r.try_receive(m) == SHMQ_OK)
        nap(5); // wakes it for room that is not enough, several times
    EXPECT_EQ(sleeper.wait(), 0);
}

TEST_F(PollBetweenPrograms, AFileIsPolledForTheEndsThatItClaimed) {
    const Device user, peer, neither;
    const View v(user);
    ASSERT_EQ(peer.claim(to_kernel, consumer), 0);
    EXPECT_EQ(peer.poll(both, 0), 0) << "a consumer of an empty queue";
    Sender s(user, v);
    ASSERT_EQ(s.place("x"), SHMQ_OK);
    EXPECT_EQ(peer.poll(both, 0), POLLIN);
    EXPECT_EQ(user.poll(both, 0), POLLOUT) << "the user of the channel: nothing to read";

    ASSERT_EQ(peer.claim(from_kernel, producer), 0);
    EXPECT_EQ(peer.poll(both, 0), both);
    Sender back(peer, v, from_kernel);
    ASSERT_EQ(back.place("y"), SHMQ_OK);
    EXPECT_EQ(user.poll(both, 0), both);
    EXPECT_EQ(neither.poll(both, 0), both) << "who claimed nothing is taken for the user";
}

TEST_F(Poll, LooksAloneDoNotWake) {
    // A poll for messages does not ask to be told of room, nor the other way.
    reload("handler=none");
    const Device d;
    const View v(d);
    d.poll(POLLIN, 0);
    EXPECT_NE(v.sleeping(SHMQ_BELL_DATA(from_kernel)), 0u);
    EXPECT_EQ(v.sleeping(SHMQ_BELL_ROOM(to_kernel)), 0u);
    v.wake_page.data()[View::word(SHMQ_BELL_DATA(from_kernel))] = 0;
    d.poll(POLLOUT, 0);
    EXPECT_EQ(v.sleeping(SHMQ_BELL_DATA(from_kernel)), 0u);
    EXPECT_NE(v.sleeping(SHMQ_BELL_ROOM(to_kernel)), 0u);
}

// ---- sleepers ----

// Sleeps in poll for the events, and sees them after `then`.
template <class Then>
void woken(const Device& d, short events, short expected, Then then) {
    Child sleeper([&] {
        const int got = d.poll(events);
        if (got != expected)
            std::fprintf(stderr, "poll found %x, not %x\n", got, expected);
        return got == expected ? 0 : 1;
    });
    ASSERT_TRUE(comes_to_sleep(sleeper.pid()));
    nap(30);
    then();
    EXPECT_EQ(sleeper.wait(), 0);
}

TEST_F(Poll, AMessageWakes) {
    const Device d;
    for (int i = 0; i < 5; i++) {
        woken(d, POLLIN, POLLIN, [&] { ASSERT_EQ(d.write("x"), 0); });
        EXPECT_EQ(d.read(), "x");
    }
}

TEST_F(PollBetweenPrograms, RoomWakes) {
    const Device d;
    const View v(d);
    Sender s(d, v);
    Receiver r(d, v, to_kernel);
    while (s.place(std::string(50, 'x')) == SHMQ_OK) {
    }
    while (s.place("") == SHMQ_OK) {
    }
    woken(d, POLLOUT, POLLOUT, [&] {
        std::string m;
        ASSERT_EQ(r.try_receive(m), SHMQ_OK);
    });
}

TEST_F(Poll, AStoppedQueueWakesWithAnError) {
    const Device d;
    const View v(d);
    woken(d, POLLIN, POLLERR, [&] {
        v.set_position(to_kernel, SHMQ_WRITE_POSITION, 0x80000000);
        ASSERT_EQ(d.kick(), 0);
    });
    EXPECT_EQ(d.poll(both, 0) & POLLERR, POLLERR);
    EXPECT_EQ(d.poll(0, 0), POLLERR) << "not asked for";
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(d.poll(both, 0), POLLOUT);
}

TEST_F(Poll, AStopOfTheReadersQueueIsAMessageOfAKind) {
    // read(2) then tells the error.
    const Device d;
    const View v(d);
    v.set_position(from_kernel, SHMQ_WRITE_POSITION, 0x80000000);
    EXPECT_TRUE(d.poll(POLLIN, 0) & POLLIN);
    std::string m;
    EXPECT_EQ(d.read(m), EIO);
    EXPECT_EQ(d.poll(POLLIN, 0), POLLIN | POLLERR);
}

// What read(2) would tell, poll(2) must announce.
TEST_F(PollBetweenPrograms, AFrameThatCannotBeIsAMessageOfAKind) {
    reload("handler=none framing=plain");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    std::string m;
    // Plain frames are published whole: half a head, and a size beyond what is there.
    for (std::uint32_t published : {4u, 16u}) {
        shmq_put_le32(v.base(from_kernel) + SHMQ_QUEUE_HEADER, 1000);
        v.set_position(from_kernel, SHMQ_WRITE_POSITION, published);
        EXPECT_TRUE(d.poll(POLLIN, 0) & POLLIN) << published << " bytes";
        EXPECT_EQ(d.read(m), EIO) << published << " bytes";
        ASSERT_EQ(d.reset(), 0);
    }
}

TEST_F(PollBetweenPrograms, AKickWakesForWhatIsThere) {
    const Device d;
    const View v(d);
    woken(d, POLLIN, POLLIN, [&] {
        Sender s(d, v, from_kernel);
        ASSERT_EQ(s.place("no bell"), SHMQ_OK); // nobody took the sleep word
        ASSERT_EQ(d.kick(1 << SHMQ_BELL_DATA(from_kernel)), 0);
    });
}

TEST_F(PollBetweenPrograms, AResetClearsWhatWasThere) {
    const Device d;
    const View v(d);
    Sender s(d, v, from_kernel);
    ASSERT_EQ(s.place("x"), SHMQ_OK);
    const Epoll e(d.fd(), EPOLLIN);
    EXPECT_EQ(e.wait(), EPOLLIN);
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(e.wait(0), 0u);
}

TEST_F(PollBetweenPrograms, SeveralSleepersAllWake) {
    const Device d, e;
    const View v(d);
    std::vector<Child> sleepers;
    for (int i = 0; i < 4; i++)
        sleepers.emplace_back([&] { return (i % 2 ? d : e).poll(POLLIN) == POLLIN ? 0 : 1; });
    for (const auto& c : sleepers)
        ASSERT_TRUE(comes_to_sleep(c.pid()));
    nap(50);
    ASSERT_EQ(Sender(d, v, from_kernel).try_send("x"), SHMQ_OK);
    for (auto& c : sleepers)
        EXPECT_EQ(c.wait(), 0);
}

} // namespace
