// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "socket_bell.hpp"

#include "deadline.hpp"

#include <shmq/core/doorbell.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <sys/epoll.h>

namespace shmq::detail {

namespace {

// When the bell may be missed: who should take what stands there is busy, or there
// was no descriptor left for an epoll.
constexpr std::chrono::milliseconds short_sleep{10};

// How often an end that finds nothing, and was not rung, looks at the socket.
constexpr unsigned look_every = 64;

// How often an end takes all bells from the socket, not only the one it expects.
constexpr unsigned take_all_every = 8;

std::uint32_t consumer_flag(enum shmq_end_id end) noexcept {
    return end == SHMQ_END_CONSUMER ? 1 : 0;
}

SleepWords words_of(const SocketEnd& e) noexcept {
    const std::uint32_t data = shmq_channel_bell(SHMQ_BELL_DATA(e.line));
    const std::uint32_t room = shmq_channel_bell(SHMQ_BELL_ROOM(e.line));
    return e.end == SHMQ_END_CONSUMER ? SleepWords{e.header, data, room}
                                      : SleepWords{e.header, room, data};
}

/// As epoll_pwait2(2), with the coarser time of epoll_wait(2) where there is none.
int wait_for_event(int epoll, epoll_event& event, const timespec* left) noexcept {
    const int n = ::epoll_pwait2(epoll, &event, 1, left, nullptr);
    if (n >= 0 || errno != ENOSYS)
        return n;
    constexpr int longest = 60000;
    const bool short_enough = left && left->tv_sec < longest / 1000;
    const int ms = short_enough
                       ? static_cast<int>(left->tv_sec * 1000 + (left->tv_nsec + 999999) / 1000000)
                       : longest;
    return ::epoll_wait(epoll, &event, 1, ms);
}

} // namespace

SocketBell::SocketBell(const SocketEnd& end, std::shared_ptr<const void> owner) noexcept
    : Bell(words_of(end), Wait::Duration::max()),
      end_(end),
      owner_(std::move(owner)),
      word_(shmq_channel_take_end(end.header, SHMQ_CHANNEL_END(end.line, consumer_flag(end.end)),
                                  SHMQ_CHANNEL_UNLOCKED)) {}

SocketBell::~SocketBell() {
    shmq_channel_leave_end(end_.header, SHMQ_CHANNEL_END(end_.line, consumer_flag(end_.end)),
                           word_);
    end_.connection.polled_for(end_.end, false);
    SocketBell::ring(); // so that the peer notices
    end_.claimed.store(false, std::memory_order_release);
}

void SocketBell::ring() noexcept {
    // After what there is to be seen; a peer that sets its word later sees it.
    shmq_full_fence();
    // Always, and first: see Connection.
    shmq_doorbell_disarm(words().base, words().peer);
    // Who makes room after this found none sees that the word is clear.
    shmq_full_fence();
    end_.connection.ring(peers_end());
}

bool SocketBell::make_epoll() noexcept {
    if (epoll_)
        return true;
    Descriptor fd(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    if (!fd || ::epoll_ctl(fd.get(), EPOLL_CTL_ADD, end_.connection.fd(), &event) != 0)
        return false;
    epoll_ = std::move(fd);
    return true;
}

Bell::Woken SocketBell::sleep(Clock::time_point until) noexcept {
    Connection& connection = end_.connection;
    const bool have_epoll = make_epoll();
    connection.sleeps(end_.end, &words(), epoll_.get());
    // This end's bell must find room. It may have found none before this look, and
    // the word is clear then.
    const bool crowded = connection.is_crowded();
    // From here on nobody else takes this end's bell; before, somebody may have.
    Woken woken = Woken::rung;
    if (shmq_load_relaxed(words().base, words().own) == 0) {
        // Rung.
    } else if (crowded && !obstructed_) {
        obstructed_ = true; // quiet() first
    } else {
        if (obstructed_ || !have_epoll)
            until = std::min(until, Clock::now() + short_sleep);
        const bool timed = until != Clock::time_point::max();
        const timespec left = to_timespec(timed ? until - Clock::now() : Wait::Duration::zero());
        epoll_event event{};
        int n = 0;
        if (have_epoll)
            n = wait_for_event(epoll_.get(), event, timed ? &left : nullptr);
        else
            n = ::nanosleep(&left, nullptr);
        if (n == 1 && (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
            connection.hung_up();
        woken = n > 0 ? Woken::rung : n == 0 ? Woken::time : Woken::signal;
    }
    connection.sleeps(end_.end, nullptr);
    return woken;
}

/// One bell is expected. Others may have been late, or behind what another end
/// has taken since: they must not add up until the socket is full.
void SocketBell::take() noexcept {
    const bool all =
        obstructed_ || polled_.load(std::memory_order_relaxed) || ++takes_ % take_all_every == 0;
    obstructed_ = !end_.connection.take(end_.end, all);
}

void SocketBell::quiet() noexcept {
    if (end_.connection.is_polled_for_all() && !obstructed_)
        return; // Channel::take_rings()
    // While the word stands, nobody has rung; a hang-up is noticed some day.
    if (!polled_.load(std::memory_order_relaxed) && !obstructed_ &&
        shmq_load_relaxed(words().base, words().own) != 0 && ++skipped_ % look_every != 0)
        return;
    take();
}

std::uint32_t SocketBell::peer_word() const noexcept {
    const std::uint32_t end = SHMQ_CHANNEL_END(end_.line, consumer_flag(peers_end()));
    return shmq_load_acquire(end_.header, shmq_channel_holder(end)) & SHMQ_CHANNEL_HOLDER;
}

Status SocketBell::health(bool thorough) noexcept {
    // Who polls, and could not look at all that stands there, has had the event.
    const bool unseen = obstructed_ && polled_.load(std::memory_order_relaxed);
    const Status s = end_.connection.health(thorough || unseen);
    if (s != Status::Ok)
        return s;
    return peer_word() == SHMQ_CHANNEL_GONE ? Status::PeerGone : Status::Ok;
}

bool SocketBell::gone_for_good() const noexcept {
    return end_.connection.is_hung_up();
}

Holder SocketBell::peer() noexcept {
    if (health(true) != Status::Ok)
        return Holder::gone;
    return peer_word() == SHMQ_CHANNEL_NOBODY ? Holder::nobody : Holder::user;
}

int SocketBell::fd() const noexcept {
    polled_.store(true, std::memory_order_relaxed);
    end_.connection.polled_for(end_.end, true);
    return end_.connection.fd();
}

} // namespace shmq::detail
