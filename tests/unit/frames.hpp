// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A message queue under test, by the core's own functions.
#ifndef SHMQ_TESTS_FRAMES_HPP
#define SHMQ_TESTS_FRAMES_HPP

#include "memory.hpp"

#include <shmq/core/frame.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

inline shmq_format checked(std::string_view prefix) {
    shmq_format f{};
    f.framing = SHMQ_CHECKED;
    f.prefix_length = static_cast<std::uint32_t>(prefix.size());
    std::memcpy(f.prefix, prefix.data(), prefix.size());
    return f;
}

inline shmq_format plain() {
    shmq_format f{};
    f.framing = SHMQ_PLAIN;
    return f;
}

/// Prefixes of the lengths that matter.
inline const std::string prefixes[] = {"", "S", "SHMQ", "sixteen bytes !!"};

struct Frames {
    Frames(const shmq_format& f, std::uint32_t n, std::uint32_t start = 0)
        : memory(n + 8), format(f) {
        EXPECT_EQ(shmq_queue_create(memory.base(), memory.size()), SHMQ_OK);
        memory.set_word(SHMQ_WRITE_POSITION, start);
        memory.set_word(SHMQ_READ_POSITION, start);
        EXPECT_EQ(shmq_producer_attach(&p, memory.base(), memory.size()), SHMQ_OK);
        EXPECT_EQ(shmq_consumer_attach(&c, memory.base(), memory.size()), SHMQ_OK);
        shmq_writer_init(&writer, &p, &format);
        shmq_reader_init(&reader, &c, &format);
    }
    Frames(const Frames&) = delete;

    shmq_status write(std::string_view data, std::uint32_t tag = 0) {
        const shmq_part part{data.data(), static_cast<std::uint32_t>(data.size())};
        return shmq_frame_write(&writer, tag, &part, 1);
    }

    /// Bytes as they are, without a frame.
    void raw(std::string_view bytes) {
        const auto n = static_cast<std::uint32_t>(bytes.size());
        ASSERT_EQ(shmq_producer_reserve(&p, n), SHMQ_OK);
        shmq_producer_put(&p, 0, bytes.data(), n);
        shmq_producer_commit(&p, n);
    }

    shmq_status read(std::string& data, std::uint32_t room = 4096) {
        data.resize(room);
        const shmq_status s = shmq_frame_read(&reader, data.data(), room, &message);
        data.resize(s == SHMQ_OK ? message.length : 0);
        return s;
    }

    [[nodiscard]] std::uint32_t max() const { return shmq_message_max(&format, p.end.size); }
    [[nodiscard]] std::uint32_t unread() { return shmq_consumer_available(&c, c.end.size); }

    Memory memory;
    shmq_format format;
    shmq_producer p{};
    shmq_consumer c{};
    shmq_writer writer{};
    shmq_reader reader{};
    shmq_message message{};
};

/// The bytes of a frame, made by a queue that is large enough.
inline std::string frame_of(const shmq_format& f, std::string_view data, std::uint32_t tag = 0) {
    Frames q(f, static_cast<std::uint32_t>(data.size() + 128) & ~7u);
    EXPECT_EQ(q.write(data, tag), SHMQ_OK);
    std::string bytes(q.unread(), '\0');
    shmq_consumer_get(&q.c, 0, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    return bytes;
}

inline std::string text(std::uint32_t n, char from = 'a') {
    std::string s(n, '\0');
    for (std::uint32_t i = 0; i < n; ++i)
        s[i] = static_cast<char>(from + static_cast<char>(i % 26));
    return s;
}

#endif // SHMQ_TESTS_FRAMES_HPP
