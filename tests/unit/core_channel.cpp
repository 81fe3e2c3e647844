// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The header page of a channel without a driver.
#include "memory.hpp"

#include <shmq/core/channel.h>

#include <linux/shmq.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace {

constexpr std::uint32_t queue_length = 256;
constexpr std::uint32_t total = SHMQ_CHANNEL_HEADER + 2 * queue_length;

shmq_channel layout() {
    shmq_channel ch{};
    ch.total = total;
    ch.queue[0] = {SHMQ_CHANNEL_HEADER, queue_length};
    ch.queue[1] = {SHMQ_CHANNEL_HEADER + queue_length, queue_length};
    ch.format.framing = SHMQ_CHECKED;
    ch.format.prefix_length = 4;
    std::memcpy(ch.format.prefix, "SHMQ", 4);
    return ch;
}

struct Made {
    Made() : memory(total) {
        const shmq_channel ch = layout();
        EXPECT_EQ(shmq_channel_create(memory.base(), total, &ch), SHMQ_CHANNEL_OK);
    }
    shmq_channel_fault open(std::uint64_t length = total) {
        return shmq_channel_open(memory.base(), length, &seen);
    }
    Memory memory;
    shmq_channel seen{};
};

TEST(ChannelHeader, WhatWasMadeIsWhatIsFound) {
    Made m;
    ASSERT_EQ(m.open(), SHMQ_CHANNEL_OK);
    const shmq_channel want = layout();
    EXPECT_EQ(m.seen.flags, 0u);
    EXPECT_EQ(m.seen.total, total);
    EXPECT_EQ(std::memcmp(m.seen.queue, want.queue, sizeof(want.queue)), 0);
    EXPECT_EQ(std::memcmp(&m.seen.format, &want.format, sizeof(want.format)), 0);
}

TEST(ChannelHeader, FieldsLieWhereTheHeaderFileSays) {
    Made m;
    EXPECT_EQ(m.memory.word(0), 0x434d4853u) << "of this machine's byte order";
    EXPECT_EQ(m.memory.word(4), 1u);
    EXPECT_EQ(m.memory.word(8), 4096u);
    EXPECT_EQ(m.memory.word(16), total);
    EXPECT_EQ(m.memory.word(32), 4096u);
    EXPECT_EQ(m.memory.word(36), queue_length);
    EXPECT_EQ(m.memory.word(40), 4096u + queue_length);
    EXPECT_EQ(std::memcmp(m.memory.base() + 64, "SHMQ", 4), 0);
}

TEST(ChannelHeader, SleepWordsAreOrderedAsInTheDriversPage) {
    for (std::uint32_t bell = 0; bell < SHMQ_BELLS; ++bell)
        EXPECT_EQ(shmq_channel_bell(bell) - shmq_channel_bell(0),
                  offsetof(shmq_wake_page, bells) + bell * sizeof(shmq_sleep_word));
    EXPECT_EQ(shmq_channel_bell(0) % 64, 0u) << "each alone on its line";
    EXPECT_EQ(SHMQ_BELL_DATA(1), 2);
}

TEST(ChannelHeader, NothingIsThereBeforeTheMagic) {
    Made m;
    m.memory.set_word(SHMQ_CHANNEL_AT_MAGIC, 0);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_NOT_READY);
}

TEST(ChannelHeader, OtherMemoryIsForeign) {
    Made m;
    m.memory.set_word(SHMQ_CHANNEL_AT_MAGIC, __builtin_bswap32(SHMQ_CHANNEL_MAGIC));
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_FOREIGN) << "the other byte order";
    m.memory.set_word(SHMQ_CHANNEL_AT_MAGIC, 0x464c457f);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_FOREIGN);
}

TEST(ChannelHeader, OtherVersionsAndUnknownFlagsAreRefused) {
    for (const std::uint32_t at : {SHMQ_CHANNEL_AT_VERSION, SHMQ_CHANNEL_AT_HEADER}) {
        Made m;
        m.memory.set_word(at, m.memory.word(at) + 1);
        EXPECT_EQ(m.open(), SHMQ_CHANNEL_BAD_VERSION) << at;
    }
    Made m;
    m.memory.set_word(SHMQ_CHANNEL_AT_FLAGS, 2);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_BAD_VERSION);
    m.memory.set_word(SHMQ_CHANNEL_AT_FLAGS, SHMQ_CHANNEL_SPIN_ONLY);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_OK);
}

TEST(ChannelHeader, ATruncatedFileIsRefused) {
    Made m;
    EXPECT_EQ(m.open(0), SHMQ_CHANNEL_TRUNCATED);
    EXPECT_EQ(m.open(SHMQ_CHANNEL_HEADER - 1), SHMQ_CHANNEL_TRUNCATED);
    EXPECT_EQ(m.open(SHMQ_CHANNEL_HEADER), SHMQ_CHANNEL_TRUNCATED);
    EXPECT_EQ(m.open(total - 1), SHMQ_CHANNEL_TRUNCATED);
    EXPECT_EQ(m.open(total + 4096), SHMQ_CHANNEL_OK) << "more is no harm";
}

