// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The channel of a device.
#include "channel_state.hpp"
#include "deadline.hpp"
#include "descriptor.hpp"
#include "failure.hpp"

#include <shmq/device.hpp>

#include <array>
#include <utility>

#include <sys/epoll.h>

namespace shmq::detail {

namespace {

constexpr std::uint32_t word_of(std::uint32_t bell) noexcept {
    return bell * static_cast<std::uint32_t>(sizeof(shmq_sleep_word));
}

constexpr SleepWords words_of(shmq_base base, std::uint32_t queue, enum shmq_end_id end) noexcept {
    const std::uint32_t data = word_of(SHMQ_BELL_DATA(queue));
    const std::uint32_t room = word_of(SHMQ_BELL_ROOM(queue));
    return end == SHMQ_END_CONSUMER ? SleepWords{base, data, room} : SleepWords{base, room, data};
}

/// An end of a device's queue, claimed.
class DeviceBell final : public Bell {
public:
    DeviceBell(std::shared_ptr<const Device> device, std::uint32_t queue, enum shmq_end_id end)
        : Bell(words_of(device->sleep_words(), queue, end), Wait::Duration::max()),
          device_(std::move(device)),
          queue_(queue),
          end_(end),
          epoch_(device_->epoch()),
          events_(::epoll_create1(EPOLL_CLOEXEC)) {
        // Edge-triggered, and by a descriptor of this end's own: the level says
        // "some room" or "some data", which may be less than this end waits for.
        epoll_event event{};
        event.events = EPOLLET | EPOLLRDHUP | (end == SHMQ_END_CONSUMER ? EPOLLIN : EPOLLOUT);
        if (!events_ || ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, device_->fd(), &event) != 0)
            fail_errno(errno, device_->path() + ": cannot be polled");
    }

    ~DeviceBell() override {
        std::error_code ignored; // the device may be gone
        device_->release(queue_, end_, ignored);
    }

    void ring() noexcept override {
        const std::uint32_t bell =
            end_ == SHMQ_END_CONSUMER ? SHMQ_BELL_ROOM(queue_) : SHMQ_BELL_DATA(queue_);
        std::error_code ignored; // ENODEV: health() tells
        device_->kick(1u << bell, ignored);
    }

    Woken sleep(Clock::time_point until) noexcept override {
        const timespec left = to_timespec(until - Clock::now());
        epoll_event event{};
        const int n = ::epoll_pwait2(events_.get(), &event, 1,
                                     until == Clock::time_point::max() ? nullptr : &left, nullptr);
        if (n > 0)
            return Woken::rung;
        return n == 0 ? Woken::time : Woken::signal;
    }

    Status health(bool) noexcept override {
        if (device_->removed())
            return Status::Removed;
        if (device_->epoch() != epoch_)
            return Status::Recreated;
        switch (device_->run_state(queue_)) {
        case SHMQ_QUEUE_RUNNING:
            break;
        case SHMQ_QUEUE_RECREATED:
            return Status::Recreated;
        case SHMQ_QUEUE_CORRUPT:
        default:
            return Status::Corrupt;
        }
        return peer() == Holder::gone ? Status::PeerGone : Status::Ok;
    }

    Holder peer() noexcept override {
        switch (device_->holder(queue_, end_ == SHMQ_END_CONSUMER ? SHMQ_END_PRODUCER
                                                                  : SHMQ_END_CONSUMER)) {
        case SHMQ_HOLDER_NONE:
            return Holder::nobody;
        case SHMQ_HOLDER_KERNEL:
            return Holder::kernel;
        case SHMQ_HOLDER_USER:
            return Holder::user;
        case SHMQ_HOLDER_GONE:
            return Holder::gone;
        }
        return Holder::unknown;
    }

    [[nodiscard]] int fd() const noexcept override { return device_->fd(); }

private:
    std::shared_ptr<const Device> device_;
    std::uint32_t queue_;
    enum shmq_end_id end_;
    std::uint32_t epoch_; ///< when this end was claimed
    Descriptor events_;
};

class DeviceChannel final : public ChannelState {
public:
    DeviceChannel(Device device, std::uint32_t room)
        : device_(std::make_shared<const Device>(std::move(device))),
          format_(device_->format()),
          room_(room) {
        for (const shmq_area& area : device_->areas()) {
            if (area.type != SHMQ_AREA_QUEUE || area.queue >= SHMQ_MAX_QUEUES)
                continue;
            if (area.direction == SHMQ_DIRECTION_FROM_USER)
                lines_[0] = &area;
            else if (area.direction == SHMQ_DIRECTION_TO_USER)
                lines_[1] = &area;
        }
        if (!lines_[0] || !lines_[1])
            fail(std::errc::operation_not_supported,
                 device_->path() + ": its layout has no pair of queues; use shmq::Device and its "
                                   "region()");
    }

    [[nodiscard]] std::span<std::byte> memory(std::uint32_t line) const override {
        return device_->memory(*lines_[line]);
    }

    [[nodiscard]] std::shared_ptr<Bell> claim(std::uint32_t line, enum shmq_end_id end,
                                              Carries carries) override {
        const std::uint32_t queue = lines_[line]->queue;
        device_->claim(queue, end, end == SHMQ_END_PRODUCER ? room_ : 0, carries);
        try {
            return std::make_shared<DeviceBell>(device_, queue, end);
        } catch (...) {
            std::error_code ignored;
            device_->release(queue, end, ignored);
            throw;
        }
    }

    [[nodiscard]] const Format& format() const noexcept override { return format_; }
    [[nodiscard]] const Region& region() const noexcept override { return device_->region(); }
    [[nodiscard]] const Device* device() const noexcept override { return device_.get(); }
    [[nodiscard]] int poll_fd() noexcept override { return device_->fd(); }
    [[nodiscard]] std::uint32_t max_message() const noexcept override {
        return device_->info().max_message;
    }

private:
    std::shared_ptr<const Device> device_;
    Format format_;
    std::uint32_t room_;
    std::array<const shmq_area*, 2> lines_{}; ///< into device_->areas()
};

} // namespace

std::shared_ptr<ChannelState> open_device_channel(const std::string& path, std::uint32_t room) {
    return std::make_shared<DeviceChannel>(Device::open(path), room);
}

} // namespace shmq::detail
