// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How a sleeper sleeps and is rung, as the kernel does it for each kind of bell.
#ifndef SHMQ_MODEL_BELLS_HPP
#define SHMQ_MODEL_BELLS_HPP

#include <shmq/core/barrier.h>

#include <cstdint>

namespace model {

// futex(2): sleeps if the word is still `value`. May return for nothing.
inline void futex_sleep(shmq_base base, std::uint32_t off, std::uint32_t value = 1) {
    rl::context& c = rl::ctx();
    const shmq_where at = shmq_where::current();
    c.sched();
    // The kernel's lock on the futex orders the waker's stores before this look.
    c.atomic_thread_fence_seq_cst();
    {
        // The look and going to sleep are one step.
        rl::preemption_disabler together(c);
        if (word(base, off, at).load(rl::mo_acquire, info(at)) != value)
            return;
    }
    word(base, off, at).wait(c, false, true, info(at));
}

// Wakes all.
inline void futex_ring(shmq_base base, std::uint32_t off) {
    rl::context& c = rl::ctx();
    const shmq_where at = shmq_where::current();
    c.sched();
    c.atomic_thread_fence_seq_cst();
    word(base, off, at).wake(c, 8, info(at));
}

// An eventfd, and one edge-triggered epoll on it.
class EventFd {
public:
    void ring() {
        lock_.lock(RL_INFO);
        count_++;
        edge_ = true;
        lock_.unlock(RL_INFO);
        woken_.notify_all(RL_INFO);
    }

    // read(2)
    void quiet() {
        lock_.lock(RL_INFO);
        count_ = 0;
        lock_.unlock(RL_INFO);
    }

    // epoll_wait(2): an edge whose ring was taken back is none.
    void wait_edge() {
        lock_.lock(RL_INFO);
        for (;;) {
            const bool edge = edge_;
            edge_ = false;
            if (edge && count_)
                break;
            woken_.wait(lock_, RL_INFO);
        }
        lock_.unlock(RL_INFO);
    }

private:
    rl::mutex lock_;
    rl::condition_variable woken_;
    unsigned count_ = 0;
    bool edge_ = false;
};

// A wait queue of Linux and the one thread that sleeps on it.
class WaitQueue {
public:
    void wake_up() {
        lock_.lock(RL_INFO);
        if (queued_)
            running_ = true;
        lock_.unlock(RL_INFO);
        woken_.notify_all(RL_INFO);
    }

    void prepare_to_wait() {
        lock_.lock(RL_INFO);
        queued_ = true;
        running_ = false;
        lock_.unlock(RL_INFO);
        shmq_full_fence(); // set_current_state()
    }

    void schedule() {
        lock_.lock(RL_INFO);
        while (!running_)
            woken_.wait(lock_, RL_INFO);
        lock_.unlock(RL_INFO);
    }

    void finish_wait() {
        lock_.lock(RL_INFO);
        queued_ = false;
        running_ = true;
        lock_.unlock(RL_INFO);
    }

private:
    rl::mutex lock_;
    rl::condition_variable woken_;
    bool queued_ = false;
    bool running_ = true;
};

} // namespace model

#endif // SHMQ_MODEL_BELLS_HPP
