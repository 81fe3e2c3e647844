// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The reading end of a message queue.
#ifndef SHMQ_MSG_CONSUMER_HPP
#define SHMQ_MSG_CONSUMER_HPP

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
#include <memory>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace shmq {

class MsgConsumer;

/// The oldest message where it lies in the ring; given back to the producer
/// when this goes out of scope. One at a time for a consumer, which must not
/// read or move meanwhile.
class [[nodiscard]] Front {
public:
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;
    ~Front() { release(); }

    explicit operator bool() const noexcept { return status_ == Status::Ok; }
    [[nodiscard]] Status status() const noexcept { return status_; }

    /// The data: one piece, or two where the ring wraps.
    [[nodiscard]] const Pieces<const std::byte>& data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return data_.size(); }
    [[nodiscard]] Tag tag() const noexcept { return static_cast<Tag>(message_.tag); }

    /// Gives the message back before the end of the scope.
    inline void release() noexcept;

    /// Leaves the message in the queue: the next read finds it again.
    void keep() noexcept { status_ = Status::Empty; }

private:
    friend class MsgConsumer;
    // Filled where it lies: what was stored word by word and is copied at once waits
    // for the stores.
    template <typename Look>
    Front(MsgConsumer& consumer, Look&& look) noexcept
        : consumer_(consumer), status_(look(message_, data_)) {}

    MsgConsumer& consumer_;
    shmq_message message_{};
    Pieces<const std::byte> data_;
    Status status_;
};

/// The reading end of a message queue; move-only. Threads, crash and cost as in
/// byte_queue.hpp.
///
/// read() and drain() copy a message out and check the copy: safe towards a
/// hostile peer. front() and drain_in_place() check it where it lies: for a
/// peer that does not change what it has published.
///
/// Answers of all: Ok; Empty; BadCrc, BadVersion, TooBig (damage, told once a
/// run: call again); Again (see set_work_limit); or why the end stopped. Those
/// that wait also: Timeout, PeerGone, Interrupted, Removed.
class MsgConsumer : public detail::ByteEnd<shmq_consumer> {
public:
    /// Not attached: everything returns Status::Invalid.
    MsgConsumer() noexcept { attach_reader(); }

    /// Attaches to a queue that exists and allocates the buffer of read(). The
    /// memory must outlive the end. Throws std::system_error: Invalid
    /// (alignment, length, format), Corrupt (a position outside).
    static MsgConsumer attach(std::span<std::byte> memory, const Format& format,
                              AttachOptions options = {});
    static MsgConsumer attach(std::span<std::byte> memory, const Format& format,
                              AttachOptions options, std::error_code& ec);

    MsgConsumer(MsgConsumer&& other) noexcept
        : ByteEnd(static_cast<ByteEnd&&>(other)),
          format_(other.format_),
          reader_(other.reader_),
          max_(other.max_),
          buffer_(std::move(other.buffer_)) {
        attach_reader();
    }
    MsgConsumer& operator=(MsgConsumer&& other) noexcept {
        ByteEnd::operator=(static_cast<ByteEnd&&>(other));
        format_ = other.format_;
        reader_ = other.reader_;
        max_ = other.max_;
        buffer_ = std::move(other.buffer_);
        attach_reader();
        return *this;
    }
    ~MsgConsumer() = default;

    /// The longest message, bytes.
    [[nodiscard]] std::uint32_t max_message() const noexcept { return max_; }
    [[nodiscard]] const Format& format() const noexcept { return format_; }

    /// Most bytes skipped or hashed before a call answers Again; none by
    /// default. Bounds the time that one call takes towards a hostile peer.
    void set_work_limit(std::uint32_t bytes) noexcept { reader_.limit = bytes; }

    /// The next message, in the consumer's own buffer until the next call.
    Message try_read() noexcept { return own(try_read(buffer())); }
    Message read(Wait::Duration timeout = forever) noexcept { return own(read(buffer(), timeout)); }

    /// The next message into `to`. ShortBuffer: it is longer, and stays.
    [[gnu::always_inline]] Received try_read(std::span<std::byte> to) noexcept {
        shmq_message m{};
        const Status s = get(to, m);
        if (s != Status::Ok) [[unlikely]]
            return try_read_on(to, s, m);
        waiter_.announce(core_.end);
        return received(s, m);
    }
    Received read(std::span<std::byte> to, Wait::Duration timeout = forever) noexcept {
        shmq_message m{};
        const Status s = waiter_.wait(core_, Status::Empty, timeout, [&] { return get(to, m); });
        return received(s, m);
    }

