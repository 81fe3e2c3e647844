// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A channel: two queues, one each way, and how their ends wake each other.
#ifndef SHMQ_CHANNEL_HPP
#define SHMQ_CHANNEL_HPP

#include <shmq/byte_queue.hpp>
#include <shmq/device.hpp>
#include <shmq/format.hpp>
#include <shmq/msg_queue.hpp>
#include <shmq/region.hpp>
#include <shmq/stream.hpp>
#include <shmq/waiting.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include <sys/types.h>

namespace shmq {

namespace detail {
class ChannelState;
}

/// Which end of a channel: the first writes queue 0 and reads queue 1, the
/// second the other way round.
enum class Side : std::uint8_t { first, second };

/// How to open a channel that exists.
struct OpenOptions {
    /// Default: first of a device (the kernel, or a second program, is the
    /// second), second of shared memory (its creator is the first).
    std::optional<Side> side = std::nullopt;

    /// Default: spin_then_sleep; spin on a channel that is spin_only.
    std::optional<Wait> wait = std::nullopt;

    /// Device: POLLOUT on its descriptor promises room for a message of this
    /// many bytes (byte_sender: for these bytes). 0: one byte.
    std::uint32_t room = 0;

    // unix: what this program needs the channel to be. A listener that offers
    // something else refuses, and says why.

    /// Bytes of each queue, at least; 0: what the listener gives.
    std::size_t queue_size = 0;
    /// Default: the listener's.
    std::optional<Format> format = std::nullopt;
    /// Bytes of an element of stream_sender() and stream_receiver(); 0: any.
    std::uint32_t element_size = 0;
    /// Of the service that is expected there, 64 bytes at most; empty: any.
    std::string name = {};
    /// How long to wait for the listener: ETIMEDOUT.
    Wait::Duration timeout = std::chrono::seconds(10);
};

/// Whose process is on the other side of a Unix socket, as the kernel vouches:
/// of the one that connected, or listened, when it did.
struct PeerCredentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/// How to make one.
struct CreateOptions {
    /// Bytes of each of the two queues, rounded up to a multiple of 64; all
    /// but 9 of them hold frames. The channel takes twice this and 4096.
    std::size_t queue_size = std::size_t{256} * 1024;

    Format format = Format::checked();

    /// Of the creator's ends; as in OpenOptions.
    std::optional<Wait> wait = std::nullopt;

    /// Permissions of a named channel.
    mode_t mode = 0600;

    /// Neither side may ever sleep; in return no message costs a fence.
    bool spin_only = false;
};

/// A connection to one side of a channel; move-only. Its ends keep what they
/// need: they may outlive it.
///
/// | address                 | is                                               |
/// |-------------------------|--------------------------------------------------|
/// | dev:/dev/shmq0          | a device of the kernel module; /dev/shmq0 will do |
/// | shm:/name               | POSIX shared memory, between processes           |
/// | unix:/run/x.sock        | a Listener's client; unix:@name is abstract      |
///
/// An end belongs to one holder at a time, which the operating system takes
/// back when the holder dies; its peer is told (Status::PeerGone, peer()): at
/// once by a device, over a socket or when the end was closed, within a second
/// when a process that shares memory otherwise was killed. Over a socket PeerGone
/// is for good and told each time: connect anew. A child that is forked while its parent has
/// ends holds them too, until it execs or exits. An end that has stopped (see
/// is_final()) still holds its claim; to attach anew, give it back first:
/// `tx = {}; tx = channel.sender();`.
///
/// Functions that can fail throw std::system_error; those with a
/// std::error_code& return something empty instead.
class Channel {
public:
    /// Opens a channel that exists, or connects to a listener. ENOENT, EACCES;
    /// EPROTONOSUPPORT: unknown kind of address; EPROTO: not a channel, or of
    /// another version. unix: also ECONNREFUSED (nobody listens), ETIMEDOUT, and
    /// what the listener refuses with.
    static Channel open(const std::string& address, const OpenOptions& options = {});
    static Channel open(const std::string& address, const OpenOptions& options,
                        std::error_code& ec);

    /// Makes a named channel ("shm:/name") and opens its first side. EEXIST: it
    /// exists, and open() joins it. It stays until unlink().
    static Channel create(const std::string& address, CreateOptions options = {});
    static Channel create(const std::string& address, CreateOptions options, std::error_code& ec);

    /// Removes the name; those who have it open keep the channel.
    static void unlink(const std::string& address);
    static void unlink(const std::string& address, std::error_code& ec);

    /// Makes a channel without a name, for children: fork, then other_side().
    static Channel memfd(CreateOptions options = {});
    static Channel memfd(CreateOptions options, std::error_code& ec);

