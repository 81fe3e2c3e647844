// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The writing end of a message queue.
#ifndef SHMQ_MSG_PRODUCER_HPP
#define SHMQ_MSG_PRODUCER_HPP

#include <shmq/attach.hpp>
#include <shmq/batch.hpp>
#include <shmq/byte_queue.hpp>
#include <shmq/bytes.hpp>
#include <shmq/core/frame.h>
#include <shmq/format.hpp>
#include <shmq/message.hpp>
#include <shmq/status.hpp>
#include <shmq/waiter.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <system_error>
#include <utility>

namespace shmq {

class MsgProducer;

/// Room for one message, to be filled in place and committed. Dropped, or
/// committed never, it sends nothing. One at a time for a producer, which must
/// not write or move meanwhile.
class [[nodiscard]] Reservation {
public:
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation() = default;

    /// Ok: the room is there. Else what try_write() would have answered.
    [[nodiscard]] Status status() const noexcept { return status_; }
    explicit operator bool() const noexcept { return status_ == Status::Ok; }

    /// Where the data goes: one piece, or two where the ring wraps.
    [[nodiscard]] const Pieces<std::byte>& room() const noexcept { return room_; }
    [[nodiscard]] std::size_t size() const noexcept { return room_.size(); }

    /// Copies `data` to `offset` bytes into the message; returns how much fitted.
    std::size_t put(std::size_t offset, Bytes data) const noexcept {
        return room_.copy_from(data, offset);
    }

    /// Sends all that was reserved, or the first `length` bytes of it (Invalid
    /// if there are fewer). Once.
    inline Status commit(Tag tag = {}) noexcept;
    inline Status commit(std::size_t length, Tag tag = {}) noexcept;

private:
    friend class MsgProducer;
    // Filled where it lies: what was stored word by word and is copied at once waits
    // for the stores.
    template <typename Make>
    Reservation(MsgProducer& producer, Make&& make) noexcept
        : producer_(producer), status_(make(room_)) {}

    MsgProducer& producer_;
    Pieces<std::byte> room_;
    Status status_;
};

/// The writing end of a message queue; move-only. Threads, crash and cost as
/// in byte_queue.hpp: a message is there whole or not at all.
class MsgProducer : public detail::ByteEnd<shmq_producer> {
public:
    /// Not attached: everything returns Status::Invalid.
    MsgProducer() noexcept { attach_writer(); }

    /// Attaches to a queue that exists (see create_queue()); the memory must
    /// outlive the end. Throws std::system_error: Invalid (alignment, length,
    /// format), Corrupt (a position outside).
    static MsgProducer attach(std::span<std::byte> memory, const Format& format,
                              AttachOptions options = {});
    static MsgProducer attach(std::span<std::byte> memory, const Format& format,
                              AttachOptions options, std::error_code& ec);

    MsgProducer(MsgProducer&& other) noexcept
        : ByteEnd(static_cast<ByteEnd&&>(other)),
          format_(other.format_),
          writer_(other.writer_),
          max_(other.max_) {
        attach_writer();
    }
    MsgProducer& operator=(MsgProducer&& other) noexcept {
        ByteEnd::operator=(static_cast<ByteEnd&&>(other));
        format_ = other.format_;
        writer_ = other.writer_;
        max_ = other.max_;
        attach_writer();
        return *this;
    }
    ~MsgProducer() = default;

    /// The longest message, bytes.
    [[nodiscard]] std::uint32_t max_message() const noexcept { return max_; }
    [[nodiscard]] const Format& format() const noexcept { return format_; }

    /// Sends one message: Ok, Full, TooBig, or why the end stopped. Invalid: a
    /// tag, where the frames have none.
    [[nodiscard]] [[gnu::always_inline]] Status try_write(Bytes data, Tag tag = {}) noexcept {
        return stage(data, tag) ? counted(SHMQ_OK, data.size()) : try_send(data, tag);
    }

    /// As try_write(), waiting for room; also Timeout, PeerGone, Interrupted, Removed.
    Status write(Bytes data, Wait::Duration timeout = forever) noexcept {
        return write(data, Tag{}, timeout);
    }
    Status write(Bytes data, Tag tag, Wait::Duration timeout = forever) noexcept {
        return waiter_.wait(core_, Status::Full, timeout, [&] { return send(data, tag); });
    }

    /// Sends one message whose data lies in several places.
    [[nodiscard]] Status try_write_parts(std::span<const Bytes> parts, Tag tag = {}) noexcept {
        return attempt(Status::Full, [&] { return send(parts, tag); });
    }
    [[nodiscard]] Status try_write_parts(std::initializer_list<Bytes> parts,
                                         Tag tag = {}) noexcept {
        return try_write_parts(std::span(parts.begin(), parts.size()), tag);
    }
    Status write_parts(std::span<const Bytes> parts, Tag tag = {},
                       Wait::Duration timeout = forever) noexcept {
        return waiter_.wait(core_, Status::Full, timeout, [&] { return send(parts, tag); });
    }
    Status write_parts(std::initializer_list<Bytes> parts, Tag tag = {},
                       Wait::Duration timeout = forever) noexcept {
        return write_parts(std::span(parts.begin(), parts.size()), tag, timeout);
    }

