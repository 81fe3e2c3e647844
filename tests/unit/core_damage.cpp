// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What a reader does with bytes that are no message.
#include "frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace {

/// Reads until the queue is empty: the messages, and what else was told.
struct Outcome {
    std::vector<std::string> messages;
    std::vector<shmq_status> damage;
    shmq_status end = SHMQ_OK;
};

Outcome read_all(Frames& q) {
    Outcome o;
    for (int calls = 0; calls < 10000; ++calls) {
        std::string out;
        const shmq_status s = q.read(out);
        if (s == SHMQ_OK) {
            o.messages.push_back(out);
        } else if (s == SHMQ_BAD_CRC || s == SHMQ_BAD_VERSION || s == SHMQ_TOO_BIG) {
            o.damage.push_back(s);
        } else {
            o.end = s;
            return o;
        }
    }
    ADD_FAILURE() << "a reader that does not come to an end";
    return o;
}

using Strings = std::vector<std::string>;
using Statuses = std::vector<shmq_status>;

TEST(Damage, GarbageBeforeAPrefixIsSkippedSilently) {
    for (const std::string& prefix : prefixes) {
        if (prefix.empty())
            continue;
        Frames q(checked(prefix), 1021, 1000);
        q.raw(std::string(300, '~'));
        ASSERT_EQ(q.write("first"), SHMQ_OK);
        q.raw("~~~");
        ASSERT_EQ(q.write("second"), SHMQ_OK);
        q.raw("~");
        const Outcome o = read_all(q);
        EXPECT_EQ(o.messages, (Strings{"first", "second"})) << prefix.size();
        EXPECT_TRUE(o.damage.empty()) << prefix.size();
        EXPECT_EQ(o.end, SHMQ_EMPTY);
    }
}

TEST(Damage, APrefixThatBeginsInGarbageIsFound) {
    Frames q(checked("SHMQ"), 256);
    q.raw("SHMSHSSHM");
    ASSERT_EQ(q.write("found"), SHMQ_OK);
    const Outcome o = read_all(q);
    EXPECT_EQ(o.messages, Strings{"found"});
    EXPECT_TRUE(o.damage.empty());
}

TEST(Damage, AFalsePrefixIsOneError) {
    Frames q(checked("SHMQ"), 256);
    q.raw("SHMQ garbage garbage garbage ");
    q.raw("SHMQ\x01 garbage garbage garbage ");
    ASSERT_EQ(q.write("found"), SHMQ_OK);
    const Outcome o = read_all(q);
    EXPECT_EQ(o.messages, Strings{"found"});
    EXPECT_EQ(o.damage, (Statuses{SHMQ_BAD_VERSION, SHMQ_BAD_CRC}));
}

TEST(Damage, WithoutAPrefixARunOfGarbageIsOneError) {
    std::minstd_rand random(3);
    for (int round = 0; round < 200; ++round) {
        Frames q(checked(""), 1021, static_cast<std::uint32_t>(random() % 1021));
        Strings expected;
        for (int run = 0; run < 2; ++run) {
            std::string garbage(1 + random() % 200, '\0');
            for (char& b : garbage)
                b = static_cast<char>(random() % 4); // many a false version byte
            q.raw(garbage);
            ASSERT_EQ(q.write("message"), SHMQ_OK);
            expected.emplace_back("message");
        }
        const Outcome o = read_all(q);
        EXPECT_EQ(o.messages, expected) << round;
        EXPECT_EQ(o.damage.size(), 2u) << round;
        EXPECT_EQ(o.end, SHMQ_EMPTY);
    }
}

