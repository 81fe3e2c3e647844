// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The header page of a channel in shared memory: planned, written, read.
#include "channel_layout.hpp"

#include "failure.hpp"

#include <cstdint>

namespace shmq::detail {

namespace {

constexpr std::uint64_t most_bytes = UINT32_MAX;

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

} // namespace

shmq_channel plan_channel(std::size_t queue_size, const Format& format, bool spin_only) {
    const std::uint64_t queue = (static_cast<std::uint64_t>(queue_size) + 63) / 64 * 64;
    const std::uint64_t total = SHMQ_CHANNEL_HEADER + 2 * queue;
    if (queue_size < 64 || queue_size > SHMQ_QUEUE_MAX || total > most_bytes)
        fail(std::errc::invalid_argument, "a queue of a channel has from 64 bytes to 2 GiB - 4 "
                                          "KiB, not " +
                                              std::to_string(queue_size));
    shmq_channel layout{};
    layout.flags = spin_only ? SHMQ_CHANNEL_SPIN_ONLY : 0;
    layout.total = static_cast<std::uint32_t>(total);
    layout.queue[0] = {SHMQ_CHANNEL_HEADER, static_cast<std::uint32_t>(queue)};
    layout.queue[1] = {static_cast<std::uint32_t>(SHMQ_CHANNEL_HEADER + queue),
                       static_cast<std::uint32_t>(queue)};
    layout.format = format.core();
    return layout;
}

void write_layout(const Region& region, const shmq_channel& layout, const std::string& what) {
    const shmq_channel_fault fault = shmq_channel_create(base_of(region), region.size(), &layout);
    if (fault != SHMQ_CHANNEL_OK)
        fail(std::errc::invalid_argument, what + ": " + explain(fault));
}

shmq_channel read_layout(const Region& region, const std::string& what) {
    if (reinterpret_cast<std::uintptr_t>(base_of(region)) % 8 != 0)
        fail(std::errc::invalid_argument, what + ": the memory must be 8-byte aligned");
    shmq_channel layout{};
    const shmq_channel_fault fault = shmq_channel_open(base_of(region), region.size(), &layout);
    if (fault == SHMQ_CHANNEL_NOT_READY)
        fail(std::errc::resource_unavailable_try_again, what + " " + explain(fault));
    if (fault != SHMQ_CHANNEL_OK)
        fail(std::errc::protocol_error, what + " " + explain(fault));
    return layout;
}

} // namespace shmq::detail
