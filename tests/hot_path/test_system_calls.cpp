// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Runs each operation of the hot path a million times and counts what the
// kernel was asked for, and how often memory was allocated: neither, ever.
//
// Each runs in a child under a seccomp filter, under which every system call
// but the exit is a signal instead. Two more children make one system call and
// one allocation, to show that they would be seen.
#include "operations.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace {

constexpr unsigned times = 1'000'000;
constexpr int skipped = 77;

struct Counts {
    volatile unsigned system_calls;
    volatile unsigned allocations;
    volatile unsigned wrong;
    volatile unsigned done;
    volatile bool counting;
};

Counts* counts = nullptr; // shared with the children

} // namespace

// In place of the C library's, which operator new calls too.
extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

static void count_allocation(void) {
    if (counts && counts->counting)
        counts->allocations = counts->allocations + 1;
}

void* malloc(std::size_t size) noexcept {
    count_allocation();
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
    count_allocation();
    return __libc_calloc(count, size);
}

void* realloc(void* block, std::size_t size) noexcept {
    count_allocation();
    return __libc_realloc(block, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    count_allocation();
    return __libc_memalign(alignment, size);
}

} // extern "C"

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void count_system_call(int, siginfo_t*, void*) {
    counts->system_calls = counts->system_calls + 1;
}

// From here on each system call but the exit, and the return from the signal
// that it is instead, is counted and does nothing.
bool forbid_system_calls() {
    struct sigaction action {};
    action.sa_sigaction = count_system_call;
    action.sa_flags = SA_SIGINFO;
    if (::sigaction(SIGSYS, &action, nullptr) != 0)
        fail("sigaction");
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    const sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// A doorbell that nobody should have to ring.
class SilentBell : public shmq::Bell {
public:
    SilentBell(std::byte* words, std::uint32_t own, std::uint32_t peer)
        : Bell({reinterpret_cast<shmq_base>(words), own, peer}, std::chrono::seconds(1)) {}

    void ring() noexcept override { ++rings; }
    Woken sleep(Clock::time_point) noexcept override { return Woken::time; }

    unsigned rings = 0;
};

class Memory {
public:
    std::span<std::byte> queue() {
        const std::span part(bytes_[next_++], queue_bytes);
        shmq::create_queue(part);
        return part;
    }
    std::byte* words() { return words_; }

private:
    // No power of two, so that it wraps at every offset.
    static constexpr std::size_t queue_bytes = 8 + 1000;
    alignas(8) std::byte bytes_[4][queue_bytes]{};
    alignas(8) std::byte words_[8]{};
    std::size_t next_ = 0;
};

hot_path::Queues make_queues(Memory& memory) {
    using namespace shmq;
    hot_path::Queues q;
    const auto bytes = memory.queue();
    q.byte_in = ByteProducer::attach(bytes);
    q.byte_out = ByteConsumer::attach(bytes);
    const auto checked = memory.queue();
    q.checked_in = MsgProducer::attach(checked, Format::checked());
    q.checked_out = MsgConsumer::attach(checked, Format::checked());
    const auto plain = memory.queue();
    q.plain_in = MsgProducer::attach(plain, Format::plain());
    q.plain_out = MsgConsumer::attach(plain, Format::plain());
    const auto bell = memory.queue();
    const auto with = [&](std::uint32_t own, std::uint32_t peer) {
        AttachOptions options;
        options.wait = Wait::spin_then_sleep();
        options.bell = std::make_shared<SilentBell>(memory.words(), own, peer);
        return options;
    };
    q.bell_in = MsgProducer::attach(bell, Format::plain(), with(0, 4));
    q.bell_out = MsgConsumer::attach(bell, Format::plain(), with(4, 0));
    const auto cell = Region::memfd("hot_path", Cell<hot_path::Sample>::required());
    q.cell_in = Cell<hot_path::Sample>::create_in(Region::from_fd(cell.fd()));
    q.seat_out =
        Cell<hot_path::Sample>::attach(Region::from_fd(cell.fd()), 0, {.seat = CellSeat::required});
    q.copied_out = Cell<hot_path::Sample>::attach(Region::from_fd_read_only(cell.fd()));
    return q;
}

// What a child did; -1 if there are no filters here.
template <typename F>
int in_child(F&& work) {
    *counts = Counts{};
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        if (!forbid_system_calls())
            ::_exit(skipped);
        counts->counting = true;
        work();
        counts->counting = false;
        ::_exit(0);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child)
        fail("waitpid");
    counts->counting = false;
    if (!WIFEXITED(status))
        throw std::runtime_error("a child was killed");
    return WEXITSTATUS(status);
}

bool would_be_seen() {
    in_child([] { ::syscall(SYS_getppid); });
    const bool call = counts->system_calls == 1;
    in_child([] {
        // Through a volatile, or the compiler leaves the pair out.
        char* volatile block = new char[100];
        delete[] block;
    });
    const bool allocation = counts->allocations == 1;
    std::printf("%s  one system call is seen\n%s  one allocation is seen\n",
                call ? "ok    " : "FAILED", allocation ? "ok    " : "FAILED");
    return call && allocation;
}

bool passes(const hot_path::Operation& operation) {
    Memory memory;
    hot_path::Queues queues = make_queues(memory);
    in_child([&] {
        for (unsigned i = 0; i < times; ++i) {
            if (!operation.run(queues, i))
                counts->wrong = counts->wrong + 1;
            counts->done = counts->done + 1;
        }
    });
    const bool good = counts->done == times && counts->wrong == 0 && counts->system_calls == 0 &&
                      counts->allocations == 0;
    std::printf("%s  %-50s %u times: %u system calls, %u allocations, %u wrong\n",
                good ? "ok    " : "FAILED", operation.name, counts->done, counts->system_calls,
                counts->allocations, counts->wrong);
    return good;
}

int run() {
    void* shared =
        ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        fail("mmap");
    counts = new (shared) Counts{};
    if (in_child([] {}) == skipped) {
        std::puts("no seccomp filters here: not tested");
        return skipped;
    }
    bool good = would_be_seen();
    for (const hot_path::Operation& operation : hot_path::operations())
        good &= passes(operation);
    return good ? 0 : 1;
}

} // namespace

int main() {
    try {
        return run();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
