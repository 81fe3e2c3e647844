// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "memory.hpp"

#include <shmq/byte_queue.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace {

using namespace std::chrono_literals;
using shmq::ByteConsumer;
using shmq::ByteProducer;
using shmq::ByteQueue;
using shmq::Status;

std::span<std::byte> writable(std::string& s) {
    return std::as_writable_bytes(std::span(s));
}

/// Both ends of a new queue with N bytes of data.
struct Ends {
    explicit Ends(std::size_t n) : memory(n + 8) {
        shmq::create_queue(memory.span());
        tx = ByteProducer::attach(memory.span());
        rx = ByteConsumer::attach(memory.span());
    }
    std::string take(std::size_t n) {
        std::string s(n, '?');
        EXPECT_EQ(rx.try_consume(writable(s)), Status::Ok);
        return s;
    }
    Memory memory;
    ByteProducer tx;
    ByteConsumer rx;
};

TEST(ByteEnds, SetUpRefusesWhatCannotBeAQueue) {
    Memory m(64);
    std::error_code ec;
    shmq::create_queue(m.span().first(9), ec);
    EXPECT_EQ(ec, Status::Invalid);
    shmq::create_queue(m.span().subspan(2, 32), ec);
    EXPECT_EQ(ec, Status::Invalid) << "not aligned";
    shmq::create_queue(m.span(), ec);
    EXPECT_FALSE(ec);
    EXPECT_THROW((void)ByteProducer::attach(m.span().subspan(1)), std::system_error);
    m.set_word(0, 60);
    EXPECT_EQ(ByteProducer::attach(m.span(), {}, ec).status(), Status::Invalid);
    EXPECT_EQ(ec, Status::Corrupt);
    (void)ByteConsumer::attach(m.span(), {}, ec);
    EXPECT_EQ(ec, Status::Corrupt);
}

TEST(ByteEnds, APolicyThatSleepsNeedsADoorbell) {
    Memory m(64);
    shmq::create_queue(m.span());
    std::error_code ec;
    (void)ByteProducer::attach(m.span(), {.wait = shmq::Wait::sleep()}, ec);
    EXPECT_EQ(ec, std::errc::invalid_argument);
    (void)ByteProducer::attach(m.span(), {.wait = shmq::Wait::periodic(1ms)}, ec);
    EXPECT_FALSE(ec);
}

TEST(ByteEnds, AnEndThatIsNotAttachedAnswersInvalid) {
    ByteProducer tx;
    ByteConsumer rx;
    std::string s(1, '?');
    EXPECT_EQ(tx.try_write("x"), Status::Invalid);
    EXPECT_EQ(tx.write("x", 1ms), Status::Invalid);
    EXPECT_EQ(tx.write_some("x"), 0u);
    EXPECT_TRUE(tx.reserve(1).empty());
    EXPECT_EQ(tx.status(), Status::Invalid);
    EXPECT_EQ(rx.try_consume(writable(s)), Status::Invalid);
    EXPECT_EQ(rx.consume(writable(s), 1ms), Status::Invalid);
    EXPECT_EQ(rx.consume_some(writable(s)), 0u);
    EXPECT_TRUE(rx.front().empty());
    EXPECT_EQ(rx.fd(), -1);
}

TEST(ByteEnds, AMovedEndGoesOnAndTheOldOneStops) {
    Ends q(32);
    ASSERT_EQ(q.tx.try_write("abc"), Status::Ok);
    ByteProducer tx = std::move(q.tx);
    ByteConsumer rx = std::move(q.rx);
    EXPECT_EQ(tx.try_write("def"), Status::Ok);
    std::string s(6, '?');
    EXPECT_EQ(rx.try_consume(writable(s)), Status::Ok);
    EXPECT_EQ(s, "abcdef");
    EXPECT_EQ(q.tx.try_write("x"), Status::Invalid);           // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(q.rx.try_consume(writable(s)), Status::Invalid); // NOLINT(bugprone-use-after-move)
}

TEST(ByteEnds, AllOrNothing) {
    Ends q(8);
    EXPECT_EQ(q.tx.try_write("12345678"), Status::TooBig);
    EXPECT_EQ(q.tx.try_write("12345"), Status::Ok);
    EXPECT_EQ(q.tx.try_write("678"), Status::Full);
    EXPECT_EQ(q.rx.size(), 5u);
    std::string s(6, '?');
    EXPECT_EQ(q.rx.try_consume(writable(s)), Status::Empty);
    EXPECT_EQ(s, "??????");
    s.resize(8);
    EXPECT_EQ(q.rx.try_consume(writable(s)), Status::TooBig);
    EXPECT_EQ(q.rx.try_skip(6), Status::Empty);
    EXPECT_EQ(q.rx.try_skip(2), Status::Ok);
    EXPECT_EQ(q.take(3), "345");
}

TEST(ByteEnds, AsMuchAsThereIs) {
    Ends q(8);
    EXPECT_EQ(q.tx.write_some("123456789"), 7u);
    EXPECT_EQ(q.tx.write_some("x"), 0u);
    EXPECT_EQ(q.tx.write_some(""), 0u);
    std::string s(20, '?');
    EXPECT_EQ(q.rx.peek_some(writable(s)), 7u);
    EXPECT_EQ(s.substr(0, 7), "1234567");
    EXPECT_EQ(q.rx.skip_some(2), 2u);
    EXPECT_EQ(q.rx.consume_some(writable(s)), 5u);
    EXPECT_EQ(s.substr(0, 5), "34567");
    EXPECT_EQ(q.rx.consume_some(writable(s)), 0u);
    EXPECT_EQ(q.rx.skip_some(3), 0u);
}

