// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The message queue: whole messages from one producer to one consumer.
#ifndef SHMQ_MSG_QUEUE_HPP
#define SHMQ_MSG_QUEUE_HPP

#include <shmq/msg_consumer.hpp>
#include <shmq/msg_producer.hpp>

namespace shmq {

/// Both ends of a message queue, for one thread.
class MsgQueue {
public:
    /// Makes an empty queue of the memory and attaches to it; see create_queue().
    static MsgQueue create(std::span<std::byte> memory, const Format& format);
    static MsgQueue create(std::span<std::byte> memory, const Format& format, std::error_code& ec);

    /// Attaches to a queue that exists.
    static MsgQueue attach(std::span<std::byte> memory, const Format& format);
    static MsgQueue attach(std::span<std::byte> memory, const Format& format, std::error_code& ec);

    [[nodiscard]] Status write(Bytes data, Tag tag = {}) noexcept {
        return producer_.try_write(data, tag);
    }
    Message read() noexcept { return consumer_.try_read(); }
    Received read(std::span<std::byte> to) noexcept { return consumer_.try_read(to); }

    [[nodiscard]] std::uint32_t max_message() const noexcept { return producer_.max_message(); }

    /// The ends, for everything else that they can do.
    [[nodiscard]] MsgProducer& producer() noexcept { return producer_; }
    [[nodiscard]] MsgConsumer& consumer() noexcept { return consumer_; }

private:
    MsgQueue() noexcept = default;
    MsgQueue(MsgProducer p, MsgConsumer c) noexcept
        : producer_(std::move(p)), consumer_(std::move(c)) {}

    MsgProducer producer_;
    MsgConsumer consumer_;
};

} // namespace shmq

#endif // SHMQ_MSG_QUEUE_HPP
