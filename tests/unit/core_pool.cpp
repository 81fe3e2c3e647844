// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/pool.h and core/pool_owner.h, one step at a time.
#include "memory.hpp"
#include "random.hpp"

#include <shmq/core/pool_owner.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace {

class CorePool : public ::testing::Test {
protected:
    static constexpr std::uint32_t blocks = 100;

    CorePool() {
        const shmq_pool_shape shape{blocks, 64, 64, 5};
        EXPECT_EQ(shmq_pool_create(&p, memory.base(), memory.size(), &shape), SHMQ_POOL_OK);
        for (std::uint32_t slot = 0; slot < 3; ++slot)
            EXPECT_TRUE(shmq_pool_join(&p, slot, SHMQ_OWNER_HELD, &id[slot]));
    }

    shmq_pool_handle alloc(std::uint32_t owner) {
        shmq_pool_handle h{};
        EXPECT_EQ(shmq_pool_alloc(&p, owner, &hints, &h), SHMQ_OK);
        return h;
    }
    shmq_status free(std::uint32_t owner, shmq_pool_handle h) {
        return shmq_pool_free(&p, owner, &hints, h);
    }
    shmq_status adopt(std::uint32_t owner, shmq_pool_handle h) {
        std::uint32_t from = 99;
        return shmq_pool_adopt(&p, owner, h, &from);
    }
    std::uint32_t sweep(std::uint32_t slot) {
        return shmq_pool_sweep(&p, slot, shmq_pool_seen(&p, slot), &left);
    }

    Memory memory{64 * 120};
    shmq_pool p{};
    shmq_pool_hints hints{};
    shmq_owner_id id[3]{};
    std::uint32_t left = 99;
};

TEST_F(CorePool, HandsOutEachBlockOnceAndThenIsEmpty) {
    std::set<std::uint32_t> indexes;
    for (std::uint32_t i = 0; i < blocks; ++i)
        indexes.insert(alloc(0).index);
    EXPECT_EQ(indexes.size(), blocks);
    shmq_pool_handle h{};
    EXPECT_EQ(shmq_pool_alloc(&p, 0, &hints, &h), SHMQ_EMPTY);
    EXPECT_EQ(shmq_pool_count(&p).owned, blocks);
}

TEST_F(CorePool, BlocksLieInsideApartAndAligned) {
    for (std::uint32_t i = 0; i < blocks; ++i) {
        const std::uint32_t off = shmq_pool_offset(&p, i);
        EXPECT_EQ(off % 64, 0u);
        EXPECT_GE(off, p.at_summary + 4);
        EXPECT_LE(off + 64, p.total);
        std::fill_n(shmq_at(p.base, off), 64, static_cast<std::uint8_t>(0xff));
    }
    EXPECT_EQ(shmq_pool_count(&p).free, blocks) << "blocks lie over the table";
}

TEST_F(CorePool, FindsTheOnlyFreeBlockWhereverItIsAndWhateverTheHintsSay) {
    std::vector<shmq_pool_handle> all;
    for (std::uint32_t i = 0; i < blocks; ++i)
        all.push_back(alloc(0));
    for (auto& h : all) {
        shmq_pool_hints other{}; // of a thread that knows nothing
        ASSERT_EQ(shmq_pool_free(&p, 0, &other, h), SHMQ_OK);
        // Nobody told: the summary of a killed process.
        shmq_store_relaxed(p.base, p.at_summary, 0);
        shmq_store_relaxed(p.base, p.at_summary, blocks % 3 ? 0xffffffffu : 0u);
        hints.count = 7; // they lie
        hints.index[6] = 0xfffffff0u;
        hints.cursor = 1000000;
        const shmq_pool_handle again = alloc(0);
        ASSERT_EQ(again.index, h.index);
        h = again;
    }
}

