// SPDX-License-Identifier: GPL-2.0-only OR MIT
// No prefix at all: allowed by the crate's documentation, written by its writer,
// and a panic of its reader. Ours reads it.
#include "support/frame.hpp"
#include "support/reading.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using shmq::Status;

constexpr Side our_readers[] = {Side::cpp, Side::cpp_in_place};
constexpr Side writers[] = {Side::cpp, Side::cpp_in_place, Side::crate};

TEST(BlankPrefix, IsAPanicOfTheCratesReader) {
    const SharedMemory m(64);
    crate::Msgs q(m, "");
    std::string got;
    EXPECT_THROW(static_cast<void>(q.read(got)), Panic) << "then README.md can forget about it";
    EXPECT_EQ(q.write("data"), Status::Ok);
    EXPECT_THROW(static_cast<void>(q.read(got)), Panic);
}

TEST(BlankPrefix, IsReadByOursFromAnyWriterAtEveryOffset) {
    for (const Side writer : writers)
        for (const Side reader : our_readers)
            for (const std::uint32_t n : {30u, 61u, 64u})
                for (std::uint32_t start = 0; start < n; ++start) {
                    const SharedMemory m(n, start);
                    MsgWriter w(writer, m, "");
                    MsgReader r(reader, m, "");
                    for (std::uint32_t length = 0; length <= n - 1 - frame_overhead; ++length) {
                        const std::uint32_t from = m.positions().write;
                        const std::string sent = message(length, start);
                        ASSERT_EQ(w.write(sent), Status::Ok);
                        std::string lies;
                        for (std::uint32_t i = 0; i < length + frame_overhead; ++i)
                            lies += static_cast<char>(m.data(from + i));
                        ASSERT_EQ(hex(lies), hex(frame("", sent))) << name(writer);
                        std::string got;
                        ASSERT_EQ(r.read(got), Status::Ok) << name(writer);
                        ASSERT_EQ(hex(got), hex(sent)) << name(writer);
                        ASSERT_EQ(r.read(got), Status::Empty);
                    }
                    ASSERT_EQ(w.write(message(n - frame_overhead)), Status::TooBig);
                }
}

TEST(BlankPrefix, ARunOfGarbageIsOneErrorForOurs) {
    const std::uint32_t n = 250;
    for (const Side reader : our_readers)
        for (std::uint32_t start = 0; start < n; ++start) {
            // None of them a version byte, so that the run ends where the frame begins.
            const std::string garbage(40, '\x81');
            const Told told =
                told_by(reader, "", {n, start},
                        garbage + frame("", "a") + frame("", "b") + garbage + frame("", "c"));
            const std::string damage = to_string(Status::BadVersion);
            EXPECT_EQ(told, (Told{damage, told_of(Status::Ok, "a"), told_of(Status::Ok, "b"),
                                  damage, told_of(Status::Ok, "c")}))
                << name(reader);
        }
}

TEST(BlankPrefix, DamageOfAnyBitCostsOneErrorAndThatMessage) {
    const std::string good = frame("", "damaged");
    for (const Side reader : our_readers)
        for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
            std::string bad = good;
            bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
            const Told told =
                told_by(reader, "", {250, 230}, frame("", "before") + bad + frame("", "after"));
            const std::string damage =
                to_string(bit / 8 == 0 ? Status::BadVersion : Status::BadCrc);
            EXPECT_EQ(told,
                      (Told{told_of(Status::Ok, "before"), damage, told_of(Status::Ok, "after")}))
                << name(reader) << ", bit " << bit;
        }
}

} // namespace
