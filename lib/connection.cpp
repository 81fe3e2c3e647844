// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace shmq::detail {

namespace {

using Guard = std::lock_guard<std::mutex>;

} // namespace

bool Connection::send(const void* packet, std::size_t size) noexcept {
    if (::send(socket_.get(), packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    if (errno == EPIPE || errno == ECONNRESET)
        hung_up();
    return false;
}

void Connection::ring(enum shmq_end_id peers) noexcept {
    const auto kind = static_cast<std::uint32_t>(bell_of(peers));
    // If there is no room for it, the peer has bells that it did not look at.
    send(&kind, sizeof(kind));
}

/// Whether this end sleeps, and the peer has cleared its word since.
bool Connection::was_rung(unsigned end) const noexcept {
    const SleepWords* const words = asleep_[end].words;
    return words && shmq_load_relaxed(words->base, words->own) == 0;
}

/// Whether this is a bell that an end which sleeps waits for.
bool Connection::is_woken_by(Kind kind) const noexcept {
    return is_bell(kind) && was_rung(for_end(kind));
}

/// Ends the sleep of an end in our way, not by its bell: its epoll is given a
/// descriptor that is readable. False: there is none.
bool Connection::wake(unsigned end) noexcept {
    Sleeper& sleeper = asleep_[end];
    if (sleeper.woken)
        return true;
    if (!alarm_)
        alarm_ = Descriptor(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!alarm_ || sleeper.epoll < 0)
        return false;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    // Either looks whether it is readable, which is the event.
    sleeper.woken = ::epoll_ctl(sleeper.epoll, EPOLL_CTL_MOD, alarm_.get(), &event) == 0 ||
                    ::epoll_ctl(sleeper.epoll, EPOLL_CTL_ADD, alarm_.get(), &event) == 0;
    return sleeper.woken;
}

/// For who has made room: a bell may have found none before.
void Connection::wake_who_was_rung() noexcept {
    if (!asleep_[0].words && !asleep_[1].words)
        return;
    shmq_full_fence(); // pairs with the one in SocketBell::ring()
    for (unsigned end = 0; end < ends; ++end)
        if (was_rung(end))
            wake(end);
}

/// A few packets, or as many as stand there after these: what comes later comes
/// with an event of its own. One more than stood, to find the end of the stream.
bool Connection::goes_on(Turn& turn) const noexcept {
    if (++turn.packets <= few_packets)
        return true;
    if (turn.packets == few_packets + 1)
        turn.last = popped_ + standing();
    return popped_ <= turn.last;
}

/// Bytes in the socket.
std::size_t Connection::standing() const noexcept {
    int bytes = 0;
    return ::ioctl(socket_.get(), SIOCINQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool Connection::is_crowded() const noexcept {
    return standing() >= crowd * sizeof(Kind);
}

/// Whether somebody else polls. Then only he takes the last that stands in the
/// socket: it must not be empty when he asks what the event was.
bool Connection::is_left_to_another(unsigned end) const noexcept {
    return is_polled_for_all() || (polled_[1 - end] && !polled_[end]);
}

/// What stands first, for an end that something is left to.
bool Connection::may_take(Kind kind, unsigned end) const noexcept {
    const bool bell = is_bell(kind);
    if (bell && for_end(kind) == end)
        return true;
    // Of two pollers the consumer's is in charge of what is for no end.
    if (polled_[1 - end])
        return !bell && end == SHMQ_END_CONSUMER;
    return !is_woken_by(kind);
}

/// Whether there may be packets that `end` must leave: else it need not look
/// before it takes.
bool Connection::shared_with_another(unsigned end) const noexcept {
    return asleep_[1 - end].words || polled_[1 - end];
}

long Connection::receive(Packet& to, int flags) noexcept {
    // Without a control buffer the kernel drops what descriptors came along.
    iovec parts[] = {{&to.kind, sizeof(to.kind)}, {to.body.data(), to.body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    for (;;) {
        // MSG_TRUNC: the size that the packet has, not what fitted.
        const long n = ::recvmsg(socket_.get(), &message, flags | MSG_DONTWAIT | MSG_TRUNC);
        if (n > 0)
            return n;
        if (n == 0 || errno == ECONNRESET) {
            // After a reset what was sent before can still be read.
            const bool again = n < 0 && !is_hung_up();
            hung_up();
            if (again)
                continue;
            return 0;
        }
        return 0;
    }
}

Connection::Kind Connection::next() noexcept {
    Packet packet; // NOLINT(cppcoreguidelines-pro-type-member-init): filled
    packet.kind = Kind::none;
    return receive(packet, MSG_PEEK) > 0 ? packet.kind : Kind::none;
}

void Connection::refuse() noexcept {
    broken_.store(true, std::memory_order_release);
    ::shutdown(socket_.get(), SHUT_RDWR);
}

Connection::Kind Connection::pop() noexcept {
    Packet packet; // NOLINT(cppcoreguidelines-pro-type-member-init): filled
    packet.kind = Kind::none;
    const long received = receive(packet, 0);
    if (received <= 0 || broken_.load(std::memory_order_relaxed))
        return Kind::none;
    const auto size = static_cast<std::size_t>(received);
    popped_ += size;
    const std::size_t body = size - std::min(size, sizeof(packet.kind));
    switch (packet.kind) {
    case Kind::data:
    case Kind::room:
        if (size == sizeof(packet.kind))
            return packet.kind;
        break;
    case Kind::control:
        if (body > 0 && body <= most_control) {
            keep(packet, body);
            return broken_.load(std::memory_order_relaxed) ? Kind::none : packet.kind;
        }
        break;
    case Kind::credit: {
        std::uint32_t read = 0;
        if (body != sizeof(read))
            break;
        std::memcpy(&read, packet.body.data(), sizeof(read));
        if (read > unread_)
            break;
        unread_ -= read;
        return packet.kind;
    }
    case Kind::none:
        break;
    }
    refuse();
    return Kind::none;
}

void Connection::keep(const Packet& packet, std::size_t size) noexcept {
    if (!inbox_)
        inbox_.reset(new (std::nothrow) Inbox);
    if (!inbox_ || inbox_->count == most_unread) {
        refuse(); // it had no credit for this one
        return;
    }
    auto& slot = inbox_->slot[(inbox_->first + inbox_->count++) % most_unread];
    slot.size = static_cast<std::uint32_t>(size);
    std::memcpy(slot.data.data(), packet.body.data(), size);
}

void Connection::give_credit() noexcept {
    if (owed_ == 0)
        return;
    const std::array<std::uint32_t, 2> packet{static_cast<std::uint32_t>(Kind::credit), owed_};
    // No room: with the next one.
    if (send(packet.data(), sizeof(packet)))
        owed_ = 0;
}

bool Connection::take(enum shmq_end_id end, bool all) noexcept {
    const Guard guard(lock_);
    give_credit();
    if (is_left_to_another(end)) {
        // Its own bells, but not the last packet: see is_left_to_another().
        while (standing() > sizeof(Kind) && next() == bell_of(end))
            pop();
        return !is_crowded();
    }
    const bool makes_room = polled_[end] || (asleep_[1 - end].words && is_crowded());
    bool free = true;
    Turn turn;
    while (goes_on(turn)) {
        if (shared_with_another(end)) {
            const Kind kind = next();
            if (kind == Kind::none)
                break;
            if (!(polled_[end] && is_woken_by(kind) ? wake(for_end(kind)) : may_take(kind, end))) {
                free = false;
                break;
            }
        }
        const Kind kind = pop();
        if (kind == Kind::none || (kind == bell_of(end) && !all))
            break;
    }
    if (makes_room || turn.packets > few_packets)
        wake_who_was_rung();
    return free;
}

Status Connection::take_all() noexcept {
    bool all = false;
    {
        const Guard guard(lock_);
        give_credit();
        for (Turn turn; goes_on(turn);) {
            if (asleep_[0].words || asleep_[1].words) {
                // Nothing there: what comes before pop() may be what one sleeps for.
                const Kind kind = next();
                all = kind == Kind::none;
                if (all || (is_woken_by(kind) && !wake(for_end(kind))))
                    break;
            }
            all = pop() == Kind::none;
            if (all)
                break;
        }
        wake_who_was_rung();
    }
    // Who saw all has seen its end.
    return health(!all);
}

/// For who asks for control messages without polling.
void Connection::collect() noexcept {
    for (Turn turn; goes_on(turn);) {
        const Kind kind = next();
        if (kind == Kind::none || is_polled_for_all())
            return;
        if (is_bell(kind) && (polled_[0] || polled_[1] || is_woken_by(kind)))
            return;
        if (pop() == Kind::none)
            return;
    }
}

Status Connection::health(bool thorough) noexcept {
    if (broken_.load(std::memory_order_acquire))
        return Status::Corrupt;
    if (thorough && !is_hung_up()) {
        pollfd p{socket_.get(), POLLRDHUP, 0};
        if (::poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
            hung_up();
    }
    return is_hung_up() ? Status::PeerGone : Status::Ok;
}

void Connection::polled_for(enum shmq_end_id end, bool polled) noexcept {
    const Guard guard(lock_);
    polled_[end] = polled;
}

void Connection::polled_for_all() noexcept {
    const Guard guard(lock_); // whoever takes after this knows
    polled_all_.store(true, std::memory_order_relaxed);
}

void Connection::sleeps(enum shmq_end_id end, const SleepWords* words, int epoll) noexcept {
    const Guard guard(lock_);
    asleep_[end] = {words, epoll, false};
}

Status Connection::send_control(std::span<const std::byte> data) noexcept {
    if (data.empty())
        return Status::Invalid;
    if (data.size() > most_control)
        return Status::TooBig;
    const Guard guard(lock_);
    if (unread_ == most_unread)
        collect();
    const Status s = health(false);
    if (s != Status::Ok)
        return s;
    if (unread_ == most_unread)
        return Status::Full;
    Packet packet; // NOLINT(cppcoreguidelines-pro-type-member-init): filled
    packet.kind = Kind::control;
    std::memcpy(packet.body.data(), data.data(), data.size());
    if (send(&packet, sizeof(packet.kind) + data.size())) {
        ++unread_;
        return Status::Ok;
    }
    return is_hung_up() ? Status::PeerGone : Status::Full;
}

Received Connection::receive_control(std::span<std::byte> to) noexcept {
    const Guard guard(lock_);
    if (!inbox_ || inbox_->count == 0)
        collect();
    if (!inbox_ || inbox_->count == 0) {
        const Status s = health(false);
        return {s == Status::Ok ? Status::Empty : s, 0, Tag{}};
    }
    const auto& slot = inbox_->slot[inbox_->first];
    if (slot.size > to.size())
        return {Status::ShortBuffer, slot.size, Tag{}};
    std::memcpy(to.data(), slot.data.data(), slot.size);
    inbox_->first = (inbox_->first + 1) % most_unread;
    --inbox_->count;
    ++owed_;
    give_credit();
    return {Status::Ok, slot.size, Tag{}};
}

} // namespace shmq::detail
