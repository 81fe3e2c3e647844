// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A stream of bytes that nobody's writer made, and what each reader tells of it.
#ifndef SHMQ_TESTS_INTEROP_READING_HPP
#define SHMQ_TESTS_INTEROP_READING_HPP

#include "msg_ends.hpp"
#include "shared_memory.hpp"
#include "sides.hpp"
#include "text.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// In order: messages in hex, damage by its name.
using Told = std::vector<std::string>;

inline std::string told_of(shmq::Status s, std::string_view message) {
    return s == shmq::Status::Ok ? "message " + hex(message) : to_string(s);
}

/// All messages arrive, and nothing else is told.
inline Told messages(std::initializer_list<std::string_view> all) {
    Told t;
    for (const std::string_view m : all)
        t.push_back(told_of(shmq::Status::Ok, m));
    return t;
}

/// Reads until there is nothing.
inline Told read_all(MsgReader& r) {
    Told t;
    for (int calls = 0; calls < 100000; ++calls) {
        std::string got;
        const shmq::Status s = r.read(got);
        if (s == shmq::Status::Empty)
            return t;
        t.push_back(told_of(s, got));
        if (is_final(s))
            return t;
    }
    ADD_FAILURE() << "a reader that does not come to an end";
    return t;
}

/// Appends raw bytes, as a writer that is not a message queue's would.
inline void append(const SharedMemory& m, std::string_view bytes) {
    const Positions p = m.positions();
    ASSERT_LE(bytes.size(), (m.n() + p.read - p.write - 1) % m.n()) << "the test's stream";
    for (std::size_t i = 0; i < bytes.size(); ++i)
        m.data(p.write + i) = static_cast<std::uint8_t>(bytes[i]);
    m.set({static_cast<std::uint32_t>((p.write + bytes.size()) % m.n()), p.read});
}

inline constexpr Side readers[] = {Side::cpp, Side::cpp_in_place, Side::crate};

/// A place in a queue of a size that the crate has a receive buffer for.
struct Place {
    std::uint32_t n;
    std::uint32_t start;
};

inline Told told_by(Side side, const std::string& prefix, const Place& at,
                    std::string_view stream) {
    const SharedMemory m(at.n, at.start);
    append(m, stream);
    MsgReader r(side, m, prefix);
    return read_all(r);
}

/// Every reader tells the same, and that.
inline void expect_told(const std::string& prefix, const Place& at, std::string_view stream,
                        const Told& expected) {
    for (const Side side : readers)
        ASSERT_EQ(told_by(side, prefix, at, stream), expected)
            << name(side) << ", prefix \"" << prefix << "\", N " << at.n << ", offset " << at.start
            << ", stream " << hex(stream);
}

/// Every reader tells what the crate's does.
inline void expect_told_as_by_crate(const std::string& prefix, const Place& at,
                                    std::string_view stream) {
    expect_told(prefix, at, stream, told_by(Side::crate, prefix, at, stream));
}

#endif // SHMQ_TESTS_INTEROP_READING_HPP
