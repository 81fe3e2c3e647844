// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A stream of values of one type over a byte queue: samples, events, commands.
//
//   auto out = channel.stream_sender<Sample>();
//   out.write(Sample{…});
//
//   auto in = other.stream_receiver<Sample>();
//   for (const Sample& s : in.drain())
//       …
//
// An element never wraps: the ring is cut to a multiple of its size, so that each
// lies in one piece and can be looked at where it is. The peer must be a stream of
// the same type (or of any whose size divides it), for its end has the same ring.
//
// Threads, crash and cost as in byte_queue.hpp. A peer that publishes part of an
// element is waited for; what its bytes mean is between you and it.
#ifndef SHMQ_STREAM_HPP
#define SHMQ_STREAM_HPP

#include <shmq/byte_queue.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace shmq {

/// What may lie in shared memory: bytes without an owner. The ring's data is
/// 8-byte aligned.
template <typename T>
concept StreamElement = std::is_trivially_copyable_v<T> && !std::is_const_v<T> && alignof(T) <= 8;

namespace detail {

/// The part of a queue's memory that a ring of elements takes.
[[nodiscard]] inline std::span<std::byte> cut_to(std::span<std::byte> memory,
                                                 std::size_t element) noexcept {
    if (memory.size() <= SHMQ_QUEUE_HEADER)
        return memory;
    return memory.first(memory.size() - (memory.size() - SHMQ_QUEUE_HEADER) % element);
}

/// Throws Invalid: not a ring of elements, or its memory is not aligned for them;
/// Corrupt: this end's position lies inside an element.
void check_stream(const shmq_end& end, std::size_t size, std::size_t alignment);

} // namespace detail

/// The writing end of a stream; move-only.
template <StreamElement T>
class StreamProducer : private ByteProducer {
public:
    /// Not attached: everything returns Status::Invalid, or nothing.
    StreamProducer() noexcept = default;

    /// Of an end whose ring is a multiple of the element's size.
    explicit StreamProducer(ByteProducer end) : ByteProducer(std::move(end)) {
        detail::check_stream(core_.end, sizeof(T), alignof(T));
    }

    /// Attaches to a queue that exists; see ByteProducer::attach().
    static StreamProducer attach(std::span<std::byte> memory, AttachOptions options = {}) {
        return StreamProducer(
            ByteProducer::attach(detail::cut_to(memory, sizeof(T)), std::move(options)));
    }

    using ByteProducer::batch;
    using ByteProducer::fd;
    using ByteProducer::peer;
    using ByteProducer::policy;
    using ByteProducer::statistics;
    using ByteProducer::status;

    /// Most elements that the stream can hold.
    [[nodiscard]] std::size_t capacity() const noexcept {
        return ByteProducer::capacity() / sizeof(T);
    }
    /// Elements that can be written now.
    [[nodiscard]] std::size_t space() noexcept { return ByteProducer::space() / sizeof(T); }

    /// Ok, Full, or why the end stopped.
    [[nodiscard]] Status try_write(const T& value) noexcept {
        return ByteProducer::try_write(Bytes(&value, sizeof(T)));
    }
    /// All of them or none; also TooBig.
    [[nodiscard]] Status try_write(std::span<const T> values) noexcept {
        return ByteProducer::try_write(Bytes(values.data(), values.size_bytes()));
    }
    /// As try_write(), waiting for room; also Timeout, PeerGone, Interrupted, Removed.
    Status write(const T& value, Wait::Duration timeout = forever) noexcept {
        return ByteProducer::write(Bytes(&value, sizeof(T)), timeout);
    }
    Status write(std::span<const T> values, Wait::Duration timeout = forever) noexcept {
        return ByteProducer::write(Bytes(values.data(), values.size_bytes()), timeout);
    }

    /// Writes as many as there is room for, from the first on; returns how many.
    [[nodiscard]] std::size_t write_some(std::span<const T> values) noexcept {
        const std::size_t n = std::min(values.size(), room(values.size()));
        return n && try_write(values.first(n)) == Status::Ok ? n : 0;
    }

    /// Room for at most `most` elements in place and in a row, fewer at the ring's
    /// end; fill it from the front, then commit(). Empty if there is none now.
    [[nodiscard]] std::span<T> reserve(std::size_t most = 1) noexcept {
        const std::size_t n = std::min(most, room(most));
        const std::span<std::byte> first =
            ByteProducer::reserve(static_cast<std::uint32_t>(n * sizeof(T))).first();
        return {reinterpret_cast<T*>(first.data()), first.size() / sizeof(T)};
    }
    /// Hands over the first `n` elements of what was reserved.
    void commit(std::size_t n = 1) noexcept {
        ByteProducer::commit(static_cast<std::uint32_t>(n * sizeof(T)));
    }

private:
    // Looks at the peer only if less is known to be free. Tells it that this end
    // waits, if there is no room for one.
    std::size_t room(std::size_t most) noexcept {
        const auto want =
            static_cast<std::uint32_t>(std::min<std::size_t>(most, capacity()) * sizeof(T));
        std::uint32_t n = shmq_producer_space(&core_, want);
        if (n < sizeof(T) && want) {
            if (ByteProducer::reserve(sizeof(T)).empty())
                return 0;
            n = shmq_producer_space(&core_, want);
        }
        return n / sizeof(T);
    }
};

