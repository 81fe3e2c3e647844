// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "memory.hpp"
#include "message_ends.hpp"

#include <shmq/msg_queue.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using shmq::Format;
using shmq::Message;
using shmq::MsgConsumer;
using shmq::MsgProducer;
using shmq::MsgQueue;
using shmq::Status;
using shmq::Tag;

std::string as_string(const shmq::Pieces<const std::byte>& p) {
    std::string s(p.size(), '?');
    p.copy_to(std::as_writable_bytes(std::span(s)));
    return s;
}

INSTANTIATE_TEST_SUITE_P(MsgEnds, BothFramings, testing::Bool(), framing_name);

TEST_P(BothFramings, AMessageArrives) {
    Ends q(256, format());
    ASSERT_EQ(q.tx.try_write("hello"), Status::Ok);
    const Message m = q.rx.try_read();
    ASSERT_TRUE(m);
    EXPECT_EQ(m.text(), "hello");
    EXPECT_EQ(m.size(), 5u);
    EXPECT_EQ(m.data().size(), 5u);
    EXPECT_EQ(m.status(), Status::Ok);
    EXPECT_EQ(m.tag(), Tag{});
    EXPECT_EQ(q.rx.try_read().status(), Status::Empty);
}

TEST_P(BothFramings, EmptyMessagesAreMessages) {
    Ends q(256, format());
    ASSERT_EQ(q.tx.try_write(""), Status::Ok);
    ASSERT_EQ(q.tx.try_write(shmq::Bytes()), Status::Ok);
    ASSERT_EQ(q.tx.try_write_parts({}), Status::Ok);
    for (int i = 0; i < 3; ++i) {
        const Message m = q.rx.try_read();
        EXPECT_TRUE(m);
        EXPECT_EQ(m.size(), 0u);
    }
    EXPECT_EQ(q.rx.read(0ms).status(), Status::Timeout);
}

TEST_P(BothFramings, MaxMessageIsTheLongest) {
    Ends q(256, format());
    EXPECT_EQ(q.tx.max_message(), q.rx.max_message());
    const std::string longest(q.tx.max_message(), 'x');
    EXPECT_EQ(q.tx.try_write(longest + "x"), Status::TooBig);
    EXPECT_EQ(q.tx.write(longest + "x"), Status::TooBig) << "does not wait for ever";
    EXPECT_EQ(q.tx.try_write(longest), Status::Ok);
    EXPECT_EQ(q.tx.try_write(""), Status::Full);
    EXPECT_EQ(q.tx.write("", 10ms), Status::Timeout);
    EXPECT_EQ(q.rx.read().text(), longest);
}

TEST_P(BothFramings, NoLongerMessageThanAllowedIsSentInABatchEither) {
    Memory memory(256);
    shmq::create_queue(memory.span());
    auto tx = MsgProducer::attach(memory.span(), format(), {.max_message = 10});
    EXPECT_EQ(tx.max_message(), 10u);
    const auto batch = tx.batch();
    EXPECT_EQ(tx.try_write(std::string(11, 'x')), Status::TooBig);
    EXPECT_EQ(tx.try_write(std::string(10, 'x')), Status::Ok);
    EXPECT_EQ(tx.try_write(std::string(11, 'x')), Status::TooBig);
}

TEST_P(BothFramings, PartsBecomeOneMessage) {
    Ends q(256, format());
    const std::vector<char> body{'b', 'o', 'd', 'y'};
    ASSERT_EQ(q.tx.try_write_parts({"head ", shmq::Bytes(), body, std::string(" tail")}),
              Status::Ok);
    EXPECT_EQ(q.rx.try_read().text(), "head body tail");
    const shmq::Bytes parts[] = {"a", "b"};
    EXPECT_EQ(q.tx.write_parts(parts, {}, 1ms), Status::Ok);
    EXPECT_EQ(q.rx.try_read().text(), "ab");
}

TEST_P(BothFramings, ReadsIntoTheCallersBuffer) {
    Ends q(256, format());
    ASSERT_EQ(q.tx.try_write("0123456789"), Status::Ok);
    std::byte buffer[10];
    auto r = q.rx.try_read(std::span(buffer).first(9));
    EXPECT_EQ(r.status, Status::ShortBuffer);
    EXPECT_EQ(r.size, 10u);
    EXPECT_FALSE(r);
    r = q.rx.read(buffer, 1ms);
    EXPECT_TRUE(r);
    EXPECT_EQ(r.size, 10u);
    EXPECT_EQ(std::memcmp(buffer, "0123456789", 10), 0);
    r = q.rx.try_read(buffer);
    EXPECT_EQ(r.status, Status::Empty);
    EXPECT_EQ(r.size, 0u);
}