TEST_F(CorePool, AHandleIsGoodForOneFree) {
    const auto h = alloc(0);
    EXPECT_EQ(free(1, h), SHMQ_FOREIGN);
    EXPECT_EQ(free(0, h), SHMQ_OK);
    EXPECT_EQ(free(0, h), SHMQ_STALE);
    const auto next = alloc(0); // the same block, by the hint
    ASSERT_EQ(next.index, h.index);
    EXPECT_EQ(free(0, h), SHMQ_STALE) << "would free the new owner's block";
    EXPECT_EQ(free(0, next), SHMQ_OK);
}

TEST_F(CorePool, ForgedHandlesAreErrorsByValue) {
    Random random(3);
    const auto h = alloc(0);
    EXPECT_EQ(free(0, {blocks, 0}), SHMQ_INVALID);
    EXPECT_EQ(free(0, {SHMQ_POOL_NONE, 0}), SHMQ_INVALID);
    // Bits beyond a generation must not spill into the owner.
    EXPECT_EQ(free(0, {h.index, h.generation + (1u << (32 - p.generation_shift))}), SHMQ_INVALID);
    for (int i = 0; i < 10000; ++i) {
        const shmq_pool_handle forged{random.below(0x7fffffff), random.below(0x7fffffff)};
        EXPECT_NE(free(0, forged), SHMQ_OK);
        EXPECT_NE(adopt(0, forged), SHMQ_OK);
        EXPECT_NE(shmq_pool_send(&p, 0, forged, id[1]), SHMQ_OK);
    }
    EXPECT_EQ(shmq_pool_count(&p).owned, 1u);
}

TEST_F(CorePool, GenerationsGoRound) {
    shmq_store_relaxed(p.base, shmq_pool_word(&p, 0), 0xffffffffu << p.generation_shift);
    const auto h = alloc(0);
    ASSERT_EQ(h.index, 0u);
    EXPECT_EQ(free(0, h), SHMQ_OK);
    EXPECT_EQ(shmq_load_relaxed(p.base, shmq_pool_word(&p, 0)), 0u);
}

TEST_F(CorePool, ASentBlockIsTheReceiversOnceAdopted) {
    const auto h = alloc(0);
    ASSERT_EQ(shmq_pool_send(&p, 0, h, id[1]), SHMQ_OK);
    EXPECT_EQ(shmq_pool_count(&p).transit, 1u);
    EXPECT_EQ(free(0, h), SHMQ_STALE);
    EXPECT_EQ(free(1, h), SHMQ_STALE);
    EXPECT_EQ(adopt(2, h), SHMQ_FOREIGN);
    std::uint32_t from = 99;
    EXPECT_EQ(shmq_pool_adopt(&p, 1, h, &from), SHMQ_OK);
    EXPECT_EQ(from, 0u);
    EXPECT_EQ(adopt(1, h), SHMQ_STALE) << "a repeated message";
    EXPECT_EQ(shmq_pool_recall(&p, 0, h, id[1]), SHMQ_STALE);
    EXPECT_EQ(free(0, h), SHMQ_FOREIGN);
    EXPECT_EQ(free(1, h), SHMQ_OK);
}

TEST_F(CorePool, ASenderTakesBackWhatItDidNotPublish) {
    const auto h = alloc(0);
    ASSERT_EQ(shmq_pool_send(&p, 0, h, id[1]), SHMQ_OK);
    ASSERT_EQ(shmq_pool_recall(&p, 0, h, id[1]), SHMQ_OK);
    EXPECT_EQ(adopt(1, h), SHMQ_STALE);
    EXPECT_EQ(free(0, h), SHMQ_OK);
}

TEST_F(CorePool, NobodySendsToAnOwnerThatIsGone) {
    const auto h = alloc(0);
    sweep(1);
    EXPECT_EQ(shmq_pool_send(&p, 0, h, id[1]), SHMQ_NO_OWNER);
    shmq_owner_id successor = 0;
    ASSERT_TRUE(shmq_pool_join(&p, 1, SHMQ_OWNER_HELD, &successor));
    EXPECT_NE(successor, id[1]);
    EXPECT_EQ(shmq_pool_send(&p, 0, h, id[1]), SHMQ_NO_OWNER) << "a successor is not it";
    EXPECT_EQ(shmq_pool_send(&p, 0, h, 77), SHMQ_INVALID);
    EXPECT_EQ(free(0, h), SHMQ_OK) << "still the sender's";
}

