// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The byte queue: a stream of bytes from one producer to one consumer.
//
// Each transfer comes in three kinds, as in the crate that shares these bytes:
//
//   try_write, try_peek, try_skip, try_consume       all of it, or Full / Empty
//   write, peek, skip, consume (…, timeout)          all of it, waiting for it
//   write_some, peek_some, skip_some, consume_some   as much as there is now
//
// Threads: one thread an end at a time; the two ends share nothing else.
// Crash: what was published before a kill stays, the rest was never there.
// Nothing here throws or allocates, or makes a system call unless a sleeping
// peer must be woken or this end sleeps. Setting up throws std::system_error.
#ifndef SHMQ_BYTE_QUEUE_HPP
#define SHMQ_BYTE_QUEUE_HPP

#include <shmq/attach.hpp>
#include <shmq/batch.hpp>
#include <shmq/bytes.hpp>
#include <shmq/core/stage.h>
#include <shmq/status.hpp>
#include <shmq/waiter.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

namespace shmq {

namespace detail {

/// An end that is not attached answers Invalid to everything.
void detach(shmq_producer& p) noexcept;
void detach(shmq_consumer& c) noexcept;

/// What both kinds of end have in common.
template <typename Core>
class ByteEnd {
public:
    /// Most bytes that the queue can hold; 0 if not attached.
    [[nodiscard]] std::uint32_t capacity() const noexcept {
        return core_.end.base ? core_.end.size - 1 : 0;
    }

    /// Ok, or why this end stopped; see is_final().
    [[nodiscard]] Status status() const noexcept { return waiter_.status(core_.end); }

    /// Becomes readable when the peer rings. Before each wait for it, read (write)
    /// until Empty (Full), level-triggered too: that is what makes the peer ring.
    /// Edge-triggered is enough. -1 where there is none. The
    /// descriptor belongs to the channel. Device: POLLIN or POLLOUT by end.
    /// unix: who polls for both ends of a side asks Channel::fd() instead.
    [[nodiscard]] int fd() const noexcept { return waiter_.fd(); }

    [[nodiscard]] Holder peer() const noexcept { return waiter_.peer(); }
    [[nodiscard]] Wait policy() const noexcept { return waiter_.policy(); }

    /// What this end has done since it attached. For its thread.
    [[nodiscard]] Statistics statistics() const noexcept { return waiter_.statistics(); }

    /// See Batch.
    Batch<Core> batch() noexcept { return Batch<Core>(core_, waiter_); }

protected:
    ByteEnd() noexcept { detach(core_); }
    explicit ByteEnd(Waiter waiter) noexcept : waiter_(std::move(waiter)) {}
    ByteEnd(ByteEnd&& other) noexcept : core_(other.core_), waiter_(std::move(other.waiter_)) {
        detach(other.core_);
    }
    ByteEnd& operator=(ByteEnd&& other) noexcept {
        if (this != &other) {
            core_ = other.core_;
            waiter_ = std::move(other.waiter_);
            detach(other.core_);
        }
        return *this;
    }
    ~ByteEnd() = default;

    template <typename Op>
    Status attempt(Status nothing, Op&& op) noexcept {
        return waiter_.attempt(core_, nothing, op);
    }

    Core core_{};
    Waiter waiter_;
};

} // namespace detail

/// The writing end of a byte queue; move-only.
class ByteProducer : public detail::ByteEnd<shmq_producer> {
public:
    /// Not attached: everything returns Status::Invalid.
    ByteProducer() noexcept = default;

    /// Attaches to a queue that exists. The memory must outlive the end.
    /// Throws: Invalid (alignment, length), Corrupt (a position outside).
    static ByteProducer attach(std::span<std::byte> memory, AttachOptions options = {});
    static ByteProducer attach(std::span<std::byte> memory, AttachOptions options,
                               std::error_code& ec);

    /// Ok, Full, TooBig, or why the end stopped.
    [[nodiscard]] [[gnu::always_inline]] Status try_write(Bytes data) noexcept {
        return stage(data) ? Status::Ok : try_put(data);
    }

    /// As try_write, waiting for room; also Timeout, PeerGone, Interrupted, Removed.
    Status write(Bytes data, Wait::Duration timeout = forever) noexcept {
        return waiter_.wait(core_, Status::Full, timeout,
                            [&] { return stage(data) ? Status::Ok : put(data); });
    }

    /// Writes what there is room for; returns how many bytes that was.
    [[nodiscard]] std::uint32_t write_some(Bytes data) noexcept {
        std::uint32_t n = 0;
        static_cast<void>(attempt(Status::Full, [&] {
            n = std::min(data.size(), shmq_producer_space(&core_, data.size()));
            if (n == 0 && data.size() > 0)
                return stopped_or(Status::Full);
            shmq_producer_put(&core_, 0, data.data(), n);
            send(n);
            return Status::Ok;
        }));
        return n;
    }

