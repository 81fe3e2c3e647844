// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Channels in memory that processes share without a driver.
#include "channel_state.hpp"
#include "descriptor.hpp"
#include "failure.hpp"
#include "process_bell.hpp"
#include "shm_name.hpp"

#include <shmq/core/channel.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <sys/eventfd.h>

namespace shmq::detail {

namespace {

static_assert(SHMQ_CHANNEL_END(1, 1) == 2 * 1 + static_cast<std::uint32_t>(SHMQ_END_CONSUMER));
static_assert(SHMQ_CHANNEL_ENDS == SHMQ_BELLS);
static_assert(SHMQ_CHANNEL_BELL_SIZE == sizeof(shmq_sleep_word));

constexpr std::uint64_t most_bytes = UINT32_MAX;

// How long to wait for a creator that is at work.
constexpr std::chrono::milliseconds creator_time{1000};

shmq_base base_of(const Region& region) noexcept {
    return reinterpret_cast<shmq_base>(region.bytes().data());
}

/// One for each bell, made by the creator and inherited by its children.
using EventFds = std::array<Descriptor, SHMQ_CHANNEL_ENDS>;

class SharedChannel final : public ChannelState {
public:
    SharedChannel(Region region, const shmq_channel& layout, std::string what, EventFds fds)
        : region_(std::move(region)),
          layout_(layout),
          format_(Format::from_core(layout.format)),
          what_(std::move(what)),
          fds_(std::move(fds)) {}

    [[nodiscard]] std::span<std::byte> memory(std::uint32_t line) const override {
        return region_.slice(layout_.queue[line].offset, layout_.queue[line].length);
    }

    // Its bells know nothing of what lies in a queue.
    [[nodiscard]] std::shared_ptr<Bell> claim(std::uint32_t line, enum shmq_end_id end,
                                              Carries /*carries*/) override {
        const bool consumer = end == SHMQ_END_CONSUMER;
        const std::uint32_t own = consumer ? SHMQ_BELL_DATA(line) : SHMQ_BELL_ROOM(line);
        const std::uint32_t peer = consumer ? SHMQ_BELL_ROOM(line) : SHMQ_BELL_DATA(line);
        SleepWords words;
        if (!spin_only())
            words = {base_of(region_), shmq_channel_bell(own), shmq_channel_bell(peer)};
        auto held = std::make_unique<EndClaim>(
            base_of(region_), region_.fd(), SHMQ_CHANNEL_END(line, consumer ? 1u : 0u),
            SHMQ_CHANNEL_END(line, consumer ? 0u : 1u),
            what_ + ": the " + (consumer ? "consumer" : "producer") + " of queue " +
                std::to_string(line));
        return std::make_shared<ProcessBell>(words, BellFds{fds_[own].get(), fds_[peer].get()},
                                             std::move(held), shared_from_this());
    }

