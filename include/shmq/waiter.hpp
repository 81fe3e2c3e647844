// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What every end does around a core operation: ring after it has published,
// look again before it says "nothing", wait. An implementation detail of the ends.
#ifndef SHMQ_WAITER_HPP
#define SHMQ_WAITER_HPP

#include <shmq/bell.hpp>
#include <shmq/core/byte_queue.h>
#include <shmq/core/doorbell.h>
#include <shmq/statistics.hpp>
#include <shmq/status.hpp>
#include <shmq/waiting.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace shmq::detail {

inline void stop_core(shmq_producer& p, shmq_status why) noexcept {
    shmq_producer_stop(&p, why);
}

inline void stop_core(shmq_consumer& c, shmq_status why) noexcept {
    shmq_consumer_stop(&c, why);
}

class Waiter {
public:
    Waiter() noexcept = default;

    /// Throws std::system_error if the policy sleeps and nothing could wake it.
    Waiter(Wait wait, std::shared_ptr<Bell> bell);

    Waiter(Waiter&& other) noexcept { *this = std::move(other); }
    Waiter& operator=(Waiter&& other) noexcept {
        words_ = std::exchange(other.words_, {}); // they go with the bell
        announced_ = other.announced_;
        armed_ = std::exchange(other.armed_, false);
        gone_told_ = other.gone_told_;
        wait_ = other.wait_;
        stopped_ = other.stopped_;
        messages_ = std::exchange(other.messages_, 0);
        statistics_ = std::exchange(other.statistics_, {});
        bytes_ = std::exchange(other.bytes_, 0);
        bell_ = std::move(other.bell_);
        return *this;
    }
    ~Waiter() = default;

    /// The first act of an end that has attached: a predecessor that died
    /// between clearing the peer's word and ringing may have left it asleep.
    void attached(const shmq_end& e) noexcept {
        announced_ = e.publishes;
        if (words_.base)
            bell_->ring();
    }

    /// Rings if something was published since the last call and the peer sleeps.
    [[gnu::always_inline]] void announce(const shmq_end& e) noexcept {
        if (words_.base && e.publishes != announced_)
            ring_if_asleep(e);
    }

    /// One try of `op`, which returns `nothing` (Full or Empty) when it has to
    /// wait. An end that may sleep announces that before it says so.
    template <typename Core, typename Op>
    [[gnu::always_inline]] Status attempt(Core& core, Status nothing, Op&& op) noexcept {
        const Status s = op();
        if (s != Status::Ok) [[unlikely]]
            return attempt_on(core, s, nothing, op);
        announce(core.end);
        return s;
    }

    /// What is left of an attempt() after its first `op`, which answered `s`.
    template <typename Core, typename Op>
    Status attempt_on(Core& core, Status s, Status nothing, Op&& op) noexcept {
        s = s == nothing ? look_again(core, nothing, op) : settle(s);
        announce(core.end);
        return s;
    }

    /// One transfer of `bytes`.
    [[gnu::always_inline]] void count(std::uint32_t bytes) noexcept {
        ++messages_;
        bytes_ += bytes;
    }
    void count_damage() noexcept { ++statistics_.damaged; }
    [[nodiscard]] Statistics statistics() const noexcept {
        Statistics s = statistics_;
        s.messages = messages_;
        s.bytes = bytes_;
        return s;
    }

    /// Tries until `op` returns something else than `nothing`.
    template <typename Core, typename Op>
    Status wait(Core& core, Status nothing, Wait::Duration timeout, Op&& op) noexcept;

    [[nodiscard]] Wait policy() const noexcept { return wait_; }
    [[nodiscard]] int fd() const noexcept { return bell_ ? bell_->fd() : -1; }
    [[nodiscard]] Holder peer() const noexcept { return bell_ ? bell_->peer() : Holder::unknown; }
    [[nodiscard]] Bell* bell() const noexcept { return bell_.get(); }

    /// The status of an end: Ok, or why it stopped.
    [[nodiscard]] Status status(const shmq_end& e) const noexcept {
        return settle(static_cast<Status>(e.error));
    }

private:
    friend class Pace;