TEST(ByteEnds, PeekLeavesTheBytes) {
    Ends q(16);
    ASSERT_EQ(q.tx.try_write("peek"), Status::Ok);
    std::string s(4, '?');
    EXPECT_EQ(q.rx.try_peek(writable(s)), Status::Ok);
    EXPECT_EQ(s, "peek");
    EXPECT_EQ(q.rx.peek(writable(s), 1ms), Status::Ok);
    EXPECT_EQ(q.take(4), "peek");
}

TEST(ByteEnds, SpaceAndSizeAddUpToTheCapacity) {
    Ends q(100);
    EXPECT_EQ(q.tx.capacity(), 99u);
    for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(q.tx.try_write("1234567"), Status::Ok);
        EXPECT_EQ(q.tx.size() + q.tx.space(), 99u);
        EXPECT_EQ(q.rx.size() + q.rx.space(), 99u);
        EXPECT_EQ(q.tx.size(), q.rx.size());
        if (i % 2) {
            ASSERT_EQ(q.rx.try_skip(14), Status::Ok);
        }
    }
}

TEST(ByteEnds, ReservedBytesAreThereWhenCommitted) {
    for (std::size_t start = 0; start < 12; ++start) {
        Ends q(12);
        ASSERT_EQ(q.tx.try_write(std::string(start ? start - 1 : 0, '.')), Status::Ok);
        ASSERT_EQ(q.rx.skip_some(100), start ? start - 1 : 0);
        const auto room = q.tx.reserve(8);
        ASSERT_EQ(room.size(), 8u);
        EXPECT_EQ(room.copy_from("12345678"), 8u);
        EXPECT_EQ(q.rx.size(), 0u);
        q.tx.commit(5);
        const auto front = q.rx.front();
        std::string s(front.size(), '?');
        front.copy_to(writable(s));
        EXPECT_EQ(s, "12345");
        q.rx.release(2);
        EXPECT_EQ(q.take(3), "345");
        EXPECT_TRUE(q.rx.front().empty());
    }
    Ends q(12);
    EXPECT_TRUE(q.tx.reserve(12).empty()) << "never fits";
    ASSERT_EQ(q.tx.try_write("12345678"), Status::Ok);
    EXPECT_TRUE(q.tx.reserve(4).empty()) << "does not fit now";
}

TEST(ByteEnds, ABatchPublishesAtItsEnd) {
    Ends q(64);
    {
        const auto batch = q.tx.batch();
        ASSERT_EQ(q.tx.try_write("abc"), Status::Ok);
        ASSERT_EQ(q.tx.try_write("def"), Status::Ok);
        EXPECT_EQ(q.rx.size(), 0u);
    }
    EXPECT_EQ(q.rx.size(), 6u);
    {
        const auto batch = q.rx.batch();
        EXPECT_EQ(q.rx.skip_some(6), 6u);
        EXPECT_EQ(q.memory.word(4), 0u);
    }
    EXPECT_EQ(q.memory.word(4), 6u);
}

TEST(ByteEnds, WaitingTimesOut) {
    Ends q(8);
    std::string s(1, '?');
    for (const auto timeout : {0ms, -5ms, 20ms}) {
        EXPECT_EQ(q.rx.consume(writable(s), timeout), Status::Timeout);
        EXPECT_EQ(q.rx.skip(1, timeout), Status::Timeout);
    }
    ASSERT_EQ(q.tx.try_write("1234567"), Status::Ok);
    EXPECT_EQ(q.tx.write("8", 20ms), Status::Timeout);
    EXPECT_EQ(q.tx.write("12345678", 20ms), Status::TooBig) << "no use in waiting";
}

TEST(ByteEnds, AStoppedEndSaysWhy) {
    Ends q(16);
    ASSERT_EQ(q.tx.try_write("abc"), Status::Ok);
    q.memory.set_word(0, 99);
    std::string s(1, '?');
    EXPECT_EQ(q.rx.try_consume(writable(s)), Status::Corrupt);
    EXPECT_EQ(q.rx.consume(writable(s)), Status::Corrupt) << "and does not wait for ever";
    EXPECT_EQ(q.rx.status(), Status::Corrupt);
    EXPECT_EQ(q.rx.consume_some(writable(s)), 0u);
    shmq::create_queue(q.memory.span());
    EXPECT_EQ(q.tx.try_write(std::string(15, 'x')), Status::Recreated);
    EXPECT_EQ(q.tx.status(), Status::Recreated);
}

TEST(ByteQueue, IsBothEndsForOneThread) {
    Memory m(40);
    ByteQueue q = ByteQueue::create(m.span());
    EXPECT_EQ(q.capacity(), 31u);
    EXPECT_EQ(q.write("hello"), Status::Ok);
    EXPECT_EQ(q.size(), 5u);
    EXPECT_EQ(q.space(), 26u);
    std::string s(5, '?');
    EXPECT_EQ(q.peek(writable(s)), Status::Ok);
    EXPECT_EQ(q.skip(1), Status::Ok);
    ByteQueue other = ByteQueue::attach(m.span());
    s.resize(4);
    EXPECT_EQ(other.consume(writable(s)), Status::Ok) << "what the first one left";
    EXPECT_EQ(s, "ello");
    std::error_code ec;
    (void)ByteQueue::create(m.span().first(4), ec);
    EXPECT_EQ(ec, Status::Invalid);
}

} // namespace
