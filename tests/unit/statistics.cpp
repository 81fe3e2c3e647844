// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What an end counts of its own work.
#include "memory.hpp"
#include "message_ends.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>

namespace {

using namespace std::chrono_literals;
using shmq::ByteConsumer;
using shmq::ByteProducer;
using shmq::MsgProducer;
using shmq::Status;

INSTANTIATE_TEST_SUITE_P(Statistics, BothFramings, testing::Bool(), framing_name);

TEST_P(BothFramings, EachWayToSendAMessageCountsItOnce) {
    Ends q(256, format());
    ASSERT_EQ(q.tx.try_write("one"), Status::Ok);
    ASSERT_EQ(q.tx.write("three"), Status::Ok);
    ASSERT_EQ(q.tx.try_write_parts({"par", "ts"}), Status::Ok);
    auto room = q.tx.try_reserve(10);
    ASSERT_EQ(room.commit(4), Status::Ok);
    EXPECT_EQ(q.tx.statistics().messages, 4u);
    EXPECT_EQ(q.tx.statistics().bytes, 3u + 5 + 5 + 4);
}

TEST_P(BothFramings, EachWayToReadAMessageCountsItOnce) {
    Ends q(256, format());
    for (int i = 0; i < 4; ++i)
        ASSERT_EQ(q.tx.try_write("12345"), Status::Ok);
    ASSERT_TRUE(q.rx.try_read());
    ASSERT_TRUE(q.rx.read());
    EXPECT_TRUE(q.rx.try_front());
    EXPECT_EQ(q.rx.drain([](const shmq::Message&) {}).messages, 1u);
    EXPECT_EQ(q.rx.statistics().messages, 4u);
    EXPECT_EQ(q.rx.statistics().bytes, 20u);
}

TEST_P(BothFramings, WhatDidNotMoveIsNotCounted) {
    Ends q(256, format());
    EXPECT_EQ(q.tx.try_write(std::string(500, 'x')), Status::TooBig);
    static_cast<void>(q.tx.try_reserve(10));
    ASSERT_EQ(q.tx.try_write("kept"), Status::Ok);
    std::array<std::byte, 1> small{};
    EXPECT_EQ(q.rx.try_read(small).status, Status::ShortBuffer);
    {
        auto front = q.rx.try_front();
        front.keep();
    }
    EXPECT_EQ(q.tx.statistics().messages, 1u);
    EXPECT_EQ(q.rx.statistics().messages, 0u);
    EXPECT_EQ(q.rx.statistics().bytes, 0u);
}

TEST_P(BothFramings, FullAndEmptyLooksAreCounted) {
    Ends q(256, format());
    EXPECT_FALSE(q.rx.try_read());
    EXPECT_FALSE(q.rx.try_read());
    std::uint64_t sent = 0;
    while (q.tx.try_write("message") == Status::Ok)
        ++sent;
    EXPECT_EQ(q.rx.statistics().nothing, 2u);
    EXPECT_EQ(q.tx.statistics().nothing, 1u);
    EXPECT_EQ(q.tx.statistics().messages, sent);
}

TEST(Statistics, DamageIsCountedAsOftenAsItIsTold) {
    Ends q(256);
    ASSERT_EQ(q.tx.try_write("damaged"), Status::Ok);
    q.memory[8 + 4 + 8] ^= std::byte{1};
    ASSERT_EQ(q.tx.try_write("whole"), Status::Ok);
    std::uint64_t told = 0;
    for (;;) {
        const shmq::Message m = q.rx.try_read();
        if (m)
            break;
        ASSERT_NE(m.status(), Status::Empty);
        ++told;
    }
    EXPECT_GT(told, 0u);
    EXPECT_EQ(q.rx.statistics().damaged, told);
    EXPECT_EQ(q.rx.statistics().messages, 1u);
}

TEST(Statistics, AByteEndCountsTransfersAndBytes) {
    Memory memory(64);
    shmq::create_queue(memory.span());
    auto tx = ByteProducer::attach(memory.span());
    auto rx = ByteConsumer::attach(memory.span());
    ASSERT_EQ(tx.try_write("12345"), Status::Ok);
    ASSERT_EQ(tx.write_some("678"), 3u);
    ASSERT_EQ(tx.reserve(2).size(), 2u);
    tx.commit(2);
    std::array<std::byte, 4> four{};
    ASSERT_EQ(rx.try_peek(four), Status::Ok);
    ASSERT_EQ(rx.try_consume(four), Status::Ok);
    ASSERT_EQ(rx.try_skip(1), Status::Ok);
    ASSERT_EQ(rx.front().size(), 5u);
    rx.release(5);
    EXPECT_EQ(tx.statistics().messages, 3u);
    EXPECT_EQ(tx.statistics().bytes, 10u);
    EXPECT_EQ(rx.statistics().messages, 3u);
    EXPECT_EQ(rx.statistics().bytes, 10u);
}

TEST(Statistics, AnEndTakesItsCountsWithIt) {
    Ends q(256);
    ASSERT_EQ(q.tx.try_write("before"), Status::Ok);
    MsgProducer moved = std::move(q.tx);
    ASSERT_EQ(moved.try_write("after"), Status::Ok);
    EXPECT_EQ(moved.statistics().messages, 2u);
    q.tx = {};
    EXPECT_EQ(q.tx.statistics().messages, 0u);
}

TEST(Statistics, SleepsAndRingsAreCounted) {
    auto channel = shmq::Channel::memfd({.wait = shmq::Wait::sleep()});
    auto other = channel.other_side();
    auto tx = channel.sender();
    auto rx = other.receiver();
    const std::uint64_t before = tx.statistics().rings;
    ASSERT_FALSE(rx.try_read()) << "from here on it is to be rung";
    ASSERT_EQ(tx.write("first"), Status::Ok);
    EXPECT_EQ(tx.statistics().rings, before + 1);
    ASSERT_EQ(tx.write("second"), Status::Ok);
    EXPECT_EQ(tx.statistics().rings, before + 1) << "it was awake";
    ASSERT_TRUE(rx.read());
    ASSERT_TRUE(rx.read());
    EXPECT_EQ(rx.statistics().waits, 0u);
    EXPECT_EQ(rx.statistics().sleeps, 0u);
    EXPECT_EQ(rx.read(0ms).status(), Status::Timeout);
    EXPECT_EQ(rx.read(10ms).status(), Status::Timeout);
    EXPECT_GE(rx.statistics().waits, 2u);
    EXPECT_GE(rx.statistics().sleeps, 1u);
}

} // namespace
