// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmq::Control, the library's way to the driver's netlink family.
#include "support/module.hpp"
#include "support/process.hpp"

#include <shmq/control.hpp>

#include <functional>

#include <poll.h>

namespace {

using namespace test;
using shmq::Control;
using shmq::Event;

struct ControlTest : DriverTest {
    ControlTest() : DriverTest("devices=0") {}
};

std::string what_fails(const std::function<void()>& f, std::errc code) {
    try {
        f();
    } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), code) << e.what();
        return e.what();
    }
    ADD_FAILURE() << "did not fail";
    return "";
}

TEST_F(ControlTest, GivesBackWhatItAskedFor) {
    auto control = Control::open();
    shmq::DeviceSettings s;
    s.index = 5;
    s.size = 1 << 16;
    s.framing = SHMQ_FRAMING_CHECKED;
    s.prefix = std::string("\0\xff", 2);
    s.max_message = 1000;
    s.handler = "count";
    s.period = std::chrono::microseconds(500);
    s.priority = 42;
    s.cpu = 1;
    s.print_offset = 8;
    s.print_words = 3;
    s.print_format = SHMQ_PRINT_S32;
    s.tick = std::chrono::seconds(3);
    s.restart = true;
    s.mode = 0660;
    s.uid = 1000;
    s.gid = 990;
    const auto made = control.add(s);
    for (const auto& d : {made, control.get(5), control.list().at(0)}) {
        EXPECT_EQ(d.path(), "/dev/shmq5");
        EXPECT_EQ(d.size, *s.size);
        EXPECT_EQ(d.layout, SHMQ_LAYOUT_CHANNEL);
        EXPECT_EQ(d.framing, *s.framing);
        EXPECT_EQ(d.prefix, *s.prefix);
        EXPECT_EQ(d.max_message, *s.max_message);
        EXPECT_EQ(d.handler, *s.handler);
        EXPECT_EQ(d.period, *s.period);
        EXPECT_EQ(d.priority, *s.priority);
        EXPECT_EQ(d.cpu, *s.cpu);
        EXPECT_EQ(d.print_offset, *s.print_offset);
        EXPECT_EQ(d.print_words, *s.print_words);
        EXPECT_EQ(d.print_format, *s.print_format);
        EXPECT_EQ(d.cell_size, 0u);
        EXPECT_EQ(d.pool_owners, 0u);
        EXPECT_EQ(d.tick, *s.tick);
        EXPECT_TRUE(d.restart);
        EXPECT_EQ(d.mode, *s.mode);
        EXPECT_EQ(d.uid, *s.uid);
        EXPECT_EQ(d.gid, *s.gid);
        ASSERT_EQ(d.queues.size(), 2u);
        EXPECT_EQ(d.queues[0].consumer, SHMQ_HOLDER_KERNEL);
        EXPECT_EQ(d.queues[1].index, 1u);
        EXPECT_EQ(d.queues[1].capacity, (1u << 15) - 9);
    }
    shmq::DeviceChange change;
    change.handler = "none";
    control.set(5, change);
    EXPECT_EQ(control.get(5).handler, "none");
    EXPECT_EQ(control.get(5).tick, *s.tick) << "what was not set stays";
    control.remove(5);
    EXPECT_TRUE(control.list().empty());
    EXPECT_TRUE(control.statistics().empty());
}

TEST_F(ControlTest, PoolsAreAsAskedForAndTellTheirBlocks) {
    auto control = Control::open();
    shmq::DeviceSettings s;
    s.layout = SHMQ_LAYOUT_POOL;
    s.size = 1 << 16;
    s.pool_block_size = 1000;
    s.pool_owners = 4;
    const auto made = control.add(s);
    for (const auto& d : {made, control.get(made.index)}) {
        EXPECT_EQ(d.layout, SHMQ_LAYOUT_POOL);
        EXPECT_EQ(d.pool_block_size, 1024u);
        EXPECT_EQ(d.pool_owners, 4u);
        EXPECT_EQ(d.pool_blocks, 63u);
        EXPECT_TRUE(d.queues.empty());
    }
}