    /// The next message in place.
    Front try_front() noexcept {
        return {
            *this, [&](shmq_message& m, Pieces<const std::byte>& data) {
                return attempt(
                    Status::Empty, [&]() __attribute__((always_inline)) { return look(m, data); });
            }};
    }
    Front front(Wait::Duration timeout = forever) noexcept {
        return {*this, [&](shmq_message& m, Pieces<const std::byte>& data) {
                    return waiter_.wait(core_, Status::Empty, timeout,
                                        [&] { return look(m, data); });
                }};
    }

    /// Calls `fn(const Message&)` for each message that is there, in a batch,
    /// until there is none, `most` were read, or `fn` returned false.
    template <typename F>
    Drained drain(F&& fn, std::uint64_t most = UINT64_MAX) {
        const auto scope = batch();
        return each(most, [&](Status& s) {
            const Message m = try_read();
            s = m.status();
            return m ? go_on(fn, m) : false;
        });
    }

    /// As drain(), with `fn(const Front&)`. A message that `fn` throws out of
    /// is given back.
    template <typename F>
    Drained drain_in_place(F&& fn, std::uint64_t most = UINT64_MAX) {
        const auto scope = batch();
        return each(most, [&](Status& s) {
            const Front m = try_front();
            s = m.status();
            return m ? go_on(fn, m) : false;
        });
    }

private:
    friend class Front;

    MsgConsumer(detail::Waiter waiter, const Format& format) noexcept
        : ByteEnd(std::move(waiter)), format_(format) {
        shmq_reader_init(&reader_, &core_, &format_.core());
    }

    void attach_reader() noexcept {
        reader_.consumer = &core_;
        reader_.format = &format_.core();
    }

    [[nodiscard]] std::span<std::byte> buffer() const noexcept { return {buffer_.get(), max_}; }

    [[gnu::always_inline]] Status get(std::span<std::byte> to, shmq_message& m) noexcept {
        const std::uint32_t room =
            to.size() > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(to.size());
        const Status s = format_.is_plain()
                             ? static_cast<Status>(shmq_plain_read(&core_, to.data(), room, &m))
                             : noted(shmq_checked_read(&reader_, to.data(), room, &m));
        if (s == Status::Ok)
            waiter_.count(m.length);
        return s;
    }

    /// Apart, and with a message of its own: that of try_read() then stays in registers.
    [[gnu::noinline]] Received try_read_on(std::span<std::byte> to, Status s,
                                           shmq_message m) noexcept {
        s = waiter_.attempt_on(core_, s, Status::Empty, [&] { return get(to, m); });
        return received(s, m);
    }

    [[gnu::always_inline]] Status look(shmq_message& m, Pieces<const std::byte>& data) noexcept {
        shmq_pieces pieces{};
        const auto s = format_.is_plain()
                           ? static_cast<Status>(shmq_plain_front(&core_, &m, &pieces))
                           : noted(shmq_checked_front(&reader_, &m, &pieces));
        if (s == Status::Ok)
            data = {core_.end.base, pieces};
        return s;
    }

    /// Checked frames alone can be damaged.
    Status noted(enum shmq_status answer) noexcept {
        const auto s = static_cast<Status>(answer);
        if (s == Status::BadCrc || s == Status::BadVersion || s == Status::TooBig) [[unlikely]]
            waiter_.count_damage();
        return s;
    }

    static Received received(Status s, const shmq_message& m) noexcept {
        const bool known = s == Status::Ok || s == Status::ShortBuffer;
        return {s, known ? m.length : 0, static_cast<Tag>(known ? m.tag : 0)};
    }

    [[nodiscard]] Message own(const Received& r) const noexcept {
        if (!r)
            return r.status;
        return {std::span<const std::byte>(buffer_.get(), r.size), r.tag};
    }

    template <typename Step>
    static Drained each(std::uint64_t most, Step&& step) {
        Drained d{0, Status::Ok};
        while (d.messages < most) {
            const bool more = step(d.status);
            if (d.status != Status::Ok)
                break;
            ++d.messages;
            if (!more)
                break;
        }
        return d;
    }

    template <typename F, typename M>
    static bool go_on(F& fn, const M& m) {
        if constexpr (std::is_same_v<std::invoke_result_t<F&, const M&>, bool>) {
            return fn(m);
        } else {
            fn(m);
            return true;
        }
    }

    void release(const shmq_message& m) noexcept {
        shmq_frame_release(&reader_, &m);
        waiter_.count(m.length);
        waiter_.announce(core_.end);
    }

    Format format_ = Format::plain();
    shmq_reader reader_{};
    std::uint32_t max_ = 0;
    std::unique_ptr<std::byte[]> buffer_;
};

inline void Front::release() noexcept {
    if (status_ != Status::Ok)
        return;
    status_ = Status::Empty;
    consumer_.release(message_);
}

} // namespace shmq

#endif // SHMQ_MSG_CONSUMER_HPP