TEST_F(CorePool, ASweepFreesWhatTheDeadHadAndWhatWasOnItsWayToIt) {
    const auto kept = alloc(0);
    const auto sent = alloc(0);
    const auto held = alloc(1);
    ASSERT_EQ(shmq_pool_send(&p, 0, sent, id[1]), SHMQ_OK);
    EXPECT_EQ(sweep(1), 2u);
    EXPECT_EQ(left, 0u);
    EXPECT_EQ(sweep(1), 0u) << "again, nothing happens";
    EXPECT_EQ(shmq_pool_count(&p).free, blocks - 1);
    EXPECT_EQ(free(1, held), SHMQ_STALE);
    EXPECT_EQ(free(0, kept), SHMQ_OK);
}

TEST_F(CorePool, WhatTheDeadHadPublishedArrives) {
    const auto published = alloc(0);
    const auto unpublished = alloc(0);
    ASSERT_EQ(shmq_pool_send(&p, 0, published, id[1]), SHMQ_OK);
    ASSERT_EQ(shmq_pool_send(&p, 0, unpublished, id[1]), SHMQ_OK);
    EXPECT_EQ(shmq_pool_settle(&p, 1, id[0]), 0u) << "it is there";
    EXPECT_EQ(sweep(0), 0u);
    EXPECT_EQ(left, 2u);
    shmq_owner_id successor = 0;
    EXPECT_FALSE(shmq_pool_join(&p, 0, SHMQ_OWNER_HELD, &successor)) << "its slot is needed yet";
    EXPECT_EQ(adopt(1, published), SHMQ_OK);
    EXPECT_EQ(shmq_pool_settle(&p, 1, id[0]), 1u);
    EXPECT_EQ(shmq_pool_settle(&p, 1, id[0]), 0u);
    sweep(0);
    EXPECT_EQ(left, 0u);
    EXPECT_TRUE(shmq_pool_join(&p, 0, SHMQ_OWNER_HELD, &successor));
    EXPECT_EQ(free(1, published), SHMQ_OK);
    EXPECT_EQ(shmq_pool_count(&p).free, blocks);
}

TEST_F(CorePool, ASweepThatComesLateSparesTheSuccessor) {
    const std::uint32_t seen = shmq_pool_seen(&p, 1);
    sweep(1);
    ASSERT_TRUE(shmq_pool_join(&p, 1, SHMQ_OWNER_HELD, &id[1]));
    const auto h = alloc(1);
    EXPECT_EQ(shmq_pool_sweep(&p, 1, seen, &left), 0u);
    EXPECT_TRUE(shmq_pool_owner_is(&p, id[1]));
    EXPECT_EQ(free(1, h), SHMQ_OK);
}

TEST_F(CorePool, BothDeadInAnyOrderLeavesNothing) {
    for (const std::uint32_t first : {0u, 1u}) {
        const auto h = alloc(0);
        ASSERT_EQ(shmq_pool_send(&p, 0, h, id[1]), SHMQ_OK);
        sweep(first);
        sweep(1 - first);
        sweep(first);
        EXPECT_EQ(left, 0u);
        EXPECT_EQ(shmq_pool_count(&p).free, blocks);
        for (const std::uint32_t slot : {0u, 1u})
            ASSERT_TRUE(shmq_pool_join(&p, slot, SHMQ_OWNER_HELD, &id[slot]));
    }
}

// A sender that is killed between giving a block up and looking at its receiver.
TEST_F(CorePool, WhatWasSentToASlotsFormerOwnerIsFreed) {
    const auto h = alloc(0);
    sweep(1);
    shmq_store_relaxed(p.base, shmq_pool_word(&p, h.index),
                       shmq_pool_transit(&p, 0, 1, h.generation));
    EXPECT_EQ(sweep(0), 1u) << "nobody is there to adopt it";

    const auto h2 = alloc(2);
    shmq_store_relaxed(p.base, shmq_pool_word(&p, h2.index),
                       shmq_pool_transit(&p, 2, 1, h2.generation));
    ASSERT_TRUE(shmq_pool_join(&p, 1, SHMQ_OWNER_HELD, &id[1]));
    EXPECT_EQ(shmq_pool_count(&p).free, blocks);
    EXPECT_EQ(shmq_pool_recall(&p, 2, h2, id[1]), SHMQ_STALE);
}

