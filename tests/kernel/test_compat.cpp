// SPDX-License-Identifier: GPL-2.0-only OR MIT
// 32-bit programs on a 64-bit kernel: the work is in compat32.c.
#include "support/module.hpp"
#include "support/process.hpp"

namespace {

using namespace test;

struct Compat : DriverTest {
    void expect_program_succeeds() {
        Child program([] {
            execlp("shmq-compat32", "shmq-compat32", nullptr);
            return errno == ENOENT ? 77 : errno == ENOEXEC ? 78 : 1;
        });
        switch (program.wait()) {
        case 0:
            break;
        case 77:
            GTEST_SKIP() << "no 32-bit compiler (g++-12-multilib) when this was built";
        case 78:
            GTEST_SKIP() << "this kernel runs no 32-bit programs";
        default:
            ADD_FAILURE() << "shmq-compat32 failed: see above";
        }
    }
};

TEST_F(Compat, A32BitProgramUsesAllOfTheInterface) {
    expect_program_succeeds();
}

TEST_F(Compat, WithPlainFramingToo) {
    reload("framing=plain");
    expect_program_succeeds();
}

} // namespace
