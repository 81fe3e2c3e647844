// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Where ours differs from the crate on purpose: the rows of README.md's table,
// so that a version of the crate that changes one of them is noticed.
#include "support/byte_ends.hpp"
#include "support/frame.hpp"
#include "support/reading.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <system_error>

namespace {

using shmq::Status;

/// Bytes in the queue.
std::uint32_t filled(const SharedMemory& m) {
    const Positions p = m.positions();
    return (m.n() + p.write - p.read) % m.n();
}

TEST(Differences, TheCratesReaderTakesAllThereIsOursAMessage) {
    for (const Side side : readers) {
        const SharedMemory m(250, 200);
        append(m, frame("SHMQ", "one") + frame("SHMQ", "two") + "SHM");
        MsgReader r(side, m, "SHMQ");
        std::string got;
        ASSERT_EQ(r.read(got), Status::Ok);
        EXPECT_EQ(got, "one");
        const auto left = static_cast<std::uint32_t>(frame("SHMQ", "two").size() + 3);
        // In place, a message is given back when its front goes out of scope.
        EXPECT_EQ(filled(m), side == Side::crate ? 0 : left) << name(side);
    }
}

TEST(Differences, AReaderOfTheCrateTakesMessagesWithItToTheGrave) {
    for (const Side side : readers) {
        const SharedMemory m(250, 200);
        append(m, frame("SHMQ", "one") + frame("SHMQ", "two"));
        std::string got;
        ASSERT_EQ(MsgReader(side, m, "SHMQ").read(got), Status::Ok);
        const Status s = MsgReader(side, m, "SHMQ").read(got);
        EXPECT_EQ(s, side == Side::crate ? Status::Empty : Status::Ok) << name(side);
    }
}

TEST(Differences, EmptyOfTheCrateMayMeanLookAgain) {
    const SharedMemory theirs(250);
    crate::Msgs q(theirs, "SHMQ", 40);
    append(theirs, std::string(100, '.') + frame("SHMQ", "behind"));
    std::string got;
    // Its buffer is full of garbage three times.
    for (int calls = 0; calls < 3; ++calls)
        EXPECT_EQ(q.read(got), Status::Empty);
    EXPECT_EQ(q.read(got), Status::Ok);

    const SharedMemory m(250);
    append(m, std::string(100, '.') + frame("SHMQ", "behind"));
    EXPECT_EQ(ours::MsgReader(m, "SHMQ").read(got), Status::Ok);
}

TEST(Differences, AMessageLongerThanTheBufferIsDamageForTheCrateAndStaysWithOurs) {
    const std::string stream = frame("SHMQ", message(60)) + frame("SHMQ", "next");
    const SharedMemory theirs(250);
    append(theirs, stream);
    crate::Msgs q(theirs, "SHMQ", 40);
    std::string got;
    EXPECT_EQ(q.read(got), Status::TooBig);
    Status s = Status::Empty;
    for (int calls = 0; calls < 10 && s == Status::Empty; ++calls)
        s = q.read(got);
    EXPECT_EQ(s, Status::Ok);
    EXPECT_EQ(got, "next") << "the long one is lost";

    const SharedMemory m(250);
    append(m, stream);
    ours::MsgReader r(m, "SHMQ");
    std::string small(40, '?');
    EXPECT_EQ(r.end().try_read(ours::bytes(small)).status, Status::ShortBuffer);
    EXPECT_EQ(r.read(got), Status::Ok);
    EXPECT_EQ(got, message(60));
}

TEST(Differences, BytesThatCanNeverFitAreToldByOurs) {
    const SharedMemory m(16);
    EXPECT_EQ(crate::Bytes::attach(m).write(message(16)), Status::Full);
    EXPECT_EQ(ours::ByteWriter(m).write(message(16)), Status::TooBig);
    std::string to(16, '?');
    EXPECT_EQ(crate::Bytes::attach(m).consume(to), Status::Empty);
    EXPECT_EQ(ours::ByteReader(m).consume(to), Status::TooBig);
}

TEST(Differences, APositionOutsideStopsOursAndIsBelievedByTheCrate) {
    for (const std::uint32_t position : {16u, 17u, 1000u, 0x80000000u, 0xffffffffu}) {
        const SharedMemory m(16);
        ours::ByteReader ours(m);
        crate::Bytes theirs = crate::Bytes::attach(m);
        m.set({position, 0});
        std::string to(1, '?');
        EXPECT_EQ(ours.consume(to), Status::Corrupt);
        EXPECT_EQ(ours.end().status(), Status::Corrupt);
        if (position % 16 != 0) {
            EXPECT_EQ(theirs.consume(to), Status::Ok) << position;
        }
        std::error_code ec;
        static_cast<void>(shmq::ByteConsumer::attach(m.span(), {}, ec));
        EXPECT_EQ(ec, Status::Corrupt);
    }
}

TEST(Differences, AQueueThatIsStartedOverStopsOursAndIsUsedOnByTheCrate) {
    const SharedMemory m(64, 20);
    ours::ByteWriter ours(m);
    crate::Bytes theirs = crate::Bytes::attach(m);
    ASSERT_EQ(ours.write(message(30)), Status::Ok);
    shmq::create_queue(m.span());
    EXPECT_EQ(theirs.write(message(40)), Status::Ok);
    EXPECT_EQ(ours.write(message(40)), Status::Recreated);
}

TEST(Differences, APrefixOfOursHasAtMost64Bytes) {
    const std::string prefix(65, 'p');
    const SharedMemory m(250);
    EXPECT_EQ(crate::Msgs(m, prefix).write("data"), Status::Ok);
    EXPECT_THROW(static_cast<void>(shmq::Format::checked(prefix)), std::system_error);
    const std::string most(64, 'p');
    const SharedMemory n(250, 200);
    std::string got;
    EXPECT_EQ(crate::Msgs(n, most).write("data"), Status::Ok);
    EXPECT_EQ(ours::MsgReader(n, most).read(got), Status::Ok);
    EXPECT_EQ(got, "data");
}

TEST(Differences, AQueueWithoutRoomForAByteIsRefusedByOurs) {
    const SharedMemory m(1);
    EXPECT_EQ(crate::Bytes::create(m).capacity(), 0u);
    std::error_code ec;
    shmq::create_queue(m.span(), ec);
    EXPECT_EQ(ec, Status::Invalid);
}

} // namespace
