// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Devices made, changed, looked at and removed over netlink.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <fstream>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace {

using namespace test;

struct NetlinkDevices : DriverTest {
    NetlinkDevices() : DriverTest("devices=0") {}
};

void echoes(unsigned index, const std::string& message = "hello") {
    const Device d(O_RDWR, index);
    ASSERT_EQ(d.write(message), 0);
    EXPECT_EQ(d.read(), message);
}

TEST_F(NetlinkDevices, AModuleMayBeLoadedWithoutAny) {
    Netlink n;
    EXPECT_TRUE(n.indices().empty());
    EXPECT_NE(access("/dev/shmq0", F_OK), 0);
}

TEST_F(NetlinkDevices, ANewOneWithoutWishesIsAsAParameterlessModulesDevice) {
    Netlink n;
    const Answer answer = n.call(Request(SHMQ_CMD_DEV_NEW));
    ASSERT_EQ(answer.error, 0) << answer.sentence;
    ASSERT_EQ(answer.messages.size(), 1u);
    const Attributes& a = answer.messages[0];
    EXPECT_EQ(a.u32(SHMQ_A_DEV_INDEX), 0u);
    EXPECT_EQ(a.u64(SHMQ_A_DEV_SIZE), 256u << 10);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_LAYOUT), unsigned{SHMQ_LAYOUT_CHANNEL});
    EXPECT_EQ(a.value.at(SHMQ_A_DEV_PREFIX), "SHMQ");
    EXPECT_EQ(a.u32(SHMQ_A_DEV_FRAMING), unsigned{SHMQ_FRAMING_CHECKED});
    EXPECT_EQ(a.u32(SHMQ_A_DEV_MAX_MESSAGE), 65536u);
    EXPECT_EQ(a.text(SHMQ_A_DEV_HANDLER), "echo");
    EXPECT_EQ(a.u32(SHMQ_A_DEV_PERIOD_US), 0u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_TICK_MS), 0u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_MODE), 0600u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_UID), 0u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_GID), 0u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_EPOCH), 0u);
    ASSERT_EQ(a.queues.size(), 2u);
    EXPECT_EQ(a.queue_u32(0, SHMQ_A_QUEUE_CONSUMER), unsigned{SHMQ_HOLDER_KERNEL});
    EXPECT_EQ(a.queue_u32(1, SHMQ_A_QUEUE_CAPACITY), (128u << 10) - 9);
    echoes(0);
}

TEST_F(NetlinkDevices, WhatIsAskedForIsWhatTheDeviceSays) {
    Netlink n;
    const std::string prefix("\0\xff\x01 binary", 10);
    const auto index = n.add([&](Request& r) {
        r.u32(SHMQ_A_DEV_INDEX, 4095)
            .u64(SHMQ_A_DEV_SIZE, 65536)
            .raw(SHMQ_A_DEV_PREFIX, prefix)
            .u32(SHMQ_A_DEV_MAX_MESSAGE, 1000)
            .text(SHMQ_A_DEV_HANDLER, "count")
            .u32(SHMQ_A_DEV_PERIOD_US, 5000)
            .u32(SHMQ_A_DEV_TICK_MS, 86'400'000)
            .u8(SHMQ_A_DEV_RESTART, 1)
            .u32(SHMQ_A_DEV_MODE, 0640)
            .u32(SHMQ_A_DEV_UID, 1000)
            .u32(SHMQ_A_DEV_GID, 990);
    });
    EXPECT_EQ(index, 4095u);
    const Attributes a = n.get(index);
    EXPECT_EQ(a.u64(SHMQ_A_DEV_SIZE), 65536u);
    EXPECT_EQ(a.value.at(SHMQ_A_DEV_PREFIX), prefix);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_MAX_MESSAGE), 1000u);
    EXPECT_EQ(a.text(SHMQ_A_DEV_HANDLER), "count");
    EXPECT_EQ(a.u32(SHMQ_A_DEV_PERIOD_US), 5000u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_TICK_MS), 86'400'000u);
    EXPECT_EQ(a.value.at(SHMQ_A_DEV_RESTART), "\1");
    EXPECT_EQ(a.u32(SHMQ_A_DEV_MODE), 0640u);

    struct stat s {};
    ASSERT_EQ(stat("/dev/shmq4095", &s), 0);
    EXPECT_EQ(s.st_mode, mode_t{S_IFCHR | 0640});
    EXPECT_EQ(s.st_uid, 1000u);
    EXPECT_EQ(s.st_gid, 990u);
    const shmq_info info = Device(O_RDWR, 4095).info();
    EXPECT_EQ(info.device, 4095u);
    EXPECT_EQ(info.max_message, 1000u);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(info.prefix), info.prefix_length), prefix);
}

