// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the kernel does with messages: the built-in handlers, and others' ones.
#include "support/api.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <algorithm>
#include <optional>

namespace {

using namespace test;

struct Handlers : DriverTest {
    // Waits until the kernel has taken that many.
    static void taken(const View& v, std::uint64_t count) {
        ASSERT_TRUE(eventually([&] { return v.state(to_kernel).messages >= count; }));
    }
    static std::string name() { return Device().info().handler; }
};

TEST_F(Handlers, LogWritesEachMessageToTheKernelLog) {
    reload("handler=log");
    KernelLog log;
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    ASSERT_EQ(d.write("hello from a test"), 0);
    ASSERT_EQ(d.write(""), 0);
    taken(v, 2);
    EXPECT_TRUE(log.comes_to_say("shmq0: 17 bytes: hello from a test\n")) << log.text();
    EXPECT_TRUE(log.comes_to_say("shmq0: 0 bytes: \n")) << log.text();
    std::string m;
    EXPECT_EQ(d.read(m), EAGAIN) << "an answer";
}

TEST_F(Handlers, LogEscapesWhatCouldForgeALine) {
    reload("handler=log");
    KernelLog log;
    const Device d;
    ASSERT_EQ(d.write(std::string("line\n<0>forged\r\x1b[31m\0", 21)), 0);
    ASSERT_TRUE(log.comes_to_say("21 bytes: ")) << log.text();
    // /dev/kmsg escapes too, as \xNN; what was escaped before has its backslash doubled.
    const std::string text = log.text().substr(log.text().find("21 bytes: "));
    const std::string line = text.substr(0, text.find('\n'));
    for (const char* part : {"line", "<0>forged", "[31m"})
        EXPECT_NE(line.find(part), std::string::npos) << line;
    for (const char* escaped : {"\\x5cn", "\\x5cr", "\\x5ce", "\\x5c0"})
        EXPECT_NE(line.find(escaped), std::string::npos) << escaped << " in " << line;
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= 32 && c < 127; }));
}

TEST_F(Handlers, LogShortensLongMessages) {
    reload("handler=log");
    KernelLog log;
    const Device d;
    ASSERT_EQ(d.write(std::string(128, 'a')), 0);
    ASSERT_EQ(d.write(std::string(129, 'b')), 0);
    EXPECT_TRUE(log.comes_to_say("128 bytes: " + std::string(128, 'a') + "\n")) << log.text();
    EXPECT_TRUE(log.comes_to_say("129 bytes: " + std::string(128, 'b') + " ...\n")) << log.text();
}

TEST_F(Handlers, LogIsLimitedButTakesAll) {
    reload("handler=log");
    KernelLog log;
    const Device d;
    const View v(d);
    for (int i = 0; i < 3000; i++)
        ASSERT_EQ(d.write("many"), 0);
    taken(v, 3000);
    const std::string& text = log.text();
    unsigned lines = 0;
    for (std::size_t at = 0; (at = text.find("4 bytes: many", at)) != std::string::npos; at++)
        lines++;
    EXPECT_GE(lines, 100u);
    EXPECT_LT(lines, 3000u);
}

TEST_F(Handlers, CountOnlyCounts) {
    reload("handler=count");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    std::uint64_t bytes = 0;
    for (unsigned i = 0; i < 2000; i++) {
        const std::string m = pattern(i, 500);
        int error;
        while ((error = d.write(m)) == EAGAIN)
            ASSERT_TRUE(d.poll(POLLOUT));
        ASSERT_EQ(error, 0);
        bytes += m.size();
    }
    taken(v, 2000);
    EXPECT_EQ(v.state(to_kernel).messages, 2000u);
    EXPECT_EQ(v.state(to_kernel).bytes, bytes);
    EXPECT_EQ(v.state(to_kernel).refused, 0u);
    EXPECT_EQ(v.state(from_kernel).messages, 0u);
    std::string m;
    EXPECT_EQ(d.read(m), EAGAIN);
}

