// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "measure.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sched.h>

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned most_failures = 1'000'000;
constexpr auto pace = std::chrono::microseconds(5);         // from one read to the next
constexpr auto burst_time = std::chrono::microseconds(500); // between two looks at the clock
constexpr std::size_t most_samples = 1'000'000;

/// The CPUs that this process might use when it began.
cpu_set_t all_cpus() {
    cpu_set_t cpus;
    if (::sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
        throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
    return cpus;
}

const cpu_set_t mine = all_cpus();

/// Moves the calling thread to one of them.
void pin(int which) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &mine) || which-- > 0)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (::sched_setaffinity(0, sizeof(one), &one) != 0)
            throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
        return;
    }
    throw std::runtime_error("two CPUs are needed");
}

/// Of this thread, in ns: others on its CPU do not count.
double cpu_time() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

struct Reads {
    std::vector<float> ns;
    std::size_t failed = 0;
};

double nanoseconds(Clock::duration d) {
    return std::chrono::duration<double, std::nano>(d).count();
}

/// What two looks at the clock cost, to be taken off.
double clock_cost() {
    std::vector<double> costs(1001);
    for (double& cost : costs) {
        const auto before = Clock::now();
        cost = nanoseconds(Clock::now() - before);
    }
    std::ranges::nth_element(costs, costs.begin() + 500);
    return costs[500];
}

void read(Peer& peer, const std::atomic<bool>& stop, std::atomic<unsigned>& ready, Reads& reads) {
    pin(1);
    const auto reader = peer.reader();
    const double cost = clock_cost();
    reads.ns.reserve(most_samples);
    ++ready;
    auto next = Clock::now();
    while (!stop.load(std::memory_order_relaxed)) {
        auto before = Clock::now();
        for (; before < next; before = Clock::now())
            ;
        next = before + pace;
        const unsigned failed = reader->read(most_failures);
        const double took = nanoseconds(Clock::now() - before) - cost;
        reads.failed += failed == most_failures;
        // Those that should have begun meanwhile had to wait too.
        double late = std::max(took, 0.0);
        do {
            if (reads.ns.size() < most_samples)
                reads.ns.push_back(static_cast<float>(late));
            late -= nanoseconds(pace);
        } while (late > 0);
    }
}

} // namespace

Figures measure(const Kind& kind, const Scenario& scenario, std::chrono::milliseconds time) {
    const auto peer = kind.make();
    peer->write(1);

    std::atomic<bool> stop{false};
    std::atomic<unsigned> ready{0};
    std::vector<Reads> reads(scenario.readers);
    std::vector<std::thread> threads;
    for (Reads& r : reads)
        threads.emplace_back([&] { read(*peer, stop, ready, r); });
    while (ready < scenario.readers)
        std::this_thread::yield();

    Figures figures;
    if (scenario.writer) {
        pin(0);
        std::uint64_t written = 0;
        const auto start = Clock::now();
        const double cpu = cpu_time();
        auto now = start;
        unsigned burst = 1;
        while (now - start < time) {
            peer->write(burst);
            written += burst;
            const auto before = std::exchange(now, Clock::now());
            if (now - before < burst_time)
                burst *= 2;
        }
        figures.write_ns = (cpu_time() - cpu) / static_cast<double>(written);
    } else {
        std::this_thread::sleep_for(time);
    }
    stop = true;
    for (std::thread& t : threads)
        t.join();

    std::vector<float> all;
    std::size_t failed = 0;
    for (const Reads& r : reads) {
        all.insert(all.end(), r.ns.begin(), r.ns.end());
        failed += r.failed;
    }
    if (!all.empty()) {
        std::ranges::sort(all);
        figures.read_ns = all[all.size() / 2];
        figures.read_p99_ns = all[all.size() * 99 / 100];
        figures.read_max_ns = all.back();
        figures.failed = static_cast<double>(failed) / static_cast<double>(all.size());
    }
    return figures;
}

} // namespace bench
