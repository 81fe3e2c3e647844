// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Bytes from any writer to any reader.
#include "support/byte_ends.hpp"
#include "support/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

namespace {

using shmq::Status;

using BytePairings = Pairings;

/// Through a queue that starts at `start`.
void transfer(const Pair& sides, std::uint32_t n, std::uint32_t start, std::uint32_t length) {
    const SharedMemory m(n, start);
    ByteWriter w(sides.writer, m);
    ByteReader r(sides.reader, m);
    const std::string sent = message(length, start);

    ASSERT_EQ(w.write(sent), Status::Ok);
    ASSERT_EQ(m.positions(), (Positions{(start + length) % n, start}));
    for (std::uint32_t i = 0; i < length; ++i)
        ASSERT_EQ(m.data(start + i), static_cast<std::uint8_t>(sent[i])) << "byte " << i;

    std::string peeked(length, '?');
    std::string taken(length, '?');
    ASSERT_EQ(r.size(), length);
    ASSERT_EQ(r.peek(peeked), Status::Ok);
    ASSERT_EQ(r.consume(taken), Status::Ok);
    ASSERT_EQ(hex(peeked), hex(sent));
    ASSERT_EQ(hex(taken), hex(sent));
    ASSERT_EQ(m.positions(), (Positions{(start + length) % n, (start + length) % n}));
    ASSERT_EQ(w.space(), n - 1);
}

TEST_P(BytePairings, CarryEveryLengthFromEveryOffset) {
    for (const std::uint32_t n : {2u, 3u, 16u, 31u, 61u, 64u})
        for (std::uint32_t start = 0; start < n; ++start)
            for (std::uint32_t length = 0; length < n; ++length) {
                ASSERT_NO_FATAL_FAILURE(transfer(GetParam(), n, start, length))
                    << "N " << n << ", offset " << start << ", length " << length;
            }
}

TEST_P(BytePairings, CarryLongStretchesAcrossTheWrap) {
    for (const std::uint32_t n : {1000u, 1024u, 4093u, 4096u, 65536u})
        for (const std::uint32_t start : {0u, 1u, n / 2, n - 2, n - 1})
            for (const std::uint32_t length : {0u, 1u, n / 2, n - 2, n - 1}) {
                ASSERT_NO_FATAL_FAILURE(transfer(GetParam(), n, start, length))
                    << "N " << n << ", offset " << start << ", length " << length;
            }
}

TEST_P(BytePairings, CarryAStreamInPiecesOfAnySize) {
    for (const std::uint32_t n : {7u, 64u, 97u}) {
        const SharedMemory m(n);
        ByteWriter w(writer(), m);
        ByteReader r(reader(), m);
        std::mt19937 random(n);
        const std::string stream = message(50 * n, n);
        std::string_view rest = stream;
        std::string got;
        while (got.size() < stream.size()) {
            const auto piece = rest.substr(0, random() % (n + 3));
            rest.remove_prefix(w.write_some(piece));
            std::string to(random() % (n + 3), '?');
            to.resize(r.consume_some(to));
            got += to;
        }
        EXPECT_EQ(hex(got), hex(stream));
    }
}

TEST_P(BytePairings, SkipWhatIsNotWanted) {
    for (std::uint32_t start = 0; start < 31; ++start) {
        const SharedMemory m(31, start);
        ByteWriter w(writer(), m);
        ByteReader r(reader(), m);
        ASSERT_EQ(w.write("0123456789abcdef"), Status::Ok);
        ASSERT_EQ(r.skip(17), Status::Empty);
        ASSERT_EQ(r.skip(10), Status::Ok);
        std::string to(3, '?');
        ASSERT_EQ(r.consume(to), Status::Ok);
        ASSERT_EQ(to, "abc");
        ASSERT_EQ(r.skip_some(100), 3u);
        ASSERT_EQ(r.size(), 0u);
    }
}

TEST_P(BytePairings, AttachWithoutChangingAByte) {
    const SharedMemory m(61, 47);
    m.fill('x');
    m.set({20, 47});
    const std::string before(m.bytes());
    ByteWriter w(writer(), m);
    ByteReader r(reader(), m);
    EXPECT_EQ(w.space(), 26u);
    EXPECT_EQ(r.size(), 34u);
    EXPECT_EQ(hex(m.bytes()), hex(before));
}

INSTANTIATE_TEST_SUITE_P(, BytePairings, testing::ValuesIn(pairs()), pair_name());

TEST(ByteQueue, IsCreatedAlikeAndLeavesTheDataAlone) {
    const SharedMemory a(61, 47);
    const SharedMemory b(61, 47);
    a.fill('x');
    b.fill('x');
    shmq::create_queue(a.span());
    crate::Bytes::create(b);
    EXPECT_EQ(a.positions(), (Positions{0, 0}));
    EXPECT_EQ(hex(a.bytes()), hex(b.bytes()));
}

TEST(ByteQueue, TextThatTheCrateFormatsIsReadByOurs) {
    const SharedMemory m(64, 60);
    crate::Bytes::attach(m).print("temperature 23 °C\n");
    ours::ByteReader r(m);
    std::string to(r.size(), '?');
    EXPECT_EQ(r.consume(to), Status::Ok);
    EXPECT_EQ(to, "temperature 23 °C\n");
}

} // namespace
