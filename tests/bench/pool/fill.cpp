// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "measure.hpp"

#include <shmq/core/pool.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <utility>

namespace bench {

namespace {

// A pool of which random blocks are used. Blocks are small: their words are what
// is looked at.
class Filled {
public:
    Filled(std::uint32_t blocks, double used) : random_(blocks) {
        if (!shmq_pool_place(&pool_, nullptr, 0, blocks, 4, 4, 1))
            throw std::logic_error("no such pool");
        memory_.reset(
            static_cast<std::uint8_t*>(std::aligned_alloc(64, (pool_.total + 63) & ~63u)));
        if (!memory_)
            throw std::bad_alloc();
        pool_.base = memory_.get();
        shmq_pool_clear(&pool_);
        shmq_pool_handle h{};
        while (shmq_pool_alloc(&pool_, 0, &hints_, &h) == SHMQ_OK)
            held_.push_back(h);
        std::shuffle(held_.begin(), held_.end(), random_);
        const auto keep = static_cast<std::size_t>(used * blocks);
        for (; held_.size() > keep && held_.size() > 1; held_.pop_back())
            (void)shmq_pool_free(&pool_, 0, &others_, held_.back());
    }

    /// A thread frees what it has and allocates anew: ns for both.
    double own(std::uint32_t n) {
        const std::vector<std::size_t> picks = pick(n);
        return 1e9 / n * seconds([&] {
                   for (const std::size_t i : picks) {
                       (void)shmq_pool_free(&pool_, 0, &hints_, held_[i]);
                       (void)shmq_pool_alloc(&pool_, 0, &hints_, &held_[i]);
                   }
               });
    }

    /// Others free, so that the thread that allocates knows of no free block: ns for
    /// allocating alone.
    double searching(std::uint32_t n) {
        double took = 0;
        for (const std::size_t i : pick(n)) {
            (void)shmq_pool_free(&pool_, 0, &others_, held_[i]);
            hints_.count = 0;
            took += seconds([&] { (void)shmq_pool_alloc(&pool_, 0, &hints_, &held_[i]); });
        }
        return 1e9 / n * took - clock_;
    }

    /// None is free: ns for the answer.
    double full() {
        shmq_pool_handle h{};
        while (shmq_pool_alloc(&pool_, 0, &hints_, &h) == SHMQ_OK)
            held_.push_back(h);
        return 1e9 * seconds([&] { (void)shmq_pool_alloc(&pool_, 0, &hints_, &h); });
    }

private:
    std::vector<std::size_t> pick(std::uint32_t n) {
        std::vector<std::size_t> picks(n);
        std::uniform_int_distribution<std::size_t> any(0, held_.size() - 1);
        for (std::size_t& i : picks)
            i = any(random_);
        return picks;
    }

    static double time_of_clock() {
        double took = 0;
        for (int i = 0; i < 10000; ++i)
            took += seconds([] {});
        return took * 1e9 / 10000;
    }

    struct Free {
        void operator()(std::uint8_t* p) const { std::free(p); }
    };
    std::mt19937 random_;
    std::unique_ptr<std::uint8_t, Free> memory_;
    shmq_pool pool_{};
    shmq_pool_hints hints_{};
    shmq_pool_hints others_{};
    std::vector<shmq_pool_handle> held_;
    double clock_ = time_of_clock();
};

} // namespace

void measure_fill(const PoolOptions& options) {
    std::printf(
        "the pool as it fills, ns: medians of %u rounds\n\n"
        "| blocks | used | free + alloc | alloc after others freed | answer of a full one |\n"
        "|---|---|---|---|---|\n",
        options.rounds);
    for (const std::uint32_t blocks : {100u, 1000u, 10000u, 100000u, 1000000u})
        for (const double used : {0.1, 0.9, 0.99, 0.9999}) {
            if (used * blocks > blocks - 1)
                continue;
            Samples own;
            Samples searching;
            Samples full;
            for (unsigned round = 0; round < options.rounds; ++round) {
                Filled pool(blocks, used);
                own.add(pool.own(20000));
                searching.add(pool.searching(20000));
                full.add(pool.full());
            }
            std::printf("| %u | %g %% | %.1f | %.0f | %.0f |\n", blocks, used * 100, own.median(),
                        searching.median(), full.median());
        }
    std::printf("\n");
}

} // namespace bench
