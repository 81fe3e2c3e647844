// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Attaching ends to queues.
#include "failure.hpp"

#include <shmq/msg_queue.hpp>
#include <shmq/stream.hpp>

#include <algorithm>
#include <string>

namespace shmq {

namespace {

using detail::fail;
using detail::guarded;

shmq_base base_of(std::span<std::byte> memory) noexcept {
    return reinterpret_cast<shmq_base>(memory.data());
}

void check_memory(std::span<std::byte> memory) {
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % 4 != 0)
        fail(Status::Invalid, "the memory of a queue must be 4-byte aligned");
    if (!shmq_queue_length_ok(memory.size()))
        fail(Status::Invalid,
             "a queue has from 10 bytes to 2 GiB, not " + std::to_string(memory.size()) + " bytes");
}

void check_format(std::span<std::byte> memory, const Format& format) {
    check_memory(memory);
    if (shmq_format_check(&format.core(), base_of(memory), memory.size()) != SHMQ_OK)
        fail(Status::Invalid, "plain messages need memory that is 8-byte aligned and a multiple "
                              "of 8 bytes, 24 at least");
}

shmq_status attach_core(shmq_producer& p, std::span<std::byte> memory) noexcept {
    return shmq_producer_attach(&p, base_of(memory), memory.size());
}

shmq_status attach_core(shmq_consumer& c, std::span<std::byte> memory) noexcept {
    return shmq_consumer_attach(&c, base_of(memory), memory.size());
}

template <typename Core>
void attach_checked(Core& core, detail::Waiter& waiter, std::span<std::byte> memory) {
    const shmq_status s = attach_core(core, memory);
    if (s != SHMQ_OK)
        fail(static_cast<Status>(s), "a position lies outside the queue: it was never created, "
                                     "or something else writes to it");
    waiter.attached(core.end);
}

} // namespace

namespace detail {

// Large, so that nothing is too big for it before it is found to be stopped.
constexpr std::uint32_t nowhere = SHMQ_QUEUE_MAX - SHMQ_QUEUE_HEADER;

void detach(shmq_producer& p) noexcept {
    p = {};
    p.end.size = nowhere;
    shmq_producer_stop(&p, SHMQ_INVALID);
}

void detach(shmq_consumer& c) noexcept {
    c = {};
    c.end.size = nowhere;
    shmq_consumer_stop(&c, SHMQ_INVALID);
}

void check_stream(const shmq_end& end, std::size_t size, std::size_t alignment) {
    if (!end.base)
        fail(Status::Invalid, "an end that is not attached");
    if (end.size % size != 0 || end.size < 2 * size)
        fail(Status::Invalid, "a ring of " + std::to_string(end.size) +
                                  " bytes is no whole number, two at least, of elements of " +
                                  std::to_string(size) + " bytes");
    if (reinterpret_cast<std::uintptr_t>(shmq_at(end.base, SHMQ_QUEUE_HEADER)) % alignment != 0)
        fail(Status::Invalid, "the memory is not aligned for the elements");
    if (end.pos % size != 0)
        fail(Status::Corrupt, "a position lies inside an element: the queue was used otherwise");
}

} // namespace detail

void create_queue(std::span<std::byte> memory) {
    check_memory(memory);
    static_cast<void>(shmq_queue_create(base_of(memory), memory.size()));
}

void create_queue(std::span<std::byte> memory, std::error_code& ec) {
    guarded(ec, 0, [&] {
        create_queue(memory);
        return 0;
    });
}

ByteProducer ByteProducer::attach(std::span<std::byte> memory, AttachOptions options) {
    check_memory(memory);
    ByteProducer end(detail::Waiter(options.wait, std::move(options.bell)));
    attach_checked(end.core_, end.waiter_, memory);
    return end;
}

ByteProducer ByteProducer::attach(std::span<std::byte> memory, AttachOptions options,
                                  std::error_code& ec) {
    return guarded(ec, ByteProducer(), [&] { return attach(memory, std::move(options)); });
}

ByteConsumer ByteConsumer::attach(std::span<std::byte> memory, AttachOptions options) {
    check_memory(memory);
    ByteConsumer end(detail::Waiter(options.wait, std::move(options.bell)));
    attach_checked(end.core_, end.waiter_, memory);
    return end;
}

ByteConsumer ByteConsumer::attach(std::span<std::byte> memory, AttachOptions options,
                                  std::error_code& ec) {
    return guarded(ec, ByteConsumer(), [&] { return attach(memory, std::move(options)); });
}

ByteQueue ByteQueue::create(std::span<std::byte> memory) {
    create_queue(memory);
    return attach(memory);
}

ByteQueue ByteQueue::create(std::span<std::byte> memory, std::error_code& ec) {
    return guarded(ec, ByteQueue(), [&] { return create(memory); });
}

ByteQueue ByteQueue::attach(std::span<std::byte> memory) {
    return {ByteProducer::attach(memory), ByteConsumer::attach(memory)};
}

ByteQueue ByteQueue::attach(std::span<std::byte> memory, std::error_code& ec) {
    return guarded(ec, ByteQueue(), [&] { return attach(memory); });
}

MsgProducer MsgProducer::attach(std::span<std::byte> memory, const Format& format,
                                AttachOptions options) {
    check_format(memory, format);
    MsgProducer end(detail::Waiter(options.wait, std::move(options.bell)), format);
    attach_checked(end.core_, end.waiter_, memory);
    end.max_ = shmq_message_max(&format.core(), end.core_.end.size);
    if (options.max_message)
        end.max_ = std::min(end.max_, options.max_message);
    return end;
}

MsgProducer MsgProducer::attach(std::span<std::byte> memory, const Format& format,
                                AttachOptions options, std::error_code& ec) {
    return guarded(ec, MsgProducer(), [&] { return attach(memory, format, std::move(options)); });
}

MsgConsumer MsgConsumer::attach(std::span<std::byte> memory, const Format& format,
                                AttachOptions options) {
    check_format(memory, format);
    MsgConsumer end(detail::Waiter(options.wait, std::move(options.bell)), format);
    attach_checked(end.core_, end.waiter_, memory);
    // Room for whatever the queue can hold, even if the peer exceeds what was
    // agreed: a message that fits no buffer would stand in the way for ever.
    end.max_ = shmq_message_max(&format.core(), end.core_.end.size);
    // Not initialised: pages that no message is long enough for are never had.
    end.buffer_ = std::make_unique_for_overwrite<std::byte[]>(end.max_);
    return end;
}

MsgConsumer MsgConsumer::attach(std::span<std::byte> memory, const Format& format,
                                AttachOptions options, std::error_code& ec) {
    return guarded(ec, MsgConsumer(), [&] { return attach(memory, format, std::move(options)); });
}

MsgQueue MsgQueue::create(std::span<std::byte> memory, const Format& format) {
    check_format(memory, format);
    create_queue(memory);
    return attach(memory, format);
}

MsgQueue MsgQueue::create(std::span<std::byte> memory, const Format& format, std::error_code& ec) {
    return guarded(ec, MsgQueue(), [&] { return create(memory, format); });
}

MsgQueue MsgQueue::attach(std::span<std::byte> memory, const Format& format) {
    return {MsgProducer::attach(memory, format), MsgConsumer::attach(memory, format)};
}

MsgQueue MsgQueue::attach(std::span<std::byte> memory, const Format& format, std::error_code& ec) {
    return guarded(ec, MsgQueue(), [&] { return attach(memory, format); });
}

} // namespace shmq
