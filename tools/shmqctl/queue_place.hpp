// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The queue that a user names, whatever kind of memory it is in.
#ifndef SHMQCTL_QUEUE_PLACE_HPP
#define SHMQCTL_QUEUE_PLACE_HPP

#include "memory_queue.hpp"
#include "queue_options.hpp"

#include <shmq/byte_queue.hpp>
#include <shmq/channel.hpp>
#include <shmq/msg_queue.hpp>

#include <optional>

namespace shmqctl {

/// An opened queue; gives one end of it. Throws std::system_error, WrongUse.
class QueuePlace {
public:
    enum class For { sending, receiving };

    QueuePlace(const QueueOptions& options, For what);

    [[nodiscard]] shmq::MsgProducer sender();
    [[nodiscard]] shmq::MsgConsumer receiver();
    [[nodiscard]] shmq::ByteProducer byte_sender();
    [[nodiscard]] shmq::ByteConsumer byte_receiver();

    [[nodiscard]] const shmq::Format& format() const;

private:
    void open_channel(const QueueOptions& options, For what);
    void check_format(const QueueOptions& options) const;

    std::string path_;
    std::optional<shmq::Channel> channel_; ///< a device, or memory with a header
    Memory memory_;                        ///< otherwise
    std::span<std::byte> queue_;
    shmq::Format format_ = shmq::Format::checked();
};

/// What a final status means to a user, and what to do.
[[nodiscard]] std::string explain(shmq::Status status, const std::string& path);

} // namespace shmqctl

#endif // SHMQCTL_QUEUE_PLACE_HPP
