// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The thread of a device with a period: what it is, what it counts, how it goes.
#include "support/api.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <numeric>

#include <sched.h>

namespace {

using namespace test;

struct PeriodThread : DriverTest {
    PeriodThread() : DriverTest("handler=none period_us=5000") {}
};

std::uint64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(t.tv_nsec);
}

Task thread() {
    const auto found = Task::named("shmq0");
    if (!found)
        throw std::runtime_error("there is no thread shmq0");
    return *found;
}

int policy(const Task& t) {
    return sched_getscheduler(t.pid);
}

int priority(const Task& t) {
    sched_param p{};
    sched_getparam(t.pid, &p);
    return p.sched_priority;
}

// The one CPU that it may run on; -1 if there are more.
int cpu(const Task& t) {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(t.pid, sizeof(set), &set);
    for (int i = 0; CPU_COUNT(&set) == 1; i++)
        if (CPU_ISSET(i, &set))
            return i;
    return -1;
}

std::uint64_t periods(Netlink& n) {
    return n.statistics(0).u64(SHMQ_A_DEV_PERIODS);
}

bool counts_on(Netlink& n) {
    const std::uint64_t before = periods(n);
    return eventually([&] { return periods(n) > before; });
}

int set(Netlink& n, const std::function<void(Request&)>& with) {
    Request r(SHMQ_CMD_DEV_SET);
    r.u32(SHMQ_A_DEV_INDEX, 0);
    with(r);
    return n.call(std::move(r)).error;
}

TEST_F(PeriodThread, IsFairAndUnboundIfNothingIsSaid) {
    EXPECT_EQ(policy(thread()), SCHED_OTHER);
    EXPECT_EQ(cpu(thread()), -1);
    Netlink n;
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_PRIORITY), 0u);
    EXPECT_EQ(n.get(0).s32(SHMQ_A_DEV_CPU), -1);
}

TEST_F(PeriodThread, HasThePriorityAndCpuOfTheParameters) {
    reload("handler=none period_us=5000 priority=42 cpu=1");
    EXPECT_EQ(policy(thread()), SCHED_FIFO);
    EXPECT_EQ(priority(thread()), 42);
    EXPECT_EQ(cpu(thread()), 1);
    Netlink n;
    EXPECT_TRUE(counts_on(n));
}

TEST_F(PeriodThread, ChangesWhileItRuns) {
    Netlink n;
    const Task t = thread();
    ASSERT_EQ(set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PRIORITY, 99).s32(SHMQ_A_DEV_CPU, 0); }), 0);
    EXPECT_EQ(thread().pid, t.pid) << "the same thread";
    EXPECT_EQ(policy(t), SCHED_FIFO);
    EXPECT_EQ(priority(t), 99);
    EXPECT_EQ(cpu(t), 0);
    EXPECT_TRUE(counts_on(n));
    ASSERT_EQ(set(n, [](Request& r) { r.s32(SHMQ_A_DEV_CPU, 1); }), 0);
    EXPECT_EQ(priority(t), 99) << "what is not asked for stays";
    EXPECT_EQ(cpu(t), 1);
    ASSERT_EQ(set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PRIORITY, 0).s32(SHMQ_A_DEV_CPU, -1); }), 0);
    EXPECT_EQ(policy(t), SCHED_OTHER);
    EXPECT_EQ(cpu(t), -1);
    EXPECT_TRUE(counts_on(n));
}

TEST_F(PeriodThread, KeepsThemForTheNextPeriod) {
    Netlink n;
    ASSERT_EQ(set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PRIORITY, 3).s32(SHMQ_A_DEV_CPU, 1); }), 0);
    ASSERT_EQ(set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PERIOD_US, 0); }), 0);
    EXPECT_FALSE(Task::named("shmq0"));
    ASSERT_EQ(set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PERIOD_US, 2000); }), 0);
    EXPECT_EQ(priority(thread()), 3);
    EXPECT_EQ(cpu(thread()), 1);
}

