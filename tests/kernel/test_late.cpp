// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Periods under load: what is missed is told, and never caught up.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"

#include <algorithm>

#include <sched.h>

namespace {

using namespace test;

constexpr std::uint64_t period_us = 20'000;

// Prints each period, so that the kernel log has its times.
struct Late : DriverTest {
    Late() : DriverTest("layout=raw handler=print period_us=20000 priority=10 cpu=1") {}
};

std::uint64_t value(Netlink& n, unsigned type) {
    return n.statistics(0).u64(type);
}

// Takes CPU 1 from everything else for a while. Real-time threads of all may have 95% of
// each second: less than that.
Child hog(int ms) {
    return Child([ms] {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(1, &set);
        CHILD_CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
        sched_param p{};
        p.sched_priority = 20;
        CHILD_CHECK(sched_setscheduler(0, SCHED_FIFO, &p) == 0);
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
        while (std::chrono::steady_clock::now() < end) {
        }
        return 0;
    });
}

// The most lines that any stretch of that length has.
std::size_t most_in(const std::vector<std::uint64_t>& times, std::uint64_t length) {
    std::size_t most = 0, first = 0;
    for (std::size_t last = 0; last < times.size(); last++) {
        while (times[last] - times[first] > length)
            first++;
        most = std::max(most, last - first + 1);
    }
    return most;
}

TEST_F(Late, WhatABusyCpuCostIsCountedAndNotCaughtUp) {
    Netlink n;
    KernelLog log;
    ASSERT_TRUE(eventually([&] { return value(n, SHMQ_A_DEV_PERIODS) > 5; }));
    const std::uint64_t missed = value(n, SHMQ_A_DEV_PERIODS_MISSED);
    constexpr int busy_ms = 400, times = 3;
    for (int i = 0; i < times; i++) {
        ASSERT_EQ(hog(busy_ms).wait(), 0);
        nap(1000 - busy_ms);
    }
    const std::uint64_t late = value(n, SHMQ_A_DEV_LATENESS_MAX_NS);
    EXPECT_GE(value(n, SHMQ_A_DEV_PERIODS_MISSED) - missed, 10u);
    EXPECT_GT(late, period_us * 1000) << "one of them began more than a period late";
    // Each point of the grid has one line at most.
    const auto lines = log.times_of("shmq0: at 0:");
    ASSERT_GT(lines.size(), 10u);
    for (std::uint64_t stretch : {period_us, 5 * period_us, 25 * period_us})
        EXPECT_LE(most_in(lines, stretch), stretch / period_us + 2) << stretch;
}

// As many busy programs as a machine has CPUs, twice over, that are as fair as itself.
TEST_F(Late, UnderFairLoadEachPeriodIsToldOneWayOrTheOther) {
    reload("layout=raw handler=print period_us=20000");
    Netlink n;
    KernelLog log;
    std::vector<Child> load;
    for (int i = 0; i < 4; i++)
        load.emplace_back([] {
            for (volatile unsigned x = 0;;)
                x = x + 1;
            return 0;
        });
    const auto points = [&] {
        const Attributes a = n.statistics(0);
        return a.u64(SHMQ_A_DEV_PERIODS) + a.u64(SHMQ_A_DEV_PERIODS_MISSED);
    };
    EXPECT_TRUE(eventually([&] { return points() > 100; }));
    EXPECT_GT(value(n, SHMQ_A_DEV_PERIODS), 0u);
    const auto lines = log.times_of("shmq0: at 0:");
    EXPECT_LE(most_in(lines, 5 * period_us), 5u + 2);
}

} // namespace
