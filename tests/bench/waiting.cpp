// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "waiting.hpp"

#include <chrono>
#include <sched.h>

namespace {

double ticks_per_ns = 1.0;
std::uint64_t gather_ticks = 0;
bool share_cpu = false;

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

std::uint64_t nanoseconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

} // namespace

std::uint64_t bench_ticks(void) {
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    return nanoseconds();
#endif
}

void bench_wait_empty(bench_waiter* waiter) {
    ++waiter->empty_looks;
    if (share_cpu)
        sched_yield();
    if (waiter->policy == BENCH_SPIN) {
        relax();
        return;
    }
    const std::uint64_t start = bench_ticks();
    do
        relax();
    while (bench_ticks() - start < gather_ticks);
}

void bench_wait_full(bench_waiter* waiter) {
    ++waiter->full_looks;
    if (share_cpu)
        sched_yield();
    relax();
}

namespace bench {

void prepare_waiting(bool one_cpu) {
    share_cpu = one_cpu;
    const std::uint64_t ticks = bench_ticks();
    const std::uint64_t start = nanoseconds();
    std::uint64_t now = start;
    while (now - start < 20'000'000)
        now = nanoseconds();
    ticks_per_ns = static_cast<double>(bench_ticks() - ticks) / static_cast<double>(now - start);
    gather_ticks = static_cast<std::uint64_t>(gather_us * 1000 * ticks_per_ns);
}

double ticks_to_ns(std::uint64_t ticks) {
    return static_cast<double>(ticks) / ticks_per_ns;
}

} // namespace bench