TEST_F(NetlinkDevices, PlainRawAndAnEmptyPrefixToo) {
    Netlink n;
    const auto plain = n.add([](Request& r) { r.u32(SHMQ_A_DEV_FRAMING, SHMQ_FRAMING_PLAIN); });
    EXPECT_EQ(n.get(plain).u32(SHMQ_A_DEV_FRAMING), unsigned{SHMQ_FRAMING_PLAIN});
    EXPECT_EQ(n.get(plain).value.at(SHMQ_A_DEV_PREFIX), "");
    echoes(plain);
    const auto raw = n.add([](Request& r) { r.u32(SHMQ_A_DEV_LAYOUT, SHMQ_LAYOUT_RAW); });
    EXPECT_EQ(n.get(raw).text(SHMQ_A_DEV_HANDLER), "none");
    EXPECT_TRUE(n.get(raw).queues.empty());
    const auto bare = n.add([](Request& r) { r.raw(SHMQ_A_DEV_PREFIX, ""); });
    EXPECT_EQ(n.get(bare).value.at(SHMQ_A_DEV_PREFIX), "");
    echoes(bare);
}

TEST_F(NetlinkDevices, TheLowestFreeNumberIsTaken) {
    Netlink n;
    const auto at = [](std::uint32_t index) {
        return [=](Request& r) { r.u32(SHMQ_A_DEV_INDEX, index); };
    };
    n.add(at(1));
    EXPECT_EQ(n.add(), 0u);
    EXPECT_EQ(n.add(), 2u);
    EXPECT_EQ(n.remove(1), 0);
    EXPECT_EQ(n.add(), 1u);
    EXPECT_EQ(n.indices(), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST_F(NetlinkDevices, RemovalTakesNodeClassAndThreads) {
    Netlink n;
    const auto index = n.add([](Request& r) { r.u32(SHMQ_A_DEV_TICK_MS, 100); });
    echoes(index, "tick or not");
    EXPECT_EQ(n.remove(index), 0);
    EXPECT_NE(access("/dev/shmq0", F_OK), 0);
    EXPECT_NE(access("/sys/class/shmq/shmq0", F_OK), 0);
    EXPECT_FALSE(Task::named("shmq0"));
    EXPECT_FALSE(Task::named("shmq0/tick"));
    EXPECT_EQ(n.remove(index), ENODEV);
}

TEST_F(NetlinkDevices, UsersOfARemovedOneAreTold) {
    Netlink n;
    n.add();
    n.add([](Request& r) { r.text(SHMQ_A_DEV_HANDLER, "none"); });
    Device d(O_RDWR, 0), claimed(O_RDWR, 1);
    const View v(d);
    ASSERT_EQ(claimed.claim(1, consumer), 0);
    Child reader([&] {
        std::string m;
        return d.read(m);
    });
    ASSERT_TRUE(comes_to_sleep(reader.pid()));
    Child poller([&] { return claimed.poll(POLLIN) & POLLHUP ? 0 : 1; });
    ASSERT_TRUE(comes_to_sleep(poller.pid()));
    EXPECT_EQ(n.remove(0), 0);
    EXPECT_EQ(n.remove(1), 0);
    EXPECT_EQ(reader.wait(), ENODEV);
    EXPECT_EQ(poller.wait(), 0);
    EXPECT_TRUE(d.poll(POLLIN) & POLLHUP);
    EXPECT_EQ(d.write("x"), ENODEV);
    shmq_info info;
    EXPECT_EQ(d.info(info), ENODEV);
    EXPECT_EQ(v.state().removed, 1u);
    v.region.data()[0] = v.region.data()[0]; // the memory is still there
}

TEST_F(NetlinkDevices, ANumberIsFreeWhenTheLastUserHasGone) {
    Netlink n;
    n.add();
    {
        const Device d;
        const Mapping m = d.map(4096);
        ASSERT_EQ(n.remove(0), 0);
        const Answer answer = n.call(Request(SHMQ_CMD_DEV_NEW).u32(SHMQ_A_DEV_INDEX, 0));
        EXPECT_EQ(answer.error, EBUSY);
        EXPECT_EQ(answer.sentence, "the last device of that number is still open or mapped");
        EXPECT_EQ(n.add(), 1u) << "any free one";
    }
    EXPECT_EQ(n.add(), 0u);
    echoes(0);
}

TEST_F(NetlinkDevices, ANodeThatWasKeptOpensNothing) {
    Netlink n;
    n.add();
    struct stat s {};
    ASSERT_EQ(stat("/dev/shmq0", &s), 0);
    ASSERT_EQ(mknod("/tmp/kept", S_IFCHR | 0600, s.st_rdev), 0);
    const Fd open_one(::open("/tmp/kept", O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(open_one.valid());
    ASSERT_EQ(n.remove(0), 0);
    EXPECT_LT(::open("/tmp/kept", O_RDWR | O_CLOEXEC), 0);
    EXPECT_TRUE(errno == ENODEV || errno == ENXIO) << errno;
    ::unlink("/tmp/kept");
}

TEST_F(NetlinkDevices, TheModuleUnloadsWithDevicesMadeAtRunTime) {
    Netlink n;
    for (int i = 0; i < 20; i++)
        n.add([&](Request& r) { r.u64(SHMQ_A_DEV_SIZE, 4096).u32(SHMQ_A_DEV_TICK_MS, i); });
    {
        const Device d;
        EXPECT_EQ(unload_module(), EWOULDBLOCK);
    }
    EXPECT_EQ(unload_module(), 0);
    EXPECT_NE(access("/dev/shmq7", F_OK), 0);
}

TEST_F(NetlinkDevices, AThousandWork) {
    Netlink n;
    constexpr unsigned many = 1000;
    for (unsigned i = 0; i < many; i++)
        ASSERT_EQ(n.add([](Request& r) {
            r.u64(SHMQ_A_DEV_SIZE, 8192).u32(SHMQ_A_DEV_MAX_MESSAGE, 1000);
        }),
                  i);
    EXPECT_EQ(n.indices().size(), many);
    for (unsigned i = 0; i < many; i += 37)
        echoes(i, "device " + std::to_string(i));
    const Answer all = n.dump(SHMQ_CMD_STATS_GET);
    ASSERT_EQ(all.messages.size(), many);
    for (unsigned i = 0; i < many; i++)
        ASSERT_EQ(all.messages[i].queue_u64(0, SHMQ_A_QUEUE_MESSAGES), i % 37 == 0 ? 1u : 0u) << i;
    for (unsigned i = 0; i < many; i++)
        ASSERT_EQ(n.remove(i), 0);
    EXPECT_TRUE(n.indices().empty());
}

// ---- changing ----

TEST_F(NetlinkDevices, TheHandlerOfADeviceInUseChanges) {
    Netlink n;
    n.add();
    const Device d;
    ASSERT_EQ(d.write("a"), 0);
    EXPECT_EQ(d.read(), "a");
    EXPECT_EQ(
        n.call(Request(SHMQ_CMD_DEV_SET).u32(SHMQ_A_DEV_INDEX, 0).text(SHMQ_A_DEV_HANDLER, "count"))
            .error,
        0);
    EXPECT_STREQ(d.info().handler, "count");
    EXPECT_EQ(n.get(0).text(SHMQ_A_DEV_HANDLER), "count");
}

TEST_F(NetlinkDevices, PeriodAndTickComeAndGo) {
    Netlink n;
    n.add([](Request& r) { r.text(SHMQ_A_DEV_HANDLER, "none"); });
    const auto set = [&](std::uint16_t what, std::uint32_t value) {
        return n.call(Request(SHMQ_CMD_DEV_SET).u32(SHMQ_A_DEV_INDEX, 0).u32(what, value)).error;
    };
    EXPECT_FALSE(Task::named("shmq0"));
    EXPECT_EQ(set(SHMQ_A_DEV_PERIOD_US, 1000), 0);
    EXPECT_TRUE(Task::named("shmq0"));
    EXPECT_EQ(Device().info().period_us, 1000u);
    EXPECT_EQ(set(SHMQ_A_DEV_PERIOD_US, 0), 0);
    EXPECT_FALSE(Task::named("shmq0"));

    const Device d;
    EXPECT_EQ(set(SHMQ_A_DEV_TICK_MS, 86'400'000), 0);
    EXPECT_EQ(d.poll(POLLIN, 300), 0);
    EXPECT_EQ(set(SHMQ_A_DEV_TICK_MS, 10), 0);
    EXPECT_EQ(d.read().substr(0, 5), "tick ");
    EXPECT_EQ(set(SHMQ_A_DEV_TICK_MS, 0), 0);
    EXPECT_FALSE(Task::named("shmq0/tick"));
    EXPECT_EQ(d.info().areas[1].kernel_ends, 0u) << "the sending end is free again";
    EXPECT_EQ(d.claim(1, producer), 0);
    EXPECT_EQ(set(SHMQ_A_DEV_TICK_MS, 10), EBUSY);
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_TICK_MS), 0u);
}

TEST_F(NetlinkDevices, TheNodesPermissionsChange) {
    Netlink n;
    n.add();
    EXPECT_EQ(n.call(Request(SHMQ_CMD_DEV_SET)
                         .u32(SHMQ_A_DEV_INDEX, 0)
                         .u32(SHMQ_A_DEV_MODE, 0660)
                         .u32(SHMQ_A_DEV_UID, 1000)
                         .u32(SHMQ_A_DEV_GID, 990))
                  .error,
              0);
    struct stat s {};
    ASSERT_EQ(stat("/dev/shmq0", &s), 0);
    EXPECT_EQ(s.st_mode, mode_t{S_IFCHR | 0660});
    EXPECT_EQ(s.st_uid, 1000u);
    EXPECT_EQ(s.st_gid, 990u);
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_GID), 990u);
}