TEST(Damage, AnyBitThatFlipsCostsThatMessageAndNoOther) {
    for (const std::string& prefix : prefixes) {
        const shmq_format f = checked(prefix);
        const std::string frame = frame_of(f, "damaged");
        for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
            std::string bad = frame;
            bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
            Frames q(f, 509, 480);
            ASSERT_EQ(q.write("before"), SHMQ_OK);
            q.raw(bad);
            ASSERT_EQ(q.write("after"), SHMQ_OK);
            const Outcome o = read_all(q);
            ASSERT_EQ(o.messages, (Strings{"before", "after"})) << prefix.size() << ' ' << bit;

            const std::size_t byte = bit / 8;
            const std::size_t p = prefix.size();
            Statuses want; // none: no prefix, no message
            if (byte >= p)
                want = {byte == p ? SHMQ_BAD_VERSION : SHMQ_BAD_CRC};
            ASSERT_EQ(o.damage, want) << prefix.size() << ' ' << bit;
        }
    }
}

TEST(Damage, InPlaceReadingSeesTheSame) {
    const shmq_format f = checked("SHMQ");
    const std::string frame = frame_of(f, "damaged");
    for (std::size_t byte = 4; byte < frame.size(); ++byte) {
        std::string bad = frame;
        bad[byte] = static_cast<char>(~bad[byte]);
        Frames q(f, 509, 490);
        q.raw(bad);
        ASSERT_EQ(q.write("after"), SHMQ_OK);
        shmq_pieces data{};
        EXPECT_EQ(shmq_frame_front(&q.reader, &q.message, &data),
                  byte == 4 ? SHMQ_BAD_VERSION : SHMQ_BAD_CRC);
        EXPECT_EQ(shmq_frame_front(&q.reader, &q.message, &data), SHMQ_OK);
        EXPECT_EQ(q.message.length, 5u);
    }
}

TEST(Damage, AHeadLikeTheOneBeforeIsCheckedInEachByte) {
    for (const std::string& prefix : prefixes) {
        const shmq_format f = checked(prefix);
        const std::string frame = frame_of(f, "seven b");
        // Wherever it begins: a head may wrap.
        for (std::size_t i = 0; i < frame.size(); ++i) {
            std::string bad = frame;
            bad[i] = static_cast<char>(bad[i] ^ 1);
            Frames q(f, 256, static_cast<std::uint32_t>(256 - frame.size() - i));
            std::string out;
            ASSERT_EQ(q.write("7 bytes"), SHMQ_OK);
            ASSERT_EQ(q.read(out), SHMQ_OK);
            q.raw(bad);
            ASSERT_EQ(q.write("and 7 b"), SHMQ_OK);
            const Outcome o = read_all(q);
            EXPECT_EQ(o.messages, Strings{"and 7 b"}) << prefix.size() << ' ' << i;
            // A damaged prefix is garbage, which is passed over silently.
            EXPECT_EQ(o.damage.size(), i < prefix.size() ? 0u : 1u) << prefix.size() << ' ' << i;
        }
    }
}

TEST(Damage, AGoodHeaderForAMessageThatCannotBeIsToldAndSkipped) {
    const shmq_format f = checked("SHMQ");
    std::uint8_t head[SHMQ_HEAD_MAX];
    for (const std::uint32_t length : {491u - 16, 0x7fffffffu, 0xffffffffu}) {
        Frames q(f, 491);
        shmq_make_head(&f, 0, length, head);
        q.raw(std::string(reinterpret_cast<char*>(head), 13));
        ASSERT_EQ(q.write("after"), SHMQ_OK);
        const Outcome o = read_all(q);
        EXPECT_EQ(o.messages, Strings{"after"}) << length;
        EXPECT_EQ(o.damage, Statuses{SHMQ_TOO_BIG}) << length;
    }
}

TEST(Damage, AFrameThatComesInPiecesIsNotThereUntilItIsWhole) {
    // A writer that publishes piecemeal, as the crate's does.
    for (const std::string& prefix : prefixes) {
        const shmq_format f = checked(prefix);
        const std::string frame = frame_of(f, "piecemeal");
        Frames q(f, 101, 90);
        std::string out;
        for (const char* order : {"first", "as long as the one before"}) {
            for (std::size_t i = 0; i < frame.size(); ++i) {
                ASSERT_EQ(q.read(out), SHMQ_EMPTY) << order << ' ' << i;
                q.raw(frame.substr(i, 1));
            }
            ASSERT_EQ(q.read(out), SHMQ_OK) << order;
            EXPECT_EQ(out, "piecemeal");
        }
    }
}

