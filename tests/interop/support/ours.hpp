// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The library's ends in the shape of crate.hpp, each by several ways that must
// come to the same.
#ifndef SHMQ_TESTS_INTEROP_OURS_HPP
#define SHMQ_TESTS_INTEROP_OURS_HPP

#include "shared_memory.hpp"

#include <shmq/byte_queue.hpp>
#include <shmq/msg_queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ours {

using shmq::Status;

/// How bytes get in and out.
enum class Way : std::uint8_t { copied, in_place, waiting, in_parts };
inline constexpr std::uint32_t ways = 4;

/// For calls that would wait: they are made when they need not, or in a race
/// whose other side is a child that may be slow.
inline constexpr std::chrono::seconds patience{60};

inline std::span<std::byte> bytes(std::string& s) {
    return std::as_writable_bytes(std::span(s));
}

class ByteWriter {
public:
    explicit ByteWriter(const SharedMemory& m) : p_(shmq::ByteProducer::attach(m.span())) {}

    [[nodiscard]] std::uint32_t space() { return p_.space(); }
    [[nodiscard]] std::uint32_t size() { return p_.size(); }
    [[nodiscard]] std::uint32_t capacity() const { return p_.capacity(); }

    Status write(std::string_view s, Way way = Way::copied) {
        const auto n = static_cast<std::uint32_t>(s.size());
        if (way == Way::waiting && p_.space() >= n)
            return p_.write(s, patience);
        if (way != Way::in_place)
            return p_.try_write(s);
        const auto room = p_.reserve(n);
        if (room.size() < n)
            return n > p_.capacity() ? Status::TooBig : Status::Full;
        room.copy_from(s);
        p_.commit(n);
        return Status::Ok;
    }

    std::uint32_t write_some(std::string_view s, Way way = Way::copied) {
        if (way != Way::in_place)
            return p_.write_some(s);
        const auto n = std::min(static_cast<std::uint32_t>(s.size()), p_.space());
        EXPECT_EQ(write(s.substr(0, n), way), Status::Ok);
        return n;
    }

    shmq::ByteProducer& end() { return p_; }

private:
    shmq::ByteProducer p_;
};

class ByteReader {
public:
    explicit ByteReader(const SharedMemory& m) : c_(shmq::ByteConsumer::attach(m.span())) {}

    [[nodiscard]] std::uint32_t space() { return c_.space(); }
    [[nodiscard]] std::uint32_t size() { return c_.size(); }
    [[nodiscard]] std::uint32_t capacity() const { return c_.capacity(); }

    Status peek(std::string& to, Way way = Way::copied) {
        if (way == Way::waiting && c_.size() >= to.size())
            return c_.peek(bytes(to), patience);
        if (way != Way::in_place)
            return c_.try_peek(bytes(to));
        return copy_front(to);
    }
    Status consume(std::string& to, Way way = Way::copied) {
        if (way == Way::waiting && c_.size() >= to.size())
            return c_.consume(bytes(to), patience);
        if (way != Way::in_place)
            return c_.try_consume(bytes(to));
        const Status s = copy_front(to);
        if (s == Status::Ok)
            c_.release(static_cast<std::uint32_t>(to.size()));
        return s;
    }
    Status skip(std::uint32_t n, Way way = Way::copied) {
        if (way == Way::waiting && c_.size() >= n)
            return c_.skip(n, patience);
        return c_.try_skip(n);
    }

    std::uint32_t peek_some(std::string& to, Way way = Way::copied) {
        if (way != Way::in_place)
            return c_.peek_some(bytes(to));
        return static_cast<std::uint32_t>(c_.front().copy_to(bytes(to)));
    }
    std::uint32_t consume_some(std::string& to, Way way = Way::copied) {
        if (way != Way::in_place)
            return c_.consume_some(bytes(to));
        const std::uint32_t n = peek_some(to, way);
        c_.release(n);
        return n;
    }
    std::uint32_t skip_some(std::uint32_t n) { return c_.skip_some(n); }

    shmq::ByteConsumer& end() { return c_; }

private:
    Status copy_front(std::string& to) {
        if (to.size() > c_.capacity())
            return Status::TooBig;
        const auto data = c_.front();
        if (data.size() < to.size())
            return Status::Empty;
        data.copy_to(bytes(to));
        return Status::Ok;
    }

    shmq::ByteConsumer c_;
};

class MsgWriter {
public:
    MsgWriter(const SharedMemory& m, std::string_view prefix)
        : p_(shmq::MsgProducer::attach(m.span(), shmq::Format::checked(prefix))) {}

    Status write(std::string_view s, Way way = Way::copied) {
        switch (way) {
        case Way::copied:
            break;
        case Way::waiting: {
            // One look; Timeout is what Full becomes.
            const Status status = p_.write(s, std::chrono::seconds(0));
            return status == Status::Timeout ? Status::Full : status;
        }
        case Way::in_parts: {
            const std::size_t a = s.size() / 3;
            const std::size_t b = s.size() / 2;
            return p_.try_write_parts({s.substr(0, a), s.substr(a, b - a), "", s.substr(b)});
        }
        case Way::in_place: {
            auto room = p_.try_reserve(static_cast<std::uint32_t>(s.size()));
            if (!room)
                return room.status();
            EXPECT_EQ(room.put(0, s), s.size());
            return room.commit();
        }
        }
        return p_.try_write(s);
    }

    [[nodiscard]] std::uint32_t max_message() const { return p_.max_message(); }
    shmq::MsgProducer& end() { return p_; }

private:
    shmq::MsgProducer p_;
};

class MsgReader {
public:
    MsgReader(const SharedMemory& m, std::string_view prefix)
        : c_(shmq::MsgConsumer::attach(m.span(), shmq::Format::checked(prefix))) {}

    Status read(std::string& to, Way way = Way::copied) {
        to.clear();
        switch (way) {
        case Way::copied:
            break;
        case Way::waiting: {
            const auto m = c_.read(std::chrono::seconds(0));
            to = m.text();
            return m.status() == Status::Timeout ? Status::Empty : m.status();
        }
        case Way::in_parts: {
            to.resize(c_.max_message());
            const auto r = c_.try_read(bytes(to));
            to.resize(r ? r.size : 0);
            return r.status;
        }
        case Way::in_place: {
            const auto m = c_.try_front();
            if (m) {
                to.resize(m.size());
                m.data().copy_to(bytes(to));
            }
            return m.status();
        }
        }
        const auto m = c_.try_read();
        to = m.text();
        return m.status();
    }

    shmq::MsgConsumer& end() { return c_; }

private:
    shmq::MsgConsumer c_;
};

} // namespace ours

#endif // SHMQ_TESTS_INTEROP_OURS_HPP
