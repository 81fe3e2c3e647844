// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "run.hpp"

#include "machine.hpp"
#include "waiting.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <time.h>
#include <unistd.h>

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto timeout = std::chrono::seconds(30);
constexpr int cannot = 3; // exit status: the peer cannot be had

// Of this process, which has one thread.
double cpu_seconds() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double now_seconds() {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

void* map(std::size_t bytes) {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
    return memory;
}

// A clock may tick in steps that are large beside what is measured: equal values
// count as evenly spread over their step.
double quantile(std::uint64_t* values, std::uint64_t count, double q) {
    std::sort(values, values + count);
    const double rank = q * static_cast<double>(count);
    const std::uint64_t value = values[std::min(count - 1, static_cast<std::uint64_t>(rank))];
    const auto [first, last] = std::equal_range(values, values + count, value);
    const double step = last == values + count ? 0 : static_cast<double>(*last - value);
    const double part =
        (rank - static_cast<double>(first - values)) / static_cast<double>(last - first);
    return static_cast<double>(value) + part * step;
}

} // namespace

struct Runner::Control {
    struct Side {
        double start = 0;
        double end = 0;
        double cpu = 0;
        std::uint64_t bad = 0;
        char error[200] = {};
    };

    alignas(64) std::atomic<std::uint32_t> arrived{0};
    alignas(64) Side sides[2];
    alignas(64) std::uint64_t ticks[most_round_trips];
};

Runner::Runner(int cpu0, int cpu1)
    : cpus_{cpu0, cpu1}, control_(static_cast<Control*>(map(sizeof(Control)))) {
    sigemptyset(&child_signal_);
    sigaddset(&child_signal_, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child_signal_, nullptr);
}

Runner::~Runner() {
    ::munmap(control_, sizeof(Control));
}

// Both sides come here; spinning, so that they leave at the same time.
void Runner::barrier() {
    const std::uint32_t goal = (control_->arrived.fetch_add(1) / 2 + 1) * 2;
    const auto until = Clock::now() + timeout;
    for (std::uint32_t looks = 1; control_->arrived.load() < goal; ++looks) {
        if (looks % 1024 == 0) {
            ::sched_yield();
            if (Clock::now() > until)
                throw std::runtime_error("the other side never came");
        }
    }
}

void Runner::work(int which, const Job& job, void* forth, void* back) {
    const bench_ops& ops = *job.ops;
    Control::Side& self = control_->sides[which];
    void* sender = nullptr;
    void* receiver = nullptr;
    if (job.metric == Metric::throughput) {
        (which == 0 ? sender : receiver) = which == 0 ? ops.sender(forth) : ops.receiver(forth);
    } else {
        sender = ops.sender(which == 0 ? forth : back);
        receiver = ops.receiver(which == 0 ? back : forth);
    }

    bench_run run{};
    run.waiter.policy = job.policy;
    run.ticks = control_->ticks;
    for (const std::uint64_t count : {job.count / 10 + 1, job.count}) {
        run.count = count;
        run.bad = 0;
        barrier();
        const double cpu = cpu_seconds();
        self.start = now_seconds();
        if (job.metric == Metric::round_trip)
            (which == 0 ? ops.ping : ops.pong)(sender, receiver, &run);
        else if (which == 0)
            ops.send(sender, &run);
        else
            ops.receive(receiver, &run);
        self.end = now_seconds();
        self.cpu = cpu_seconds() - cpu;
        self.bad += run.bad;
        run.first += count;
    }
}

void Runner::side(int which, const Job& job, void* forth, void* back) {
    try {
        pin(cpus_[which]);
        work(which, job, forth, back);
    } catch (const std::exception& e) {
        std::snprintf(control_->sides[which].error, sizeof(Control::Side::error), "%s", e.what());
        ::_exit(1);
    }
}

// In a process of its own, so that whatever a peer leaves behind goes with it.
// Side 1 is its child; each goes when the other one has failed.
void Runner::both_sides(const Job& job) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
        if (info->si_code != CLD_EXITED || info->si_status != 0)
            ::_exit(1);
    };
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGCHLD, &action, nullptr);
    ::sigprocmask(SIG_UNBLOCK, &child_signal_, nullptr);
    void* queues[2] = {};
    const std::size_t queue_count = job.metric == Metric::throughput ? 1 : 2;
    for (std::size_t i = 0; i < queue_count; ++i) {
        queues[i] = map(job.ops->bytes);
        if (const int error = job.ops->create(queues[i])) {
            std::snprintf(control_->sides[0].error, sizeof(Control::Side::error), "%s",
                          std::strerror(error));
            ::_exit(cannot);
        }
    }
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(1);
        side(1, job, queues[0], queues[1]);
        ::_exit(0);
    }
    side(0, job, queues[0], queues[1]);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::_exit(0); // or the handler has
}

Outcome Runner::run(const Job& job) {
    control_->arrived = 0;
    for (Control::Side& s : control_->sides)
        s = {};

    std::fflush(nullptr);
    const pid_t pair = ::fork();
    if (pair < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (pair == 0) {
        try {
            both_sides(job);
        } catch (const std::exception& e) {
            std::snprintf(control_->sides[0].error, sizeof(Control::Side::error), "%s", e.what());
        }
        ::_exit(1);
    }

    int status = 0;
    const auto deadline = Clock::now() + timeout;
    while (::waitpid(pair, &status, WNOHANG) == 0) {
        const timespec wait{1, 0};
        ::sigtimedwait(&child_signal_, nullptr, &wait);
        if (Clock::now() > deadline) {
            ::kill(pair, SIGKILL);
            ::waitpid(pair, &status, 0);
            Outcome o;
            o.error = "not done after 30 s";
            return o;
        }
    }

    Outcome o = result(job);
    if (WIFEXITED(status) && WEXITSTATUS(status) == cannot)
        o.none = true;
    else if (o.error.empty() && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        o.error = WIFSIGNALED(status) ? std::string("killed: ") + ::strsignal(WTERMSIG(status))
                                      : "a side failed";
    return o;
}

Outcome Runner::result(const Job& job) {
    Outcome o;
    const Control::Side& a = control_->sides[0];
    const Control::Side& b = control_->sides[1];
    o.error = a.error[0] != '\0' ? a.error : b.error;
    if (o.error.empty() && a.bad + b.bad > 0)
        o.error = std::to_string(a.bad + b.bad) + " messages were not what was sent";
    if (!o.error.empty())
        return o;
    const double start = std::min(a.start, b.start);
    o.seconds = (job.metric == Metric::throughput ? b.end : a.end) - start;
    o.busy = std::min(a.cpu / (a.end - a.start), b.cpu / (b.end - b.start));
    if (job.metric == Metric::round_trip) {
        o.p50_ns = ticks_to_ns(1) * quantile(control_->ticks, job.count, 0.50);
        o.p99_ns = ticks_to_ns(1) * quantile(control_->ticks, job.count, 0.99);
    }
    return o;
}

} // namespace bench
