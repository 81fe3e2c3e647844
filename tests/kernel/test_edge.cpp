// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Edge-triggered epoll: a lost wake-up shows, as nobody looks a second time.
#include "support/epoll.hpp"
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <optional>
#include <thread>

namespace {

using namespace test;

struct Edge : DriverTest {};

struct EdgeBetweenPrograms : DriverTest {
    EdgeBetweenPrograms() : DriverTest("handler=none size=64K") {}
};

const unsigned rounds = 3000 * long_factor();

TEST_F(Edge, OneEventAMessage) {
    const Device d(O_RDWR | O_NONBLOCK);
    const Epoll e(d.fd(), EPOLLIN | EPOLLET);
    EXPECT_EQ(e.wait(0), 0u);
    for (int i = 0; i < 20; i++) {
        ASSERT_EQ(d.write("x"), 0);
        ASSERT_EQ(e.wait(), EPOLLIN);
        // A ring may come after its message was seen; then it is quiet, though the
        // message is there.
        EXPECT_TRUE(eventually([&] { return e.wait(0) == 0; })) << "a level";
        EXPECT_EQ(d.read(), "x");
    }
}

// Bursts at random times, through the kernel's echo, read until EAGAIN.
TEST_F(Edge, ReadUntilEagainMissesNothing) {
    const Device d(O_RDWR | O_NONBLOCK);
    const Epoll e(d.fd(), EPOLLIN | EPOLLET);
    std::thread writer([&] {
        Dice dice(1);
        const Device& w = d;
        for (unsigned i = 0; i < rounds; i++) {
            while (w.write(std::to_string(i)) == EAGAIN)
                w.poll(POLLOUT);
            dawdle(dice);
        }
    });
    Dice dice(2);
    unsigned next = 0;
    std::string m;
    while (next < rounds) {
        if (!e.wait()) {
            ADD_FAILURE() << "no event for message " << next << " of " << rounds;
            break;
        }
        int error;
        while ((error = d.read(m, 100)) == 0) {
            ASSERT_EQ(m, std::to_string(next));
            next++;
            dawdle(dice);
        }
        ASSERT_EQ(error, EAGAIN);
    }
    writer.join();
    EXPECT_EQ(next, rounds);
}

// The library's way: set the word, look again, wait; the driver is not polled anew.
TEST_F(Edge, TheMappingsReaderMissesNothing) {
    const Device d;
    const View v(d);
    Gate ready;
    Child writer([&] {
        Sender s(d, v);
        Dice dice(3);
        ready.pass();
        for (unsigned i = 0; i < rounds; i++) {
            CHILD_CHECK(s.send(std::to_string(i)) == SHMQ_OK);
            dawdle(dice);
        }
        return 0;
    });
    const Epoll e(d.fd(), EPOLLIN | EPOLLET);
    Receiver r(d, v);
    Dice dice(4);
    ready.open();
    std::string m;
    unsigned next = 0;
    while (next < rounds) {
        if (r.try_receive(m) == SHMQ_EMPTY) {
            shmq_doorbell_arm(v.wake(), View::word(SHMQ_BELL_DATA(from_kernel)));
            if (r.try_receive(m) == SHMQ_EMPTY) {
                if (!e.wait()) {
                    ADD_FAILURE() << "no event for message " << next << " of " << rounds;
                    break;
                }
                continue;
            }
        }
        ASSERT_EQ(m, std::to_string(next));
        next++;
        dawdle(dice);
    }
    if (next < rounds)
        writer.kill();
    else
        EXPECT_EQ(writer.wait(), 0);
}

// A small queue that is full most of the time; its reader takes random bites.
void room_misses_nothing(bool by_mapping, std::uint32_t room) {
    const Device d(O_RDWR | O_NONBLOCK), peer;
    const View v(d), pv(peer);
    ASSERT_EQ(peer.claim(to_kernel, consumer), 0);
    if (by_mapping) {
        ASSERT_EQ(d.claim(to_kernel, producer, room), 0);
    }
    Child reader([&] {
        Receiver r(peer, pv, to_kernel);
        Dice dice(5);
        std::string m;
        for (unsigned i = 0; i < rounds; i++) {
            CHILD_CHECK(r.receive(m) == SHMQ_OK);
            CHILD_CHECK(m.size() == room && std::stoul(m) == i);
            dawdle(dice);
        }
        return 0;
    });
    const Epoll e(d.fd(), EPOLLOUT | EPOLLET);
    std::optional<Sender> s;
    if (by_mapping)
        s.emplace(d, v);
    Dice dice(6);
    for (unsigned i = 0; i < rounds;) {
        std::string m = std::to_string(i) + " ";
        m.resize(room, 'x');
        bool sent;
        if (by_mapping) {
            sent = s->try_send(m) == SHMQ_OK;
            if (!sent) {
                shmq_doorbell_arm(v.wake(), View::word(SHMQ_BELL_ROOM(to_kernel)));
                sent = s->try_send(m) == SHMQ_OK;
            }
        } else {
            sent = d.write(m) == 0;
        }
        if (sent) {
            i++;
            dawdle(dice);
        } else if (!e.wait()) {
            ADD_FAILURE() << "no event for room, message " << i << " of " << rounds;
            return;
        }
    }
    EXPECT_EQ(reader.wait(), 0);
}

TEST_F(EdgeBetweenPrograms, WriteUntilEagainMissesNoRoom) {
    room_misses_nothing(false, 9000);
}

TEST_F(EdgeBetweenPrograms, TheMappingsWriterMissesNoDeclaredRoom) {
    room_misses_nothing(true, 9000);
}

TEST_F(Edge, AStopIsAnEvent) {
    const Device d;
    const View v(d);
    const Epoll e(d.fd(), EPOLLIN | EPOLLRDHUP | EPOLLET);
    EXPECT_EQ(e.wait(0), 0u);
    v.set_position(to_kernel, SHMQ_WRITE_POSITION, 0x80000000);
    ASSERT_EQ(d.kick(), 0);
    EXPECT_EQ(e.wait(), EPOLLERR);
}

TEST_F(EdgeBetweenPrograms, APeersDeathIsAnEvent) {
    const Device d;
    const Epoll e(d.fd(), EPOLLIN | EPOLLRDHUP | EPOLLET);
    Gate claimed;
    Child peer([&] {
        const Device mine;
        CHILD_CHECK(mine.claim(to_kernel, consumer) == 0);
        claimed.open();
        pause();
        return 0;
    });
    claimed.pass();
    EXPECT_EQ(e.wait(0), 0u);
    peer.kill();
    EXPECT_EQ(e.wait(), EPOLLRDHUP);
}

} // namespace
