// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The user's ends of a device through its mapping, over the same core as the
// driver's. try_* never sleep; send and receive sleep as the design says: set
// the word, look again, poll.
#pragma once

#include "device.hpp"

#include <algorithm>

namespace test {

class Sender {
public:
    Sender(const Device& device, const View& view, unsigned queue = to_kernel)
        : device_(device), view_(view), queue_(queue) {
        attach();
    }
    Sender(const Sender&) = delete;

    void attach() {
        if (shmq_producer_attach(&end, view_.base(queue_), view_.length(queue_)) != SHMQ_OK)
            fail("attach of a producer", EILSEQ);
        shmq_writer_init(&writer, &end, &view_.format);
    }
    shmq_status place(std::string_view message, std::uint32_t tag = 0) {
        const shmq_part part = {message.data(), static_cast<std::uint32_t>(message.size())};
        return shmq_frame_write(&writer, tag, &part, 1);
    }
    // Tells the consumer, if it sleeps.
    void ring() {
        const unsigned bell = SHMQ_BELL_DATA(queue_);
        if (shmq_doorbell_take(view_.wake(), View::word(bell)))
            device_.kick(1ul << bell);
    }
    shmq_status try_send(std::string_view message, std::uint32_t tag = 0) {
        const shmq_status status = place(message, tag);
        if (status == SHMQ_OK)
            ring();
        return status;
    }
    // SHMQ_FULL: there was no room for too long.
    shmq_status send(std::string_view message, std::uint32_t tag = 0) {
        for (;;) {
            shmq_status status = try_send(message, tag);
            if (status != SHMQ_FULL)
                return status;
            shmq_doorbell_arm(view_.wake(), View::word(SHMQ_BELL_ROOM(queue_)));
            status = try_send(message, tag);
            if (status != SHMQ_FULL)
                return status;
            const int events = device_.poll(POLLOUT);
            if (!events)
                return SHMQ_FULL;
            if (events & POLLERR)
                return SHMQ_CORRUPT;
        }
    }

    shmq_producer end{};
    shmq_writer writer{};

private:
    const Device& device_;
    const View& view_;
    unsigned queue_;
};

class Receiver {
public:
    Receiver(const Device& device, const View& view, unsigned queue = from_kernel)
        : device_(device), view_(view), queue_(queue) {
        attach();
    }
    Receiver(const Receiver&) = delete;

    void attach() {
        if (shmq_consumer_attach(&end, view_.base(queue_), view_.length(queue_)) != SHMQ_OK)
            fail("attach of a consumer", EILSEQ);
        shmq_reader_init(&reader_, &end, &view_.format);
    }
    void ring() {
        const unsigned bell = SHMQ_BELL_ROOM(queue_);
        if (shmq_doorbell_take(view_.wake(), View::word(bell)))
            device_.kick(1ul << bell);
    }
    shmq_status try_receive(std::string& message) {
        shmq_message m;
        message.resize(room);
        const shmq_status status = shmq_frame_read(&reader_, message.data(), room, &m);
        message.resize(status == SHMQ_OK ? m.length : 0);
        tag = status == SHMQ_OK ? m.tag : 0;
        if (status == SHMQ_OK)
            ring();
        return status;
    }
    // SHMQ_EMPTY: nothing came for too long.
    shmq_status receive(std::string& message, int timeout_ms = patience_ms) {
        for (;;) {
            shmq_status status = try_receive(message);
            if (status != SHMQ_EMPTY)
                return status;
            shmq_doorbell_arm(view_.wake(), View::word(SHMQ_BELL_DATA(queue_)));
            status = try_receive(message);
            if (status != SHMQ_EMPTY)
                return status;
            const int events = device_.poll(POLLIN, timeout_ms);
            if (!events)
                return SHMQ_EMPTY;
            if (events & POLLERR)
                return SHMQ_CORRUPT;
        }
    }

    shmq_consumer end{};
    std::uint32_t tag = 0;
    std::uint32_t room = 70'000;

private:
    const Device& device_;
    const View& view_;
    unsigned queue_;
    shmq_reader reader_{};
};

// Message number n, of a size and content that only n decides.
inline std::string pattern(std::uint32_t n, std::uint32_t largest) {
    std::uint32_t x = n * 2654435761u + 12345u;
    const std::uint32_t kind = n % 16;
    std::uint32_t length = kind == 0 ? 0 : kind < 12 ? (x >> 8) % 200 : (x >> 8) % (largest + 1);
    if (length > largest)
        length = largest;
    std::string m(length, '\0');
    for (std::size_t at = 0; at < m.size(); at += sizeof(x)) {
        x = x * 1664525u + 1013904223u;
        std::memcpy(&m[at], &x, std::min(sizeof(x), m.size() - at));
    }
    return m;
}

} // namespace test