    /// Bytes that can be written now.
    [[nodiscard]] std::uint32_t space() noexcept { return shmq_producer_space(&core_, capacity()); }

    /// Bytes that were written and not given back.
    [[nodiscard]] std::uint32_t size() noexcept { return capacity() - space(); }

    /// Room for `n` bytes, to be filled in place; then commit(). Empty if they
    /// do not fit now (or ever).
    [[nodiscard]] Pieces<std::byte> reserve(std::uint32_t n) noexcept {
        const Status s = attempt(
            Status::Full, [&] { return static_cast<Status>(shmq_producer_reserve(&core_, n)); });
        if (s != Status::Ok)
            return {};
        return {core_.end.base, shmq_span(&core_.end, 0, n)};
    }

    /// Hands over the first `n` bytes of what was reserved.
    void commit(std::uint32_t n) noexcept {
        send(n);
        waiter_.announce(core_.end);
    }

private:
    explicit ByteProducer(detail::Waiter waiter) noexcept : ByteEnd(std::move(waiter)) {}

    Status stopped_or(Status s) const noexcept {
        return core_.end.error != SHMQ_OK ? static_cast<Status>(core_.end.error) : s;
    }

    [[gnu::always_inline]] void send(std::uint32_t n) noexcept {
        shmq_producer_commit(&core_, n);
        waiter_.count(n);
    }

    /// In a batch: what is small is gathered.
    [[gnu::always_inline]] bool stage(Bytes data) noexcept {
        std::uint8_t* const at = shmq_producer_stage(&core_, data.size());
        if (!at)
            return false;
        if (data.size() > 0)
            std::memcpy(at, data.data(), data.size());
        waiter_.count(data.size());
        return true;
    }

    [[gnu::noinline]] Status try_put(Bytes data) noexcept {
        return attempt(
            Status::Full, [&]() __attribute__((always_inline)) { return put(data); });
    }

    Status put(Bytes data) noexcept {
        const auto s = static_cast<Status>(shmq_producer_reserve(&core_, data.size()));
        if (s != Status::Ok)
            return s;
        shmq_producer_put(&core_, 0, data.data(), data.size());
        send(data.size());
        return s;
    }
};

/// The reading end of a byte queue; move-only.
class ByteConsumer : public detail::ByteEnd<shmq_consumer> {
public:
    /// Not attached: everything returns Status::Invalid.
    ByteConsumer() noexcept = default;

    /// As ByteProducer::attach().
    static ByteConsumer attach(std::span<std::byte> memory, AttachOptions options = {});
    static ByteConsumer attach(std::span<std::byte> memory, AttachOptions options,
                               std::error_code& ec);

    /// Fills `to` without taking the bytes: Ok, Empty, TooBig, or why the end stopped.
    [[nodiscard]] Status try_peek(std::span<std::byte> to) noexcept { return try_get(to, false); }
    /// Drops `n` bytes.
    [[nodiscard]] Status try_skip(std::uint32_t n) noexcept {
        return attempt(Status::Empty, [&] { return drop(n); });
    }
    /// Fills `to` and takes the bytes.
    [[nodiscard]] [[gnu::always_inline]] Status try_consume(std::span<std::byte> to) noexcept {
        return try_get(to, true);
    }

    /// As the try_ calls, waiting; also Timeout, PeerGone, Interrupted, Removed.
    Status peek(std::span<std::byte> to, Wait::Duration timeout = forever) noexcept {
        return waiter_.wait(core_, Status::Empty, timeout, [&] { return get(to, false); });
    }
    Status skip(std::uint32_t n, Wait::Duration timeout = forever) noexcept {
        return waiter_.wait(core_, Status::Empty, timeout, [&] { return drop(n); });
    }
    Status consume(std::span<std::byte> to, Wait::Duration timeout = forever) noexcept {
        return waiter_.wait(core_, Status::Empty, timeout, [&] { return get(to, true); });
    }

    /// As much as there is, at most what is asked for; return how many bytes.
    [[nodiscard]] std::uint32_t peek_some(std::span<std::byte> to) noexcept {
        const std::uint32_t n = some(to.size());
        shmq_consumer_get(&core_, 0, to.data(), n);
        return n;
    }
    [[nodiscard]] std::uint32_t skip_some(std::uint32_t most) noexcept {
        const std::uint32_t n = some(most);
        release(n);
        return n;
    }
    [[nodiscard]] std::uint32_t consume_some(std::span<std::byte> to) noexcept {
        const std::uint32_t n = peek_some(to);
        release(n);
        return n;
    }

