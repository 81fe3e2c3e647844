// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "cell_attendance.hpp"

#include "deadline.hpp"
#include "failure.hpp"
#include "file_lock.hpp"
#include "futex.hpp"
#include "membarrier.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

namespace shmq::detail {

namespace {

// Whoever sleeps or polls looks again after this: its publisher may be dead.
constexpr std::chrono::nanoseconds longest_sleep = std::chrono::seconds(1);

bool add(const Descriptor& epoll, const Descriptor& fd) noexcept {
    epoll_event event{};
    event.events = EPOLLIN;
    return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) == 0;
}

void drain(const Descriptor& fd) noexcept {
    std::array<char, 4096> ignored; // NOLINT(cppcoreguidelines-pro-type-member-init)
    while (::read(fd.get(), ignored.data(), ignored.size()) > 0)
        ;
}

} // namespace

CellAttendance::CellAttendance(CellPlace place, std::chrono::nanoseconds nap)
    : place_(std::move(place)),
      nap_(std::max<std::chrono::nanoseconds>(nap, std::chrono::microseconds(1))) {
    if (place_.cell.layout.flags & SHMQ_CELL_LOCKS)
        file_ = reopen(place_.region.fd(), place_.region.writable() ? O_RDWR : O_RDONLY);
}

CellAttendance::~CellAttendance() {
    if (seat_)
        shmq_cell_leave(&place_.cell, *seat_);
}

std::optional<std::uint32_t> CellAttendance::sit(CellSeat how) {
    if (how == CellSeat::none)
        return std::nullopt;
    const bool required = how == CellSeat::required;
    const bool locks = place_.cell.layout.flags & SHMQ_CELL_LOCKS;
    if (!place_.region.writable() || (locks && !file_)) {
        if (required)
            fail(std::errc::not_supported,
                 place_.what + ": no seat without write permission, a file and /proc; its mode "
                               "must admit you, or read without a seat");
        return std::nullopt;
    }
    seat_ = try_seats();
    if (!seat_ && required)
        fail(std::errc::device_or_resource_busy,
             place_.what + ": its " + std::to_string(place_.cell.layout.seats) +
                 " seats are taken; make it for more readers, or read without a seat");
    return seat_;
}

std::optional<std::uint32_t> CellAttendance::try_seats() {
    const shmq_cell& cell = place_.cell;
    for (std::uint32_t seat = 0; seat < cell.layout.seats; seat++) {
        const std::uint64_t byte = place_.lock_byte + 1 + seat;
        // A lock says that its last holder has left, or is dead.
        if (file_ ? lock_byte(file_, byte) != 0 : !shmq_cell_claim(&cell, seat))
            continue;
        if (!shmq_cell_sit(&cell, seat) || fence_others())
            return seat;
        shmq_cell_leave(&cell, seat);
        if (file_)
            unlock_byte(file_, byte);
        fail(std::errc::not_supported,
             place_.what + ": no seat without membarrier(2), which is refused here; its publisher "
                           "can fence by itself (CellOptions::fence), or read without a seat");
    }
    return std::nullopt;
}

Holder CellAttendance::publisher(bool thorough) noexcept {
    const std::uint32_t word = shmq_load_acquire(place_.cell.base, SHMQ_CELL_AT_PUBLISHER);
    switch (word & SHMQ_CELL_HOLDER) {
    case SHMQ_CELL_NOBODY:
        return Holder::nobody;
    case SHMQ_CELL_GONE:
        return Holder::gone;
    case SHMQ_CELL_HELD:
        if (!thorough || !byte_is_free(file_, place_.lock_byte))
            return Holder::user;
        if (place_.region.writable())
            shmq_cell_resign(&place_.cell, word);
        return Holder::gone;
    default:
        return Holder::user;
    }
}

bool CellAttendance::gone_since_asked(bool thorough) noexcept {
    const std::uint32_t word =
        shmq_load_acquire(place_.cell.base, SHMQ_CELL_AT_PUBLISHER) | SHMQ_CELL_HOLDER;
    if (word == asked_ || publisher(thorough) != Holder::gone)
        return false;
    asked_ = word;
    return true;
}

// Once is enough: the publisher then asks for those who are armed.
bool CellAttendance::announce(std::uint32_t bit) noexcept {
    if (!place_.region.writable())
        return false;
    if (announced_ & bit)
        return true;
    if (shmq_cell_attend(&place_.cell, bit) && !fence_others())
        return false;
    announced_ |= bit;
    return true;
}

std::optional<std::uint32_t> CellAttendance::arm_sleep() noexcept {
    if (!futex_works_ || !announce(SHMQ_CELL_SLEEPERS))
        return std::nullopt;
    return shmq_cell_arm(&place_.cell, SHMQ_CELL_AT_SLEEP);
}

int CellAttendance::sleep(std::uint32_t armed, std::chrono::nanoseconds at_most) noexcept {
    const int error =
        futex_wait(place_.cell.base, SHMQ_CELL_AT_SLEEP, armed, std::min(at_most, longest_sleep));
    if (error == EFAULT || error == EINVAL || error == ENOSYS)
        futex_works_ = false; // memory of a driver
    return error;
}

int CellAttendance::nap(std::chrono::nanoseconds at_most) const noexcept {
    return sleep_for(std::min(at_most, nap_));
}

int CellAttendance::sleep_for(std::chrono::nanoseconds time) noexcept {
    const timespec t = to_timespec(time);
    return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr);
}

// IN_ATTRIB is what the publisher's touch of the file's times shows as.
Descriptor CellAttendance::watch() noexcept {
    const int fd = place_.region.fd();
    if (fd < 0 || !announce(SHMQ_CELL_POLLERS))
        return Descriptor();
    Descriptor watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    if (!watch || ::inotify_add_watch(watch.get(), path.data(), IN_ATTRIB) < 0)
        return Descriptor();
    return watch;
}

int CellAttendance::fd() {
    if (poll_)
        return poll_.get();
    Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    Descriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!epoll || !timer || !add(epoll, timer))
        return -1;
    Descriptor watched = watch();
    if (watched && !add(epoll, watched))
        return -1;
    itimerspec period{};
    period.it_interval = to_timespec(watched ? longest_sleep : nap_);
    period.it_value = period.it_interval;
    if (::timerfd_settime(timer.get(), 0, &period, nullptr) != 0)
        return -1;
    watch_ = std::move(watched);
    timer_ = std::move(timer);
    poll_ = std::move(epoll);
    return poll_.get();
}

void CellAttendance::arm_poll() noexcept {
    drain(timer_);
    if (!watch_)
        return;
    drain(watch_);
    shmq_cell_arm(&place_.cell, SHMQ_CELL_AT_POLL);
}

} // namespace shmq::detail
