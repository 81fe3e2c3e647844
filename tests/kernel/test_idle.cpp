// SPDX-License-Identifier: GPL-2.0-only OR MIT
// An idle device costs nothing; one without a doorbell is served by period.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

namespace {

using namespace test;

struct Idle : DriverTest {};

TEST_F(Idle, NobodyLooks) {
    const Device d;
    ASSERT_EQ(d.write("once awake"), 0);
    ASSERT_EQ(d.read(), "once awake");
    nap(200);
    const std::uint64_t before = turns();
    EXPECT_GT(before, 0u);
    nap(3000);
    EXPECT_EQ(turns(), before);
}

TEST_F(Idle, AStandingEpollWatcherDoesNotWakeItEither) {
    const Device d;
    Child watcher([&] { return d.poll(POLLIN, -1) ? 0 : 1; });
    ASSERT_TRUE(comes_to_sleep(watcher.pid()));
    ASSERT_TRUE(comes_to_rest());
    const std::uint64_t before = turns();
    nap(2000);
    EXPECT_EQ(turns(), before);
}

TEST_F(Idle, OnlyAPeriodicDeviceHasAThread) {
    for (const char* parameters : {"", "handler=none", "layout=raw", "devices=3"}) {
        reload(parameters);
        EXPECT_FALSE(Task::named("shmq0").has_value()) << parameters;
        EXPECT_FALSE(Task::named("shmq2").has_value()) << parameters;
    }
    reload("period_us=100000");
    EXPECT_TRUE(Task::named("shmq0").has_value());
}

// More devices whose users never read than there are workers.
TEST_F(Idle, EchoesThatWaitForRoomHoldNoWorker) {
    reload("devices=0");
    Netlink n;
    constexpr unsigned many = 700;
    std::vector<Device> stuck;
    for (unsigned i = 0; i < many; i++) {
        n.add([](Request& r) { r.u64(SHMQ_A_DEV_SIZE, 4096).u32(SHMQ_A_DEV_MAX_MESSAGE, 1000); });
        stuck.emplace_back(O_RDWR | O_NONBLOCK, i);
        // Two answers fill the queue back, the third waits.
        for (int sent = 0; sent < 3; sent++)
            ASSERT_TRUE(eventually([&] { return stuck.back().write(std::string(900, 'x')) == 0; }));
    }
    const auto last = n.add();
    const Device d(O_RDWR, last);
    for (int i = 0; i < 100; i++) {
        ASSERT_EQ(d.write("not stuck"), 0);
        ASSERT_EQ(d.read(), "not stuck");
    }
    ASSERT_TRUE(
        eventually([&] { return n.statistics(0).queue_u64(0, SHMQ_A_QUEUE_MESSAGES) == 3; }));
    EXPECT_EQ(n.statistics(0).queue_u64(1, SHMQ_A_QUEUE_MESSAGES), 2u) << "answers that had room";
    ASSERT_TRUE(comes_to_rest());
    // Read, they go on.
    std::string m;
    for (int i = 0; i < 3; i++) {
        ASSERT_TRUE(stuck[0].poll(POLLIN) & POLLIN);
        EXPECT_EQ(stuck[0].read(m), 0);
    }
}

TEST_F(Idle, UserSpaceRingsOnlyASleeper) {
    const Device d;
    const View v(d);
    ASSERT_TRUE(eventually([&] { return v.sleeping(SHMQ_BELL_DATA(0)) != 0; }))
        << "the kernel never announced its sleep";
    Sender to(d, v);
    ASSERT_EQ(to.place("nobody rings for this"), SHMQ_OK);
    nap(300);
    EXPECT_EQ(v.state(0).messages, 0u) << "it was not asleep at all";
    to.ring();
    EXPECT_TRUE(eventually([&] { return v.state(0).messages == 1; }));
}

struct Period : DriverTest {
    Period() : DriverTest("period_us=2000") {}
};

TEST_F(Period, AWriterThatNeverRingsIsServed) {
    const Device d;
    const View v(d);
    Sender to(d, v);
    std::string answer;
    for (std::uint32_t i = 0; i < 200; i++) {
        ASSERT_EQ(to.place(pattern(i, 500)), SHMQ_OK);
        // read(2) sleeps; the kernel's answer wakes it.
        ASSERT_EQ(d.read(answer), 0);
        ASSERT_EQ(answer, pattern(i, 500));
    }
}

TEST_F(Period, ASleeperIsWokenForAPeerThatNeverRings) {
    reload("period_us=2000 handler=none");
    const Device d;
    const View v(d);
    Child reader([] {
        const Device r;
        std::string m;
        for (std::uint32_t i = 0; i < 50; i++)
            if (r.read(m) || m != pattern(i, 300))
                return 1;
        return 0;
    });
    Sender firmware(d, v, 1); // the other side of queue 1, without a doorbell
    for (std::uint32_t i = 0; i < 50; i++) {
        ASSERT_EQ(firmware.place(pattern(i, 300)), SHMQ_OK);
        nap(i % 5);
    }
    EXPECT_EQ(reader.wait(), 0);
}

TEST_F(Period, ASleepingWriterIsWokenWhenSuchAPeerMakesRoom) {
    reload("period_us=2000 handler=none size=8K max_msg=1000");
    const Device d;
    const View v(d);
    Child writer([] {
        const Device w;
        for (std::uint32_t i = 0; i < 50; i++)
            if (w.write(pattern(i, 1000)))
                return 1;
        return 0;
    });
    shmq_consumer c{};
    ASSERT_EQ(shmq_consumer_attach(&c, v.base(0), v.length(0)), SHMQ_OK);
    shmq_reader r;
    shmq_reader_init(&r, &c, &v.format);
    std::string m(2000, '\0');
    for (std::uint32_t i = 0; i < 50;) {
        shmq_message message;
        if (shmq_frame_read(&r, m.data(), 2000, &message) == SHMQ_OK) {
            ASSERT_EQ(m.substr(0, message.length), pattern(i, 1000));
            i++;
        } else {
            nap(1);
        }
    }
    EXPECT_EQ(writer.wait(), 0);
}

} // namespace
