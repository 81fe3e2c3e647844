// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What poll(2) and epoll(7) say of a descriptor.
#ifndef SHMQ_TESTS_READINESS_HPP
#define SHMQ_TESTS_READINESS_HPP

#include <gtest/gtest.h>

#include <cstdint>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

inline bool is_readable(int fd, int timeout_ms = 0) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, timeout_ms) == 1;
}

/// A set of one descriptor.
class Epoll {
public:
    Epoll(int fd, std::uint32_t events) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        epoll_event e{};
        e.events = events;
        EXPECT_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e), 0);
    }
    ~Epoll() { ::close(epoll_); }
    Epoll(const Epoll&) = delete;
    Epoll& operator=(const Epoll&) = delete;

    [[nodiscard]] bool wait(int timeout_ms = 60000) const {
        epoll_event e{};
        return ::epoll_wait(epoll_, &e, 1, timeout_ms) == 1;
    }

private:
    int epoll_;
};

#endif // SHMQ_TESTS_READINESS_HPP
