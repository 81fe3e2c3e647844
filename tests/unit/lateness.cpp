// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The histogram that the driver keeps of its periods, as a program reads it.
#include <shmq/lateness.hpp>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using shmq::Lateness;

// As the driver counts (kmod/period.c).
std::size_t bucket_of(std::uint64_t us) {
    if (us < 4)
        return static_cast<std::size_t>(us);
    std::size_t power = 0;
    while (us >> (power + 1))
        power++;
    const auto quarter = static_cast<std::size_t>((us >> (power - 2)) & 3);
    return std::min<std::size_t>(4 * (power - 1) + quarter, SHMQ_LATENESS_BUCKETS - 1);
}

TEST(Lateness, EachTimeIsBetweenTheLimitsOfItsBucket) {
    for (std::uint64_t us = 0; us < 5'000'000; us += 1 + us / 1000) {
        const std::size_t b = bucket_of(us);
        ASSERT_LE(Lateness::lower(b).count(), us);
        if (b + 1 < SHMQ_LATENESS_BUCKETS) {
            ASSERT_GT(Lateness::lower(b + 1).count(), us);
        }
    }
}

TEST(Lateness, NoBucketIsWiderThanAQuarter) {
    for (std::size_t b = 4; b + 1 < SHMQ_LATENESS_BUCKETS; b++)
        EXPECT_LE(4 * (Lateness::lower(b + 1) - Lateness::lower(b)), Lateness::lower(b)) << b;
}

TEST(Lateness, WithinWhatTimeSoManyBegan) {
    Lateness l;
    EXPECT_EQ(l.within(0.5), 0us) << "no period at all";
    l.counts.resize(SHMQ_LATENESS_BUCKETS);
    l.counts[bucket_of(1)] = 90;
    l.counts[bucket_of(10)] = 9;
    l.counts[bucket_of(1000)] = 1;
    l.max = 1'000'300ns;
    EXPECT_EQ(l.total(), 100u);
    EXPECT_EQ(l.within(0), 2us);
    EXPECT_EQ(l.within(0.9), 2us);
    EXPECT_EQ(l.within(0.91), 12us);
    EXPECT_EQ(l.within(0.99), 12us);
    EXPECT_EQ(l.within(1), 1001us) << "not later than the latest";
}

TEST(Lateness, TheLastBucketEndsWithTheLatest) {
    Lateness l;
    l.counts.resize(SHMQ_LATENESS_BUCKETS);
    l.counts.back() = 1;
    l.max = 7s;
    EXPECT_EQ(l.within(0.5), 7s);
}

} // namespace