TEST_P(BothFramings, AMessageIsBuiltInPlace) {
    Ends q(128, format());
    for (int i = 0; i < 50; ++i) { // over the wrap
        auto r = q.tx.try_reserve(20);
        ASSERT_TRUE(r);
        ASSERT_EQ(r.size(), 20u);
        EXPECT_EQ(r.put(0, "in "), 3u);
        EXPECT_EQ(r.put(3, "place"), 5u);
        EXPECT_EQ(q.rx.try_read().status(), Status::Empty) << "nothing before commit";
        EXPECT_EQ(r.commit(8), Status::Ok);
        EXPECT_EQ(q.rx.try_read().text(), "in place");
    }
}

TEST_P(BothFramings, AReservationThatIsDroppedSendsNothing) {
    Ends q(128, format());
    {
        auto r = q.tx.try_reserve(20);
        ASSERT_TRUE(r);
        r.put(0, "never sent");
    }
    EXPECT_EQ(q.rx.try_read().status(), Status::Empty);
    ASSERT_EQ(q.tx.try_write("sent"), Status::Ok);
    EXPECT_EQ(q.rx.try_read().text(), "sent");
}

TEST_P(BothFramings, AReservationIsCommittedOnceAndNotBeyondItsEnd) {
    Ends q(128, format());
    auto r = q.tx.try_reserve(4);
    ASSERT_TRUE(r);
    r.put(0, "once");
    EXPECT_EQ(r.commit(std::size_t{5}), Status::Invalid);
    EXPECT_EQ(r.commit(), Status::Ok);
    EXPECT_EQ(r.commit(), Status::Invalid);
    EXPECT_EQ(q.rx.try_read().text(), "once");
    EXPECT_EQ(q.rx.try_read().status(), Status::Empty);

    auto too_big = q.tx.try_reserve(1000);
    EXPECT_EQ(too_big.status(), Status::TooBig);
    EXPECT_EQ(too_big.commit(), Status::TooBig);
    EXPECT_EQ(q.tx.reserve(q.tx.max_message(), 1ms).status(), Status::Ok);
}

TEST_P(BothFramings, FrontIsGivenBackAtTheEndOfItsScope) {
    Ends q(128, format());
    for (int i = 0; i < 30; ++i) {
        ASSERT_EQ(q.tx.try_write("first"), Status::Ok);
        ASSERT_EQ(q.tx.try_write("second"), Status::Ok);
        {
            const auto m = q.rx.try_front();
            ASSERT_TRUE(m);
            EXPECT_EQ(as_string(m.data()), "first");
            EXPECT_EQ(m.size(), 5u);
        }
        auto m = q.rx.front(1ms);
        EXPECT_EQ(as_string(m.data()), "second");
        m.release();
        m.release(); // once is enough, twice does no harm
        EXPECT_EQ(q.rx.try_front().status(), Status::Empty);
    }
}

TEST_P(BothFramings, FrontThatIsKeptIsFoundAgain) {
    Ends q(128, format());
    ASSERT_EQ(q.tx.try_write("kept"), Status::Ok);
    q.rx.try_front().keep();
    EXPECT_EQ(q.rx.try_read().text(), "kept");
}

TEST_P(BothFramings, DrainReadsAllThatIsThere) {
    Ends q(1024, format());
    for (int i = 0; i < 10; ++i)
        ASSERT_EQ(q.tx.try_write(std::to_string(i)), Status::Ok);
    std::string seen;
    auto d = q.rx.drain([&](const Message& m) { seen += m.text(); }, 3);
    EXPECT_EQ(d.messages, 3u);
    EXPECT_EQ(d.status, Status::Ok);
    d = q.rx.drain([&](const Message& m) {
        seen += m.text();
        return m.text() != "5";
    });
    EXPECT_EQ(d.messages, 3u);
    EXPECT_EQ(d.status, Status::Ok);
    d = q.rx.drain_in_place([&](const shmq::Front& m) { seen += as_string(m.data()); });
    EXPECT_EQ(d.messages, 4u);
    EXPECT_EQ(d.status, Status::Empty);
    EXPECT_EQ(seen, "0123456789");
    EXPECT_FALSE(q.rx.drain([](const Message&) {}));
    EXPECT_EQ(q.memory.word(0), q.memory.word(4)) << "all of it was given back";
}

