// SPDX-License-Identifier: GPL-2.0-only OR MIT
// One descriptor in an epoll set.
#pragma once

#include "device.hpp"

#include <sched.h>
#include <sys/epoll.h>

namespace test {

class Epoll {
public:
    Epoll(int fd, std::uint32_t events) : set_(epoll_create1(EPOLL_CLOEXEC)) {
        epoll_event e = {.events = events, .data = {}};
        if (!set_.valid() || epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &e))
            fail("epoll");
    }
    // The events; 0 after the time is over.
    std::uint32_t wait(int timeout_ms = patience_ms) const {
        epoll_event e{};
        int n;
        do
            n = epoll_wait(set_.get(), &e, 1, timeout_ms);
        while (n < 0 && errno == EINTR);
        return n > 0 ? e.events : 0;
    }

private:
    Fd set_;
};

// Rolls the same dice each time.
class Dice {
public:
    explicit Dice(std::uint32_t seed) : x_(seed * 2654435761u | 1) {}
    // 0 ... n - 1
    std::uint32_t operator()(std::uint32_t n) {
        x_ ^= x_ << 13;
        x_ ^= x_ >> 17;
        x_ ^= x_ << 5;
        return static_cast<std::uint32_t>((std::uint64_t{x_} * n) >> 32);
    }

private:
    std::uint32_t x_;
};

// Nothing, some cycles, another's turn or a sleep.
inline void dawdle(Dice& dice) {
    switch (dice(8)) {
    case 0:
        usleep(dice(300));
        break;
    case 1:
        sched_yield();
        break;
    case 2:
    case 3:
        for (unsigned i = dice(3000); i > 0; i--)
            shmq_compiler_barrier();
        break;
    default:
        break;
    }
}

} // namespace test