TEST(Damage, TheWorkLimitBoundsOneCallAndLosesNothing) {
    for (const std::string& prefix : prefixes) {
        Frames q(checked(prefix), 8191);
        q.reader.limit = 64;
        q.raw(std::string(4000, '~'));
        ASSERT_EQ(q.write("behind it"), SHMQ_OK);
        std::string out;
        int again = 0;
        shmq_status s = SHMQ_AGAIN;
        for (int calls = 0; calls < 1000 && s != SHMQ_OK && s != SHMQ_EMPTY; ++calls) {
            s = q.read(out);
            // One window or one frame may go over it.
            EXPECT_LE(q.reader.work, 64 + SHMQ_PREFIX_MAX + 192) << prefix.size();
            again += s == SHMQ_AGAIN;
        }
        EXPECT_EQ(s, SHMQ_OK) << prefix.size();
        EXPECT_EQ(out, "behind it");
        EXPECT_GT(again, 10) << prefix.size();
    }
}

TEST(Damage, NestedForgedHeadersCostNoMoreThanTheLimit) {
    // Each header is good and promises a long message whose CRC is wrong: a
    // reader that hashed them all would need time by the square.
    const shmq_format f = checked("S");
    Frames q(f, 65521);
    q.reader.limit = 10000;
    std::uint8_t head[SHMQ_HEAD_MAX];
    std::string all;
    for (int i = 0; i < 2000; ++i) {
        shmq_make_head(&f, 0, 9000, head);
        all.append(reinterpret_cast<char*>(head), 10);
    }
    all.append(20000, '~');
    q.raw(all);
    std::string out;
    for (int i = 0; i < 100; ++i) {
        const shmq_status s = q.read(out, 10000);
        ASSERT_TRUE(s == SHMQ_BAD_CRC || s == SHMQ_AGAIN) << s;
        ASSERT_LE(q.reader.work, 10000u + 9000u + 300u);
    }
}

TEST(Damage, APlainSizeThatCannotBeStopsTheReader) {
    for (const std::uint32_t size : {17u, 200u, 0x7ffffff8u, 0xffffffffu}) {
        Frames q(plain(), 64);
        std::uint8_t head[SHMQ_HEAD_MAX];
        shmq_make_head(&q.format, 0, size, head);
        q.raw(std::string(reinterpret_cast<char*>(head), 8) + std::string(16, 'x'));
        std::string out;
        EXPECT_EQ(q.read(out), SHMQ_CORRUPT) << size;
        EXPECT_EQ(q.read(out), SHMQ_CORRUPT) << "final";
        EXPECT_EQ(q.c.end.error, SHMQ_CORRUPT);
    }
    Frames q(plain(), 64);
    q.raw("1234"); // less than a head
    std::string out;
    EXPECT_EQ(q.read(out), SHMQ_CORRUPT);
}

TEST(Damage, RandomBytesNeverMakeAReaderLeaveTheQueue) {
    std::minstd_rand random(11);
    for (int round = 0; round < 500; ++round) {
        const std::string& prefix = prefixes[round % 4];
        Frames q(round % 5 == 4 ? plain() : checked(prefix), 256,
                 static_cast<std::uint32_t>(random() % 32 * 8));
        std::string garbage(random() % 255, '\0');
        for (char& b : garbage)
            b = static_cast<char>(random() % 3 == 0 ? random() : random() % 2);
        q.raw(garbage);
        const Outcome o = read_all(q);
        EXPECT_TRUE(o.messages.empty() || q.format.framing == SHMQ_PLAIN);
        EXPECT_TRUE(o.end == SHMQ_EMPTY || o.end == SHMQ_CORRUPT);
    }
}

} // namespace
