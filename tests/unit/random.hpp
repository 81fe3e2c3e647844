// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The same numbers in each run.
#ifndef SHMQ_TESTS_RANDOM_HPP
#define SHMQ_TESTS_RANDOM_HPP

#include <cstdint>
#include <random>

class Random {
public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }

private:
    std::minstd_rand engine_;
};

#endif // SHMQ_TESTS_RANDOM_HPP
