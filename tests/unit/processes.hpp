// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Children of a test.
#ifndef SHMQ_TESTS_PROCESSES_HPP
#define SHMQ_TESTS_PROCESSES_HPP

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <utility>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/// A forked child that runs a function and exits with what it returns.
class Child {
public:
    template <typename F>
    explicit Child(F&& f) : pid_(::fork()) {
        if (pid_ != 0)
            return;
        // A test that ctest ends leaves nobody behind who spins.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        int status = 99;
        try {
            status = std::forward<F>(f)();
        } catch (const std::exception& e) {
            std::cerr << "child: " << e.what() << '\n';
        }
        // No destructors of the parent's test, no second report.
        std::_Exit(status);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ > 0)
            kill();
    }

    /// kill -9, and gone when this returns.
    void kill() {
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }

    /// Its exit status; -1 if a signal ended it.
    int join() {
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t pid_;
};

#endif // SHMQ_TESTS_PROCESSES_HPP
