// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The kernel's echo: what goes in comes back, once, in order, whole.
#include "support/epoll.hpp"
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <thread>
#include <vector>

namespace {

using namespace test;

struct Echo : DriverTest {};

// Mostly short, some long, some empty.
std::string mixed(std::uint32_t n, std::uint32_t largest) {
    return n % 64 ? pattern(n, std::min(300u, largest)) : pattern(n | 12, largest);
}

// One thread at both ends: sends while there is room, checks what came, and
// sleeps for either when neither goes on.
void expect_echoes(const Device& d, const View& v, unsigned count, std::uint32_t largest) {
    ASSERT_EQ(d.claim(to_kernel, producer, largest), 0);
    ASSERT_EQ(d.claim(from_kernel, consumer), 0);
    Sender s(d, v);
    Receiver r(d, v);
    const bool tags = v.format.framing == SHMQ_PLAIN;
    unsigned sent = 0, received = 0;
    std::string next = mixed(0, largest), got;
    auto go_on = [&] {
        bool moved = false;
        while (sent < count && s.try_send(next, sent) == SHMQ_OK) {
            next = mixed(++sent, largest);
            moved = true;
        }
        shmq_status status;
        while ((status = r.try_receive(got)) == SHMQ_OK) {
            if (got != mixed(received, largest) || (tags && r.tag != received)) {
                ADD_FAILURE() << "message " << received << " came back changed";
                return false;
            }
            received++;
            moved = true;
        }
        EXPECT_EQ(status, SHMQ_EMPTY);
        return moved;
    };
    while (received < count) {
        if (go_on())
            continue;
        shmq_doorbell_arm(v.wake(), View::word(SHMQ_BELL_ROOM(to_kernel)));
        shmq_doorbell_arm(v.wake(), View::word(SHMQ_BELL_DATA(from_kernel)));
        if (go_on())
            continue;
        if (testing::Test::HasFailure())
            return;
        ASSERT_TRUE(d.poll(sent < count ? POLLIN | POLLOUT : POLLIN) & (POLLIN | POLLOUT))
            << sent << " sent, " << received << " received";
    }
    EXPECT_EQ(r.try_receive(got), SHMQ_EMPTY) << "more than was sent";
    for (unsigned q : {0u, 1u}) {
        EXPECT_EQ(v.state(q).messages, count);
        EXPECT_EQ(v.state(q).damaged, 0u);
        EXPECT_EQ(v.state(q).dropped, 0u);
        EXPECT_EQ(v.state(q).refused, 0u);
    }
    EXPECT_EQ(v.state(0).bytes, v.state(1).bytes);
}

TEST_F(Echo, AHundredThousandMessages) {
    const Device d;
    const View v(d);
    expect_echoes(d, v, 100'000, 65536);
}

TEST_F(Echo, AHundredThousandPlainMessagesWithTheirTags) {
    reload("framing=plain");
    const Device d;
    const View v(d);
    expect_echoes(d, v, 100'000, 65536);
}

TEST_F(Echo, ThroughQueuesThatAreAlwaysFull) {
    for (const char* parameters : {"size=1K", "size=1K framing=plain", "size=1000 prefix="}) {
        reload(parameters);
        const Device d;
        const View v(d);
        expect_echoes(d, v, 5'000 * long_factor(), v.info.max_message);
    }
}

TEST_F(Echo, ThroughReadAndWrite) {
    const Device d;
    constexpr unsigned count = 10'000;
    std::thread writer([&] {
        for (unsigned i = 0; i < count; i++)
            ASSERT_EQ(d.write(mixed(i, 65536)), 0);
    });
    std::string m;
    for (unsigned i = 0; i < count; i++) {
        ASSERT_EQ(d.read(m), 0);
        ASSERT_EQ(m, mixed(i, 65536)) << i;
    }
    writer.join();
}

TEST_F(Echo, SenderAndReceiverInTwoProcessesBothAsleepAtTimes) {
    reload("size=16K");
    const Device d;
    const View v(d);
    const unsigned count = 20'000 * long_factor();
    Child sender([&] {
        const Device mine;
        const View mapped(mine);
        Sender s(mine, mapped);
        CHILD_CHECK(mine.claim(to_kernel, producer, 8000) == 0);
        Dice dice(7);
        for (unsigned i = 0; i < count; i++) {
            CHILD_CHECK(s.send(mixed(i, 7000)) == SHMQ_OK);
            if (!dice(50))
                usleep(dice(2000));
        }
        return 0;
    });
    Receiver r(d, v);
    Dice dice(8);
    std::string m;
    for (unsigned i = 0; i < count; i++) {
        ASSERT_EQ(r.receive(m), SHMQ_OK) << "message " << i;
        ASSERT_EQ(m, mixed(i, 7000)) << "message " << i;
        if (!dice(50))
            usleep(dice(2000));
    }
    EXPECT_EQ(sender.wait(), 0);
}

TEST_F(Echo, SeveralDevicesAtOnce) {
    reload("devices=4 size=32K");
    std::vector<Child> users;
    for (unsigned n = 0; n < 4; n++)
        users.emplace_back([n] {
            const Device d(O_RDWR, n);
            const View v(d);
            expect_echoes(d, v, 5'000, 10'000);
            return testing::Test::HasFailure() ? 1 : 0;
        });
    for (auto& u : users)
        EXPECT_EQ(u.wait(), 0);
}

TEST_F(Echo, AFullReturnQueueHoldsItBackAndNothingIsLost) {
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    unsigned sent = 0;
    // Until both queues are full, and stay so.
    do {
        while (d.write(mixed(sent, 5000)) == 0)
            sent++;
        nap(100);
    } while (d.poll(POLLOUT, 0) && d.write(mixed(sent, 5000)) == 0 && ++sent);
    EXPECT_GT(v.state(from_kernel).bytes, 100'000u);
    EXPECT_TRUE(comes_to_rest()) << "it does not wait, it looks";
    EXPECT_EQ(v.state(from_kernel).dropped, 0u);

    std::string m;
    for (unsigned i = 0; i < sent; i++) {
        ASSERT_TRUE(d.poll(POLLIN)) << i;
        ASSERT_EQ(d.read(m), 0);
        ASSERT_EQ(m, mixed(i, 5000)) << i;
    }
    EXPECT_EQ(d.read(m), EAGAIN);
    EXPECT_EQ(d.write("goes on"), 0);
    ASSERT_TRUE(d.poll(POLLIN));
    EXPECT_EQ(d.read(), "goes on");
}

TEST_F(Echo, TheCountersCount) {
    const Device d;
    const View v(d);
    std::uint64_t bytes = 0;
    for (unsigned i = 0; i < 100; i++) {
        const std::string m = mixed(i, 1000);
        ASSERT_EQ(d.write(m), 0);
        ASSERT_EQ(d.read(), m);
        bytes += m.size();
        for (unsigned q : {0u, 1u}) {
            ASSERT_EQ(v.state(q).messages, i + 1);
            ASSERT_EQ(v.state(q).bytes, bytes);
        }
    }
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(v.state(0).messages, 100u) << "a reset does not forget";
}

} // namespace
