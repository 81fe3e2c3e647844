// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Channels in memory that processes share without a driver.
#include "channel_layout.hpp"
#include "channel_state.hpp"
#include "descriptor.hpp"
#include "failure.hpp"
#include "open_when_made.hpp"
#include "process_bell.hpp"
#include "shm_name.hpp"

#include <shmq/core/channel.h>

#include <array>
#include <string>
#include <utility>

#include <sys/eventfd.h>

namespace shmq::detail {

namespace {

static_assert(SHMQ_CHANNEL_END(1, 1) == 2 * 1 + static_cast<std::uint32_t>(SHMQ_END_CONSUMER));
static_assert(SHMQ_CHANNEL_ENDS == SHMQ_BELLS);
static_assert(SHMQ_CHANNEL_BELL_SIZE == sizeof(shmq_sleep_word));

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

std::shared_ptr<ChannelState> make(Region region, const shmq_channel& layout,
                                   const std::string& what, EventFds fds) {
    write_layout(region, layout, what);
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
    const shmq_channel layout = read_layout(region, what);
    return std::make_shared<SharedChannel>(std::move(region), layout, what, EventFds());
}

} // namespace

std::shared_ptr<ChannelState> create_shm_channel(const std::string& name,
                                                 const CreateOptions& options) {
    const shmq_channel layout = plan_channel(options.queue_size, options.format, options.spin_only);
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
    const auto open = [&] { return open_region(Region::posix_shm(name), "shm:" + name); };
    // What is no name fails for good.
    return is_shm_name(name) ? open_when_made(open) : open();
}

std::shared_ptr<ChannelState> create_memfd_channel(const CreateOptions& options) {
    const shmq_channel layout = plan_channel(options.queue_size, options.format, options.spin_only);
    return make(Region::memfd("shmq", layout.total), layout, "memfd channel", make_event_fds());
}

std::shared_ptr<ChannelState> attach_channel(Region region) {
    return open_region(std::move(region), "this memory");
}

} // namespace shmq::detail
