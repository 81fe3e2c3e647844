// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "memory.hpp"

#include <shmq/core/stage.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

namespace {

constexpr std::uint32_t sizes[] = {2, 3, 5, 8, 16, 23, 100, 1021};

/// A queue with N bytes of data and both ends.
struct Queue {
    explicit Queue(std::uint32_t n, std::uint32_t start = 0) : memory(n + 8) {
        EXPECT_EQ(shmq_queue_create(memory.base(), memory.size()), SHMQ_OK);
        memory.set_word(SHMQ_WRITE_POSITION, start);
        memory.set_word(SHMQ_READ_POSITION, start);
        attach();
    }
    void attach() {
        EXPECT_EQ(shmq_producer_attach(&p, memory.base(), memory.size()), SHMQ_OK);
        EXPECT_EQ(shmq_consumer_attach(&c, memory.base(), memory.size()), SHMQ_OK);
    }
    shmq_status write(const std::vector<std::uint8_t>& data) {
        const auto n = static_cast<std::uint32_t>(data.size());
        const shmq_status s = shmq_producer_reserve(&p, n);
        if (s == SHMQ_OK) {
            shmq_producer_put(&p, 0, data.data(), n);
            shmq_producer_commit(&p, n);
        }
        return s;
    }
    shmq_status read(std::vector<std::uint8_t>& data) {
        const auto n = static_cast<std::uint32_t>(data.size());
        const shmq_status s = shmq_consumer_request(&c, n);
        if (s == SHMQ_OK) {
            shmq_consumer_get(&c, 0, data.data(), n);
            shmq_consumer_release(&c, n);
        }
        return s;
    }
    [[nodiscard]] std::uint32_t written() const { return memory.word(SHMQ_WRITE_POSITION); }
    [[nodiscard]] std::uint32_t read_position() const { return memory.word(SHMQ_READ_POSITION); }