    [[nodiscard]] const Format& format() const noexcept override { return format_; }
    [[nodiscard]] const Region& region() const noexcept override { return region_; }
    [[nodiscard]] bool spin_only() const noexcept override {
        return (layout_.flags & SHMQ_CHANNEL_SPIN_ONLY) != 0;
    }

private:
    Region region_;
    shmq_channel layout_;
    Format format_;
    std::string what_;
    EventFds fds_;
};

shmq_channel plan(const CreateOptions& options) {
    const std::uint64_t queue = (static_cast<std::uint64_t>(options.queue_size) + 63) / 64 * 64;
    const std::uint64_t total = SHMQ_CHANNEL_HEADER + 2 * queue;
    if (options.queue_size < 64 || options.queue_size > SHMQ_QUEUE_MAX || total > most_bytes)
        fail(std::errc::invalid_argument, "a queue of a channel has from 64 bytes to 2 GiB - 4 "
                                          "KiB, not " +
                                              std::to_string(options.queue_size));
    shmq_channel layout{};
    layout.flags = options.spin_only ? SHMQ_CHANNEL_SPIN_ONLY : 0;
    layout.total = static_cast<std::uint32_t>(total);
    layout.queue[0] = {SHMQ_CHANNEL_HEADER, static_cast<std::uint32_t>(queue)};
    layout.queue[1] = {static_cast<std::uint32_t>(SHMQ_CHANNEL_HEADER + queue),
                       static_cast<std::uint32_t>(queue)};
    layout.format = options.format.core();
    return layout;
}

const char* explain(shmq_channel_fault fault) noexcept {
    switch (fault) {
    case SHMQ_CHANNEL_OK:
        break;
    case SHMQ_CHANNEL_TRUNCATED:
        return "is shorter than a channel, or than its header tells";
    case SHMQ_CHANNEL_NOT_READY:
        return "is not ready: its creator is still at work, or died; if so, unlink it";
    case SHMQ_CHANNEL_FOREIGN:
        return "is no channel of shmq, or of a machine with the other byte order";
    case SHMQ_CHANNEL_BAD_VERSION:
        return "is a channel of another version of shmq: update the older program";
    case SHMQ_CHANNEL_BAD_LAYOUT:
        return "is damaged: its queues cannot lie where its header tells";
    case SHMQ_CHANNEL_BAD_FORMAT:
        return "has a message format that this program does not know";
    }
    return "is a channel";
}

std::shared_ptr<ChannelState> make(Region region, const shmq_channel& layout,
                                   const std::string& what, EventFds fds) {
    const shmq_channel_fault fault = shmq_channel_create(base_of(region), region.size(), &layout);
    if (fault != SHMQ_CHANNEL_OK)
        fail(std::errc::invalid_argument, what + ": " + explain(fault));
    return std::make_shared<SharedChannel>(std::move(region), layout, what, std::move(fds));
}

EventFds make_event_fds() {
    EventFds fds;
    for (Descriptor& fd : fds) {
        fd = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!fd)
            fail_errno(errno, "an eventfd cannot be made");
    }
    return fds;
}

std::shared_ptr<ChannelState> open_region(Region region, const std::string& what) {
    if (reinterpret_cast<std::uintptr_t>(base_of(region)) % 8 != 0)
        fail(std::errc::invalid_argument, what + ": the memory must be 8-byte aligned");
    shmq_channel layout{};
    const shmq_channel_fault fault = shmq_channel_open(base_of(region), region.size(), &layout);
    if (fault == SHMQ_CHANNEL_NOT_READY)
        fail(std::errc::resource_unavailable_try_again, what + " " + explain(fault));
    if (fault != SHMQ_CHANNEL_OK)
        fail(std::errc::protocol_error, what + " " + explain(fault));
    return std::make_shared<SharedChannel>(std::move(region), layout, what, EventFds());
}

} // namespace

std::shared_ptr<ChannelState> create_shm_channel(const std::string& name,
                                                 const CreateOptions& options) {
    const shmq_channel layout = plan(options);
    const std::string what = "shm:" + name;
    Region region = Region::posix_shm(name, layout.total, options.mode);
    try {
        return make(std::move(region), layout, what, EventFds());
    } catch (...) {
        std::error_code ignored;
        Region::posix_shm_unlink(name, ignored);
        throw;
    }
}

std::shared_ptr<ChannelState> open_shm_channel(const std::string& name) {
    const auto give_up = std::chrono::steady_clock::now() + creator_time;
    for (;;) {
        try {
            return open_region(Region::posix_shm(name), "shm:" + name);
        } catch (const std::system_error& e) {
            // EINVAL: it has no bytes yet. Both pass when the creator is done.
            const bool passes = e.code() == std::errc::resource_unavailable_try_again ||
                                (e.code() == std::errc::invalid_argument && is_shm_name(name));
            if (!passes || std::chrono::steady_clock::now() >= give_up)
                throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

std::shared_ptr<ChannelState> create_memfd_channel(const CreateOptions& options) {
    const shmq_channel layout = plan(options);
    return make(Region::memfd("shmq", layout.total), layout, "memfd channel", make_event_fds());
}

std::shared_ptr<ChannelState> attach_channel(Region region) {
    return open_region(std::move(region), "this memory");
}

} // namespace shmq::detail
