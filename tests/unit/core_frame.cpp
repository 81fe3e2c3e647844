// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "frames.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace {

std::string bytes(std::initializer_list<int> list) {
    std::string s;
    for (const int b : list)
        s.push_back(static_cast<char>(b));
    return s;
}

std::vector<shmq_format> all_formats() {
    std::vector<shmq_format> formats{plain()};
    for (const std::string& prefix : prefixes)
        formats.push_back(checked(prefix));
    return formats;
}

TEST(Frame, CheckedBytesAreThoseOfTheSpecification) {
    EXPECT_EQ(frame_of(checked("SHMQ"), "hello"),
              bytes({'S',  'H',  'M', 'Q', 1,   5,   0,   0,    0,    0x2c, 0xa6,
                     0x1e, 0xbf, 'h', 'e', 'l', 'l', 'o', 0x35, 0x45, 0x3b, 0x16}));
    EXPECT_EQ(frame_of(checked(""), ""),
              bytes({1, 0, 0, 0, 0, 0xad, 0xde, 0x42, 0xfb, 0x1c, 0xdf, 0x44, 0x21}));
}

TEST(Frame, PlainBytesAreThoseOfTheSpecification) {
    EXPECT_EQ(frame_of(plain(), "hello", 0x01020304),
              bytes({5, 0, 0, 0, 4, 3, 2, 1, 'h', 'e', 'l', 'l', 'o', 0, 0, 0}));
    EXPECT_EQ(frame_of(plain(), ""), bytes({0, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(frame_of(plain(), "12345678").size(), 16u);
}

TEST(Frame, OverheadIsThePrefixAndThirteenBytes) {
    for (const std::string& prefix : prefixes) {
        const shmq_format f = checked(prefix);
        EXPECT_EQ(shmq_frame_length(&f, 0), prefix.size() + 13);
        EXPECT_EQ(shmq_frame_length(&f, 1000), prefix.size() + 1013);
    }
}

TEST(Frame, CarriesEveryLengthFromEveryOffset) {
    for (const shmq_format& f : all_formats()) {
        const std::uint32_t n = f.framing == SHMQ_PLAIN ? 64 : 61;
        for (std::uint32_t start = 0; start < n; start += f.framing == SHMQ_PLAIN ? 8 : 1) {
            for (std::uint32_t length = 0;; ++length) {
                Frames q(f, n, start);
                if (length > q.max())
                    break;
                ASSERT_EQ(q.write(text(length)), SHMQ_OK);
                std::string out;
                ASSERT_EQ(q.read(out), SHMQ_OK) << start << ' ' << length;
                ASSERT_EQ(out, text(length));
                ASSERT_EQ(q.read(out), SHMQ_EMPTY);
                ASSERT_EQ(q.unread(), 0u);
            }
        }
    }
}

TEST(Frame, TheLongestMessageFitsAndOneMoreNeverDoes) {
    for (const shmq_format& f : all_formats()) {
        for (std::uint32_t n = 40; n < 120; n += f.framing == SHMQ_PLAIN ? 8 : 1) {
            Frames q(f, n);
            EXPECT_EQ(q.write(text(q.max())), SHMQ_OK) << n;
            std::string out;
            EXPECT_EQ(q.read(out), SHMQ_OK) << n;
            EXPECT_EQ(out.size(), q.max());
            EXPECT_EQ(q.write(text(q.max() + 1)), SHMQ_TOO_BIG) << n;
            EXPECT_EQ(q.unread(), 0u);
        }
    }
}

TEST(Frame, AQueueTooSmallForAnyMessageSaysSo) {
    Frames q(checked("SHMQ"), 17);
    EXPECT_EQ(q.max(), 0u);
    EXPECT_EQ(q.write(""), SHMQ_TOO_BIG) << "17 bytes of frame, 16 of capacity";
    Frames r(checked("SHMQ"), 18);
    EXPECT_EQ(r.write(""), SHMQ_OK);
}

TEST(Frame, FullIsWhenTheFrameDoesNotFitAndOneReadMakesRoom) {
    for (const shmq_format& f : all_formats()) {
        const std::string message = text(8);
        const auto frame = static_cast<std::uint32_t>(shmq_frame_length(&f, 8));
        const std::uint32_t capacity = (3 * frame + 8) & ~7u; // not four
        Frames q(f, capacity);
        int sent = 0;
        while (q.write(message) == SHMQ_OK)
            ++sent;
        EXPECT_EQ(sent, 3);
        EXPECT_EQ(q.write(message), SHMQ_FULL);
        std::string out;
        ASSERT_EQ(q.read(out), SHMQ_OK);
        EXPECT_EQ(q.write(message), SHMQ_OK);
        EXPECT_EQ(q.write(message), SHMQ_FULL);
    }
}

TEST(Frame, AShortBufferKeepsTheMessageAndTellsItsLength) {
    for (const shmq_format& f : all_formats()) {
        Frames q(f, 128);
        ASSERT_EQ(q.write(text(20)), SHMQ_OK);
        std::string out;
        EXPECT_EQ(q.read(out, 19), SHMQ_SHORT_BUFFER);
        EXPECT_EQ(q.message.length, 20u);
        EXPECT_EQ(q.read(out, 0), SHMQ_SHORT_BUFFER);
        EXPECT_EQ(q.read(out, 20), SHMQ_OK);
        EXPECT_EQ(out, text(20));
    }
}

TEST(Frame, PartsMakeOneMessage) {
    for (const shmq_format& f : all_formats()) {
        Frames q(f, 128);
        const shmq_part parts[] = {{"head|", 5}, {nullptr, 0}, {"body", 4}, {"|tail", 5}};
        ASSERT_EQ(shmq_frame_write(&q.writer, 0, parts, 4), SHMQ_OK);
        std::string out;
        ASSERT_EQ(q.read(out), SHMQ_OK);
        EXPECT_EQ(out, "head|body|tail");
        ASSERT_EQ(shmq_frame_write(&q.writer, 0, nullptr, 0), SHMQ_OK) << "no parts";
        EXPECT_EQ(q.read(out), SHMQ_OK);
        EXPECT_EQ(out, "");
    }
}

TEST(Frame, PartsThatAddUpToMoreThan32BitsAreTooBig) {
    Frames q(checked("SHMQ"), 128);
    const char byte = 0;
    const shmq_part parts[] = {{&byte, 0xffffffffu}, {&byte, 0x00000011u}};
    EXPECT_EQ(shmq_frame_write(&q.writer, 0, parts, 2), SHMQ_TOO_BIG);
    shmq_envelope e{};
    EXPECT_EQ(shmq_frame_seal(&q.format, 0, parts, 2, &e), SHMQ_TOO_BIG);
    EXPECT_EQ(q.unread(), 0u);
}

TEST(Frame, BuiltInPlaceIsTheSameFrame) {
    for (const shmq_format& f : all_formats()) {
        for (std::uint32_t start = 0; start < 64; start += 8) {
            Frames q(f, 64, start);
            shmq_pieces room{};
            ASSERT_EQ(shmq_frame_reserve(&q.writer, 11, &room), SHMQ_OK);
            ASSERT_EQ(room.len[0] + room.len[1], 11u);
            std::memcpy(shmq_at(q.memory.base(), room.off[0]), "hello world", room.len[0]);
            std::memcpy(shmq_at(q.memory.base(), room.off[1]),
                        std::string("hello world").substr(room.len[0]).data(), room.len[1]);
            EXPECT_EQ(q.unread(), 0u) << "nothing before commit";
            shmq_frame_commit(&q.writer, f.framing == SHMQ_PLAIN ? 7 : 0, 11);

            const std::string expected =
                frame_of(f, "hello world", f.framing == SHMQ_PLAIN ? 7 : 0);
            std::string got(q.unread(), '\0');
            shmq_consumer_get(&q.c, 0, got.data(), static_cast<std::uint32_t>(got.size()));
            EXPECT_EQ(got, expected) << start;
        }
    }
}

TEST(Frame, LessThanReservedMayBeCommitted) {
    for (const shmq_format& f : all_formats()) {
        Frames q(f, 128, 120);
        shmq_pieces room{};
        ASSERT_EQ(shmq_frame_reserve(&q.writer, 40, &room), SHMQ_OK);
        std::memset(shmq_at(q.memory.base(), room.off[0]), 'x', room.len[0]);
        std::memset(shmq_at(q.memory.base(), room.off[1]), 'x', room.len[1]);
        shmq_frame_commit(&q.writer, 0, 3);
        std::string out;
        ASSERT_EQ(q.read(out), SHMQ_OK);
        EXPECT_EQ(out, "xxx");
        EXPECT_EQ(q.unread(), 0u);
    }
}

TEST(Frame, FrontShowsTheMessageUntilItIsReleased) {
    for (const shmq_format& f : all_formats()) {
        for (std::uint32_t start = 0; start < 64; start += 8) {
            Frames q(f, 64, start);
            ASSERT_EQ(q.write("in place!"), SHMQ_OK);
            for (int look = 0; look < 2; ++look) {
                shmq_pieces data{};
                ASSERT_EQ(shmq_frame_front(&q.reader, &q.message, &data), SHMQ_OK);
                std::string got(reinterpret_cast<char*>(shmq_at(q.memory.base(), data.off[0])),
                                data.len[0]);
                got.append(reinterpret_cast<char*>(shmq_at(q.memory.base(), data.off[1])),
                           data.len[1]);
                EXPECT_EQ(got, "in place!");
            }
            shmq_frame_release(&q.reader, &q.message);
            shmq_pieces data{};
            EXPECT_EQ(shmq_frame_front(&q.reader, &q.message, &data), SHMQ_EMPTY);
        }
    }
}

TEST(Frame, PlainDataIsAlwaysEightByteAlignedAndCarriesItsTag) {
    Frames q(plain(), 96);
    std::string out;
    for (std::uint32_t i = 0; i < 200; ++i) {
        const std::string message = text(i % 40);
        ASSERT_EQ(q.write(message, i), SHMQ_OK);
        shmq_pieces data{};
        ASSERT_EQ(shmq_frame_front(&q.reader, &q.message, &data), SHMQ_OK);
        const auto address =
            reinterpret_cast<std::uintptr_t>(shmq_at(q.memory.base(), data.off[0]));
        ASSERT_EQ(address % 8, 0u);
        ASSERT_EQ(q.message.tag, i);
        ASSERT_EQ(q.read(out), SHMQ_OK);
        ASSERT_EQ(out, message);
    }
}

TEST(Frame, PlainPaddingIsZeroWhateverLayThere) {
    Frames q(plain(), 64);
    std::string out;
    for (int i = 0; i < 8; ++i) { // fill the ring with ones
        ASSERT_EQ(q.write(std::string(8, '\xff')), SHMQ_OK);
        ASSERT_EQ(q.read(out), SHMQ_OK);
    }
    ASSERT_EQ(q.write("abc"), SHMQ_OK);
    std::string got(q.unread(), '\0');
    shmq_consumer_get(&q.c, 0, got.data(), 16);
    EXPECT_EQ(got.substr(11), std::string(5, '\0'));
}

TEST(Frame, FormatsAreRefusedWhereTheyCannotWork) {
    Memory m(128, 4); // 4-byte aligned, not 8
    shmq_format f = checked("SHMQ");
    EXPECT_EQ(shmq_format_check(&f, m.base(), 128), SHMQ_OK);
    f.prefix_length = 65;
    EXPECT_EQ(shmq_format_check(&f, m.base(), 128), SHMQ_INVALID);
    f = checked("");
    EXPECT_EQ(shmq_format_check(&f, m.base(), 9), SHMQ_INVALID);
    f.framing = 2;
    EXPECT_EQ(shmq_format_check(&f, m.base(), 128), SHMQ_INVALID);

    f = plain();
    EXPECT_EQ(shmq_format_check(&f, m.base(), 128), SHMQ_INVALID) << "not aligned";
    EXPECT_EQ(shmq_format_check(&f, m.base() + 4, 64), SHMQ_OK);
    EXPECT_EQ(shmq_format_check(&f, m.base() + 4, 68), SHMQ_INVALID) << "not a multiple of 8";
    EXPECT_EQ(shmq_format_check(&f, m.base() + 4, 16), SHMQ_INVALID) << "no room for a frame";
    f.prefix_length = 1;
    EXPECT_EQ(shmq_format_check(&f, m.base() + 4, 64), SHMQ_INVALID) << "plain has no prefix";
}

TEST(Frame, ABatchOfMessagesIsPublishedTogether) {
    for (const shmq_format& f : all_formats()) {
        Frames q(f, 512);
        std::string out;
        shmq_producer_batch_begin(&q.p);
        ASSERT_EQ(q.write("one"), SHMQ_OK);
        ASSERT_EQ(q.write("two"), SHMQ_OK);
        EXPECT_EQ(q.read(out), SHMQ_EMPTY);
        shmq_producer_batch_end(&q.p);
        EXPECT_EQ(q.read(out), SHMQ_OK);
        EXPECT_EQ(out, "one");
        EXPECT_EQ(q.read(out), SHMQ_OK);
        EXPECT_EQ(out, "two");
    }
}

TEST(Frame, MessagesOfAnyLengthsInAnyOrderArrive) {
    const std::uint32_t lengths[] = {7, 7, 0, 0, 7, 256, 256, 7, 255, 65, 65, 1, 0, 9, 9, 9, 2000};
    for (const shmq_format& f : all_formats()) {
        Frames q(f, 2400, 2000);
        std::string out;
        for (const std::uint32_t n : lengths) {
            ASSERT_EQ(q.write(text(n)), SHMQ_OK) << n;
            ASSERT_EQ(q.read(out), SHMQ_OK) << n;
            EXPECT_EQ(out, text(n));
        }
        EXPECT_EQ(q.read(out), SHMQ_EMPTY);
    }
}

TEST(Frame, ABatchThatGathersMakesTheSameBytes) {
    const std::string large(200, 'L');
    const std::string all[] = {"",          "",         "a",   "eight ab",           "8 as one",
                               "nine abcd", "9 as one", large, "after the large one"};
    for (const shmq_format& f : all_formats()) {
        for (const std::uint32_t start : {0u, 200u, 504u}) {
            Frames straight(f, 512, start), gathered(f, 512, start);
            std::array<std::uint8_t, 256> stage{};
            shmq_producer_batch_gather(&gathered.p, stage.data(), stage.size());
            for (const std::string& m : all) {
                ASSERT_EQ(straight.write(m, 0), gathered.write(m, 0));
                shmq_pieces room{}; // and one in place between them
                for (Frames* q : {&straight, &gathered})
                    if (shmq_frame_reserve(&q->writer, 3, &room) == SHMQ_OK)
                        shmq_frame_commit(&q->writer, 0, 0);
            }
            shmq_producer_batch_end(&gathered.p);
            ASSERT_EQ(
                std::memcmp(straight.memory.base(), gathered.memory.base(), straight.memory.size()),
                0)
                << "from " << start;
        }
    }
}

} // namespace
