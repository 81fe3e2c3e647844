// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Values of one type, both ways: what many programs need of a channel, and no more.
//
//   shmq::Interface<Sample> link(shmq::Channel::open("unix:/run/samples.sock"));
//   link.xmit(sample);
//   for (const Sample& s : link.recv_vectored())
//       …
//
// The words are those of memenpsf; docs/memenpsf.md has the rest of its words.
#ifndef SHMQ_INTERFACE_HPP
#define SHMQ_INTERFACE_HPP

#include <shmq/channel.hpp>
#include <shmq/stream.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace shmq {

/// A channel whose both ends carry values of one type; move-only. Of any kind of
/// address; the other side has an Interface, or streams, of the same type.
///
/// Threads: one for what sends and one for what receives. Everything but the
/// constructor and recv_vectored() neither throws nor allocates.
template <StreamElement T>
class Interface {
public:
    /// Claims both ends. Throws what Channel::stream_sender() does: EBUSY, EINVAL
    /// (elements of another size were agreed), Corrupt.
    explicit Interface(Channel channel)
        : channel_(std::move(channel)),
          out_(channel_.stream_sender<T>()),
          in_(channel_.stream_receiver<T>()) {}

    /// Sends one: Ok, Timeout, PeerGone, Interrupted, or why the end stopped. A full
    /// queue is waited for.
    Status xmit(const T& value, Wait::Duration timeout = forever) noexcept {
        return out_.write(value, timeout);
    }
    /// All of them or none; also TooBig.
    Status xmit(std::span<const T> values, Wait::Duration timeout = forever) noexcept {
        return out_.write(values, timeout);
    }
    /// Without waiting; also Full.
    [[nodiscard]] Status try_xmit(const T& value) noexcept { return out_.try_write(value); }

    /// The next one, or nothing: last() tells why. Waits for it.
    [[nodiscard]] std::optional<T> recv(Wait::Duration timeout = forever) noexcept {
        T value;
        last_ = in_.read(value, timeout);
        return last_ == Status::Ok ? std::optional<T>(value) : std::nullopt;
    }
    /// Without waiting: Empty is nothing too.
    [[nodiscard]] std::optional<T> try_recv() noexcept {
        T value;
        last_ = in_.try_read(value);
        return last_ == Status::Ok ? std::optional<T>(value) : std::nullopt;
    }

    /// All that is there, at most `most`, without waiting; copied out, so that it is
    /// safe towards a hostile peer. Allocates.
    [[nodiscard]] std::vector<T> recv_vectored(std::size_t most = SIZE_MAX) {
        std::vector<T> all;
        last_ = recv_vectored(all, most);
        return all;
    }
    /// The same, appended to `all`. Ok, Empty, PeerGone, or why the end stopped.
    /// Leaves nothing that was there at the call, and ends though the peer goes on.
    Status recv_vectored(std::vector<T>& all, std::size_t most = SIZE_MAX) {
        const std::size_t n = std::min(most, in_.size());
        const std::size_t before = all.size();
        if (n == 0) {
            // So that the peer rings, and to learn of its end.
            T value;
            const Status s = most ? in_.try_read(value) : Status::Empty;
            if (s == Status::Ok)
                all.push_back(value);
            return s;
        }
        all.resize(before + n);
        const std::size_t got = in_.read_some(std::span(all).subspan(before));
        all.resize(before + got);
        return got ? Status::Ok : in_.status();
    }

    /// Why the last recv, try_recv or recv_vectored gave nothing, or Ok.
    [[nodiscard]] Status last() const noexcept { return last_; }

    /// Control messages, descriptor, credentials: see Channel.
    [[nodiscard]] Status send_ctrl_msg(Bytes message) noexcept {
        return channel_.try_send_control(message);
    }
    [[nodiscard]] Received recv_ctrl_msg(std::span<std::byte> to) noexcept {
        return channel_.try_receive_control(to);
    }
    [[nodiscard]] Channel& channel() noexcept { return channel_; }

    /// For what this has no word for: batches, in place, descriptors.
    [[nodiscard]] StreamProducer<T>& out() noexcept { return out_; }
    [[nodiscard]] StreamConsumer<T>& in() noexcept { return in_; }

private:
    Channel channel_;
    StreamProducer<T> out_;
    StreamConsumer<T> in_;
    Status last_ = Status::Ok;
};

} // namespace shmq

#endif // SHMQ_INTERFACE_HPP