    /// Room for a message of up to `length` bytes, in place.
    Reservation try_reserve(std::uint32_t length) noexcept {
        return {*this, [&](Pieces<std::byte>& room) {
                    return attempt(
                        Status::Full, [&]() __attribute__((always_inline)) {
                            return make_room(length, room);
                        });
                }};
    }
    /// As try_reserve(), waiting for room.
    Reservation reserve(std::uint32_t length, Wait::Duration timeout = forever) noexcept {
        return {*this, [&](Pieces<std::byte>& room) {
                    return waiter_.wait(core_, Status::Full, timeout,
                                        [&] { return make_room(length, room); });
                }};
    }

private:
    friend class Reservation;

    MsgProducer(detail::Waiter waiter, const Format& format) noexcept
        : ByteEnd(std::move(waiter)), format_(format) {
        shmq_writer_init(&writer_, &core_, &format_.core());
    }

    void attach_writer() noexcept {
        writer_.producer = &core_;
        writer_.format = &format_.core();
    }

    [[nodiscard]] bool tag_ok(Tag tag) const noexcept { return tag == Tag{} || format_.is_plain(); }

    // Whether a batch has gathered it: all else is looked at if not.
    [[gnu::always_inline]] bool stage(const Bytes& data, Tag tag) noexcept {
        if (data.size() > max_)
            return false;
        if (format_.is_plain())
            return shmq_plain_stage(&core_, static_cast<std::uint32_t>(tag), data.data(),
                                    data.size());
        return tag == Tag{} && shmq_checked_stage(&writer_, data.part(), 1, data.size());
    }

    [[gnu::noinline]] Status try_send(Bytes data, Tag tag) noexcept {
        return attempt(
            Status::Full, [&]() __attribute__((always_inline)) { return send(data, tag); });
    }

    // The shortest way: one plain message that fits.
    [[gnu::always_inline]] Status send(const Bytes& data, Tag tag) noexcept {
        if (!format_.is_plain() || data.size() > max_) [[unlikely]]
            return send(data.part(), 1, data.size(), tag);
        return counted(
            shmq_plain_write(&core_, static_cast<std::uint32_t>(tag), data.data(), data.size()),
            data.size());
    }

    Status send(std::span<const Bytes> parts, Tag tag) noexcept {
        std::uint64_t length = 0;
        for (const Bytes& part : parts)
            length += part.size();
        const shmq_part* first = parts.empty() ? nullptr : parts.front().part();
        return send(first, static_cast<std::uint32_t>(parts.size()), length, tag);
    }

    Status send(const shmq_part* parts, std::uint32_t count, std::uint64_t length,
                Tag tag) noexcept {
        if (length > max_) [[unlikely]]
            return core_.end.error != SHMQ_OK ? static_cast<Status>(core_.end.error)
                                              : Status::TooBig;
        if (!tag_ok(tag)) [[unlikely]]
            return Status::Invalid;
        return counted(shmq_frame_write(&writer_, static_cast<std::uint32_t>(tag), parts, count),
                       static_cast<std::uint32_t>(length));
    }

    [[gnu::always_inline]] Status counted(enum shmq_status answer, std::uint32_t length) noexcept {
        if (answer == SHMQ_OK)
            waiter_.count(length);
        return static_cast<Status>(answer);
    }

    [[gnu::always_inline]] Status make_room(std::uint32_t length,
                                            Pieces<std::byte>& room) noexcept {
        if (length > max_) [[unlikely]]
            return core_.end.error != SHMQ_OK ? static_cast<Status>(core_.end.error)
                                              : Status::TooBig;
        shmq_pieces pieces{};
        const auto s = static_cast<Status>(shmq_frame_reserve(&writer_, length, &pieces));
        if (s == Status::Ok)
            room = {core_.end.base, pieces};
        return s;
    }

    [[gnu::always_inline]] void commit(std::uint32_t length, Tag tag) noexcept {
        if (format_.is_plain())
            shmq_plain_commit(&core_, static_cast<std::uint32_t>(tag), length);
        else
            shmq_frame_commit(&writer_, static_cast<std::uint32_t>(tag), length);
        waiter_.count(length);
        waiter_.announce(core_.end);
    }

    Format format_ = Format::plain();
    shmq_writer writer_{};
    std::uint32_t max_ = 0;
};

inline Status Reservation::commit(Tag tag) noexcept {
    return commit(room_.size(), tag);
}

inline Status Reservation::commit(std::size_t length, Tag tag) noexcept {
    if (status_ != Status::Ok)
        return status_;
    if (length > room_.size() || !producer_.tag_ok(tag))
        return Status::Invalid;
    producer_.commit(static_cast<std::uint32_t>(length), tag);
    status_ = Status::Invalid; // a second commit would send what nobody reserved
    return Status::Ok;
}

} // namespace shmq

#endif // SHMQ_MSG_PRODUCER_HPP
