// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Events: what a listener is told, and that no user can flood it.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

namespace {

using namespace test;

struct NetlinkEvents : DriverTest {
    NetlinkEvents() : DriverTest("devices=0") {}
    void SetUp() override {
        DriverTest::SetUp();
        listener.emplace();
        listener->subscribe();
        control.emplace();
    }
    // A device without a handler, whose ends are all for programs.
    void two_programs() {
        control->add([](Request& r) { r.text(SHMQ_A_DEV_HANDLER, "none"); });
        ASSERT_TRUE(listener->event_of(SHMQ_CMD_DEV_ADD_NTF, 0));
    }
    // The next event is this one, of that end.
    void next(std::uint8_t command, unsigned queue, unsigned end) {
        const auto e = listener->event(patience_ms);
        ASSERT_TRUE(e);
        EXPECT_EQ(e->command, command);
        EXPECT_EQ(e->attributes.u32(SHMQ_A_EVENT_DEV), 0u);
        EXPECT_EQ(e->attributes.u32(SHMQ_A_EVENT_QUEUE), queue);
        EXPECT_EQ(e->attributes.u32(SHMQ_A_EVENT_END), end);
        EXPECT_FALSE(e->attributes.has(SHMQ_A_EVENT_MISSED));
    }

    std::optional<Netlink> listener, control;
};

TEST_F(NetlinkEvents, TellOfADevicesLife) {
    control->add();
    const auto added = listener->event(patience_ms);
    ASSERT_TRUE(added);
    EXPECT_EQ(added->command, SHMQ_CMD_DEV_ADD_NTF);
    EXPECT_EQ(added->attributes.u64(SHMQ_A_DEV_SIZE), 256u << 10);
    EXPECT_EQ(added->attributes.queues.size(), 2u);
    EXPECT_EQ(access("/dev/shmq0", F_OK), 0) << "its node is there when it is told";

    Request change(SHMQ_CMD_DEV_SET);
    change.u32(SHMQ_A_DEV_INDEX, 0).text(SHMQ_A_DEV_HANDLER, "count");
    ASSERT_EQ(control->call(change).error, 0);
    const auto changed = listener->event(patience_ms);
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->command, SHMQ_CMD_DEV_CHANGE_NTF);
    EXPECT_EQ(changed->attributes.text(SHMQ_A_DEV_HANDLER), "count");

    ASSERT_EQ(control->remove(0), 0);
    const auto removed = listener->event(patience_ms);
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->command, SHMQ_CMD_DEV_DEL_NTF);
    EXPECT_EQ(removed->attributes.u32(SHMQ_A_EVENT_DEV), 0u);
    EXPECT_NE(access("/dev/shmq0", F_OK), 0);
}

TEST_F(NetlinkEvents, TellWhoTakesAnEndAndGivesItBack) {
    two_programs();
    const Device d;
    ASSERT_EQ(d.claim(0, producer), 0);
    next(SHMQ_CMD_END_CLAIM_NTF, 0, producer);
    ASSERT_EQ(d.claim(1, consumer), 0);
    next(SHMQ_CMD_END_CLAIM_NTF, 1, consumer);
    ASSERT_EQ(d.release(1, consumer), 0);
    next(SHMQ_CMD_END_RELEASE_NTF, 1, consumer);
    EXPECT_EQ(d.claim(0, producer), EBUSY);
    EXPECT_FALSE(listener->event(100)) << "a claim that failed is no event";
}

TEST_F(NetlinkEvents, TellOfAPeerThatDied) {
    two_programs();
    Gate claimed;
    Child child([&] {
        const Device d;
        CHILD_CHECK(d.claim(1, producer) == 0);
        claimed.open();
        for (;;)
            pause();
        return 0;
    });
    claimed.pass();
    next(SHMQ_CMD_END_CLAIM_NTF, 1, producer);
    child.kill();
    next(SHMQ_CMD_PEER_DIED_NTF, 1, producer);
}

TEST_F(NetlinkEvents, AShellThatWritesAndEndsHasNotDied) {
    two_programs();
    {
        const Device d;
        ASSERT_EQ(d.write("x"), 0);
    }
    next(SHMQ_CMD_END_CLAIM_NTF, 0, producer);
    next(SHMQ_CMD_END_RELEASE_NTF, 0, producer);
}

TEST_F(NetlinkEvents, TellOfAQueueThatWasStopped) {
    control->add();
    ASSERT_TRUE(listener->event_of(SHMQ_CMD_DEV_ADD_NTF, 0));
    const Device d;
    const View v(d);
    v.set_position(0, SHMQ_WRITE_POSITION, 0xfffffff0);
    ASSERT_EQ(d.kick(), 0);
    const auto e = listener->event(patience_ms);
    ASSERT_TRUE(e);
    EXPECT_EQ(e->command, SHMQ_CMD_QUEUE_STOP_NTF);
    EXPECT_EQ(e->attributes.u32(SHMQ_A_EVENT_QUEUE), 0u);
    EXPECT_EQ(e->attributes.u32(SHMQ_A_EVENT_STATE), unsigned{SHMQ_QUEUE_CORRUPT});
}

TEST_F(NetlinkEvents, AUserCannotFloodAndWhatIsLeftOutIsCounted) {
    two_programs();
    control->add([](Request& r) { r.text(SHMQ_A_DEV_HANDLER, "none"); });
    const Device d, other(O_RDWR, 1);
    constexpr unsigned rounds = 5000;
    unsigned told = 0, missed = 0;
    bool other_told = false;
    const auto take = [&](int timeout_ms) {
        const auto e = listener->event(timeout_ms);
        if (!e || e->command == SHMQ_CMD_DEV_ADD_NTF)
            return e.has_value();
        if (e->attributes.u32(SHMQ_A_EVENT_DEV) == 1) {
            other_told = true;
            return true;
        }
        told += e->command != SHMQ_CMD_MISSED_NTF;
        if (e->attributes.has(SHMQ_A_EVENT_MISSED))
            missed += e->attributes.u32(SHMQ_A_EVENT_MISSED);
        return true;
    };
    const auto start = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < rounds; i++) {
        ASSERT_EQ(d.claim(0, producer), 0);
        ASSERT_EQ(d.release(0, producer), 0);
        // On a slow machine this takes long: more than the socket can hold.
        while (take(0))
            continue;
    }
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start)
            .count();
    // Another device is not kept from telling.
    ASSERT_EQ(other.claim(0, producer), 0);
    while (told + missed < 2 * rounds || !other_told)
        ASSERT_TRUE(take(patience_ms)) << told << " told, " << missed << " missed, "
                                       << listener->overruns() << " overruns, and no more comes";
    EXPECT_EQ(told + missed, 2 * rounds) << "each is told or counted";
    EXPECT_LE(told, 32 * (static_cast<unsigned>(seconds) + 2));
    EXPECT_GT(told, 0u);
    EXPECT_EQ(listener->overruns(), 0);
}

} // namespace