TEST_F(NetlinkDevices, AChangeThatCannotBeWholeIsNone) {
    Netlink n;
    n.add([](Request& r) { r.text(SHMQ_A_DEV_HANDLER, "none"); });
    const Device d;
    ASSERT_EQ(d.claim(1, producer), 0);
    const Answer answer = n.call(Request(SHMQ_CMD_DEV_SET)
                                     .u32(SHMQ_A_DEV_INDEX, 0)
                                     .u32(SHMQ_A_DEV_PERIOD_US, 1000)
                                     .u32(SHMQ_A_DEV_TICK_MS, 10)
                                     .u32(SHMQ_A_DEV_MODE, 0666));
    EXPECT_EQ(answer.error, EBUSY);
    EXPECT_EQ(answer.sentence, "a program has the end that ticks are sent from");
    const Attributes a = n.get(0);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_PERIOD_US), 0u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_TICK_MS), 0u);
    EXPECT_EQ(a.u32(SHMQ_A_DEV_MODE), 0600u);
    EXPECT_FALSE(Task::named("shmq0")) << "its thread is gone again";
    ASSERT_EQ(::unlink("/dev/shmq0"), 0);
    EXPECT_EQ(n.call(Request(SHMQ_CMD_DEV_SET)
                         .u32(SHMQ_A_DEV_INDEX, 0)
                         .u8(SHMQ_A_DEV_RESTART, 1)
                         .u32(SHMQ_A_DEV_MODE, 0666))
                  .error,
              ENOENT);
    EXPECT_EQ(n.get(0).value.at(SHMQ_A_DEV_RESTART), std::string(1, '\0'));
}

