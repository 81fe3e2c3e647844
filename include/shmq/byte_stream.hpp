// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Formatted text into a byte queue: an output iterator and a std::ostream.
//
// Text longer than the queue goes in pieces that fit; each is there for the
// reader at once: nothing is kept back that a kill would lose, and there is
// nothing to flush. Threads: those of the producer that is written to.
#ifndef SHMQ_BYTE_STREAM_HPP
#define SHMQ_BYTE_STREAM_HPP

#include <shmq/byte_queue.hpp>
#include <shmq/bytes.hpp>
#include <shmq/status.hpp>
#include <shmq/waiting.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <streambuf>
#include <string>

namespace shmq {

/// Writes each byte that is assigned to it, waiting for room: for algorithms,
/// std::format_to, and what else writes to an iterator. In a batch() of the
/// producer the bytes are published together, else one by one. After the first
/// that could not be written it drops the rest, and status() of the iterator
/// that the algorithm returned tells why, as std::ostreambuf_iterator::failed().
class ByteInserter {
public:
    using difference_type = std::ptrdiff_t;

    /// Attached to nothing: drops all.
    ByteInserter() noexcept = default;

    /// The producer must outlive the iterator, and stay where it is. `timeout`
    /// is that of each byte.
    explicit ByteInserter(ByteProducer& producer, Wait::Duration timeout = forever) noexcept
        : producer_(&producer), timeout_(timeout), status_(Status::Ok) {}

    template <detail::ByteSized T>
    ByteInserter& operator=(const T& byte) noexcept {
        if (status_ == Status::Ok)
            status_ = producer_->write(Bytes(&byte, 1), timeout_);
        return *this;
    }
    ByteInserter& operator*() noexcept { return *this; }
    ByteInserter& operator++() noexcept { return *this; }
    ByteInserter operator++(int) noexcept { return *this; }

    /// Ok, or what write() answered to the first byte that was dropped.
    [[nodiscard]] Status status() const noexcept { return status_; }

private:
    ByteProducer* producer_ = nullptr;
    Wait::Duration timeout_ = forever;
    Status status_ = Status::Invalid;
};

namespace detail {

class ByteStreambuf final : public std::streambuf {
public:
    ByteStreambuf(ByteProducer& producer, Wait::Duration timeout) noexcept
        : producer_(producer), timeout_(timeout) {}

    [[nodiscard]] Status status() const noexcept { return status_; }
    void forgive() noexcept { status_ = Status::Ok; }

protected:
    std::streamsize xsputn(const char* text, std::streamsize n) override {
        std::streamsize done = 0;
        while (done < n && status_ == Status::Ok) {
            // An end that is not attached has no capacity, and says why it failed.
            const auto most = std::max<std::streamsize>(producer_.capacity(), 1);
            const auto piece = std::min(n - done, most);
            status_ =
                producer_.write(Bytes(text + done, static_cast<std::size_t>(piece)), timeout_);
            if (status_ == Status::Ok)
                done += piece;
        }
        return done;
    }

    int_type overflow(int_type c) override {
        if (traits_type::eq_int_type(c, traits_type::eof()))
            return traits_type::not_eof(c);
        const char byte = traits_type::to_char_type(c);
        return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
    }

private:
    ByteProducer& producer_;
    Wait::Duration timeout_;
    Status status_ = Status::Ok;
};

} // namespace detail

/// A stream into a byte queue, waiting for room. badbit: something could not
/// be written, and status() tells why; of one insertion some pieces may have
/// been written then. clear() alone does not make it try again: reset() does.
class ByteOstream : public std::ostream {
public:
    /// The producer must outlive the stream, and stay where it is. `timeout`
    /// is that of each piece.
    explicit ByteOstream(ByteProducer& producer, Wait::Duration timeout = forever)
        : std::ostream(nullptr), buffer_(producer, timeout) {
        rdbuf(&buffer_);
    }

    /// Ok, or what write() answered when it failed.
    [[nodiscard]] Status status() const noexcept { return buffer_.status(); }

    /// After a failure that was not final, such as Timeout: writes again.
    void reset() {
        buffer_.forgive();
        clear();
    }

private:
    detail::ByteStreambuf buffer_;
};

} // namespace shmq

#endif // SHMQ_BYTE_STREAM_HPP
