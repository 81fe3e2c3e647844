// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/cell.h and its publisher and seats, on memory of one thread.
#include "memory.hpp"
#include "random.hpp"

#include <shmq/core/cell_seat.h>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace {

constexpr std::uint32_t value_size = 12;

shmq_cell_layout plan(std::uint32_t size, std::uint32_t seats, std::uint32_t slots) {
    shmq_cell_layout layout{};
    EXPECT_EQ(shmq_cell_plan(&layout, size, seats, slots), SHMQ_CELL_OK);
    return layout;
}

/// A cell of values of 12 letters, and its publisher.
class TestCell {
public:
    TestCell(std::uint32_t seats, std::uint32_t slots)
        : memory(plan(value_size, seats, slots).total) {
        const shmq_cell_layout layout = plan(value_size, seats, slots);
        EXPECT_EQ(shmq_cell_create(&cell, memory.base(), memory.size(), &layout), SHMQ_CELL_OK);
        EXPECT_EQ(shmq_cell_publisher_attach(&publisher, &cell, true), SHMQ_OK);
    }

    void write(char letter) {
        const std::string value(value_size, letter);
        shmq_cell_write(&publisher, value.data(), static_cast<unsigned char>(letter));
    }

    std::string read(shmq_status expected = SHMQ_OK) {
        std::string value(value_size, '?');
        EXPECT_EQ(shmq_cell_read(&cell, value.data(), value_size, &stamp, SHMQ_CELL_TRIES),
                  expected);
        return value;
    }

    std::string at(std::uint32_t off) {
        std::string value(value_size, '?');
        shmq_copy_in(value.data(), memory.base(), off, value_size);
        return value;
    }

    /// As if `writes` values had been published; the last is in slot 0.
    void pretend(std::uint64_t writes) {
        const std::uint32_t slot = shmq_cell_slot(&cell, 0);
        const shmq_cell_stamp last{writes, 0};
        shmq_copy_out(memory.base(), slot + SHMQ_CELL_SLOT_STAMP, &last, sizeof(last));
        memory.set_word(slot + SHMQ_CELL_SLOT_SEQUENCE, static_cast<std::uint32_t>(writes) << 1);
        memory.set_word(SHMQ_CELL_AT_LATEST, static_cast<std::uint32_t>(writes)
                                                 << SHMQ_CELL_SLOT_BITS);
        ASSERT_EQ(shmq_cell_publisher_attach(&publisher, &cell, true), SHMQ_OK);
    }

    Memory memory;
    shmq_cell cell{};
    shmq_cell_publisher publisher{};
    shmq_cell_stamp stamp{};
};

TEST(CoreCell, LiesAsPlanned) {
    const shmq_cell_layout l = plan(100, 3, 7);
    EXPECT_EQ(l.stride, 192u) << "32 bytes before the value, to a multiple of 64";
    EXPECT_EQ(l.first, 192u + 3 * 64);
    EXPECT_EQ(l.total, l.first + 7 * l.stride);
    EXPECT_EQ(plan(4, 0, 0).slots, 32u);
    EXPECT_EQ(plan(4096, 8, 0).slots, 40u);
    EXPECT_EQ(plan(1 << 20, 8, 0).slots, 12u) << "few spare ones of a large value";
}

TEST(CoreCell, CannotBePlannedBeyondItsLimits) {
    shmq_cell_layout l{};
    for (const auto& [size, seats, slots] :
         std::vector<std::array<std::uint32_t, 3>>{{0, 0, 0},
                                                   {SHMQ_CELL_SIZE_MAX + 1, 0, 0},
                                                   {4, 31, 0},
                                                   {4, 2, 3},
                                                   {4, 0, 1},
                                                   {4, 0, 65},
                                                   {SHMQ_CELL_SIZE_MAX, 4, 0},
                                                   {0xffffffff, 0, 2}})
        EXPECT_EQ(shmq_cell_plan(&l, size, seats, slots), SHMQ_CELL_BAD_LAYOUT)
            << size << ' ' << seats << ' ' << slots;
}

TEST(CoreCell, FitsAsManySlotsAsThereIsRoomFor) {
    shmq_cell_layout l{};
    ASSERT_EQ(shmq_cell_fit(&l, 4096, 64, 2), SHMQ_CELL_OK);
    EXPECT_LE(l.total, 4096u);
    EXPECT_GT(l.total + l.stride, 4096u);
    ASSERT_EQ(shmq_cell_fit(&l, 1 << 20, 64, 2), SHMQ_CELL_OK);
    EXPECT_EQ(l.slots, SHMQ_CELL_SLOTS_MAX);
    EXPECT_EQ(shmq_cell_fit(&l, 300, 64, 2), SHMQ_CELL_TRUNCATED);
    EXPECT_EQ(shmq_cell_fit(&l, 4096, 0, 2), SHMQ_CELL_BAD_LAYOUT);
}