TEST_F(PeriodThread, ARefusedChangeChangesNothing) {
    Netlink n;
    ASSERT_EQ(set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PRIORITY, 3).s32(SHMQ_A_DEV_CPU, 1); }), 0);
    EXPECT_EQ(set(n,
                  [](Request& r) {
                      r.u32(SHMQ_A_DEV_PERIOD_US, 9000)
                          .u32(SHMQ_A_DEV_PRIORITY, 5)
                          .s32(SHMQ_A_DEV_CPU, 4000);
                  }),
              EINVAL);
    EXPECT_EQ(
        set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PERIOD_US, 0).u32(SHMQ_A_DEV_PRIORITY, 5); }),
        EINVAL);
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_PERIOD_US), 5000u);
    EXPECT_EQ(priority(thread()), 3);
    EXPECT_EQ(cpu(thread()), 1);
}

// Each point of the grid is a period that began or one that was missed.
TEST_F(PeriodThread, CountsEachPointOfItsGridOnce) {
    Netlink n;
    const auto points = [&] {
        const Attributes a = n.statistics(0);
        return a.u64(SHMQ_A_DEV_PERIODS) + a.u64(SHMQ_A_DEV_PERIODS_MISSED);
    };
    for (unsigned period_us : {50u, 777u, 20'000u}) {
        ASSERT_EQ(set(n, [&](Request& r) { r.u32(SHMQ_A_DEV_PERIOD_US, period_us); }), 0);
        nap(50);
        const std::uint64_t before = now_ns(), first = points(), after_first = now_ns();
        nap(1000);
        // A count is only final when the thread has slept again.
        const std::uint64_t before_last = now_ns(), last = points(), after = now_ns();
        const auto slack = 2 + n.statistics(0).u64(SHMQ_A_DEV_LATENESS_MAX_NS) / 1000 / period_us;
        EXPECT_LE(last - first, (after - before) / 1000 / period_us + slack) << period_us;
        EXPECT_GE(last - first + slack, (before_last - after_first) / 1000 / period_us)
            << period_us;
    }
}

TEST_F(PeriodThread, EachPeriodIsInTheHistogram) {
    Netlink n;
    EXPECT_TRUE(eventually([&] { return periods(n) > 20; }));
    ASSERT_EQ(set(n, [](Request& r) { r.u32(SHMQ_A_DEV_PERIOD_US, 0); }), 0);
    const Attributes a = n.statistics(0);
    const std::string& bytes = a.value.at(SHMQ_A_DEV_LATENESS);
    ASSERT_EQ(bytes.size(), SHMQ_LATENESS_BUCKETS * sizeof(std::uint64_t));
    std::vector<std::uint64_t> counts(SHMQ_LATENESS_BUCKETS);
    std::memcpy(counts.data(), bytes.data(), bytes.size());
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}),
              a.u64(SHMQ_A_DEV_PERIODS));
    EXPECT_GT(a.u64(SHMQ_A_DEV_LATENESS_MAX_NS), 0u);

    Request reset(SHMQ_CMD_STATS_RESET);
    ASSERT_EQ(n.call(reset.u32(SHMQ_A_DEV_INDEX, 0)).error, 0);
    const Attributes zero = n.statistics(0);
    EXPECT_EQ(zero.u64(SHMQ_A_DEV_PERIODS), 0u);
    EXPECT_EQ(zero.u64(SHMQ_A_DEV_PERIODS_MISSED), 0u);
    EXPECT_EQ(zero.u64(SHMQ_A_DEV_LATENESS_MAX_NS), 0u);
    EXPECT_FALSE(zero.has(SHMQ_A_DEV_LATENESS));
}

TEST_F(PeriodThread, ADeviceWithoutAPeriodHasNone) {
    reload("");
    Netlink n;
    const Device d;
    ASSERT_EQ(d.write("x"), 0);
    d.read();
    EXPECT_EQ(periods(n), 0u);
    EXPECT_FALSE(n.statistics(0).has(SHMQ_A_DEV_LATENESS));
}