// ---- statistics ----

TEST_F(NetlinkDevices, StatisticsCountAndStartOver) {
    Netlink n;
    n.add();
    const Device d;
    for (int i = 0; i < 10; i++) {
        ASSERT_EQ(d.write("12345"), 0);
        ASSERT_EQ(d.read(), "12345");
    }
    for (unsigned queue : {0u, 1u}) {
        const Attributes a = n.statistics(0);
        EXPECT_EQ(a.queue_u64(queue, SHMQ_A_QUEUE_MESSAGES), 10u);
        EXPECT_EQ(a.queue_u64(queue, SHMQ_A_QUEUE_BYTES), 50u);
        EXPECT_EQ(a.queue_u32(queue, SHMQ_A_QUEUE_FILL), 0u);
    }
    EXPECT_GE(n.statistics(0).queue_u32(0, SHMQ_A_QUEUE_HIGH_WATER), 22u);
    EXPECT_GT(n.statistics(0).queue_u64(0, SHMQ_A_QUEUE_TURNS), 0u);
    EXPECT_EQ(n.call(SHMQ_CMD_STATS_RESET, 0).error, 0);
    const Attributes a = n.statistics(0);
    for (const auto type :
         {SHMQ_A_QUEUE_MESSAGES, SHMQ_A_QUEUE_BYTES, SHMQ_A_QUEUE_WAKEUPS, SHMQ_A_QUEUE_TURNS})
        EXPECT_EQ(a.queue_u64(0, type), 0u);
    EXPECT_EQ(a.queue_u32(0, SHMQ_A_QUEUE_HIGH_WATER), 0u);
}

TEST_F(NetlinkDevices, FillAndHighWaterAreWhatLiesInTheQueue) {
    Netlink n;
    n.add([](Request& r) { r.text(SHMQ_A_DEV_HANDLER, "none"); });
    const Device d;
    ASSERT_EQ(d.write(std::string(1000, 'x')), 0);
    ASSERT_EQ(d.write(std::string(1000, 'y')), 0);
    constexpr unsigned frames = 2 * (1000 + 4 + 13);
    EXPECT_EQ(n.statistics(0).queue_u32(0, SHMQ_A_QUEUE_FILL), frames);
    ASSERT_EQ(d.release(0, producer), 0);
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(n.statistics(0).queue_u32(0, SHMQ_A_QUEUE_FILL), 0u);
    EXPECT_EQ(n.statistics(0).queue_u32(0, SHMQ_A_QUEUE_HIGH_WATER), frames);
    // Positions that cannot be have no fill, and hurt nobody.
    const View v(d);
    v.set_position(0, SHMQ_WRITE_POSITION, 0xfffffff0);
    EXPECT_EQ(n.statistics(0).queue_u32(0, SHMQ_A_QUEUE_FILL), 0u);
}

} // namespace
