// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Bytes that are no frame: before, between, behind and inside frames.
#include "support/frame.hpp"
#include "support/reading.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

namespace {

using shmq::Status;

constexpr std::uint32_t n = 250;

/// Bytes that no prefix begins with.
std::string noise(std::size_t length) {
    return std::string(length, '\x81');
}

TEST(Garbage, BeforeBetweenAndBehindFramesIsPassedInSilence) {
    for (const std::string& prefix : prefixes)
        for (std::uint32_t start = 0; start < n; ++start)
            for (const std::size_t length : {1u, 15u, 40u}) {
                const std::string stream = noise(length) + frame(prefix, "first") + noise(length) +
                                           frame(prefix, "") + noise(length);
                ASSERT_NO_FATAL_FAILURE(
                    expect_told(prefix, {n, start}, stream, messages({"first", ""})));
            }
}

TEST(Garbage, OfWhichEveryBeginningOfAPrefixIsTriedAsOne) {
    for (const std::string& prefix : prefixes)
        for (std::size_t part = 1; part < prefix.size(); ++part)
            for (const std::string& before :
                 {prefix.substr(0, part), prefix.substr(0, part) + prefix.substr(0, part),
                  noise(3) + prefix.substr(part)}) {
                ASSERT_NO_FATAL_FAILURE(expect_told(
                    prefix, {n, n - 20}, before + frame(prefix, "found"), messages({"found"})));
            }
}

TEST(Garbage, ThatBeginsLikeAFrameIsOneError) {
    for (const std::string& prefix : prefixes)
        for (std::uint32_t start = 0; start < n; ++start) {
            const std::string stream = prefix + noise(30) + frame(prefix, "a") + prefix + '\1' +
                                       noise(30) + frame(prefix, "b");
            ASSERT_NO_FATAL_FAILURE(
                expect_told(prefix, {n, start}, stream,
                            {to_string(Status::BadVersion), told_of(Status::Ok, "a"),
                             to_string(Status::BadCrc), told_of(Status::Ok, "b")}));
        }
}

TEST(Garbage, AtAnyPlaceInsideAFrameCostsThatMessageAlone) {
    for (const std::string& prefix : prefixes) {
        const std::string whole = frame(prefix, "damaged");
        for (std::size_t at = 0; at <= whole.size(); ++at)
            for (const std::size_t length : {1u, 4u, 50u}) {
                std::string inserted = whole;
                inserted.insert(at, noise(length));
                std::string overwritten = whole;
                overwritten.replace(at, length, noise(length));
                for (const std::string& bad : {inserted, overwritten}) {
                    const std::string stream =
                        frame(prefix, "before") + bad + frame(prefix, "after");
                    const Told told = told_by(Side::crate, prefix, {n, 200}, stream);
                    EXPECT_EQ(told.front(), told_of(Status::Ok, "before"));
                    EXPECT_EQ(told.back(), told_of(Status::Ok, "after"));
                    ASSERT_NO_FATAL_FAILURE(expect_told(prefix, {n, 200}, stream, told));
                }
            }
    }
}

TEST(Garbage, FramesInsideADamagedFrameAreFoundByAll) {
    for (const std::string& prefix : prefixes)
        for (std::uint32_t start = 0; start < n; ++start) {
            Frame outer(prefix, frame(prefix, "inside") + noise(5) + frame(prefix, "too"));
            outer.message_crc_flip = 1;
            ASSERT_NO_FATAL_FAILURE(
                expect_told(prefix, {n, start}, outer.bytes() + frame(prefix, "after"),
                            {to_string(Status::BadCrc), told_of(Status::Ok, "inside"),
                             told_of(Status::Ok, "too"), told_of(Status::Ok, "after")}));
        }
}

TEST(Garbage, OfPrefixesAloneIsToldOnceForEach) {
    for (const std::string& prefix : prefixes)
        for (std::size_t count = 1; count < 8; ++count) {
            std::string stream;
            for (std::size_t i = 0; i < count; ++i)
                stream += prefix;
            ASSERT_NO_FATAL_FAILURE(
                expect_told_as_by_crate(prefix, {n, 190}, stream + frame(prefix, "found")));
        }
}

/// Bytes of frames, so that many a false frame begins well.
std::string random_stream(std::minstd_rand& random, const std::string& prefix, std::size_t most) {
    std::string s;
    while (s.size() < most) {
        std::string piece =
            frame(prefix, message(random() % 12, static_cast<std::uint32_t>(random())));
        switch (random() % 4) {
        case 0:
            piece.resize(random() % (piece.size() + 1));
            break;
        case 1:
            piece.erase(0, random() % (piece.size() + 1));
            break;
        case 2:
            piece[random() % piece.size()] ^= static_cast<char>(1 << random() % 8);
            break;
        default:
            break;
        }
        s += piece;
    }
    s.resize(most);
    return s;
}

TEST(Garbage, MadeOfFramesIsReadAlike) {
    std::minstd_rand random(7);
    for (const std::string& prefix : prefixes)
        for (int round = 0; round < 2000; ++round) {
            const std::uint32_t size = round % 2 ? 250 : 128;
            ASSERT_NO_FATAL_FAILURE(
                expect_told_as_by_crate(prefix, {size, static_cast<std::uint32_t>(random() % size)},
                                        random_stream(random, prefix, 1 + random() % (size - 1))));
        }
}

TEST(Garbage, ThatFillsTheQueueAgainAndAgainEndsAtTheNextFrame) {
    for (const std::string& prefix : prefixes)
        for (const Side side : readers) {
            const SharedMemory m(n, 77);
            MsgReader r(side, m, prefix);
            for (int round = 0; round < 5; ++round) {
                append(m, noise(n - 1 - prefix.size()));
                EXPECT_EQ(read_all(r), Told{}) << name(side);
                // What may still begin a prefix is all that stays.
                const Positions p = m.positions();
                EXPECT_LE((n + p.write - p.read) % n, prefix.size()) << name(side);
            }
            append(m, frame(prefix, "found"));
            EXPECT_EQ(read_all(r), messages({"found"})) << name(side);
        }
}

} // namespace