TEST(CoreCell, IsOpenedOnlyIfItsHeaderTellsWhatFollowsFromIt) {
    TestCell t(2, 5);
    shmq_cell c{};
    const auto open = [&](std::uint64_t length) {
        return shmq_cell_open(&c, t.memory.base(), length);
    };
    ASSERT_EQ(open(t.memory.size()), SHMQ_CELL_OK);
    EXPECT_EQ(c.layout.size, value_size);
    EXPECT_EQ(open(t.memory.size() - 1), SHMQ_CELL_TRUNCATED);
    EXPECT_EQ(open(100), SHMQ_CELL_TRUNCATED);
    EXPECT_EQ(open(0), SHMQ_CELL_TRUNCATED);

    const auto changed = [&](std::uint32_t off, std::uint32_t value) {
        const std::uint32_t old = t.memory.word(off);
        t.memory.set_word(off, value);
        const shmq_cell_fault fault = open(t.memory.size());
        t.memory.set_word(off, old);
        return fault;
    };
    EXPECT_EQ(changed(SHMQ_CELL_AT_MAGIC, 0), SHMQ_CELL_NOT_READY);
    EXPECT_EQ(changed(SHMQ_CELL_AT_MAGIC, 0x5348434c), SHMQ_CELL_FOREIGN) << "other byte order";
    EXPECT_EQ(changed(SHMQ_CELL_AT_VERSION, 2), SHMQ_CELL_BAD_VERSION);
    EXPECT_EQ(changed(SHMQ_CELL_AT_FLAGS, 2), SHMQ_CELL_BAD_VERSION);
    for (const std::uint32_t off : {SHMQ_CELL_AT_TOTAL, SHMQ_CELL_AT_SIZE, SHMQ_CELL_AT_SLOTS,
                                    SHMQ_CELL_AT_SEATS, SHMQ_CELL_AT_STRIDE, SHMQ_CELL_AT_FIRST})
        for (const std::uint32_t value : {0u, 72u, 0x80000000u, 0xffffffffu})
            EXPECT_EQ(changed(off, value), SHMQ_CELL_BAD_LAYOUT) << off << ' ' << value;
    EXPECT_EQ(open(t.memory.size()), SHMQ_CELL_OK);
}

TEST(CoreCell, IsEmptyUntilTheFirstValue) {
    TestCell t(1, 3);
    t.read(SHMQ_EMPTY);
    t.write('a');
    EXPECT_EQ(t.read(), "aaaaaaaaaaaa");
    EXPECT_EQ(t.stamp.writes, 1u);
    EXPECT_EQ(t.stamp.time, static_cast<unsigned>('a'));
}

TEST(CoreCell, HasTheLatestOfManyValues) {
    TestCell t(0, 2);
    for (int i = 0; i < 1000; ++i) {
        const char letter = static_cast<char>('a' + i % 26);
        t.write(letter);
        ASSERT_EQ(t.read(), std::string(value_size, letter));
        ASSERT_EQ(t.stamp.writes, static_cast<std::uint64_t>(i) + 1);
    }
}

TEST(CoreCell, GivesTheFirstBytesToWhoWantsNoMore) {
    TestCell t(0, 2);
    t.write('a');
    std::string value(value_size, '?');
    EXPECT_EQ(shmq_cell_read(&t.cell, value.data(), 5, &t.stamp, 1), SHMQ_OK);
    EXPECT_EQ(value, "aaaaa???????");
    EXPECT_EQ(shmq_cell_read(&t.cell, nullptr, 0, &t.stamp, 1), SHMQ_OK);
    EXPECT_EQ(shmq_cell_read(&t.cell, value.data(), value_size + 1, &t.stamp, 1), SHMQ_INVALID);
}

TEST(CoreCell, AnAbandonedValueIsNotSeen) {
    TestCell t(0, 2);
    t.write('a');
    shmq_copy_racy_out(t.memory.base(), shmq_cell_begin(&t.publisher).off + SHMQ_CELL_SLOT_VALUE,
                       "zzzzzzzzzzzz", value_size);
    EXPECT_EQ(t.read(), "aaaaaaaaaaaa");
    t.write('b');
    EXPECT_EQ(t.read(), "bbbbbbbbbbbb");
    EXPECT_EQ(t.stamp.writes, 2u);
}

