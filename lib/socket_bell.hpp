// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_SOCKET_BELL_HPP
#define SHMQ_LIB_SOCKET_BELL_HPP

#include "connection.hpp"
#include "descriptor.hpp"

#include <shmq/bell.hpp>
#include <shmq/core/channel.h>

#include <linux/shmq.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace shmq::detail {

/// What a SocketBell rings, sleeps on and gives back; see SocketChannel.
struct SocketEnd {
    Connection& connection;
    std::atomic<bool>& claimed; ///< in this process; the bell takes it back
    shmq_base header;
    std::uint32_t line;
    enum shmq_end_id end;
};

/// The doorbell of one end of a channel over a Unix socket.
///
/// It sleeps in an epoll(7) of its own, edge-triggered, made when it sleeps for
/// the first time: what is left in the socket for the other end of this side
/// does not keep it awake.
class SocketBell final : public Bell {
public:
    SocketBell(const SocketEnd& end, std::shared_ptr<const void> owner) noexcept;
    ~SocketBell() override;

    void ring() noexcept override;
    Woken sleep(Clock::time_point until) noexcept override;
    void quiet() noexcept override;
    Status health(bool thorough) noexcept override;
    [[nodiscard]] bool gone_for_good() const noexcept override;
    Holder peer() noexcept override;
    [[nodiscard]] int fd() const noexcept override;

private:
    [[nodiscard]] std::uint32_t peer_word() const noexcept;
    [[nodiscard]] enum shmq_end_id peers_end() const noexcept {
        return end_.end == SHMQ_END_CONSUMER ? SHMQ_END_PRODUCER : SHMQ_END_CONSUMER;
    }
    bool make_epoll() noexcept;
    void take() noexcept;

    SocketEnd end_;
    std::shared_ptr<const void> owner_; ///< of what end_ refers to
    std::uint32_t word_;                ///< of the claim, in the header
    Descriptor epoll_;
    mutable std::atomic<bool> polled_{false}; ///< fd() was asked for
    bool obstructed_ = false;                 ///< its bell may find no room
    unsigned skipped_ = 0;
    unsigned takes_ = 0;
};

} // namespace shmq::detail

#endif // SHMQ_LIB_SOCKET_BELL_HPP