    /// Joins a channel that lies in memory which was got in another way, for
    /// example a memfd that came over a socket.
    static Channel attach(Region region, Side side, const OpenOptions& options = {});
    static Channel attach(Region region, Side side, const OpenOptions& options,
                          std::error_code& ec);

    /// Not open: all that it can do is be assigned to.
    Channel() noexcept = default;
    Channel(Channel&&) noexcept = default;
    Channel& operator=(Channel&&) noexcept = default;
    ~Channel() = default;

    /// The same channel from the other side, in this process. EOPNOTSUPP: that
    /// side is another program's (unix).
    [[nodiscard]] Channel other_side() const;

    /// Claims this side's end of a queue. EBUSY: somebody has it. Device: of
    /// a channel that the kernel serves, the second side is the kernel's.
    [[nodiscard]] MsgProducer sender();
    [[nodiscard]] MsgProducer sender(std::error_code& ec);
    [[nodiscard]] MsgConsumer receiver();
    [[nodiscard]] MsgConsumer receiver(std::error_code& ec);

    /// The same ends, for bytes without frames. Both sides must agree on that;
    /// the kernel's own ends speak messages.
    [[nodiscard]] ByteProducer byte_sender();
    [[nodiscard]] ByteProducer byte_sender(std::error_code& ec);
    [[nodiscard]] ByteConsumer byte_receiver();
    [[nodiscard]] ByteConsumer byte_receiver(std::error_code& ec);

    /// The same ends, for values of one type; see stream.hpp. On a device, open it
    /// with a `room` of two elements if you poll for room.
    template <StreamElement T>
    [[nodiscard]] StreamProducer<T> stream_sender() {
        return StreamProducer<T>(byte_sender_of(sizeof(T)));
    }
    template <StreamElement T>
    [[nodiscard]] StreamConsumer<T> stream_receiver() {
        return StreamConsumer<T>(byte_receiver_of(sizeof(T)));
    }

    /// One descriptor for all that can happen to a channel, or -1 (shm, memfd).
    /// unix: readable when the peer rang for either end, sent a control message,
    /// or is gone. At the start of each turn call take_rings(); then read until
    /// Empty, write what waits until Full, receive_control until Empty, in any
    /// order, and wait again. Edge-triggered is enough. Ask for it before the
    /// first look. One thread at a time polls; a thread may block in an end
    /// meanwhile, which take_rings() wakes. To poll for both ends this is the
    /// descriptor, not each end's own.
    /// Device: POLLIN, POLLOUT; see shmq(4).
    [[nodiscard]] int fd();

    /// Makes fd() not readable until the peer rings again; a bounded number of
    /// system calls. Ok; PeerGone: read what is left, then drop the channel;
    /// Corrupt: the peer does not keep to the protocol and was hung up on.
    /// Where there is nothing to take, does nothing.
    Status take_rings() noexcept;

    /// Most bytes of a control message, and most of them that the peer has not read.
    static constexpr std::size_t max_control = 256;
    static constexpr std::size_t max_unread_control = 16;

    /// Sends a small message beside the data, in order among its kind: Ok, Full
    /// (max_unread_control), TooBig, PeerGone, Corrupt; Invalid: it is empty, or
    /// this is no channel over a socket. A system call. Threads: any.
    [[nodiscard]] Status try_send_control(Bytes data) noexcept;
    /// Ok, Empty, ShortBuffer (it stays), PeerGone, Corrupt, Invalid.
    [[nodiscard]] Received try_receive_control(std::span<std::byte> to) noexcept;

    /// unix: who the peer is; else nothing.
    [[nodiscard]] std::optional<PeerCredentials> peer_credentials() const noexcept;

    /// unix: bytes of an element that both sides agreed on; 0: none.
    [[nodiscard]] std::uint32_t element_size() const noexcept;

    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
    [[nodiscard]] Side side() const noexcept { return side_; }
    [[nodiscard]] Wait wait() const noexcept { return wait_; }
    [[nodiscard]] const Format& format() const noexcept;
    /// All of the memory: header and queues, or what the device has.
    [[nodiscard]] const Region& region() const noexcept;
    /// The device behind it, or null.
    [[nodiscard]] const Device* device() const noexcept;

private:
    friend class Listener;
    Channel(std::shared_ptr<detail::ChannelState> state, Side side, std::optional<Wait> wait);

    /// With a ring that is cut to a multiple of the element's size.
    ByteProducer byte_sender_of(std::size_t element);
    ByteConsumer byte_receiver_of(std::size_t element);

    std::shared_ptr<detail::ChannelState> state_;
    Side side_ = Side::first;
    Wait wait_ = Wait::spin();
};

} // namespace shmq

#endif // SHMQ_CHANNEL_HPP
