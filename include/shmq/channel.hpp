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

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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
///
/// An end belongs to one holder at a time, which the operating system takes
/// back when the holder dies; its peer is told (Status::PeerGone, peer()): at
/// once by a device or when the end was closed, within a second when a process
/// that shares memory was killed. A child that is forked while its parent has
/// ends holds them too, until it execs or exits. An end that has stopped (see
/// is_final()) still holds its claim; to attach anew, give it back first:
/// `tx = {}; tx = channel.sender();`.
///
/// Functions that can fail throw std::system_error; those with a
/// std::error_code& return something empty instead.
class Channel {
public:
    /// Opens a channel that exists. ENOENT, EACCES; EPROTONOSUPPORT: unknown
    /// kind of address; EPROTO: not a channel, or of another version.
    static Channel open(const std::string& address, OpenOptions options = {});
    static Channel open(const std::string& address, OpenOptions options, std::error_code& ec);

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
    static Channel attach(Region region, Side side, OpenOptions options = {});
    static Channel attach(Region region, Side side, OpenOptions options, std::error_code& ec);

    /// Not open: all that it can do is be assigned to.
    Channel() noexcept = default;
    Channel(Channel&&) noexcept = default;
    Channel& operator=(Channel&&) noexcept = default;
    ~Channel() = default;

    /// The same channel from the other side, in this process.
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

    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
    [[nodiscard]] Side side() const noexcept { return side_; }
    [[nodiscard]] Wait wait() const noexcept { return wait_; }
    [[nodiscard]] const Format& format() const noexcept;
    /// All of the memory: header and queues, or what the device has.
    [[nodiscard]] const Region& region() const noexcept;
    /// The device behind it, or null.
    [[nodiscard]] const Device* device() const noexcept;

private:
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
