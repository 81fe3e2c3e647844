// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Other processes: our own children, and the driver's threads as /proc shows them.
#pragma once

#include "fd.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace test {

inline void nap(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// True as soon as the condition holds, false after a long while.
template <class Condition>
bool eventually(Condition condition, int seconds = 60) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        nap(2);
    }
    return true;
}

// SHMQ_TEST_LONG: how many times longer the long tests run.
inline unsigned long_factor() {
    const char* value = std::getenv("SHMQ_TEST_LONG");
    const int factor = value ? std::atoi(value) : 0;
    return factor > 1 ? static_cast<unsigned>(factor) : factor == 1 ? 20 : 1;
}

// Leaves a child with the line that did not hold.
#define CHILD_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: child %d: not so: %s (errno %d)\n", __FILE__, __LINE__,   \
                         getpid(), #condition, errno);                                             \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

class Child {
public:
    // Runs f() in a child; its int is the exit status.
    template <class F>
    explicit Child(F f) {
        std::fflush(nullptr);
        pid_ = fork();
        if (pid_ < 0)
            fail("fork");
        if (pid_ > 0)
            return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int status = 121;
        try {
            status = f();
        } catch (const std::exception& e) {
            std::fprintf(stderr, "child %d: %s\n", getpid(), e.what());
        }
        std::fflush(nullptr);
        _exit(status);
    }
    Child(Child&& o) noexcept : pid_(std::exchange(o.pid_, 0)) {}
    ~Child() { kill(); }

    pid_t pid() const { return pid_; }
    void signal(int number) const { ::kill(pid_, number); }
    // Its exit status; 128 + N after signal N; -1 if it does not end.
    int wait(int seconds = 120) {
        int status = 0;
        if (!eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, seconds))
            return -1;
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    void kill() {
        if (!pid_)
            return;
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    pid_t pid_ = 0;
};

// One line each way between a test and its child: "I am there".
class Gate {
public:
    Gate() {
        if (pipe2(fd_, O_CLOEXEC))
            fail("pipe");
    }
    Gate(const Gate&) = delete;
    ~Gate() {
        ::close(fd_[0]);
        ::close(fd_[1]);
    }
    void open() const {
        if (::write(fd_[1], "", 1) != 1)
            fail("write to a pipe");
    }
    void pass() const {
        char c;
        if (::read(fd_[0], &c, 1) != 1)
            fail("read from a pipe");
    }

private:
    int fd_[2];
};

// A task as /proc shows it, a thread of the kernel too.
struct Task {
    pid_t pid = 0;

    // The driver's thread by its name, "shmq0" or "shmq0/tick".
    static std::optional<Task> named(const std::string& name);
    bool exists() const;
    char state() const;           // R, S, D, I ...
    unsigned long ticks() const;  // of CPU, user and system
    unsigned long sleeps() const; // voluntary context switches
    unsigned long switches() const;
};

// Whether the task comes to sleep.
bool comes_to_sleep(pid_t pid);

} // namespace test
