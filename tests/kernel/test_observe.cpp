// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What an administrator sees without a program of ours: sysfs and tracepoints.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/mount.h>
#include <sys/stat.h>

namespace {

using namespace test;

std::string contents(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

// ---- sysfs ----

struct Sysfs : DriverTest {
    static std::string value(const std::string& name, unsigned n = 0) {
        std::string text = contents("/sys/class/shmq/shmq" + std::to_string(n) + "/" + name);
        if (text.empty() || text.back() != '\n')
            return "not a line: " + text;
        text.pop_back();
        return text;
    }
};

TEST_F(Sysfs, TellsOfADevice) {
    reload("size=64K max_msg=1000 tick_ms=86400000 period_us=60000000 handler=count priority=7 "
           "cpu=1");
    EXPECT_EQ(value("priority"), "7");
    EXPECT_EQ(value("cpu"), "1");
    EXPECT_EQ(value("periods"), "0");
    EXPECT_EQ(value("periods_missed"), "0");
    EXPECT_EQ(value("lateness_max_ns"), "0");
    EXPECT_EQ(value("size"), "65536");
    EXPECT_EQ(value("layout"), "channel");
    EXPECT_EQ(value("framing"), "checked");
    EXPECT_EQ(value("max_message"), "1000");
    EXPECT_EQ(value("handler"), "count");
    EXPECT_EQ(value("tick_ms"), "86400000");
    EXPECT_EQ(value("period_us"), "60000000");
    EXPECT_EQ(value("epoch"), "0");
    ASSERT_EQ(Device().reset(), 0);
    EXPECT_EQ(value("epoch"), "1");
    EXPECT_EQ(value("queue1/producer"), "kernel");
    EXPECT_EQ(value("queue0/capacity"), "32759");
}

TEST_F(Sysfs, CountsAsNetlinkDoes) {
    Netlink n;
    {
        const Device d;
        for (int i = 0; i < 3; i++) {
            ASSERT_EQ(d.write("12345"), 0);
            ASSERT_EQ(d.read(), "12345");
        }
        EXPECT_EQ(value("queue0/producer"), "user");
    }
    EXPECT_EQ(value("queue0/producer"), "gone");
    ASSERT_TRUE(comes_to_rest());
    const Attributes a = n.statistics(0);
    const std::pair<const char*, unsigned> counters[] = {
        {"messages", SHMQ_A_QUEUE_MESSAGES}, {"bytes", SHMQ_A_QUEUE_BYTES},
        {"dropped", SHMQ_A_QUEUE_DROPPED},   {"refused", SHMQ_A_QUEUE_REFUSED},
        {"damaged", SHMQ_A_QUEUE_DAMAGED},   {"wakeups", SHMQ_A_QUEUE_WAKEUPS},
        {"turns", SHMQ_A_QUEUE_TURNS}};
    for (unsigned queue : {0u, 1u}) {
        const std::string at = "queue" + std::to_string(queue) + "/";
        for (const auto& [name, type] : counters)
            EXPECT_EQ(value(at + name), std::to_string(a.queue_u64(queue, type))) << name;
        EXPECT_EQ(value(at + "high_water"),
                  std::to_string(a.queue_u32(queue, SHMQ_A_QUEUE_HIGH_WATER)));
        EXPECT_EQ(value(at + "fill"), "0");
        EXPECT_EQ(value(at + "messages"), "3");
    }
}

TEST_F(Sysfs, TellsWhyAQueueStopped) {
    const Device d;
    const View v(d);
    EXPECT_EQ(value("queue0/state"), "running");
    v.set_position(0, SHMQ_WRITE_POSITION, 0xfffffff0);
    ASSERT_EQ(d.kick(), 0);
    EXPECT_TRUE(eventually([] { return value("queue0/state") == "corrupt"; }));
    EXPECT_EQ(value("queue0/fill"), "0");
}

TEST_F(Sysfs, IsOneLineAFileThatNobodyWrites) {
    unsigned files = 0;
    for (const char* directory : {"", "queue0/", "queue1/"})
        for (const auto& entry : std::filesystem::directory_iterator("/sys/class/shmq/shmq0/" +
                                                                     std::string(directory))) {
            struct stat s {};
            const std::string path = entry.path();
            const std::string name = entry.path().filename();
            ASSERT_EQ(stat(path.c_str(), &s), 0);
            if (!S_ISREG(s.st_mode) || name == "uevent")
                continue;
            const std::string text = contents(path);
            EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << path;
            EXPECT_EQ(s.st_mode & 0222u, 0u) << path;
            files++;
        }
    EXPECT_GE(files, 13u + 2 * 13u);
}

TEST_F(Sysfs, HasNoQueuesWithLayoutRaw) {
    reload("layout=raw");
    EXPECT_EQ(value("layout"), "raw");
    EXPECT_EQ(value("max_message"), "0");
    EXPECT_NE(access("/sys/class/shmq/shmq0/queue0/state", F_OK), 0);
}

// ---- tracepoints ----

struct Trace : DriverTest {
    static constexpr const char* tracing = "/sys/kernel/tracing/";
    static void put(const std::string& file, const std::string& what) {
        std::ofstream(tracing + file) << what;
    }
    void SetUp() override {
        DriverTest::SetUp();
        ::mount("tracefs", tracing, "tracefs", 0, nullptr); // EBUSY: it is there
        if (access("/sys/kernel/tracing/events", F_OK))
            GTEST_SKIP() << "this kernel has no tracing";
        ASSERT_EQ(access("/sys/kernel/tracing/events/shmq", F_OK), 0) << "no events of shmq";
        put("trace", "");
        put("events/shmq/enable", "1");
    }
    void TearDown() override {
        put("events/shmq/enable", "0");
        DriverTest::TearDown();
    }
    static bool tells(const std::string& line) {
        return contents(std::string(tracing) + "trace").find(line) != std::string::npos;
    }
};

TEST_F(Trace, FollowsAMessageThereAndBack) {
    const Device d;
    ASSERT_EQ(d.write("seven b"), 0);
    ASSERT_EQ(d.read(), "seven b");
    for (const char* line :
         {"shmq_enqueue: shmq0 queue=0 length=7", "shmq_wake: shmq0 queue=0 waits_for=data",
          "shmq_dequeue: shmq0 queue=0 length=7", "shmq_enqueue: shmq0 queue=1 length=7",
          "shmq_dequeue: shmq0 queue=1 length=7"})
        EXPECT_TRUE(tells(line)) << line;
    EXPECT_TRUE(eventually([] { return tells("shmq_sleep: shmq0 queue=0 waits_for=data"); }));
}

TEST_F(Trace, TellsOfAReaderThatSleepsAndIsWoken) {
    reload("handler=none tick_ms=50");
    put("events/shmq/enable", "1"); // the events went with the module
    const Device d;
    const auto told = [] {
        return tells("shmq_sleep: shmq0 queue=1 waits_for=data") &&
               tells("shmq_wake: shmq0 queue=1 waits_for=data");
    };
    // A tick may be there before the reader sleeps.
    for (int i = 0; i < 100 && !told(); i++)
        ASSERT_EQ(d.read().substr(0, 5), "tick ");
    EXPECT_TRUE(told());
}

TEST_F(Trace, TellsOfAStoppedQueue) {
    const Device d;
    const View v(d);
    v.set_position(0, SHMQ_WRITE_POSITION, 0xfffffff0);
    ASSERT_EQ(d.kick(), 0);
    EXPECT_TRUE(eventually([] { return tells("shmq_corrupt: shmq0 queue=0 why=corrupt"); }));
}

} // namespace