TEST_P(BothFramings, AnExceptionInDrainGivesTheMessageBack) {
    Ends q(1024, format());
    ASSERT_EQ(q.tx.try_write("one"), Status::Ok);
    ASSERT_EQ(q.tx.try_write("two"), Status::Ok);
    EXPECT_THROW(q.rx.drain_in_place([](const shmq::Front&) { throw std::runtime_error("no"); }),
                 std::runtime_error);
    EXPECT_NE(q.memory.word(4), 0u) << "the batch has ended";
    EXPECT_EQ(q.rx.try_read().text(), "two");
}

TEST_P(BothFramings, BatchesPublishAtTheirEnd) {
    Ends q(4096, format());
    {
        const auto batch = q.tx.batch();
        ASSERT_EQ(q.tx.try_write("one"), Status::Ok);
        ASSERT_EQ(q.tx.try_write("two"), Status::Ok);
        EXPECT_EQ(q.rx.try_read().status(), Status::Empty);
    }
    const auto batch = q.rx.batch();
    EXPECT_TRUE(q.rx.try_read());
    EXPECT_EQ(q.memory.word(4), 0u);
    EXPECT_TRUE(q.rx.try_read());
    EXPECT_FALSE(q.rx.try_read());
    EXPECT_EQ(q.memory.word(4), q.memory.word(0)) << "an empty look publishes";
}

TEST_P(BothFramings, MovedEndsGoOn) {
    Ends q(256, format());
    ASSERT_EQ(q.tx.try_write("one"), Status::Ok);
    MsgProducer tx = std::move(q.tx);
    MsgConsumer rx = std::move(q.rx);
    ASSERT_EQ(tx.try_write("two"), Status::Ok);
    EXPECT_EQ(rx.try_read().text(), "one");
    EXPECT_EQ(rx.try_read().text(), "two");
    q.rx = std::move(rx);
    q.tx = std::move(tx);
    ASSERT_EQ(q.tx.try_write("three"), Status::Ok);
    EXPECT_EQ(q.rx.try_read().text(), "three");
    EXPECT_EQ(rx.try_read().status(), Status::Invalid);     // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(tx.try_write("x"), Status::Invalid);          // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(tx.try_reserve(0).status(), Status::Invalid); // NOLINT(bugprone-use-after-move)
}

TEST_P(BothFramings, EndsThatAreNotAttachedAnswerInvalid) {
    MsgProducer tx;
    MsgConsumer rx;
    EXPECT_EQ(tx.try_write(""), Status::Invalid);
    EXPECT_EQ(tx.write("x"), Status::Invalid);
    EXPECT_EQ(tx.max_message(), 0u);
    EXPECT_EQ(rx.try_read().status(), Status::Invalid);
    EXPECT_EQ(rx.read().status(), Status::Invalid);
    EXPECT_EQ(rx.front().status(), Status::Invalid);
    EXPECT_EQ(rx.drain([](const Message&) {}).status, Status::Invalid);
}

TEST_P(BothFramings, AQueueThatIsCreatedAnewStopsBothEnds) {
    Ends q(128, format());
    ASSERT_EQ(q.tx.try_write("message"), Status::Ok);
    ASSERT_TRUE(q.rx.try_read());
    shmq::create_queue(q.memory.span());
    EXPECT_EQ(q.rx.read().status(), Status::Recreated);
    EXPECT_EQ(q.tx.write(std::string(q.tx.max_message(), 'x')), Status::Recreated);
    EXPECT_TRUE(is_final(q.tx.status()));
    EXPECT_TRUE(is_final(q.rx.status()));
    q.tx = MsgProducer::attach(q.memory.span(), format());
    q.rx = MsgConsumer::attach(q.memory.span(), format());
    ASSERT_EQ(q.tx.try_write("anew"), Status::Ok);
    EXPECT_EQ(q.rx.try_read().text(), "anew");
}

TEST(MsgEnds, TagsTravelInPlainFramesOnly) {
    Ends plain(256, Format::plain());
    ASSERT_EQ(plain.tx.try_write("seven", Tag{7}), Status::Ok);
    ASSERT_EQ(plain.tx.write("eight", Tag{8}, 1ms), Status::Ok);
    auto r = plain.tx.try_reserve(4);
    ASSERT_EQ(r.commit(Tag{9}), Status::Ok);
    EXPECT_EQ(plain.rx.try_read().tag(), Tag{7});
    std::byte buffer[16];
    EXPECT_EQ(plain.rx.try_read(buffer).tag, Tag{8});
    EXPECT_EQ(plain.rx.try_front().tag(), Tag{9});

    Ends checked(256);
    EXPECT_EQ(checked.tx.try_write("x", Tag{7}), Status::Invalid);
    EXPECT_EQ(checked.tx.try_reserve(1).commit(Tag{7}), Status::Invalid);
    EXPECT_EQ(checked.rx.try_read().status(), Status::Empty);
}

