// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <poll.h>
#include <sys/socket.h>

namespace shmq::detail {

namespace {

constexpr unsigned nobody = 2; // not an end: the program asks for itself

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

/// Whether this is a bell that an end which sleeps waits for.
bool Connection::is_woken_by(Kind kind) const noexcept {
    if (!is_bell(kind))
        return false;
    const SleepWords* const words = asleep_[for_end(kind)];
    return words && shmq_load_relaxed(words->base, words->own) == 0;
}

bool Connection::may_take(Kind kind, unsigned end) const noexcept {
    const bool all = is_polled_for_all();
    if (is_bell(kind)) {
        const unsigned whose = for_end(kind);
        return whose == end || (!is_woken_by(kind) && !polled_[whose] && !all);
    }
    // Whoever polls is in charge of the rest; take_all() is the channel's poller.
    return !all && (end == nobody || !polled_[1 - end]);
}

/// Whether there may be packets that `end` must leave: else it need not look
/// before it takes.
bool Connection::shared_with_another(unsigned end) const noexcept {
    if (is_polled_for_all())
        return true;
    for (unsigned other = 0; other < ends; ++other)
        if (other != end && (asleep_[other] || polled_[other]))
            return true;
    return false;
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
    for (int n = 0; n < most_packets; ++n) {
        if (shared_with_another(end)) {
            const Kind kind = next();
            if (kind == Kind::none)
                return true;
            if (!may_take(kind, end))
                return false;
        }
        const Kind kind = pop();
        if (kind == Kind::none || (kind == bell_of(end) && !all))
            return true;
    }
    return true;
}

Status Connection::take_all() noexcept {
    {
        const Guard guard(lock_);
        give_credit();
        for (int n = 0; n < most_packets; ++n) {
            if (asleep_[0] || asleep_[1]) {
                // Nothing there: what comes before pop() may be what one sleeps for.
                const Kind kind = next();
                if (kind == Kind::none || is_woken_by(kind))
                    break;
            }
            if (pop() == Kind::none)
                break;
        }
    }
    return health(false);
}

/// For who asks for control messages without polling.
void Connection::collect() noexcept {
    for (int n = 0; n < most_packets; ++n) {
        const Kind kind = next();
        if (kind == Kind::none || !may_take(kind, nobody) || pop() == Kind::none)
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

void Connection::polled_for(enum shmq_end_id end) noexcept {
    const Guard guard(lock_);
    polled_[end] = true;
}

void Connection::polled_for_all() noexcept {
    polled_all_.store(true, std::memory_order_relaxed);
}

void Connection::sleeps(enum shmq_end_id end, const SleepWords* words) noexcept {
    const Guard guard(lock_);
    asleep_[end] = words;
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