TEST_F(ControlTest, FailsWithTheDriversWordsAndACode) {
    auto control = Control::open();
    EXPECT_NE(what_fails([&] { control.remove(3); }, std::errc::no_such_device)
                  .find("there is no device of that number"),
              std::string::npos);
    std::error_code ec;
    control.remove(3, ec);
    EXPECT_EQ(ec, std::errc::no_such_device);
    control.add({});
    shmq::DeviceSettings again;
    again.index = 0;
    what_fails([&] { control.add(again); }, std::errc::file_exists);
    shmq::DeviceChange change;
    change.tick = std::chrono::hours(24 * 60);
    what_fails([&] { control.set(0, change); }, std::errc::invalid_argument);
    // It still answers.
    EXPECT_EQ(control.list().size(), 1u);
}

TEST_F(ControlTest, WithoutTheModuleSaysSo) {
    auto before = Control::open();
    ASSERT_EQ(unload_module(), 0);
    EXPECT_NE(what_fails([] { Control::open(); }, std::errc::no_such_file_or_directory)
                  .find("modprobe shmq"),
              std::string::npos);
    EXPECT_THROW((void)before.list(), std::system_error);
    std::error_code ec;
    Control none = Control::open(ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
}

TEST_F(ControlTest, EventsComeByTheDescriptor) {
    auto control = Control::open();
    auto events = control.events();
    EXPECT_FALSE(events.read(std::chrono::milliseconds(50)));
    pollfd look{events.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&look, 1, 0), 0);
    shmq::DeviceSettings s;
    s.handler = "none";
    control.add(s);
    ASSERT_EQ(::poll(&look, 1, patience_ms), 1);
    auto e = events.read(std::chrono::seconds(0));
    ASSERT_TRUE(e);
    EXPECT_EQ(e->kind, Event::Kind::added);
    ASSERT_TRUE(e->device);
    EXPECT_EQ(e->device->handler, "none");
    EXPECT_EQ(e->device->queues.size(), 2u);
    {
        const Device d;
        ASSERT_EQ(d.claim(1, consumer), 0);
        e = events.read(std::chrono::seconds(60));
        ASSERT_TRUE(e);
        EXPECT_EQ(e->kind, Event::Kind::claimed);
        EXPECT_EQ(e->index, 0u);
        EXPECT_EQ(e->queue, 1u);
        EXPECT_EQ(e->end, SHMQ_END_CONSUMER);
        ASSERT_EQ(d.release(1, consumer), 0);
        e = events.read(std::chrono::seconds(60));
        ASSERT_TRUE(e);
        EXPECT_EQ(e->kind, Event::Kind::released);
    }
    control.remove(0);
    e = events.read(std::chrono::seconds(60));
    ASSERT_TRUE(e);
    EXPECT_EQ(e->kind, Event::Kind::removed);
}

TEST_F(ControlTest, AReaderThatIsTooSlowIsTold) {
    auto control = Control::open();
    auto events = control.events();
    control.add({});
    shmq::DeviceChange change;
    change.mode = 0600;
    for (int i = 0; i < 2000; i++)
        control.set(0, change);
    unsigned overruns = 0, changes = 0;
    while (const auto e = events.read(std::chrono::milliseconds(200))) {
        overruns += e->kind == Event::Kind::overrun;
        changes += e->kind == Event::Kind::changed;
    }
    EXPECT_GT(overruns, 0u);
    EXPECT_GT(changes, 0u);
    EXPECT_LT(changes, 2000u);
    control.remove(0);
    const auto e = events.read(std::chrono::seconds(60));
    ASSERT_TRUE(e) << "it goes on after that";
    EXPECT_EQ(e->kind, Event::Kind::removed);
}

} // namespace