TEST(CoreCell, ASuccessorGoesOnFromTheLastWholeValue) {
    TestCell t(0, 2);
    t.write('a');
    shmq_cell_begin(&t.publisher); // and dies
    shmq_cell_publisher successor{};
    ASSERT_EQ(shmq_cell_publisher_attach(&successor, &t.cell, true), SHMQ_OK);
    EXPECT_EQ(shmq_cell_writes(&successor), 1u);
    shmq_cell_write(&successor, "bbbbbbbbbbbb", 0);
    EXPECT_EQ(t.read(), "bbbbbbbbbbbb");
    EXPECT_EQ(t.stamp.writes, 2u);
}

TEST(CoreCell, AReaderIsToldWhenItIsOvertakenEachTime) {
    TestCell t(0, 2);
    t.write('a');
    const std::uint32_t slot = shmq_cell_slot(&t.cell, shmq_cell_latest_slot(&t.publisher));
    const std::uint32_t whole = t.memory.word(slot);
    t.memory.set_word(slot, whole | 1); // being written
    t.read(SHMQ_AGAIN);
    t.memory.set_word(slot, whole + 4); // has been, but is not the latest yet
    t.read(SHMQ_AGAIN);
    t.memory.set_word(slot, whole);
    t.read();
}

TEST(CoreCell, WhatASeatLooksAtStays) {
    TestCell t(1, 3);
    shmq_cell_sit(&t.cell, 0);
    t.write('a');
    std::uint32_t off = 0;
    ASSERT_EQ(shmq_cell_pin(&t.cell, 0, &off, &t.stamp), SHMQ_OK);
    for (char letter = 'b'; letter <= 'z'; ++letter) {
        t.write(letter);
        ASSERT_EQ(t.at(off), "aaaaaaaaaaaa");
    }
    shmq_cell_unpin(&t.cell, 0);
    ASSERT_EQ(shmq_cell_pin(&t.cell, 0, &off, &t.stamp), SHMQ_OK);
    EXPECT_EQ(t.at(off), "zzzzzzzzzzzz");
    EXPECT_EQ(t.stamp.writes, 26u);
}

TEST(CoreCell, APublisherGoesOnWithAllSeatsPinned) {
    constexpr std::uint32_t seats = SHMQ_CELL_SEATS_MAX;
    TestCell t(seats, seats + 2);
    std::array<std::uint32_t, seats> offs{};
    for (std::uint32_t seat = 0; seat < seats; ++seat) {
        shmq_cell_sit(&t.cell, seat);
        t.write(static_cast<char>('A' + seat));
        ASSERT_EQ(shmq_cell_pin(&t.cell, seat, &offs[seat], &t.stamp), SHMQ_OK);
    }
    for (int i = 0; i < 100; ++i)
        t.write('z');
    EXPECT_EQ(t.read(), "zzzzzzzzzzzz");
    for (std::uint32_t seat = 0; seat < seats; ++seat)
        EXPECT_EQ(t.at(offs[seat]), std::string(value_size, static_cast<char>('A' + seat)));
}

TEST(CoreCell, APublisherChoosesForAReaderThatItOvertakes) {
    TestCell t(1, 3);
    shmq_cell_sit(&t.cell, 0);
    t.write('a');
    // A reader that has announced itself, and goes no further.
    t.memory.set_word(shmq_cell_seat_word(0), SHMQ_CELL_CHOOSING);
    t.write('b');
    EXPECT_EQ(t.memory.word(shmq_cell_seat_word(0)),
              SHMQ_CELL_PINS + shmq_cell_latest_slot(&t.publisher));
    const std::uint32_t off =
        shmq_cell_slot(&t.cell, shmq_cell_latest_slot(&t.publisher)) + SHMQ_CELL_SLOT_VALUE;
    t.write('c');
    t.write('d');
    EXPECT_EQ(t.at(off), "bbbbbbbbbbbb");
}

TEST(CoreCell, ASuccessorChoosesForReadersOfADeadPublisher) {
    TestCell t(1, 3);
    shmq_cell_sit(&t.cell, 0);
    t.write('a');
    t.memory.set_word(shmq_cell_seat_word(0), SHMQ_CELL_CHOOSING);
    shmq_cell_publisher successor{};
    ASSERT_EQ(shmq_cell_publisher_attach(&successor, &t.cell, false), SHMQ_OK);
    EXPECT_EQ(t.memory.word(shmq_cell_seat_word(0)),
              SHMQ_CELL_PINS + shmq_cell_latest_slot(&successor));
}

TEST(CoreCell, ASeatThatIsGivenBackPinsNothing) {
    TestCell t(2, 4);
    shmq_cell_sit(&t.cell, 0);
    EXPECT_TRUE(shmq_cell_is_taken(&t.cell, 0));
    EXPECT_FALSE(shmq_cell_claim(&t.cell, 0));
    EXPECT_TRUE(shmq_cell_claim(&t.cell, 1));
    t.write('a');
    std::uint32_t off = 0;
    ASSERT_EQ(shmq_cell_pin(&t.cell, 0, &off, &t.stamp), SHMQ_OK);
    shmq_cell_leave(&t.cell, 0);
    EXPECT_FALSE(shmq_cell_is_taken(&t.cell, 0));
    for (int i = 0; i < 4; ++i)
        t.write('b');
    EXPECT_EQ(t.at(off), "bbbbbbbbbbbb");
}