    Memory memory;
    shmq_producer p{};
    shmq_consumer c{};
};

std::vector<std::uint8_t> pattern(std::uint32_t n, std::uint8_t from = 1) {
    std::vector<std::uint8_t> v(n);
    std::iota(v.begin(), v.end(), from);
    return v;
}

TEST(ByteQueueCore, CreateZeroesThePositionsAndNothingElse) {
    Memory m(32);
    std::memset(m.base(), 0xff, 32);
    ASSERT_EQ(shmq_queue_create(m.base(), 32), SHMQ_OK);
    EXPECT_EQ(m.word(0), 0u);
    EXPECT_EQ(m.word(4), 0u);
    for (std::size_t i = 8; i < 32; ++i)
        EXPECT_EQ(m[i], std::byte{0xff});
}

TEST(ByteQueueCore, RefusesImpossibleLengths) {
    Memory m(32);
    shmq_producer p{};
    for (const std::uint64_t length : {0ull, 1ull, 8ull, 9ull, 0x80000001ull, 0x100000010ull}) {
        EXPECT_EQ(shmq_queue_create(m.base(), length), SHMQ_INVALID) << length;
        EXPECT_EQ(shmq_producer_attach(&p, m.base(), length), SHMQ_INVALID) << length;
    }
    EXPECT_EQ(shmq_queue_create(m.base(), 10), SHMQ_OK);
}

TEST(ByteQueueCore, AttachChangesNothing) {
    Queue q(16, 11);
    ASSERT_EQ(q.write(pattern(9)), SHMQ_OK);
    const std::vector<std::byte> before(q.memory.span().begin(), q.memory.span().end());
    q.attach();
    const std::vector<std::byte> after(q.memory.span().begin(), q.memory.span().end());
    EXPECT_EQ(before, after);
    std::vector<std::uint8_t> out(9);
    EXPECT_EQ(q.read(out), SHMQ_OK) << "what was there is still there";
    EXPECT_EQ(out, pattern(9));
}

TEST(ByteQueueCore, AttachRefusesPositionsOutside) {
    for (const std::uint32_t word : {SHMQ_WRITE_POSITION, SHMQ_READ_POSITION}) {
        for (const std::uint32_t value : {16u, 17u, 0x80000000u, 0xffffffffu}) {
            Queue q(16);
            q.memory.set_word(word, value);
            EXPECT_EQ(shmq_producer_attach(&q.p, q.memory.base(), 24), SHMQ_CORRUPT) << value;
            EXPECT_EQ(shmq_consumer_attach(&q.c, q.memory.base(), 24), SHMQ_CORRUPT) << value;
        }
    }
}

TEST(ByteQueueCore, PositionsAreTheFirstTwoWordsAndDataFollows) {
    Queue q(16);
    ASSERT_EQ(q.write({0xde, 0xad, 0xbe}), SHMQ_OK);
    std::uint32_t raw[2];
    std::memcpy(raw, q.memory.base(), 8);
    EXPECT_EQ(raw[0], 3u);
    EXPECT_EQ(raw[1], 0u);
    EXPECT_EQ(q.memory[8], std::byte{0xde});
    EXPECT_EQ(q.memory[10], std::byte{0xbe});
    std::vector<std::uint8_t> out(2);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    std::memcpy(raw, q.memory.base(), 8);
    EXPECT_EQ(raw[0], 3u);
    EXPECT_EQ(raw[1], 2u);
}

TEST(ByteQueueCore, HoldsOneByteLessThanItsSize) {
    for (const std::uint32_t n : sizes) {
        Queue q(n);
        EXPECT_EQ(shmq_producer_space(&q.p, n), n - 1) << n;
        EXPECT_EQ(shmq_consumer_available(&q.c, n), 0u) << n;
        EXPECT_EQ(q.write(pattern(n)), SHMQ_TOO_BIG) << n;
        EXPECT_EQ(q.write(pattern(n - 1)), SHMQ_OK) << n;
        EXPECT_EQ(q.write(pattern(1)), n == 1 ? SHMQ_TOO_BIG : SHMQ_FULL) << n;
        EXPECT_EQ(shmq_producer_space(&q.p, 1), 0u) << n;
        EXPECT_EQ(shmq_consumer_available(&q.c, n), n - 1) << n;
        std::vector<std::uint8_t> out(n);
        EXPECT_EQ(q.read(out), SHMQ_TOO_BIG) << n;
        out.resize(n - 1);
        EXPECT_EQ(q.read(out), SHMQ_OK) << n;
        EXPECT_EQ(out, pattern(n - 1)) << n;
        out.resize(1);
        EXPECT_EQ(q.read(out), SHMQ_EMPTY) << n;
        EXPECT_EQ(q.write(pattern(n - 1)), SHMQ_OK) << "room again, " << n;
    }
}

TEST(ByteQueueCore, CarriesEveryLengthFromEveryOffset) {
    for (const std::uint32_t n : {2u, 5u, 16u, 23u}) {
        for (std::uint32_t start = 0; start < n; ++start) {
            for (std::uint32_t length = 0; length < n; ++length) {
                Queue q(n, start);
                ASSERT_EQ(q.write(pattern(length)), SHMQ_OK);
                ASSERT_EQ(q.written(), (start + length) % n);
                std::vector<std::uint8_t> out(length);
                ASSERT_EQ(q.read(out), SHMQ_OK);
                ASSERT_EQ(out, pattern(length)) << n << ' ' << start << ' ' << length;
                ASSERT_EQ(q.read_position(), (start + length) % n);
            }
        }
    }
}

TEST(ByteQueueCore, SpansCoverTheRingInAtMostTwoPieces) {
    Queue q(10, 7);
    const shmq_pieces p = shmq_span(&q.p.end, 0, 9);
    EXPECT_EQ(p.off[0], 8u + 7u);
    EXPECT_EQ(p.len[0], 3u);
    EXPECT_EQ(p.off[1], 8u);
    EXPECT_EQ(p.len[1], 6u);
    const shmq_pieces skipped = shmq_span(&q.p.end, 3, 4);
    EXPECT_EQ(skipped.off[0], 8u);
    EXPECT_EQ(skipped.len[0], 4u);
    EXPECT_EQ(skipped.len[1], 0u);
}

TEST(ByteQueueCore, AConsumerBatchPublishesAfterAnEighth) {
    Queue q(80);
    ASSERT_EQ(q.write(pattern(60)), SHMQ_OK);
    std::vector<std::uint8_t> out(5);
    shmq_consumer_batch_begin(&q.c);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    EXPECT_EQ(q.read_position(), 0u) << "10 of 80 bytes may stay unpublished";
    out.resize(1);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    EXPECT_EQ(q.read_position(), 11u);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    EXPECT_EQ(q.read_position(), 11u);
    shmq_consumer_batch_end(&q.c);
    EXPECT_EQ(q.read_position(), 12u) << "the end of the batch publishes";
    ASSERT_EQ(q.read(out), SHMQ_OK);
    EXPECT_EQ(q.read_position(), 13u) << "without a batch at once";
}

TEST(ByteQueueCore, AConsumerBatchPublishesWhenItFindsTheQueueEmpty) {
    Queue q(800);
    ASSERT_EQ(q.write(pattern(2)), SHMQ_OK);
    std::vector<std::uint8_t> out(1);
    shmq_consumer_batch_begin(&q.c);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    EXPECT_EQ(q.read_position(), 0u);
    EXPECT_EQ(q.read(out), SHMQ_EMPTY);
    EXPECT_EQ(q.read_position(), 2u);
}

TEST(ByteQueueCore, AProducerBatchPublishesAtItsEndOrWhenTheRingIsFull) {
    Queue q(16);
    shmq_producer_batch_begin(&q.p);
    ASSERT_EQ(q.write(pattern(5)), SHMQ_OK);
    ASSERT_EQ(q.write(pattern(5)), SHMQ_OK);
    EXPECT_EQ(q.written(), 0u);
    EXPECT_EQ(shmq_consumer_available(&q.c, 1), 0u);
    EXPECT_EQ(q.write(pattern(6)), SHMQ_FULL);
    EXPECT_EQ(q.written(), 10u) << "who waits for room lets the consumer make some";
    ASSERT_EQ(q.write(pattern(5)), SHMQ_OK);
    EXPECT_EQ(q.written(), 10u);
    shmq_producer_batch_end(&q.p);
    EXPECT_EQ(q.written(), 15u);
}

// What is gathered, what goes straight, for its size or because it is made in
// place, and what is published since room was looked for: all in order.
TEST(ByteQueueCore, AGatheringBatchKeepsTheOrderOfAllWaysToWrite) {
    std::mt19937 random(1);
    const auto up_to = [&](std::uint32_t n) {
        return static_cast<std::uint32_t>(random() % (n + 1));
    };
    for (const std::uint32_t n : {23u, 100u, 1021u}) {
        Queue q(n, n / 2);
        std::array<std::uint8_t, 64> stage{};
        std::deque<std::uint8_t> sent;
        std::uint8_t next = 0;
        for (int batch = 0; batch < 3000; ++batch) {
            shmq_producer_batch_gather(&q.p, stage.data(), stage.size());
            const std::uint32_t before = q.written();
            bool looked = false;
            for (std::uint32_t i = up_to(8); i > 0; --i) {
                const std::vector<std::uint8_t> data = pattern(up_to(std::min(n - 1, 40u)), next);
                const auto length = static_cast<std::uint32_t>(data.size());
                looked = looked ||
                         n - 1 - shmq_distance(n, q.p.end.peer, q.p.end.pos) < q.p.staged + length;
                std::uint8_t* const at =
                    up_to(2) == 0 ? nullptr : shmq_producer_stage(&q.p, length);
                if (at)
                    std::copy(data.begin(), data.end(), at);
                else if (q.write(data) != SHMQ_OK)
                    break;
                sent.insert(sent.end(), data.begin(), data.end());
                next = static_cast<std::uint8_t>(next + length);
            }
            if (!looked) {
                ASSERT_EQ(q.written(), before) << "published before the end";
            }
            shmq_producer_batch_end(&q.p);
            ASSERT_EQ(shmq_consumer_available(&q.c, n), sent.size());
            std::vector<std::uint8_t> out(up_to(static_cast<std::uint32_t>(sent.size())));
            ASSERT_EQ(q.read(out), SHMQ_OK);
            ASSERT_TRUE(std::equal(out.begin(), out.end(), sent.begin())) << n << ' ' << batch;
            sent.erase(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(out.size()));
        }
    }
}

TEST(ByteQueueCore, ABatchGathersWhatIsSmallAndFits) {
    Queue q(100);
    std::array<std::uint8_t, 64> stage{};
    EXPECT_EQ(shmq_producer_stage(&q.p, 1), nullptr) << "no batch";
    shmq_producer_batch_begin(&q.p);
    EXPECT_EQ(shmq_producer_stage(&q.p, 1), nullptr) << "one that does not gather";
    shmq_producer_batch_end(&q.p);
    shmq_producer_batch_gather(&q.p, stage.data(), stage.size());
    EXPECT_EQ(shmq_producer_stage(&q.p, 17), nullptr) << "not small";
    EXPECT_EQ(shmq_producer_stage(&q.p, UINT32_MAX), nullptr);
    for (std::uint32_t n = 0; n < 6; ++n)
        ASSERT_NE(shmq_producer_stage(&q.p, 16), nullptr) << n;
    EXPECT_EQ(shmq_producer_stage(&q.p, 4), nullptr) << "there is room for three";
    EXPECT_NE(shmq_producer_stage(&q.p, 3), nullptr);
    shmq_producer_batch_end(&q.p);
    EXPECT_EQ(shmq_producer_stage(&q.p, 1), nullptr) << "the batch is over";
    EXPECT_EQ(shmq_consumer_available(&q.c, 99), 99u);
}

TEST(ByteQueueCore, WhatABatchHasGatheredIsPublishedForWhoWaitsForRoom) {
    Queue q(16);
    std::array<std::uint8_t, 64> stage{};
    shmq_producer_batch_gather(&q.p, stage.data(), stage.size());
    std::uint8_t* const at = shmq_producer_stage(&q.p, 12);
    ASSERT_NE(at, nullptr);
    std::ranges::copy(pattern(12), at);
    EXPECT_EQ(q.written(), 0u);
    EXPECT_EQ(shmq_producer_reserve(&q.p, 12), SHMQ_FULL);
    std::vector<std::uint8_t> out(12);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    EXPECT_EQ(out, pattern(12));
    shmq_producer_batch_end(&q.p);
    EXPECT_EQ(shmq_consumer_available(&q.c, 1), 0u);
}

TEST(ByteQueueCore, AnEndThatStopsGathersAndPublishesNothingMore) {
    Queue q(16);
    std::array<std::uint8_t, 64> stage{};
    shmq_producer_batch_gather(&q.p, stage.data(), stage.size());
    ASSERT_NE(shmq_producer_stage(&q.p, 8), nullptr);
    q.memory.set_word(SHMQ_WRITE_POSITION, 3); // somebody else writes here
    EXPECT_EQ(shmq_producer_stage(&q.p, 12), nullptr);
    EXPECT_EQ(shmq_producer_reserve(&q.p, 12), SHMQ_RECREATED);
    EXPECT_EQ(shmq_producer_stage(&q.p, 1), nullptr);
    shmq_producer_batch_end(&q.p);
    EXPECT_EQ(q.written(), 3u);

    Queue r(16);
    shmq_producer_batch_gather(&r.p, stage.data(), stage.size());
    ASSERT_NE(shmq_producer_stage(&r.p, 4), nullptr);
    shmq_producer_stop(&r.p, SHMQ_INVALID);
    EXPECT_EQ(shmq_producer_stage(&r.p, 1), nullptr);
    shmq_producer_batch_end(&r.p);
    EXPECT_EQ(r.written(), 0u);
}

TEST(ByteQueueCore, WhatIsNotCommittedIsNotThere) {
    Queue q(16);
    ASSERT_EQ(shmq_producer_reserve(&q.p, 8), SHMQ_OK);
    shmq_producer_put(&q.p, 0, "12345678", 8);
    EXPECT_EQ(q.written(), 0u);
    std::vector<std::uint8_t> out(1);
    EXPECT_EQ(q.read(out), SHMQ_EMPTY);
}

TEST(ByteQueueCore, ThePeersPositionOutsideIsCorruptForEver) {
    for (const std::uint32_t value : {16u, 0x7fffffffu, 0xffffffffu}) {
        Queue q(16);
        ASSERT_EQ(q.write(pattern(4)), SHMQ_OK);
        q.memory.set_word(SHMQ_WRITE_POSITION, value);
        std::vector<std::uint8_t> out(1);
        EXPECT_EQ(q.read(out), SHMQ_CORRUPT) << value;
        q.memory.set_word(SHMQ_WRITE_POSITION, 8);
        EXPECT_EQ(q.read(out), SHMQ_CORRUPT) << "final, " << value;
        EXPECT_EQ(shmq_consumer_available(&q.c, 1), 0u);

        Queue r(16);
        r.memory.set_word(SHMQ_READ_POSITION, value);
        ASSERT_EQ(r.write(pattern(15)), SHMQ_OK) << "the cached position is still good";
        EXPECT_EQ(r.write(pattern(1)), SHMQ_CORRUPT) << value;
        r.memory.set_word(SHMQ_READ_POSITION, 3);
        EXPECT_EQ(r.write(pattern(1)), SHMQ_CORRUPT) << "final, " << value;
    }
}

TEST(ByteQueueCore, APositionThatMovesBackwardsTellsOfAQueueStartedOver) {
    Queue q(16);
    ASSERT_EQ(q.write(pattern(8)), SHMQ_OK);
    ASSERT_EQ(shmq_consumer_available(&q.c, 8), 8u);
    q.memory.set_word(SHMQ_WRITE_POSITION, 5);
    std::vector<std::uint8_t> out(9);
    EXPECT_EQ(q.read(out), SHMQ_RECREATED);

    Queue r(16);
    ASSERT_EQ(r.write(pattern(8)), SHMQ_OK);
    std::vector<std::uint8_t> taken(6);
    ASSERT_EQ(r.read(taken), SHMQ_OK);
    ASSERT_EQ(shmq_producer_space(&r.p, 13), 13u);
    r.memory.set_word(SHMQ_READ_POSITION, 2);
    EXPECT_EQ(r.write(pattern(14)), SHMQ_RECREATED);

    // A consumer cannot have read what was not written yet.
    Queue s(16);
    ASSERT_EQ(s.write(pattern(8)), SHMQ_OK);
    s.memory.set_word(SHMQ_READ_POSITION, 9);
    EXPECT_EQ(s.write(pattern(8)), SHMQ_RECREATED);
}

TEST(ByteQueueCore, AFailedAttachLeavesAnEndThatDoesNothing) {
    for (const std::uint32_t value : {16u, 0x40000000u, 0xfffffff0u})
        for (const std::uint32_t word : {SHMQ_WRITE_POSITION, SHMQ_READ_POSITION}) {
            Queue q(16);
            q.memory.set_word(word, value);
            EXPECT_EQ(shmq_producer_attach(&q.p, q.memory.base(), q.memory.size()), SHMQ_CORRUPT);
            EXPECT_EQ(shmq_consumer_attach(&q.c, q.memory.base(), q.memory.size()), SHMQ_CORRUPT);
            for (int again = 0; again < 2; again++) {
                std::vector<std::uint8_t> out(1);
                EXPECT_EQ(q.write(pattern(1)), SHMQ_CORRUPT) << value;
                EXPECT_EQ(q.read(out), SHMQ_CORRUPT) << value;
                EXPECT_EQ(shmq_producer_space(&q.p, 1), 0u);
                EXPECT_EQ(shmq_consumer_available(&q.c, 1), 0u);
                q.memory.set_word(word, 0); // as if nothing had been
            }
        }
}

TEST(ByteQueueCore, ZeroedPositionsAreNoticedByBothEnds) {
    Queue q(16);
    ASSERT_EQ(q.write(pattern(8)), SHMQ_OK);
    std::vector<std::uint8_t> out(4);
    ASSERT_EQ(q.read(out), SHMQ_OK);
    ASSERT_EQ(shmq_queue_create(q.memory.base(), q.memory.size()), SHMQ_OK);
    EXPECT_EQ(q.write(pattern(15)), SHMQ_RECREATED);
    out.resize(5);
    EXPECT_EQ(q.read(out), SHMQ_RECREATED);
    EXPECT_EQ(q.written(), 0u) << "a stopped end stores nothing";
    EXPECT_EQ(q.read_position(), 0u);
}

TEST(ByteQueueCore, AStoppedEndStaysStopped) {
    Queue q(16);
    ASSERT_EQ(q.write(pattern(8)), SHMQ_OK);
    shmq_producer_stop(&q.p, SHMQ_RECREATED);
    shmq_consumer_stop(&q.c, SHMQ_CORRUPT);
    std::vector<std::uint8_t> out(1);
    EXPECT_EQ(q.write(pattern(1)), SHMQ_RECREATED);
    EXPECT_EQ(q.read(out), SHMQ_CORRUPT);
    EXPECT_EQ(q.written(), 8u);
}

} // namespace