// ---- handlers of other modules ----

TEST_F(Handlers, AreRegisteredByAGoodNameOnce) {
    const Module api("", "shmq_test_api");
    EXPECT_EQ(call("register null"), EINVAL);
    EXPECT_EQ(call("register"), EINVAL) << "an empty name";
    EXPECT_EQ(call("register no-function"), EINVAL);
    EXPECT_EQ(call("register sixteen-letters-"), EINVAL);
    for (const char* taken : {"echo", "log", "count", "none", "test"})
        EXPECT_EQ(call("register " + std::string(taken)), EEXIST) << taken;
    EXPECT_EQ(call("register fifteen-letters"), 0);
    EXPECT_EQ(call("set 0 fifteen-letters"), 0);
    EXPECT_EQ(name(), "fifteen-letters");
    EXPECT_EQ(call("unregister"), 0);
    EXPECT_EQ(name(), "echo");
    EXPECT_EQ(call("set 0 fifteen-letters"), ENOENT);
}

TEST_F(Handlers, AreSetByName) {
    const Module api("", "shmq_test_api");
    const Device d;
    EXPECT_EQ(call("set 1 test"), ENODEV);
    EXPECT_EQ(call("set 4000000000 test"), ENODEV);
    EXPECT_EQ(call("set 0 nonsense"), ENOENT);
    for (const char* handler : {"test", "count", "none", "log", "echo", "test", "none", "echo"}) {
        ASSERT_EQ(call("set 0 " + std::string(handler)), 0);
        EXPECT_EQ(name(), handler);
        EXPECT_FALSE(Task::named("shmq0")) << "all devices share their workers";
    }
    ASSERT_EQ(d.write("after all"), 0);
    EXPECT_EQ(d.read(), "after all");
}

TEST_F(Handlers, NeedTheEndsThatProgramsHold) {
    reload("handler=none");
    const Module api("", "shmq_test_api");
    for (auto [queue, end] : {std::pair(0u, consumer), std::pair(1u, producer)}) {
        const Device d;
        ASSERT_EQ(d.claim(queue, end), 0);
        EXPECT_EQ(call("set 0 echo"), EBUSY);
        EXPECT_EQ(name(), "none");
        EXPECT_EQ(d.info().areas[0].kernel_ends | d.info().areas[1].kernel_ends, 0u)
            << "it kept the other end";
    }
    EXPECT_EQ(call("set 0 echo"), 0);
}

TEST_F(Handlers, HaveNothingToDoWithoutQueues) {
    reload("layout=raw");
    const Module api("", "shmq_test_api");
    EXPECT_EQ(call("set 0 test"), EOPNOTSUPP);
    EXPECT_EQ(call("set 0 none"), 0);
}

TEST_F(Handlers, WhatAHandlerRefusesIsCountedAndGone) {
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    ASSERT_EQ(call("behave refuse"), 0);
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    for (const char* m : {"r1", "a", "r2", "b", "r3"})
        ASSERT_EQ(d.write(m), 0);
    taken(v, 5);
    ASSERT_TRUE(eventually([&] { return v.state(to_kernel).refused == 3; }));
    EXPECT_EQ(d.read(), "a");
    EXPECT_EQ(d.read(), "b");
    std::string m;
    EXPECT_EQ(d.read(m), EAGAIN);
}

TEST_F(Handlers, AnAgainIsCalledAgainWithTheSameMessage) {
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    ASSERT_EQ(call("behave again"), 0);
    const Device d;
    const View v(d);
    const unsigned long before = handler_calls();
    for (unsigned i = 0; i < 50; i++) {
        ASSERT_EQ(d.write(pattern(i, 1000)), 0);
        ASSERT_EQ(d.read(), pattern(i, 1000));
    }
    EXPECT_EQ(handler_calls() - before, 200u);
    EXPECT_EQ(v.state(to_kernel).messages, 50u) << "counted once each";
    EXPECT_EQ(v.state(to_kernel).refused, 0u);
    EXPECT_EQ(v.state(from_kernel).dropped, 0u);
}

