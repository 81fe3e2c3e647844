// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Where a message queue is full and a message too big.
#include "support/byte_ends.hpp"
#include "support/frame.hpp"
#include "support/msg_ends.hpp"
#include "support/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace {

using shmq::Status;

/// Writers of every side on copies of one queue, of which `filled` bytes are
/// not free.
class MsgBoundaries : public testing::TestWithParam<std::uint32_t> {
protected:
    static void write_everywhere(const std::string& prefix, std::uint32_t n, std::uint32_t start,
                                 std::uint32_t filled, std::uint32_t length, Status expected) {
        std::string bytes;
        for (const Side side : {Side::crate, Side::cpp, Side::cpp_in_place}) {
            const SharedMemory m(n, start);
            m.set({(start + filled) % n, start});
            MsgWriter w(side, m, prefix);
            ASSERT_EQ(w.write(message(length)), expected)
                << name(side) << ", N " << n << ", filled " << filled << ", length " << length;
            if (side == Side::crate)
                bytes = m.bytes();
            ASSERT_EQ(hex(m.bytes()), hex(bytes)) << name(side);
        }
    }
};

TEST_P(MsgBoundaries, TheLongestMessageFitsAndOneByteMoreNever) {
    const std::uint32_t n = GetParam();
    for (const std::string& prefix : prefixes) {
        const auto fixed = static_cast<std::uint32_t>(prefix.size()) + frame_overhead;
        const std::uint32_t most = n - 1 - fixed;
        for (const std::uint32_t start : {0u, n / 2, n - 1}) {
            ASSERT_NO_FATAL_FAILURE(write_everywhere(prefix, n, start, 0, most, Status::Ok));
            ASSERT_NO_FATAL_FAILURE(
                write_everywhere(prefix, n, start, 0, most + 1, Status::TooBig));
            ASSERT_NO_FATAL_FAILURE(write_everywhere(prefix, n, start, 0, 2 * n, Status::TooBig));
            // Too big comes before full.
            ASSERT_NO_FATAL_FAILURE(
                write_everywhere(prefix, n, start, n - 1, most + 1, Status::TooBig));
        }
        const SharedMemory m(n);
        EXPECT_EQ(ours::MsgWriter(m, prefix).max_message(), most);
    }
}

TEST_P(MsgBoundaries, FullAtTheSameByte) {
    const std::uint32_t n = GetParam();
    for (const std::string& prefix : prefixes) {
        const auto fixed = static_cast<std::uint32_t>(prefix.size()) + frame_overhead;
        for (std::uint32_t length = 0; length + fixed < n; length += 1 + n / 16) {
            const std::uint32_t fits = n - 1 - fixed - length;
            ASSERT_NO_FATAL_FAILURE(write_everywhere(prefix, n, n - 3, fits, length, Status::Ok));
            if (fits + 1 < n) {
                ASSERT_NO_FATAL_FAILURE(
                    write_everywhere(prefix, n, n - 3, fits + 1, length, Status::Full));
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(N, MsgBoundaries, testing::Values(30, 32, 61, 64, 1000, 1024, 4093, 4096),
                         testing::PrintToStringParamName());

TEST(MsgQueueTooSmall, EvenAnEmptyMessageIsTooBigForBoth) {
    // One byte too small for the prefix of sixteen and an empty message.
    const SharedMemory m(29);
    crate::Msgs theirs(m, prefixes[2], 29);
    EXPECT_EQ(theirs.write(""), Status::TooBig);
    ours::MsgWriter w(m, prefixes[2]);
    EXPECT_EQ(w.write(""), Status::TooBig);
    EXPECT_EQ(w.write("", ours::Way::in_place), Status::TooBig);
    EXPECT_EQ(m.positions(), (Positions{0, 0}));
}

} // namespace