    /// Bytes that can be read now.
    [[nodiscard]] std::uint32_t size() noexcept {
        return shmq_consumer_available(&core_, capacity());
    }

    /// Bytes that the producer has room for, when it has seen all releases.
    [[nodiscard]] std::uint32_t space() noexcept { return capacity() - size(); }

    /// All that can be read now, in place; then release(). For a peer that does
    /// not change what it has published.
    [[nodiscard]] Pieces<const std::byte> front() noexcept {
        const std::uint32_t n = some(capacity());
        return {core_.end.base, shmq_span(&core_.end, 0, n)};
    }

    /// Gives the first `n` bytes back; n is at most what front() or peek showed.
    void release(std::uint32_t n) noexcept {
        take(n);
        waiter_.announce(core_.end);
    }

private:
    explicit ByteConsumer(detail::Waiter waiter) noexcept : ByteEnd(std::move(waiter)) {}

    static std::uint32_t length(std::size_t n) noexcept {
        return n > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(n);
    }

    [[gnu::always_inline]] void take(std::uint32_t n) noexcept {
        shmq_consumer_release(&core_, n);
        waiter_.count(n);
    }

    [[gnu::always_inline]] Status try_get(std::span<std::byte> to, bool taken) noexcept {
        const Status s = get(to, taken);
        if (s != Status::Ok) [[unlikely]]
            return try_get_on(to, taken, s);
        waiter_.announce(core_.end);
        return s;
    }
    [[gnu::noinline]] Status try_get_on(std::span<std::byte> to, bool taken, Status s) noexcept {
        return waiter_.attempt_on(core_, s, Status::Empty, [&] { return get(to, taken); });
    }

    [[gnu::always_inline]] Status get(std::span<std::byte> to, bool taken) noexcept {
        const auto s = static_cast<Status>(shmq_consumer_request(&core_, length(to.size())));
        if (s != Status::Ok)
            return s;
        const auto n = static_cast<std::uint32_t>(to.size());
        shmq_consumer_get(&core_, 0, to.data(), n);
        if (taken)
            take(n);
        return s;
    }

    Status drop(std::uint32_t n) noexcept {
        const auto s = static_cast<Status>(shmq_consumer_request(&core_, n));
        if (s == Status::Ok)
            take(n);
        return s;
    }

    std::uint32_t some(std::size_t most) noexcept {
        const std::uint32_t want = length(most);
        std::uint32_t n = 0;
        static_cast<void>(attempt(Status::Empty, [&] {
            n = std::min(want, shmq_consumer_available(&core_, want));
            return n == 0 && want > 0 && core_.end.error == SHMQ_OK ? Status::Empty : Status::Ok;
        }));
        return n;
    }
};

/// Both ends of a byte queue, for one thread.
class ByteQueue {
public:
    /// Makes an empty queue of the memory and attaches to it; see create_queue().
    static ByteQueue create(std::span<std::byte> memory);
    static ByteQueue create(std::span<std::byte> memory, std::error_code& ec);

    /// Attaches to a queue that exists.
    static ByteQueue attach(std::span<std::byte> memory);
    static ByteQueue attach(std::span<std::byte> memory, std::error_code& ec);

    [[nodiscard]] Status write(Bytes data) noexcept { return producer_.try_write(data); }
    [[nodiscard]] Status peek(std::span<std::byte> to) noexcept { return consumer_.try_peek(to); }
    [[nodiscard]] Status skip(std::uint32_t n) noexcept { return consumer_.try_skip(n); }
    [[nodiscard]] Status consume(std::span<std::byte> to) noexcept {
        return consumer_.try_consume(to);
    }

    [[nodiscard]] std::uint32_t capacity() const noexcept { return producer_.capacity(); }
    [[nodiscard]] std::uint32_t size() noexcept { return consumer_.size(); }
    [[nodiscard]] std::uint32_t space() noexcept { return producer_.space(); }

    /// The ends, for everything else that they can do.
    [[nodiscard]] ByteProducer& producer() noexcept { return producer_; }
    [[nodiscard]] ByteConsumer& consumer() noexcept { return consumer_; }

private:
    ByteQueue() noexcept = default;
    ByteQueue(ByteProducer p, ByteConsumer c) noexcept
        : producer_(std::move(p)), consumer_(std::move(c)) {}

    ByteProducer producer_;
    ByteConsumer consumer_;
};

} // namespace shmq

#endif // SHMQ_BYTE_QUEUE_HPP