TEST(CoreCell, WhoComesMustFenceAPublisherThatDoesNot) {
    TestCell t(1, 3);
    EXPECT_FALSE(shmq_cell_sit(&t.cell, 0));
    ASSERT_EQ(shmq_cell_publisher_attach(&t.publisher, &t.cell, false), SHMQ_OK);
    EXPECT_TRUE(shmq_cell_sit(&t.cell, 0));
    EXPECT_TRUE(shmq_cell_attend(&t.cell, SHMQ_CELL_SLEEPERS));
}

TEST(CoreCell, ARingWakesAllWhoHaveArmedSinceTheLast) {
    TestCell t(0, 2);
    shmq_cell_attend(&t.cell, SHMQ_CELL_SLEEPERS);
    EXPECT_FALSE(shmq_cell_ring(&t.publisher, SHMQ_CELL_AT_SLEEP));
    const std::uint32_t first = shmq_cell_arm(&t.cell, SHMQ_CELL_AT_SLEEP);
    EXPECT_EQ(shmq_cell_arm(&t.cell, SHMQ_CELL_AT_SLEEP), first);
    EXPECT_TRUE(shmq_cell_ring(&t.publisher, SHMQ_CELL_AT_SLEEP));
    EXPECT_FALSE(shmq_cell_ring(&t.publisher, SHMQ_CELL_AT_SLEEP));
    EXPECT_NE(shmq_cell_arm(&t.cell, SHMQ_CELL_AT_SLEEP), first);
}

TEST(CoreCell, CountsOnWhereNarrowCountsWrap) {
    for (const std::uint64_t wrap : {std::uint64_t{1} << 26, std::uint64_t{1} << 31,
                                     std::uint64_t{1} << 32, std::uint64_t{1} << 33}) {
        TestCell t(1, 3);
        t.pretend(wrap - 5);
        shmq_cell_sit(&t.cell, 0);
        for (std::uint64_t n = wrap - 4; n < wrap + 5; ++n) {
            const char letter = static_cast<char>('a' + n % 26);
            t.write(letter);
            ASSERT_EQ(t.read(), std::string(value_size, letter));
            ASSERT_EQ(t.stamp.writes, n);
            std::uint32_t off = 0;
            ASSERT_EQ(shmq_cell_pin(&t.cell, 0, &off, &t.stamp), SHMQ_OK);
            ASSERT_EQ(t.stamp.writes, n);
            shmq_cell_unpin(&t.cell, 0);
        }
    }
}

TEST(CoreCell, APublisherDoesNotBeginOnAnImpossibleValue) {
    TestCell t(0, 3);
    t.write('a');
    shmq_cell_publisher p{};
    for (const std::uint32_t latest : {3u, 63u, 0xffffffffu, 1u << SHMQ_CELL_SLOT_BITS}) {
        t.memory.set_word(SHMQ_CELL_AT_LATEST, latest);
        EXPECT_EQ(shmq_cell_publisher_attach(&p, &t.cell, true), SHMQ_CORRUPT) << latest;
    }
}

// Memory that anybody scribbles on: nothing is read or written outside of it, and
// everything comes to an end.
TEST(CoreCell, OneThatIsScribbledOnHurtsNobody) {
    Random random(7);
    for (int round = 0; round < 2000; ++round) {
        TestCell t(2, 5);
        shmq_cell_sit(&t.cell, 0);
        for (int step = 0; step < 30; ++step) {
            const std::uint32_t off =
                random.below(static_cast<std::uint32_t>(t.memory.size() / 4)) * 4;
            t.memory.set_word(off, random.below(3) ? random.below(9) : random.below(0xffffffff));
            std::string value(value_size, '?');
            std::uint32_t pinned = 0;
            switch (random.below(4)) {
            case 0:
                t.write('a');
                break;
            case 1:
                shmq_cell_read(&t.cell, value.data(), value_size, &t.stamp, 4);
                break;
            case 2:
                if (shmq_cell_pin(&t.cell, 0, &pinned, &t.stamp) != SHMQ_CORRUPT) {
                    ASSERT_LE(pinned + value_size, t.memory.size());
                    t.at(pinned);
                }
                break;
            default:
                shmq_cell_publisher p{};
                if (shmq_cell_publisher_attach(&p, &t.cell, true) == SHMQ_OK)
                    t.publisher = p;
            }
        }
    }
}

} // namespace