TEST_F(Handlers, AReplyLongerThanTheLimitIsRefused) {
    reload("max_msg=1000");
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    ASSERT_EQ(call("behave twice"), 0);
    const Device d;
    const View v(d);
    ASSERT_EQ(d.write(std::string(501, 'x')), 0);
    ASSERT_EQ(d.write(std::string(500, 'y')), 0);
    EXPECT_EQ(d.read(), std::string(1000, 'y'));
    EXPECT_EQ(v.state(to_kernel).refused, 1u);
}

// A handler that waits for more room than its message has bytes.
TEST_F(Handlers, WaitingForRoomForALongReplyCostsNoCpu) {
    reload("size=64K");
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    ASSERT_EQ(call("behave twice"), 0);
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    // Answers of 20000 bytes; then 12700 are free: enough for 10000, not for 20000.
    ASSERT_EQ(d.write(std::string(10'000, 'x')), 0);
    ASSERT_EQ(d.write(std::string(10'000, 'y')), 0);
    taken(v, 2);
    ASSERT_TRUE(comes_to_rest());
    const unsigned long calls = handler_calls();
    const std::uint64_t before = turns();
    nap(2000);
    EXPECT_EQ(turns(), before);
    EXPECT_EQ(handler_calls(), calls);
    EXPECT_EQ(d.read(), std::string(20'000, 'x'));
    ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
    EXPECT_EQ(d.read(), std::string(20'000, 'y'));
}

TEST_F(Handlers, OneThatNeverTakesItsMessageHindersNobodyElse) {
    reload("devices=2");
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    ASSERT_EQ(call("behave never"), 0);
    const Device d, other(O_RDWR, 1);
    ASSERT_EQ(d.write("never taken"), 0);
    ASSERT_TRUE(eventually([] { return handler_calls() > 0; }));
    for (int i = 0; i < 100; i++) {
        ASSERT_EQ(other.write("x"), 0);
        ASSERT_EQ(other.read(), "x");
    }
    // A reset frees the device of it.
    ASSERT_EQ(call("behave echo"), 0);
    ASSERT_EQ(d.reset(), 0);
    ASSERT_EQ(d.write("taken"), 0);
    EXPECT_EQ(d.read(), "taken");
}

// Answers are published in batches, but not at the price of a slow handler's pace.
TEST_F(Handlers, AnAnswerDoesNotWaitForASlowHandlersNextOnes) {
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    ASSERT_EQ(call("behave slow"), 0);
    const Device d;
    const View v(d);
    Sender to(d, v);
    for (int i = 0; i < 20; i++)
        ASSERT_EQ(to.place("one of many"), SHMQ_OK);
    ASSERT_EQ(d.kick(), 0);
    ASSERT_NE(d.poll(POLLIN) & POLLIN, 0);
    EXPECT_LT(v.state(to_kernel).messages, 16u) << "messages taken before the first answer came";
    Receiver from(d, v);
    std::string m;
    for (int i = 0; i < 20; i++)
        ASSERT_EQ(from.receive(m), SHMQ_OK) << i;
    ASSERT_EQ(call("behave echo"), 0);
}

TEST_F(Handlers, ASlowOneIsWaitedForAtItsUnload) {
    std::optional<Module> api(std::in_place, "", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    ASSERT_EQ(call("behave slow"), 0);
    const Device d;
    for (int i = 0; i < 10; i++)
        ASSERT_EQ(d.write(std::to_string(i)), 0);
    api.reset(); // in the middle
    EXPECT_EQ(name(), "echo");
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(d.read(), std::to_string(i)) << "by whichever handler";
}

} // namespace
