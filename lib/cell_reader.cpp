// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "cell_attendance.hpp"
#include "deadline.hpp"
#include "failure.hpp"

#include <shmq/cell_reader.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace shmq {

using detail::CellAttendance;
using detail::CellPlace;
using detail::Clock;
using detail::guarded;

namespace {

// How often a wait that spins asks whether the publisher lives, by a system call.
constexpr std::chrono::seconds thorough_every{1};
// Looks between two glances at the clock; a publisher on this CPU must come to run.
constexpr std::uint32_t clock_every = 64;

constexpr std::chrono::milliseconds look_for_name_every{2};

} // namespace

CellReader::CellReader() noexcept = default;
CellReader::~CellReader() = default;

CellReader::CellReader(CellReader&& other) noexcept
    : cell_(std::exchange(other.cell_, {})),
      last_(std::exchange(other.last_, {})),
      seat_(std::exchange(other.seat_, no_seat)),
      tries_(other.tries_),
      viewing_(other.viewing_),
      polled_(other.polled_),
      attendance_(std::move(other.attendance_)) {}

CellReader& CellReader::operator=(CellReader&& other) noexcept {
    CellReader old(std::move(*this));
    cell_ = std::exchange(other.cell_, {});
    last_ = std::exchange(other.last_, {});
    seat_ = std::exchange(other.seat_, no_seat);
    tries_ = other.tries_;
    viewing_ = other.viewing_;
    polled_ = other.polled_;
    attendance_ = std::move(other.attendance_);
    return *this;
}

CellReader::CellReader(CellPlace place, const CellOpenOptions& options)
    : tries_(std::max<std::uint32_t>(options.tries, 1)),
      attendance_(std::make_unique<CellAttendance>(std::move(place), options.nap)) {
    seat_ = attendance_->sit(options.seat).value_or(no_seat);
    cell_ = attendance_->place().cell;
}

CellReader CellReader::open(const std::string& name, const CellOpenOptions& options) {
    const auto access = options.seat == CellSeat::required ? detail::CellAccess::read_write
                                                           : detail::CellAccess::read_if_not_write;
    return {detail::open_named_cell(name, options.type, access), options};
}

CellReader CellReader::wait_and_open(const std::string& name, Wait::Duration timeout,
                                     const CellOpenOptions& options) {
    const Clock::time_point deadline = detail::after(timeout);
    for (;;) {
        std::error_code ec;
        CellReader reader = open(name, options, ec);
        if (!ec)
            return reader;
        if (ec != std::errc::no_such_file_or_directory &&
            ec != std::errc::resource_unavailable_try_again)
            return open(name, options); // again, to say what is wrong
        if (Clock::now() >= deadline)
            detail::fail(std::errc::timed_out,
                         detail::cell_what(name) + ": nobody made it in the time given");
        std::this_thread::sleep_for(look_for_name_every);
    }
}

CellReader CellReader::attach(Region region, std::uint64_t offset, const CellOpenOptions& options) {
    return {detail::open_cell(std::move(region), offset, options.type, "this memory"), options};
}

bool CellReader::newer_after_arming() noexcept {
    attendance_->arm_poll();
    return newer();
}

Status CellReader::wait(Wait::Duration timeout, Wait policy) {
    if (!attendance_)
        return Status::Invalid;
    const Clock::time_point start = Clock::now();
    const Clock::time_point deadline = detail::after(timeout);
    Clock::time_point thorough = start;
    std::uint32_t looks = 0;
    for (;;) {
        const bool may_sleep =
            policy.kind() == Wait::Kind::sleep || (policy.kind() == Wait::Kind::spin_then_sleep &&
                                                   Clock::now() - start >= policy.duration());
        const std::optional<std::uint32_t> armed =
            may_sleep ? attendance_->arm_sleep() : std::nullopt;

        shmq_cell_stamp stamp{};
        if (look(&stamp) == SHMQ_CORRUPT)
            return Status::Corrupt;
        if (newer())
            return Status::Ok;
        const bool spins = !may_sleep && policy.kind() != Wait::Kind::periodic;
        if (spins && ++looks % clock_every != 0) {
            std::this_thread::yield();
            continue;
        }
        const Clock::time_point now = Clock::now();
        const bool ask = now >= thorough;
        if (ask)
            thorough = now + thorough_every;
        if (attendance_->gone_since_asked(ask))
            return newer() ? Status::Ok : Status::PeerGone;
        if (now >= deadline)
            return Status::Timeout;
        if (spins)
            continue;
        const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - now);
        int error = 0;
        if (armed)
            error = attendance_->sleep(*armed, left);
        else if (policy.kind() == Wait::Kind::periodic)
            error = CellAttendance::sleep_for(std::min<Wait::Duration>(left, policy.duration()));
        else
            error = attendance_->nap(left);
        if (error == EINTR && policy.is_interruptible())
            return Status::Interrupted;
    }
}

int CellReader::fd() {
    if (!attendance_)
        return -1;
    const int fd = attendance_->fd();
    polled_ = fd >= 0;
    if (polled_)
        attendance_->arm_poll();
    return fd;
}

std::optional<std::chrono::nanoseconds> CellReader::staleness() const noexcept {
    if (!last_.time)
        return std::nullopt;
    // A coarse stamp is of up to a tick ago, never of the future.
    const std::uint64_t now = detail::cell_time(CellClock::precise);
    return std::chrono::nanoseconds(now > last_.time ? now - last_.time : 0);
}

Holder CellReader::publisher() noexcept {
    return attendance_ ? attendance_->publisher(true) : Holder::unknown;
}

const Region& CellReader::region() const noexcept {
    static const Region none;
    return attendance_ ? attendance_->place().region : none;
}

CellReader CellReader::open(const std::string& name, const CellOpenOptions& options,
                            std::error_code& ec) {
    return guarded(ec, CellReader(), [&] { return open(name, options); });
}

CellReader CellReader::wait_and_open(const std::string& name, Wait::Duration timeout,
                                     const CellOpenOptions& options, std::error_code& ec) {
    return guarded(ec, CellReader(), [&] { return wait_and_open(name, timeout, options); });
}

CellReader CellReader::attach(Region region, std::uint64_t offset, const CellOpenOptions& options,
                              std::error_code& ec) {
    return guarded(ec, CellReader(), [&] { return attach(std::move(region), offset, options); });
}

} // namespace shmq