TEST_F(PeriodThread, OneThatRingsAllTheTimeDoesNotKeepItFromItsPeriods) {
    reload("period_us=5000");
    Netlink n;
    Child ringer([] {
        const Device d;
        for (;;)
            CHILD_CHECK(d.kick(1) == 0);
        return 0;
    });
    EXPECT_TRUE(eventually([&] { return periods(n) > 50; }));
}

TEST_F(PeriodThread, MessagesThatNeverEndDoNotEither) {
    reload("handler=count period_us=5000");
    Netlink n;
    Child writer([] {
        const Device d;
        const std::string m(1000, 'm');
        for (;;)
            CHILD_CHECK(d.write(m) == 0);
        return 0;
    });
    EXPECT_TRUE(eventually([&] { return periods(n) > 50; }));
}

// ---- handlers of other modules ----

TEST_F(PeriodThread, CallsAHandlerThatAsksForIt) {
    reload("period_us=5000");
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("set 0 test"), 0);
    const auto called = [] { return std::stoul(module_parameter("shmq_test_api", "periods")); };
    EXPECT_TRUE(eventually([&] { return called() > 20; }));
    const Device d;
    EXPECT_EQ(d.read(), "period");
    ASSERT_EQ(call("set 0 echo"), 0);
    const unsigned long before = called();
    Netlink n;
    EXPECT_TRUE(counts_on(n));
    EXPECT_EQ(called(), before);
}

TEST_F(PeriodThread, MissesThePeriodsThatAHandlerWorksThrough) {
    reload("period_us=5000");
    const Module api("period_ms=30", "shmq_test_api");
    Netlink n;
    ASSERT_EQ(call("set 0 test"), 0);
    const std::uint64_t before = periods(n);
    EXPECT_TRUE(eventually([&] { return periods(n) > before + 10; }));
    const Attributes a = n.statistics(0);
    EXPECT_GE(a.u64(SHMQ_A_DEV_PERIODS_MISSED), 10u * 4);
    ASSERT_EQ(call("set 0 none"), 0);
}

// ---- its end ----

TEST_F(PeriodThread, GoesWithTheModuleInTheMiddleOfAPeriod) {
    const char* parameters[] = {
        "layout=raw handler=print period_us=50 priority=99 print_words=16",
        "layout=cell handler=print period_us=50 priority=1 cpu=0",
        "handler=log period_us=50",
        "handler=echo period_us=50 priority=50 cpu=1 tick_ms=1",
    };
    for (unsigned i = 0; i < 12 * long_factor(); i++) {
        reload(parameters[i % 4]);
        const Task t = thread();
        if (i % 4 > 1) {
            const Device d(O_RDWR | O_NONBLOCK);
            while (d.write("a message that is logged, whole") == 0) {
            }
        }
        nap(static_cast<int>(i % 7));
        ASSERT_EQ(unload_module(), 0);
        EXPECT_TRUE(eventually([&] { return !t.exists(); }));
        EXPECT_FALSE(Task::named("shmq0"));
        EXPECT_FALSE(Task::named("shmq0/tick"));
        ASSERT_EQ(load_module("handler=none period_us=5000"), 0);
    }
}

TEST_F(PeriodThread, GoesWithTheDeviceWhoseMemoryStaysReadable) {
    reload("layout=raw handler=print period_us=50 print_words=16");
    Netlink n;
    const Device d;
    const Mapping region = d.map(4096).need("mmap");
    region.data()[0] = 7;
    const Task t = thread();
    ASSERT_EQ(n.remove(0), 0);
    EXPECT_TRUE(eventually([&] { return !t.exists(); }));
    EXPECT_EQ(region.data()[0], 7);
    for (int i = 0; i < 10; i++) {
        const auto next = n.add([](Request& r) {
            r.u32(SHMQ_A_DEV_LAYOUT, SHMQ_LAYOUT_RAW)
                .text(SHMQ_A_DEV_HANDLER, "print")
                .u32(SHMQ_A_DEV_PERIOD_US, 50)
                .u32(SHMQ_A_DEV_PRIORITY, 99);
        });
        nap(i);
        ASSERT_EQ(n.remove(next), 0);
        EXPECT_FALSE(Task::named("shmq" + std::to_string(next)));
    }
}

} // namespace
