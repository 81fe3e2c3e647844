// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The built-in source: a line each tick_ms.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

namespace {

using namespace test;

struct Tick : DriverTest {
    Tick() : DriverTest("handler=none tick_ms=20") {}
};

struct Line {
    unsigned long long count = 0;
    double at = 0;
};

Line parse(const std::string& text) {
    Line line;
    char end = 0;
    EXPECT_EQ(std::sscanf(text.c_str(), "tick %llu at %lf%c", &line.count, &line.at, &end), 3)
        << text;
    EXPECT_EQ(end, '\n') << text;
    return line;
}

double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

TEST_F(Tick, CountsOnAndTellsTheTime) {
    const Device d;
    Line last = parse(d.read());
    EXPECT_GE(last.count, 1u);
    for (int i = 0; i < 20; i++) {
        const double before = now();
        const Line line = parse(d.read());
        EXPECT_EQ(line.count, last.count + 1);
        EXPECT_GT(line.at, last.at);
        EXPECT_LE(line.at, now());
        EXPECT_GT(line.at, before - 60);
        last = line;
    }
}

TEST_F(Tick, KeepsItsPeriodOnTheAverage) {
    const Device d;
    const Line first = parse(d.read());
    for (int i = 0; i < 50; i++)
        d.read();
    const Line last = parse(d.read());
    // Missed periods are not caught up: never faster than asked for.
    const double period = (last.at - first.at) / static_cast<double>(last.count - first.count);
    EXPECT_GT(period, 0.018);
}

TEST_F(Tick, AFullQueueDropsTheNewestAndCountsThem) {
    reload("handler=none tick_ms=1 size=1K");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    ASSERT_TRUE(eventually([&] { return v.state(from_kernel).dropped > 20; }));
    const std::uint64_t kept = v.state(from_kernel).messages;
    Line last = parse(d.read());
    EXPECT_EQ(last.count, 1u) << "the oldest was lost";
    for (std::uint64_t i = 1; i < kept; i++) {
        const Line line = parse(d.read());
        EXPECT_EQ(line.count, last.count + 1);
        last = line;
    }
    // What comes now tells of the gap.
    ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
    EXPECT_GT(parse(d.read()).count, last.count + 10);
}

TEST_F(Tick, MixesWithEchoes) {
    reload("tick_ms=2");
    const Device d;
    unsigned echoes = 0, ticks = 0;
    for (unsigned i = 0; i < 300; i++) {
        const std::string message = "echo " + std::to_string(i);
        ASSERT_EQ(d.write(message), 0);
        for (;;) {
            const std::string m = d.read();
            if (m.rfind("tick ", 0) == 0) {
                ticks++;
                continue;
            }
            ASSERT_EQ(m, message);
            echoes++;
            break;
        }
    }
    EXPECT_EQ(echoes, 300u);
    EXPECT_GT(ticks, 0u);
}

TEST_F(Tick, HasAThreadThatGoesWithTheModule) {
    const auto thread = Task::named("shmq0/tick");
    ASSERT_TRUE(thread);
    EXPECT_FALSE(Task::named("shmq0")) << "no handler, no consumer";
    ASSERT_EQ(unload_module(), 0);
    EXPECT_TRUE(eventually([&] { return !thread->exists(); }));
}

TEST_F(Tick, SurvivesABrokenQueueAndGoesOnAfterAReset) {
    Device d(O_RDWR);
    const View v(d);
    d.read();
    v.set_position(from_kernel, SHMQ_WRITE_POSITION, 0x7fffffff);
    ASSERT_TRUE(eventually([&] { return v.state(from_kernel).state != SHMQ_QUEUE_RUNNING; }));
    std::string m;
    EXPECT_EQ(d.read(m), EIO);
    const std::uint64_t dropped = v.state(from_kernel).dropped;
    nap(100);
    EXPECT_EQ(v.state(from_kernel).dropped, dropped) << "a stopped queue is not a full one";
    ASSERT_EQ(d.reset(), 0);
    const Line line = parse(d.read());
    EXPECT_EQ(parse(d.read()).count, line.count + 1);
}

} // namespace