TEST(ChannelHeader, QueuesOutsideOrOverEachOtherAreRefused) {
    struct {
        std::uint32_t offset, length;
    } const bad[] = {
        {0, queue_length},                           // over the header
        {SHMQ_CHANNEL_HEADER - 8, queue_length},     //
        {SHMQ_CHANNEL_HEADER + 4, queue_length},     // not aligned
        {SHMQ_CHANNEL_HEADER, 9},                    // no queue
        {SHMQ_CHANNEL_HEADER, queue_length + 8},     // over the second
        {SHMQ_CHANNEL_HEADER, 2 * queue_length},     //
        {SHMQ_CHANNEL_HEADER, 2 * queue_length + 8}, // over the end
        {total, queue_length},                       // outside
        {0xfffffff8, queue_length},                  // wraps
        {SHMQ_CHANNEL_HEADER, 0xfffffff8},           //
        {SHMQ_CHANNEL_HEADER, 0x80000000},           //
    };
    for (const auto& b : bad) {
        Made m;
        m.memory.set_word(SHMQ_CHANNEL_AT_QUEUE, b.offset);
        m.memory.set_word(SHMQ_CHANNEL_AT_QUEUE + 4, b.length);
        EXPECT_EQ(m.open(), SHMQ_CHANNEL_BAD_LAYOUT) << b.offset << ' ' << b.length;
    }
    Made m;
    m.memory.set_word(SHMQ_CHANNEL_AT_TOTAL, 100);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_BAD_LAYOUT);
}

TEST(ChannelHeader, UnknownFormatsAreRefused) {
    Made m;
    m.memory.set_word(SHMQ_CHANNEL_AT_PREFIX_LENGTH, 65);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_BAD_FORMAT);
    m.memory.set_word(SHMQ_CHANNEL_AT_PREFIX_LENGTH, 64);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_OK);
    m.memory.set_word(SHMQ_CHANNEL_AT_FRAMING, 7);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_BAD_FORMAT);
    m.memory.set_word(SHMQ_CHANNEL_AT_FRAMING, SHMQ_PLAIN);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_BAD_FORMAT) << "plain has no prefix";
    m.memory.set_word(SHMQ_CHANNEL_AT_PREFIX_LENGTH, 0);
    EXPECT_EQ(m.open(), SHMQ_CHANNEL_OK);
}

TEST(ChannelHeader, WhateverTheHeaderSaysTheQueuesLieInside) {
    std::minstd_rand random(5);
    int good = 0;
    for (int round = 0; round < 20000; ++round) {
        Made m;
        for (std::uint32_t at = SHMQ_CHANNEL_AT_FLAGS; at < SHMQ_CHANNEL_AT_HOLDER; at += 4)
            if (random() % 8 == 0)
                m.memory.set_word(at, random() % 2 ? static_cast<std::uint32_t>(random()) & 0x3ff8
                                                   : static_cast<std::uint32_t>(random()));
        if (m.open() != SHMQ_CHANNEL_OK)
            continue;
        ++good;
        for (const shmq_channel_area& q : m.seen.queue) {
            ASSERT_GE(q.offset, SHMQ_CHANNEL_HEADER);
            ASSERT_LE(std::uint64_t{q.offset} + q.length, total);
        }
    }
    EXPECT_GT(good, 100) << "else this proves nothing";
}

TEST(ChannelHeader, CreateRefusesWhatOpenWouldRefuse) {
    Memory memory(total);
    shmq_channel ch = layout();
    ch.queue[1].offset = SHMQ_CHANNEL_HEADER;
    EXPECT_EQ(shmq_channel_create(memory.base(), total, &ch), SHMQ_CHANNEL_BAD_LAYOUT);
    EXPECT_EQ(memory.word(SHMQ_CHANNEL_AT_MAGIC), 0u);
    ch = layout();
    EXPECT_EQ(shmq_channel_create(memory.base(), total - 1, &ch), SHMQ_CHANNEL_TRUNCATED);
    EXPECT_EQ(memory.word(SHMQ_CHANNEL_AT_MAGIC), 0u);
}

TEST(ChannelHeader, LeavingAnEndDoesNotTouchASuccessor) {
    Made m;
    const shmq_base base = m.memory.base();
    const std::uint32_t end = SHMQ_CHANNEL_END(1, 0);
    EXPECT_EQ(shmq_channel_holder(end), SHMQ_CHANNEL_AT_HOLDER + 8);
    const std::uint32_t first = shmq_channel_take_end(base, end, SHMQ_CHANNEL_HELD);
    EXPECT_EQ(first & SHMQ_CHANNEL_HOLDER, SHMQ_CHANNEL_HELD);
    const std::uint32_t second = shmq_channel_take_end(base, end, SHMQ_CHANNEL_UNLOCKED);
    EXPECT_NE(first, second);
    shmq_channel_leave_end(base, end, first);
    EXPECT_EQ(m.memory.word(shmq_channel_holder(end)), second);
    shmq_channel_leave_end(base, end, second);
    EXPECT_EQ(m.memory.word(shmq_channel_holder(end)) & SHMQ_CHANNEL_HOLDER, SHMQ_CHANNEL_GONE);
    const std::uint32_t third = shmq_channel_take_end(base, end, SHMQ_CHANNEL_HELD);
    EXPECT_EQ(third & SHMQ_CHANNEL_HOLDER, SHMQ_CHANNEL_HELD);
    EXPECT_NE(third, first);
}

} // namespace
