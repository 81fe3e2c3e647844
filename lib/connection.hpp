// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_CONNECTION_HPP
#define SHMQ_LIB_CONNECTION_HPP

#include "descriptor.hpp"

#include <shmq/bell.hpp>
#include <shmq/message.hpp>
#include <shmq/status.hpp>

#include <linux/shmq.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

namespace shmq::detail {

/// The Unix socket of a channel, once its handshake is over: doorbell of both
/// ends of this side, news of the peer's death, carrier of control messages.
///
/// Each packet begins with what it is, a u32:
///
///   data     your consumer is to look at its queue
///   room     your producer is to look at its queue
///   control  1 to most_control bytes follow
///   credit   u32: so many of your control messages were read
///
/// The peer is not trusted. It can fill its own send buffer, no memory of ours:
/// a call takes no more than stood there when it began, control messages are
/// kept only as many as the peer had credit for, and whoever sends something
/// else, or more, is Corrupt and hung up on. Descriptors that come along are
/// never received.
///
/// Both ends of a side read one socket. Who rings clears the sleep word before: if
/// the word of an end that sleeps stands, a bell for it is older than its sleep.
///
/// Where nobody polls, an end leaves the bell by which the other is about to be
/// woken, and all behind it; else it takes what there is, see may_take().
///
/// Who polls, edge-triggered, is told of each packet once, and not at all if the
/// socket is empty when he asks. So nobody else takes the last one; and he leaves
/// nothing: a bell for an end that sleeps he takes and wakes the end himself. He
/// then waits with an empty socket, in which there is room for each bell. Only ends
/// that are both polled, each by its own descriptor, leave their bells to each other.
///
/// A bell that finds no room is lost. An end does not sleep in a crowd, or not for
/// long, and who makes room wakes whose word is clear.
///
/// tests/model/spin/connection.pml searches all of this for a lost wake-up.
///
/// Threads: any.
class Connection {
public:
    static constexpr std::size_t most_control = 256; ///< bytes of a control message
    static constexpr std::uint32_t most_unread = 16; ///< control messages on their way

    /// Takes over a connected SOCK_SEQPACKET socket.
    explicit Connection(Descriptor socket) noexcept : socket_(std::move(socket)) {}

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

    /// Rings for the peer's end: its consumer or its producer.
    void ring(enum shmq_end_id peers) noexcept;

    /// Takes the packets that `end` may take: all, or up to the first bell of its
    /// own. False: there is one that it may not take, or many, and a bell for it
    /// may find no room.
    bool take(enum shmq_end_id end, bool all) noexcept;

    /// Takes all packets, and wakes the ends that sleep and were rung for.
    Status take_all() noexcept;

    /// So much stands in the socket that bells might soon find no room.
    [[nodiscard]] bool is_crowded() const noexcept;

    /// Ok, PeerGone, which is for good, or Corrupt. Thorough asks the kernel.
    Status health(bool thorough) noexcept;
    void hung_up() noexcept { hung_up_.store(true, std::memory_order_release); }
    [[nodiscard]] bool is_hung_up() const noexcept {
        return hung_up_.load(std::memory_order_acquire);
    }

    /// The descriptor is polled for one end, or for the channel as a whole.
    void polled_for(enum shmq_end_id end, bool polled) noexcept;
    void polled_for_all() noexcept;
    [[nodiscard]] bool is_polled_for_all() const noexcept {
        return polled_all_.load(std::memory_order_relaxed);
    }

    /// An end is about to sleep on the socket, with these words, in this epoll(7)
    /// if it has one, or (null) was woken.
    void sleeps(enum shmq_end_id end, const SleepWords* words, int epoll = -1) noexcept;

    /// Ok, Full (too many unread), TooBig, Invalid (no bytes), PeerGone, Corrupt.
    Status send_control(std::span<const std::byte> data) noexcept;
    /// Ok, Empty, ShortBuffer (it stays), PeerGone, Corrupt.
    Received receive_control(std::span<std::byte> to) noexcept;

private:
    enum class Kind : std::uint32_t { none = 0, data = 1, room = 2, control = 3, credit = 4 };
    static constexpr unsigned ends = 2; ///< by enum shmq_end_id
    static constexpr int few_packets = 64;
    static constexpr std::size_t crowd = 32; ///< bells, of some 200 that find room

    struct Packet {
        Kind kind;
        std::array<std::byte, most_control> body;
    };

    struct Inbox {
        struct Slot {
            std::uint32_t size;
            std::array<std::byte, most_control> data;
        };
        std::array<Slot, most_unread> slot;
        std::uint32_t first = 0;
        std::uint32_t count = 0;
    };

    struct Sleeper {
        const SleepWords* words = nullptr;
        int epoll = -1;
        bool woken = false; ///< by wake()
    };

    /// What one call takes.
    struct Turn {
        int packets = 0;
        std::uint64_t last = 0; ///< of popped_, when there were more than a few
    };

    static constexpr Kind bell_of(enum shmq_end_id end) noexcept {
        return end == SHMQ_END_CONSUMER ? Kind::data : Kind::room;
    }
    static constexpr unsigned for_end(Kind bell) noexcept {
        return bell == Kind::data ? SHMQ_END_CONSUMER : SHMQ_END_PRODUCER;
    }
    static constexpr bool is_bell(Kind kind) noexcept {
        return kind == Kind::data || kind == Kind::room;
    }

    // All with the lock held.
    [[nodiscard]] bool was_rung(unsigned end) const noexcept;
    [[nodiscard]] bool is_woken_by(Kind kind) const noexcept;
    [[nodiscard]] bool is_left_to_another(unsigned end) const noexcept;
    [[nodiscard]] bool may_take(Kind kind, unsigned end) const noexcept;
    [[nodiscard]] bool shared_with_another(unsigned end) const noexcept;
    [[nodiscard]] bool goes_on(Turn& turn) const noexcept;
    [[nodiscard]] std::size_t standing() const noexcept;
    bool wake(unsigned end) noexcept;
    void wake_who_was_rung() noexcept;
    long receive(Packet& to, int flags) noexcept;
    [[nodiscard]] Kind next() noexcept;
    Kind pop() noexcept;
    void keep(const Packet& packet, std::size_t size) noexcept;
    void give_credit() noexcept;
    void collect() noexcept;
    void refuse() noexcept;

    bool send(const void* packet, std::size_t size) noexcept;

    Descriptor socket_;
    std::atomic<bool> hung_up_{false};
    std::atomic<bool> broken_{false};
    std::atomic<bool> polled_all_{false};
    std::mutex lock_; ///< of the receiving half and of what follows
    std::array<Sleeper, ends> asleep_{};
    std::array<bool, ends> polled_{};
    Descriptor alarm_;         ///< always readable: see wake()
    std::uint64_t popped_ = 0; ///< bytes
    std::uint32_t unread_ = 0; ///< control messages that the peer has not read
    std::uint32_t owed_ = 0;   ///< credit to be given
    std::unique_ptr<Inbox> inbox_;
};

} // namespace shmq::detail

#endif // SHMQ_LIB_CONNECTION_HPP
