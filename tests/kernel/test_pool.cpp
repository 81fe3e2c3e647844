// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/pool.h as the kernel compiles it; shmq_test_pool.c says how.
#include "support/module.hpp"

#include <gtest/gtest.h>

namespace {

TEST(PoolInTheKernel, ThreadsAndInterruptsGetBlocksOfTheirOwn) {
    const test::Module pool("", "shmq_test_pool");
}

} // namespace