/// The reading end of a stream; move-only.
template <StreamElement T>
class StreamConsumer : private ByteConsumer {
public:
    /// Not attached: everything returns Status::Invalid, or nothing.
    StreamConsumer() noexcept = default;

    /// Of an end whose ring is a multiple of the element's size.
    explicit StreamConsumer(ByteConsumer end) : ByteConsumer(std::move(end)) {
        detail::check_stream(core_.end, sizeof(T), alignof(T));
    }

    /// Attaches to a queue that exists; see ByteConsumer::attach().
    static StreamConsumer attach(std::span<std::byte> memory, AttachOptions options = {}) {
        return StreamConsumer(
            ByteConsumer::attach(detail::cut_to(memory, sizeof(T)), std::move(options)));
    }

    using ByteConsumer::batch;
    using ByteConsumer::fd;
    using ByteConsumer::peer;
    using ByteConsumer::policy;
    using ByteConsumer::statistics;
    using ByteConsumer::status;

    /// Most elements that the stream can hold.
    [[nodiscard]] std::size_t capacity() const noexcept {
        return ByteConsumer::capacity() / sizeof(T);
    }
    /// Elements that can be read now.
    [[nodiscard]] std::size_t size() noexcept { return ByteConsumer::size() / sizeof(T); }

    /// Ok, Empty, or why the end stopped.
    [[nodiscard]] Status try_read(T& value) noexcept {
        return ByteConsumer::try_consume(std::as_writable_bytes(std::span(&value, 1)));
    }
    /// As try_read(), waiting; also Timeout, PeerGone, Interrupted, Removed.
    Status read(T& value, Wait::Duration timeout = forever) noexcept {
        return ByteConsumer::consume(std::as_writable_bytes(std::span(&value, 1)), timeout);
    }
    /// Reads as many as there are, at most what `to` has room for; returns how many.
    [[nodiscard]] std::size_t read_some(std::span<T> to) noexcept {
        const std::size_t n = std::min(to.size(), available(to.size()));
        return n && try_consume(std::as_writable_bytes(to.first(n))) == Status::Ok ? n : 0;
    }

    /// Elements that are there, in place and in a row: all of them, or those up to
    /// the ring's end. For a peer that does not change what it has published.
    [[nodiscard]] std::span<const T> front() noexcept {
        const std::size_t n = available(capacity());
        const shmq_pieces s = shmq_span(&core_.end, 0, static_cast<std::uint32_t>(n * sizeof(T)));
        return {reinterpret_cast<const T*>(shmq_at(core_.end.base, s.off[0])),
                s.len[0] / sizeof(T)};
    }
    /// Gives the first `n` elements back; n is at most what front() showed.
    void release(std::size_t n = 1) noexcept {
        ByteConsumer::release(static_cast<std::uint32_t>(n * sizeof(T)));
    }

    /// A range over the elements that are there, in place; see drain().
    class Drained {
    public:
        class iterator {
        public:
            using value_type = T;
            using difference_type = std::ptrdiff_t;

            const T& operator*() const noexcept { return drained_->row_.front(); }
            iterator& operator++() noexcept {
                drained_->next();
                return *this;
            }
            void operator++(int) noexcept { ++*this; }
            bool operator==(std::default_sentinel_t) const noexcept {
                return drained_->row_.empty();
            }

        private:
            friend class Drained;
            explicit iterator(Drained* drained) noexcept : drained_(drained) {}
            Drained* drained_;
        };

        Drained(const Drained&) = delete;
        Drained& operator=(const Drained&) = delete;
        ~Drained() = default;

        [[nodiscard]] iterator begin() noexcept {
            if (row_.empty())
                row_ = stream_.front();
            return iterator(this);
        }
        [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    private:
        friend class StreamConsumer;
        explicit Drained(StreamConsumer& stream) noexcept
            : stream_(stream), batch_(stream.batch()) {}

        void next() noexcept {
            row_ = row_.subspan(1);
            stream_.release(1);
            if (row_.empty())
                row_ = stream_.front();
        }

        StreamConsumer& stream_;
        ConsumerBatch batch_;
        std::span<const T> row_;
    };

    /// For range-for: each element that is there, in a batch, until there is none.
    /// One that was looked at is given back by the step to the next; leaving the
    /// loop with break keeps the one at hand.
    [[nodiscard]] Drained drain() noexcept { return Drained(*this); }

private:
    // Tells the peer that this end waits, if there is not one.
    std::size_t available(std::size_t most) noexcept {
        const auto want =
            static_cast<std::uint32_t>(std::min<std::size_t>(most, capacity()) * sizeof(T));
        std::uint32_t n = shmq_consumer_available(&core_, want);
        if (n < sizeof(T) && want) {
            const auto look = [&] {
                return static_cast<Status>(shmq_consumer_request(&core_, sizeof(T)));
            };
            if (attempt(Status::Empty, look) != Status::Ok)
                return 0;
            n = shmq_consumer_available(&core_, want);
        }
        return n / sizeof(T);
    }
};

} // namespace shmq

#endif // SHMQ_STREAM_HPP