    /// Sets the own word unless it is set. True: look at the queue once more
    /// before sleeping or telling that there is nothing.
    bool arm() noexcept {
        // First: a ring for what comes after the next look must not be taken back.
        bell_->quiet();
        if (armed_ && shmq_load_relaxed(words_.base, words_.own))
            return false; // the last look was after it had been set
        shmq_doorbell_arm(words_.base, words_.own);
        armed_ = true;
        return true;
    }

    void disarm() noexcept {
        if (!armed_)
            return;
        shmq_doorbell_disarm(words_.base, words_.own);
        armed_ = false;
    }

    void ring_if_asleep(const shmq_end& e) noexcept {
        announced_ = e.publishes;
        if (shmq_doorbell_take(words_.base, words_.peer)) [[unlikely]] {
            ++statistics_.rings;
            bell_->ring();
        }
    }

    /// PeerGone is told once for each departure, unless nobody can come after.
    Status health(bool thorough) noexcept {
        if (!bell_)
            return Status::Ok;
        Status h = bell_->health(thorough);
        if (h == Status::PeerGone)
            return std::exchange(gone_told_, true) && !bell_->gone_for_good() ? Status::Ok : h;
        gone_told_ = false;
        return h;
    }

    /// What the core calls a stopped end may have a more exact name here.
    [[nodiscard]] Status settle(Status s) const noexcept {
        return is_final(s) && stopped_ != Status::Ok ? stopped_ : s;
    }

    template <typename Core, typename Op>
    [[gnu::noinline]] Status look_again(Core& core, Status nothing, Op& op) noexcept {
        ++statistics_.nothing;
        announce(core.end); // the look may have published what was pending
        if (!bell_)
            return nothing;
        const bool newly_armed = wait_.may_sleep() && arm();
        const Status h = health(false);
        if (h != Status::Ok)
            return last_look(core, nothing, h, op);
        if (!newly_armed)
            return nothing;
        const Status s = op();
        if (s == Status::Ok)
            disarm();
        return settle(s);
    }

    /// What was published before the end of the world is still delivered.
    template <typename Core, typename Op>
    [[gnu::noinline]] Status last_look(Core& core, Status nothing, Status why, Op& op) noexcept {
        if (why != Status::Recreated) {
            const Status s = op();
            announce(core.end);
            if (s != nothing) {
                // Tell it when there really is nothing.
                if (why == Status::PeerGone)
                    gone_told_ = false;
                return settle(s);
            }
        }
        if (is_final(why)) {
            stopped_ = why;
            stop_core(core, why == Status::Recreated ? SHMQ_RECREATED : SHMQ_CORRUPT);
        }
        return why;
    }

    SleepWords words_;
    std::uint32_t announced_ = 0; ///< publishes at the last ring
    bool armed_ = false;
    bool gone_told_ = false;
    Wait wait_ = Wait::spin();
    Status stopped_ = Status::Ok;
    // What each transfer counts is kept apart: side by side, a compiler adds to both as
    // to one vector, which is slower.
    std::uint64_t messages_ = 0;
    Statistics statistics_; ///< all but those two
    std::uint64_t bytes_ = 0;
    std::shared_ptr<Bell> bell_;
};

/// The course of one wait.
class Pace {
public:
    Pace(Waiter& waiter, Wait::Duration timeout) noexcept;

    /// Passes time by the policy. Ok: look again; else why the wait is over.
    Status next() noexcept;

private:
    using Clock = Bell::Clock;

    Status spin() noexcept;
    Status gather() noexcept;
    Status sleep() noexcept;
    Status nap() noexcept;
    Status check(Clock::time_point now) noexcept;

    Waiter& waiter_;
    Clock::time_point deadline_;
    Clock::time_point spin_until_{};
    Clock::time_point thorough_at_{};
    std::uint32_t looks_ = 0;
    bool spinning_ = false;
};

template <typename Core, typename Op>
Status Waiter::wait(Core& core, Status nothing, Wait::Duration timeout, Op&& op) noexcept {
    Status s = op();
    announce(core.end);
    if (s != nothing) [[likely]]
        return settle(s);
    ++statistics_.waits;
    Pace pace(*this, timeout);
    for (;;) {
        ++statistics_.nothing;
        const Status why = pace.next();
        if (why != Status::Ok)
            return last_look(core, nothing, why, op);
        s = op();
        announce(core.end);
        if (s != nothing) {
            disarm();
            return settle(s);
        }
    }
}

} // namespace shmq::detail

#endif // SHMQ_WAITER_HPP
