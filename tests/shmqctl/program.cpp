// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "program.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

int file() {
    const int fd = ::memfd_create("shmqctl-test", MFD_CLOEXEC);
    if (fd < 0)
        fail("memfd_create");
    return fd;
}

void put(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0)
            fail("write");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::string rest(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t n; (n = ::read(fd, buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(n));
    return text;
}

std::string all(int fd) {
    ::lseek(fd, 0, SEEK_SET);
    return rest(fd);
}

pid_t start(const Arguments& arguments, int in, int out, int err) {
    std::vector<char*> argv;
    std::string program = SHMQCTL;
    Arguments copy = arguments;
    argv.push_back(program.data());
    for (std::string& argument : copy)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0)
        fail("fork");
    if (pid > 0)
        return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execv(SHMQCTL, argv.data());
    std::_Exit(127);
}

int status_of(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

Result shmqctl(const Arguments& arguments, std::string_view input) {
    const int in = file();
    const int out = file();
    const int err = file();
    put(in, input);
    ::lseek(in, 0, SEEK_SET);
    Result result;
    result.status = status_of(start(arguments, in, out, err));
    result.out = all(out);
    result.err = all(err);
    for (const int fd : {in, out, err})
        ::close(fd);
    return result;
}

Running::Running(const Arguments& arguments, int out) : err_(file()) {
    std::array<int, 2> in{};
    std::array<int, 2> back{-1, -1};
    if (::pipe2(in.data(), O_CLOEXEC) || (out < 0 && ::pipe2(back.data(), O_CLOEXEC)))
        fail("pipe2");
    pid_ = start(arguments, in[0], out < 0 ? back[1] : out, err_);
    ::close(in[0]);
    ::close(back[1]);
    in_ = in[1];
    out_ = back[0];
}

Running::~Running() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        status_of(pid_);
    }
    for (const int fd : {in_, out_, err_})
        ::close(fd);
}

void Running::write(std::string_view text) const {
    put(in_, text);
}

void Running::close_input() {
    ::close(std::exchange(in_, -1));
}

void Running::close_output() {
    ::close(std::exchange(out_, -1));
}

std::string Running::line() {
    for (;;) {
        const std::size_t at = unread_.find('\n');
        if (at != std::string::npos) {
            std::string line = unread_.substr(0, at);
            unread_.erase(0, at + 1);
            return line;
        }
        std::array<char, 4096> buffer;
        const ssize_t n = ::read(out_, buffer.data(), buffer.size());
        if (n <= 0)
            return std::exchange(unread_, {});
        unread_.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

void Running::signal(int number) const {
    ::kill(pid_, number);
}

Result Running::wait() {
    close_input();
    Result result;
    result.out = unread_ + rest(out_);
    result.status = status_of(std::exchange(pid_, -1));
    result.err = all(err_);
    return result;
}
