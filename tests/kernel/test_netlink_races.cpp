// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Many processes make, remove, use and look at the same devices at once.
#include "support/epoll.hpp"
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"

#include <list>

namespace {

using namespace test;

struct NetlinkRaces : DriverTest {
    NetlinkRaces() : DriverTest("devices=0") {}
    static constexpr unsigned numbers = 4;
    static unsigned rounds() { return 150 * long_factor(); }
    void TearDown() override {
        {
            Netlink n;
            for (const std::uint32_t index : n.indices())
                EXPECT_EQ(n.remove(index), 0);
            // All numbers are free again, and work.
            for (unsigned i = 0; i < numbers; i++)
                EXPECT_EQ(n.add([](Request& r) { r.u64(SHMQ_A_DEV_SIZE, 4096); }), i);
            const Device d;
            EXPECT_EQ(d.write("still"), 0);
            EXPECT_EQ(d.read(), "still");
        }
        DriverTest::TearDown();
    }
};

bool one_of(int error, std::initializer_list<int> expected) {
    for (const int e : expected)
        if (error == e)
            return true;
    return false;
}

int maker(unsigned seed, unsigned rounds) {
    Netlink n;
    Dice dice(seed);
    for (unsigned i = 0; i < rounds; i++) {
        Request r(SHMQ_CMD_DEV_NEW);
        r.u32(SHMQ_A_DEV_INDEX, dice(NetlinkRaces::numbers))
            .u64(SHMQ_A_DEV_SIZE, 4096)
            .u32(SHMQ_A_DEV_PERIOD_US, dice(2) * 1000)
            .u32(SHMQ_A_DEV_TICK_MS, dice(2) * 5);
        CHILD_CHECK(one_of(n.call(r).error, {0, EEXIST, EBUSY}));
        const std::uint32_t index = dice(NetlinkRaces::numbers);
        CHILD_CHECK(one_of(n.remove(index), {0, ENODEV}));
    }
    return 0;
}

int changer(unsigned seed, unsigned rounds) {
    Netlink n;
    Dice dice(seed);
    const char* const handlers[] = {"echo", "count", "none", "log"};
    for (unsigned i = 0; i < rounds; i++) {
        Request r(SHMQ_CMD_DEV_SET);
        r.u32(SHMQ_A_DEV_INDEX, dice(NetlinkRaces::numbers));
        if (dice(2))
            r.text(SHMQ_A_DEV_HANDLER, handlers[dice(3)]);
        if (dice(2))
            r.u32(SHMQ_A_DEV_TICK_MS, dice(2) * 7);
        if (dice(2))
            r.u32(SHMQ_A_DEV_PERIOD_US, dice(2) * 700);
        if (dice(4) == 0)
            r.u32(SHMQ_A_DEV_MODE, 0660);
        CHILD_CHECK(one_of(n.call(r).error, {0, ENODEV, EBUSY, ENOENT}));
    }
    return 0;
}

int user(unsigned seed, unsigned rounds) {
    Dice dice(seed);
    for (unsigned i = 0; i < rounds; i++) {
        const Fd fd(::open(device_path(dice(NetlinkRaces::numbers)).c_str(),
                           O_RDWR | O_NONBLOCK | O_CLOEXEC));
        if (!fd.valid()) {
            CHILD_CHECK(one_of(errno, {ENOENT, ENXIO, ENODEV}));
            continue;
        }
        char buffer[200];
        const Mapping m(fd.get(), 4096, 0);
        if (::write(fd.get(), "hello", 5) < 0)
            CHILD_CHECK(one_of(errno, {EAGAIN, EBUSY, ENODEV}));
        struct pollfd p = {fd.get(), POLLIN, 0};
        ::poll(&p, 1, static_cast<int>(dice(5)));
        if (::read(fd.get(), buffer, sizeof(buffer)) < 0)
            CHILD_CHECK(one_of(errno, {EAGAIN, EBUSY, ENODEV}));
        if (m.data())
            m.data()[100] = static_cast<std::uint8_t>(i);
    }
    return 0;
}

int looker(unsigned rounds) {
    Netlink n;
    n.subscribe();
    for (unsigned i = 0; i < rounds; i++) {
        const Answer devices = n.dump(SHMQ_CMD_DEV_GET);
        CHILD_CHECK(devices.error == 0 && devices.messages.size() <= NetlinkRaces::numbers);
        CHILD_CHECK(
            one_of(n.call(SHMQ_CMD_STATS_GET, i % NetlinkRaces::numbers).error, {0, ENODEV}));
        while (n.event(0))
            ;
    }
    return 0;
}

TEST_F(NetlinkRaces, OfMakersRemoversChangersUsersAndLookers) {
    const unsigned n = rounds();
    std::list<Child> children;
    for (unsigned i = 0; i < 3; i++)
        children.emplace_back([=] { return maker(i + 1, n); });
    for (unsigned i = 0; i < 2; i++)
        children.emplace_back([=] { return changer(i + 11, n); });
    for (unsigned i = 0; i < 3; i++)
        children.emplace_back([=] { return user(i + 21, n); });
    children.emplace_back([=] { return looker(n); });
    for (Child& child : children)
        EXPECT_EQ(child.wait(600), 0);
}

// One number, removed by all at once: one of them does it.
TEST_F(NetlinkRaces, OneRemoverWins) {
    for (unsigned round = 0; round < 20; round++) {
        Netlink n;
        n.add([](Request& r) { r.u64(SHMQ_A_DEV_SIZE, 4096); });
        Gate start;
        std::list<Child> children;
        for (int i = 0; i < 4; i++)
            children.emplace_back([&] {
                Netlink mine;
                start.pass();
                return mine.remove(0);
            });
        for (int i = 0; i < 4; i++)
            start.open();
        unsigned winners = 0;
        for (Child& child : children) {
            const int error = child.wait();
            winners += error == 0;
            EXPECT_TRUE(error == 0 || error == ENODEV) << error;
        }
        EXPECT_EQ(winners, 1u);
    }
}

// A dump that was under way while devices came and went says so.
TEST_F(NetlinkRaces, ADumpThatMixesTwoStatesSaysSo) {
    Netlink n;
    for (unsigned i = 0; i < 300; i++)
        n.add([](Request& r) {
            r.u64(SHMQ_A_DEV_SIZE, 4096)
                .u32(SHMQ_A_DEV_MAX_MESSAGE, 100)
                .text(SHMQ_A_DEV_HANDLER, "none");
        });
    EXPECT_FALSE(n.dump(SHMQ_CMD_DEV_GET).inconsistent);
    Child changing([] {
        Netlink mine;
        for (;;)
            mine.remove(mine.add([](Request& r) { r.u64(SHMQ_A_DEV_SIZE, 4096); }));
        return 0;
    });
    EXPECT_TRUE(eventually([&] { return n.dump(SHMQ_CMD_DEV_GET).inconsistent; }));
}

} // namespace