TEST_F(CorePool, AnyWordsInTheTableHarmNothingElse) {
    Random random(4);
    for (int round = 0; round < 300; ++round) {
        for (std::uint32_t off = p.at_owners; off < p.at_blocks; off += 4)
            if (random.below(3) == 0)
                shmq_store_relaxed(p.base, off, random.below(0x7fffffff) * 2 + random.below(2));
        shmq_pool_handle h{};
        if (shmq_pool_alloc(&p, 0, &hints, &h) == SHMQ_OK) {
            ASSERT_LT(h.index, blocks);
            (void)free(0, h);
            (void)adopt(1, h);
        }
        sweep(random.below(5));
        (void)shmq_pool_settle(&p, 1, random.below(1000000));
        const shmq_pool_counts c = shmq_pool_count(&p);
        ASSERT_EQ(c.free + c.owned + c.transit + c.damaged, blocks);
    }
} // and ~Memory() looks for writes outside

TEST(CorePoolLayout, ExistsForAllSizesThatFitIn4GiB) {
    shmq_pool p{};
    EXPECT_TRUE(shmq_pool_place(&p, nullptr, 0, 1, 1, 1, 1));
    EXPECT_TRUE(shmq_pool_place(&p, nullptr, 64, 1000000, 64, 64, 256));
    EXPECT_EQ(p.owner_bits, 8u);
    EXPECT_TRUE(shmq_pool_place(&p, nullptr, 0, 4000, 1 << 20, 4096, 2));
    EXPECT_FALSE(shmq_pool_place(&p, nullptr, 0, 4096, 1 << 20, 4096, 2)) << "4 GiB";
    EXPECT_FALSE(shmq_pool_place(&p, nullptr, 0, 0xfffffffeu, 0xffffffffu, 1, 1));
    EXPECT_FALSE(shmq_pool_place(&p, nullptr, 0, 0, 64, 64, 1));
    EXPECT_FALSE(shmq_pool_place(&p, nullptr, 0, 1, 0, 1, 1));
    EXPECT_FALSE(shmq_pool_place(&p, nullptr, 0, 1, 60, 64, 1)) << "not a multiple";
    EXPECT_FALSE(shmq_pool_place(&p, nullptr, 0, 1, 48, 24, 1)) << "no power of two";
    EXPECT_FALSE(shmq_pool_place(&p, nullptr, 0, 1, 64, 64, 257));
}

TEST(CorePoolLayout, FillsAnyMemoryAndNoMore) {
    for (const std::uint32_t size : {1u, 4u, 24u, 64u, 1000u})
        for (std::uint32_t length = 0; length < 3000; ++length) {
            shmq_pool p{};
            if (!shmq_pool_fit(&p, nullptr, length, size, 1)) {
                EXPECT_LT(length, size + 8);
                continue;
            }
            ASSERT_LE(p.total, length);
            shmq_pool more{};
            ASSERT_TRUE(shmq_pool_place(&more, nullptr, 0, p.blocks + 1, size, 1, 1));
            ASSERT_GT(more.total, length) << "one more would have fitted";
        }
}

