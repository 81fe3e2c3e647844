// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Messages from any writer to any reader.
#include "support/frame.hpp"
#include "support/msg_ends.hpp"
#include "support/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace {

using shmq::Status;

using MsgPairings = Pairings;

/// Bytes of data of the longest message.
std::uint32_t longest(std::uint32_t n, std::string_view prefix) {
    return n - 1 - frame_overhead - static_cast<std::uint32_t>(prefix.size());
}

void transfer(const Pair& sides, const std::string& prefix, std::uint32_t n, std::uint32_t start,
              std::uint32_t length) {
    const SharedMemory m(n, start);
    MsgWriter w(sides.writer, m, prefix);
    MsgReader r(sides.reader, m, prefix);
    const std::string sent = message(length, start);

    ASSERT_EQ(w.write(sent), Status::Ok);
    const std::string expected = frame(prefix, sent);
    std::string lies;
    for (std::size_t i = 0; i < expected.size(); ++i)
        lies += static_cast<char>(m.data(start + i));
    ASSERT_EQ(hex(lies), hex(expected));
    const auto end = static_cast<std::uint32_t>((start + expected.size()) % n);
    ASSERT_EQ(m.positions(), (Positions{end, start}));

    std::string got;
    ASSERT_EQ(r.read(got), Status::Ok);
    ASSERT_EQ(hex(got), hex(sent));
    ASSERT_EQ(r.read(got), Status::Empty);
    ASSERT_EQ(m.positions(), (Positions{end, end}));
}

TEST_P(MsgPairings, CarryEveryLengthFromEveryOffset) {
    for (const std::string& prefix : prefixes)
        for (const std::uint32_t n : {30u, 61u, 64u})
            for (std::uint32_t start = 0; start < n; ++start)
                for (std::uint32_t length = 0; length <= longest(n, prefix); ++length) {
                    ASSERT_NO_FATAL_FAILURE(transfer(GetParam(), prefix, n, start, length))
                        << "prefix " << prefix << ", N " << n << ", offset " << start << ", length "
                        << length;
                }
}

TEST_P(MsgPairings, CarryLongMessagesAcrossTheWrap) {
    for (const std::string& prefix : prefixes)
        for (const std::uint32_t n : {1000u, 1024u, 4093u, 4096u, 65536u}) {
            const std::uint32_t most = longest(n, prefix);
            for (const std::uint32_t start : {0u, 1u, n / 2, n - 20, n - 1})
                for (const std::uint32_t length : {0u, 1u, most / 2, most - 1, most}) {
                    ASSERT_NO_FATAL_FAILURE(transfer(GetParam(), prefix, n, start, length))
                        << "prefix " << prefix << ", N " << n << ", offset " << start << ", length "
                        << length;
                }
        }
}

TEST_P(MsgPairings, KeepTheOrderOfAllThatFits) {
    for (const std::string& prefix : prefixes)
        for (const std::uint32_t n : {97u, 128u, 1000u}) {
            const SharedMemory m(n);
            MsgWriter w(writer(), m, prefix);
            MsgReader r(reader(), m, prefix);
            std::uint32_t written = 0;
            std::uint32_t read = 0;
            const auto length = [&](std::uint32_t i) { return i * 7 % (longest(n, prefix) + 1); };
            for (int round = 0; round < 50; ++round) {
                Status s = Status::Ok;
                while (s == Status::Ok) {
                    s = w.write(message(length(written), written));
                    written += s == Status::Ok;
                }
                ASSERT_EQ(s, Status::Full);
                // Not all of them: the rest meets what comes.
                std::string got;
                for (int i = 0; i < 1 + round % 5 && read < written; ++i, ++read) {
                    ASSERT_EQ(r.read(got), Status::Ok);
                    ASSERT_EQ(hex(got), hex(message(length(read), read)));
                }
            }
            EXPECT_GE(read, 50u);
        }
}

TEST_P(MsgPairings, CarryMessagesThatLookLikeFrames) {
    for (const std::string& prefix : prefixes) {
        const SharedMemory m(250, 200);
        MsgWriter w(writer(), m, prefix);
        MsgReader r(reader(), m, prefix);
        std::string got;
        for (const std::string& data : {prefix, prefix + prefix, frame(prefix, "inside"),
                                        frame(prefix, frame(prefix, "!"))}) {
            ASSERT_EQ(w.write(data), Status::Ok);
            ASSERT_EQ(r.read(got), Status::Ok);
            EXPECT_EQ(hex(got), hex(data));
        }
        EXPECT_EQ(r.read(got), Status::Empty);
    }
}

INSTANTIATE_TEST_SUITE_P(, MsgPairings, testing::ValuesIn(pairs()), pair_name());

TEST(MsgQueue, BlockingCallsOfTheCrateMeetOurs) {
    const SharedMemory m(128, 100);
    crate::Msgs q(m, "SHMQ");
    ours::MsgReader r(m, "SHMQ");
    std::string got;
    ASSERT_EQ(q.write_blocking("to ours"), Status::Ok);
    ASSERT_EQ(r.read(got, ours::Way::waiting), Status::Ok);
    EXPECT_EQ(got, "to ours");

    ours::MsgWriter w(m, "SHMQ");
    ASSERT_EQ(w.write("to the crate", ours::Way::waiting), Status::Ok);
    ASSERT_EQ(q.read_blocking(got), Status::Ok);
    EXPECT_EQ(got, "to the crate");
}

} // namespace
