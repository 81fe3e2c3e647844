// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The crate's queues as C++ classes, with its answers as a shmq::Status.
#ifndef SHMQ_TESTS_INTEROP_CRATE_HPP
#define SHMQ_TESTS_INTEROP_CRATE_HPP

#include "../crate.h"
#include "shared_memory.hpp"

#include <shmq/status.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

/// The crate panicked.
struct Panic : std::runtime_error {
    Panic() : std::runtime_error("the crate panicked") {}
};

namespace crate {

using shmq::Status;

/// `would_block` is what the crate calls both "full" and "empty".
inline Status status(std::int64_t code, Status would_block) {
    switch (code) {
    case CRATE_OK:
        return Status::Ok;
    case CRATE_WOULD_BLOCK:
        return would_block;
    case CRATE_FULL:
        return Status::Full;
    case CRATE_EMPTY:
        return Status::Empty;
    case CRATE_CRC:
        return Status::BadCrc;
    case CRATE_TOO_BIG:
        return Status::TooBig;
    case CRATE_VERSION:
        return Status::BadVersion;
    default:
        throw Panic();
    }
}

inline std::uint32_t count(std::int64_t n) {
    if (n < 0)
        throw Panic();
    return static_cast<std::uint32_t>(n);
}

inline const std::uint8_t* in(std::string_view s) {
    return reinterpret_cast<const std::uint8_t*>(s.data());
}
inline std::uint8_t* out(std::string& s) {
    return reinterpret_cast<std::uint8_t*>(s.data());
}

/// A ByteQueue of the crate: both ends.
class Bytes {
public:
    static Bytes create(const SharedMemory& m) {
        return Bytes(crate_bytes_create(m.base(), m.size()));
    }
    static Bytes attach(const SharedMemory& m) {
        return Bytes(crate_bytes_attach(m.base(), m.size()));
    }

    [[nodiscard]] std::uint32_t space() const { return count(crate_bytes_space(q_.get())); }
    [[nodiscard]] std::uint32_t size() const { return count(crate_bytes_size(q_.get())); }
    [[nodiscard]] std::uint32_t capacity() const { return count(crate_bytes_capacity(q_.get())); }

    Status write(std::string_view s) {
        return status(crate_bytes_write_or_fail(q_.get(), in(s), s.size()), Status::Full);
    }
    std::uint32_t write_some(std::string_view s) {
        return count(crate_bytes_write_at_most(q_.get(), in(s), s.size()));
    }
    void write_blocking(std::string_view s) {
        status(crate_bytes_write_blocking(q_.get(), in(s), s.size()), Status::Full);
    }
    void print(std::string_view s) {
        status(crate_bytes_print(q_.get(), in(s), s.size()), Status::Full);
    }

    /// These fill `to`.
    Status peek(std::string& to) const {
        return status(crate_bytes_peek_or_fail(q_.get(), out(to), to.size()), Status::Empty);
    }
    Status consume(std::string& to) {
        return status(crate_bytes_consume_or_fail(q_.get(), out(to), to.size()), Status::Empty);
    }
    void peek_blocking(std::string& to) const {
        status(crate_bytes_peek_blocking(q_.get(), out(to), to.size()), Status::Empty);
    }
    void consume_blocking(std::string& to) {
        status(crate_bytes_consume_blocking(q_.get(), out(to), to.size()), Status::Empty);
    }

    /// These fill the start of `to`.
    std::uint32_t peek_some(std::string& to) const {
        return count(crate_bytes_peek_at_most(q_.get(), out(to), to.size(), to.size()));
    }
    std::uint32_t consume_some(std::string& to) {
        return count(crate_bytes_consume_at_most(q_.get(), out(to), to.size()));
    }

    Status skip(std::uint32_t n) {
        return status(crate_bytes_skip_or_fail(q_.get(), n), Status::Empty);
    }
    std::uint32_t skip_some(std::uint32_t n) {
        return count(crate_bytes_skip_at_most(q_.get(), n));
    }
    void skip_blocking(std::uint32_t n) {
        status(crate_bytes_skip_blocking(q_.get(), n), Status::Empty);
    }

    [[nodiscard]] crate_bytes* get() const { return q_.get(); }

private:
    struct Free {
        void operator()(crate_bytes* q) const { crate_bytes_free(q); }
    };
    explicit Bytes(crate_bytes* q) : q_(q) {
        if (!q_)
            throw Panic();
    }

    std::unique_ptr<crate_bytes, Free> q_;
};

/// A MsgQueue of the crate: both ends.
class Msgs {
public:
    /// `buffer` 0: as large as the longest frame that the queue can hold.
    Msgs(const SharedMemory& m, std::string_view prefix, std::size_t buffer = 0)
        : q_(crate_msgs_attach(m.base(), m.size(), in(prefix), prefix.size(),
                               buffer ? buffer : m.n() - 1)),
          room_(m.n() + buffer) {
        if (!q_)
            throw std::invalid_argument("crate.h has no receive buffer of this size");
    }

    Status write(std::string_view s) {
        return status(crate_msgs_write_or_fail(q_.get(), in(s), s.size()), Status::Full);
    }
    Status write_blocking(std::string_view s) {
        return status(crate_msgs_write_blocking(q_.get(), in(s), s.size()), Status::Full);
    }

    Status read(std::string& to) { return read_by(crate_msgs_read_or_fail, to); }
    Status read_blocking(std::string& to) { return read_by(crate_msgs_read_blocking, to); }

private:
    struct Free {
        void operator()(crate_msgs* q) const { crate_msgs_free(q); }
    };

    template <typename F>
    Status read_by(F f, std::string& to) {
        std::size_t length = 0;
        to.resize(room_);
        const std::int64_t code = f(q_.get(), out(to), to.size(), &length);
        to.resize(length);
        return status(code, Status::Empty);
    }

    std::unique_ptr<crate_msgs, Free> q_;
    std::size_t room_;
};

} // namespace crate

#endif // SHMQ_TESTS_INTEROP_CRATE_HPP