TEST(CorePoolPlan, OfAsManyBlocksAsTheMemoryHoldsAndNoMore) {
    for (const std::uint32_t size : {1u, 64u, 100u, 4096u})
        for (const std::uint32_t owners : {2u, 32u, 256u})
            for (std::uint64_t length = 0; length < 20'000; length += 8) {
                shmq_pool p{};
                shmq_pool_shape shape{};
                if (!shmq_pool_plan_fit(&p, &shape, length, size, owners)) {
                    ASSERT_TRUE(shmq_pool_plan(&p, &shape, 1, size, owners));
                    ASSERT_GT(p.total, length) << "one block would have fitted";
                    continue;
                }
                ASSERT_LE(p.total, length);
                ASSERT_EQ(shape.size % 64, 0u);
                ASSERT_GE(shape.size, size);
                ASSERT_EQ(shape.align, size == 4096 ? 4096u : 64u);
                shmq_pool more{};
                ASSERT_TRUE(shmq_pool_plan(&more, &shape, shape.blocks + 1, size, owners));
                ASSERT_GT(more.total, length) << "one more would have fitted";
            }
}

TEST(CorePoolPlan, OfWhatCannotBe) {
    shmq_pool p{};
    shmq_pool_shape shape{};
    EXPECT_FALSE(shmq_pool_plan(&p, &shape, 1, 64, 1));
    EXPECT_FALSE(shmq_pool_plan(&p, &shape, 1, 64, 257));
    EXPECT_FALSE(shmq_pool_plan(&p, &shape, 1, 0, 2));
    EXPECT_FALSE(shmq_pool_plan(&p, &shape, 1, 0xffffffff, 2)) << "rounded up, 4 GiB";
    EXPECT_FALSE(shmq_pool_plan(&p, &shape, 1u << 20, 4096, 2)) << "4 GiB";
    EXPECT_FALSE(shmq_pool_plan_fit(&p, &shape, 1 << 30, 0, 2));
    EXPECT_FALSE(shmq_pool_plan_fit(&p, &shape, 1 << 30, 0xffffffff, 2));
    EXPECT_TRUE(shmq_pool_plan_fit(&p, &shape, ~0ull, 1 << 20, 2));
    EXPECT_EQ(shape.blocks, 4095u);
}

TEST(CorePoolHeader, IsCheckedBeforeItIsUsed) {
    const shmq_pool_shape shape{10, 64, 64, 4};
    Memory memory(4096);
    shmq_pool p{};
    EXPECT_EQ(shmq_pool_open(&p, memory.base(), 63), SHMQ_POOL_TRUNCATED);
    EXPECT_EQ(shmq_pool_open(&p, memory.base(), 4096), SHMQ_POOL_NOT_READY);
    EXPECT_EQ(shmq_pool_create(&p, memory.base(), 700, &shape), SHMQ_POOL_TRUNCATED);
    ASSERT_EQ(shmq_pool_create(&p, memory.base(), 4096, &shape), SHMQ_POOL_OK);
    ASSERT_EQ(shmq_pool_open(&p, memory.base(), p.total), SHMQ_POOL_OK);
    EXPECT_EQ(shmq_pool_open(&p, memory.base(), p.total - 1), SHMQ_POOL_TRUNCATED);
    const std::pair<std::uint32_t, shmq_pool_fault> fields[] = {
        {SHMQ_POOL_AT_MAGIC, SHMQ_POOL_NO_POOL},     {SHMQ_POOL_AT_VERSION, SHMQ_POOL_BAD_VERSION},
        {SHMQ_POOL_AT_TOTAL, SHMQ_POOL_BAD_LAYOUT},  {SHMQ_POOL_AT_BLOCKS, SHMQ_POOL_BAD_LAYOUT},
        {SHMQ_POOL_AT_STRIDE, SHMQ_POOL_BAD_LAYOUT}, {SHMQ_POOL_AT_ALIGN, SHMQ_POOL_BAD_LAYOUT},
        {SHMQ_POOL_AT_OWNERS, SHMQ_POOL_BAD_LAYOUT},
    };
    for (const auto& [offset, fault] : fields) {
        const std::uint32_t good = memory.word(offset);
        for (const std::uint32_t bad : {good + 100, 0xffffffffu, 0x80000001u}) {
            memory.set_word(offset, bad);
            EXPECT_EQ(shmq_pool_open(&p, memory.base(), 4096), fault) << offset << ' ' << bad;
        }
        memory.set_word(offset, good);
    }
}

} // namespace