TEST(MsgEnds, DamageIsToldOnceAndReadOver) {
    Ends q(256);
    ASSERT_EQ(q.tx.try_write("damaged"), Status::Ok);
    ASSERT_EQ(q.tx.try_write("good"), Status::Ok);
    q.memory[8 + 4 + 9] ^= std::byte{1};
    EXPECT_EQ(q.rx.try_read().status(), Status::BadCrc);
    EXPECT_EQ(q.rx.read().text(), "good");
}

TEST(MsgEnds, TheWorkLimitIsAnsweredAgain) {
    Memory m(8192);
    shmq::create_queue(m.span());
    auto raw = shmq::ByteProducer::attach(m.span());
    ASSERT_EQ(raw.try_write(std::string(4000, '~')), Status::Ok);
    MsgConsumer rx = MsgConsumer::attach(m.span(), Format::checked());
    rx.set_work_limit(100);
    EXPECT_EQ(rx.try_read().status(), Status::Again);
    EXPECT_EQ(rx.read(1ms).status(), Status::Again);
    rx.set_work_limit(100000);
    EXPECT_EQ(rx.try_read().status(), Status::Empty);
}

TEST(MsgEnds, AttachRefusesAFormatThatCannotWork) {
    Memory m(256, 4);
    shmq::create_queue(m.span());
    std::error_code ec;
    (void)MsgProducer::attach(m.span(), Format::plain(), {}, ec);
    EXPECT_EQ(ec, Status::Invalid);
    (void)MsgConsumer::attach(m.span(), Format::plain(), {}, ec);
    EXPECT_EQ(ec, Status::Invalid);
    (void)MsgQueue::create(m.span(), Format::plain(), ec);
    EXPECT_EQ(ec, Status::Invalid);
    (void)MsgQueue::create(m.span(), Format::checked(), ec);
    EXPECT_FALSE(ec);
    EXPECT_THROW((void)Format::checked(std::string(65, 'p')), std::system_error);
    EXPECT_EQ(Format::checked(std::string(64, 'p')).prefix().size(), 64u);
}

TEST(MsgEnds, AProducerMayBeLimitedToWhatItsPeerTakes) {
    Memory m(1024);
    shmq::create_queue(m.span());
    MsgProducer tx = MsgProducer::attach(m.span(), Format::checked(), {.max_message = 10});
    EXPECT_EQ(tx.max_message(), 10u);
    EXPECT_EQ(tx.try_write("12345678901"), Status::TooBig);
    EXPECT_EQ(tx.try_reserve(11).status(), Status::TooBig);
    EXPECT_EQ(tx.try_write("1234567890"), Status::Ok);
}

TEST(Format, KnowsItself) {
    EXPECT_EQ(Format::checked("AB"), Format::checked("AB"));
    EXPECT_FALSE(Format::checked("AB") == Format::checked("AC"));
    EXPECT_FALSE(Format::checked("") == Format::plain());
    EXPECT_TRUE(Format::plain().is_plain());
    EXPECT_EQ(Format::checked("AB").frame_length(10), 25u);
    EXPECT_EQ(Format::plain().frame_length(10), 24u);
}

TEST(MsgQueueWhole, IsBothEndsForOneThread) {
    Memory m(256);
    MsgQueue q = MsgQueue::create(m.span(), Format::plain());
    EXPECT_EQ(q.write("hello", Tag{3}), Status::Ok);
    EXPECT_EQ(q.write("again"), Status::Ok);
    Message got = q.read();
    EXPECT_EQ(got.text(), "hello");
    EXPECT_EQ(got.tag(), Tag{3});
    std::byte buffer[5];
    EXPECT_EQ(MsgQueue::attach(m.span(), Format::plain()).read(buffer).size, 5u);
    EXPECT_GT(q.max_message(), 200u);
    EXPECT_EQ(q.consumer().status(), Status::Ok);
    EXPECT_EQ(q.producer().status(), Status::Ok);
}

} // namespace
