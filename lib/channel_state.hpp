// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_CHANNEL_STATE_HPP
#define SHMQ_LIB_CHANNEL_STATE_HPP

#include "descriptor.hpp"

#include <shmq/bell.hpp>
#include <shmq/channel.hpp>
#include <shmq/core/channel.h>

#include <linux/shmq.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace shmq::detail {

class Connection;

/// What the ends of a channel share: its memory and how to claim an end.
class ChannelState : public std::enable_shared_from_this<ChannelState> {
public:
    ChannelState() = default;
    ChannelState(const ChannelState&) = delete;
    ChannelState& operator=(const ChannelState&) = delete;
    virtual ~ChannelState() = default;

    /// `line` is 0 for the queue that the first side writes, 1 for the other.
    [[nodiscard]] virtual std::span<std::byte> memory(std::uint32_t line) const = 0;

    /// Claims an end; the bell gives it back when it goes, and keeps this alive.
    [[nodiscard]] virtual std::shared_ptr<Bell> claim(std::uint32_t line, enum shmq_end_id end,
                                                      Carries carries) = 0;

    [[nodiscard]] virtual const Format& format() const noexcept = 0;
    [[nodiscard]] virtual const Region& region() const noexcept = 0;
    [[nodiscard]] virtual const Device* device() const noexcept { return nullptr; }

    /// Longest message, bytes; 0: what the queue can hold.
    [[nodiscard]] virtual std::uint32_t max_message() const noexcept { return 0; }

    /// Neither side may sleep.
    [[nodiscard]] virtual bool spin_only() const noexcept { return false; }

    /// Bytes of an element that both sides agreed on; 0: none.
    [[nodiscard]] virtual std::uint32_t element_size() const noexcept { return 0; }

    /// Most bytes for one call on a consumer to hash or skip; 0: no limit.
    [[nodiscard]] virtual std::uint32_t work_limit() const noexcept { return 0; }

    /// The socket to the peer, or null.
    [[nodiscard]] virtual Connection* connection() noexcept { return nullptr; }

    /// The side that this process has, if the other is not to be had.
    [[nodiscard]] virtual std::optional<Side> only_side() const noexcept { return std::nullopt; }

    /// For poll(2) for the whole channel, or -1.
    [[nodiscard]] virtual int poll_fd() noexcept { return -1; }
};

/// A device's channel. Throws if it has no queues.
std::shared_ptr<ChannelState> open_device_channel(const std::string& path, std::uint32_t room);

/// A channel in memory that processes share; see core/channel.h.
std::shared_ptr<ChannelState> create_shm_channel(const std::string& name,
                                                 const CreateOptions& options);
std::shared_ptr<ChannelState> open_shm_channel(const std::string& name);
std::shared_ptr<ChannelState> create_memfd_channel(const CreateOptions& options);
std::shared_ptr<ChannelState> attach_channel(Region region);

/// One side of a channel over a Unix socket, after the handshake.
struct SocketParts {
    Descriptor socket;
    Region region;
    shmq_channel layout;
    std::uint32_t element_size;
    Side side;
    std::shared_ptr<const void> seat; ///< counts among the listener's clients
};
std::shared_ptr<ChannelState> make_socket_channel(SocketParts parts);

/// Connects to a listener: `name` is what follows "unix:".
std::shared_ptr<ChannelState> open_socket_channel(const std::string& name,
                                                  const OpenOptions& options);

} // namespace shmq::detail

#endif // SHMQ_LIB_CHANNEL_STATE_HPP
