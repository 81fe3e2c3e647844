// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl, run as a user runs it.
#ifndef SHMQ_TESTS_SHMQCTL_PROGRAM_HPP
#define SHMQ_TESTS_SHMQCTL_PROGRAM_HPP

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

using Arguments = std::vector<std::string>;

struct Result {
    int status = -1; ///< 128 + N after signal N
    std::string out;
    std::string err;

    [[nodiscard]] bool complains_of(std::string_view what) const {
        return err.find(what) != std::string::npos;
    }
};

/// Runs it to its end.
Result shmqctl(const Arguments& arguments, std::string_view input = "");

/// One that goes on while the test does.
class Running {
public:
    /// `out`: what becomes its stdout; -1: a pipe to the test.
    explicit Running(const Arguments& arguments, int out = -1);
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();

    void write(std::string_view text) const;
    void close_input();
    /// The next line of its stdout without its newline; what there is at the end.
    std::string line();
    /// As a reader does that has had enough.
    void close_output();
    void signal(int number) const;
    /// Its stdin is closed; waits for its end.
    Result wait();

private:
    pid_t pid_ = -1;
    int in_ = -1;
    int out_ = -1;
    int err_ = -1;
    std::string unread_;
};

#endif // SHMQ_TESTS_SHMQCTL_PROGRAM_HPP
