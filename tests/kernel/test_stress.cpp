// SPDX-License-Identifier: GPL-2.0-only OR MIT
// All at once: programs that open, claim, map, read, write, reset and die, kernel
// senders, handlers that change. Nothing is expected of them but that the kernel
// stays in order and the device works afterwards; the kernels with KASAN and
// lockdep see the rest.
#include "support/api.hpp"
#include "support/epoll.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <vector>

#include <csignal>
#include <fstream>
#include <sys/prctl.h>

namespace {

using namespace test;

struct Stress : DriverTest {
    Stress() : DriverTest("devices=2 size=32K tick_ms=3") {}
};

// One thing that a program may do.
void any_call(Device& d, Dice& dice) {
    static char buffer[9000];
    const unsigned queue = dice(2);
    const std::uint32_t end = dice(2);
    switch (dice(11)) {
    case 0:
        d.claim(queue, end, end == producer ? dice(9000) : 0);
        break;
    case 1:
        d.release(queue, end);
        break;
    case 2:
        d.reset();
        break;
    case 3:
        d.kick(dice(16));
        break;
    case 4:
        d.raw_write(buffer, dice(9000));
        break;
    case 5:
        d.raw_read(buffer, dice(9000));
        break;
    case 6:
        d.poll(POLLIN | POLLOUT, 0);
        break;
    case 7:
        d.info();
        break;
    case 8: {
        const Mapping m = d.map(d.info().region_length);
        if (dice(2) && m.data())
            munmap(m.data() + 4096, 4096);
        break;
    }
    case 9:
        d = Device(O_RDWR | O_NONBLOCK, dice(2));
        break;
    case 10: {
        const Epoll e(d.fd(), EPOLLIN | EPOLLOUT | EPOLLET);
        e.wait(0);
        break;
    }
    }
}

int program(unsigned seed) {
    Dice dice(seed);
    Device d(O_RDWR | O_NONBLOCK, dice(2));
    for (;;) {
        any_call(d, dice);
        if (!dice(200)) {
            const pid_t pid = fork();
            if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() == 1)
                    _exit(0);
                for (unsigned i = dice(30); i > 0; i--)
                    any_call(d, dice);
                _exit(0);
            }
            if (pid > 0)
                waitpid(pid, nullptr, 0);
        }
    }
}

// Open files of the driver's devices, and modules that use it.
int users() {
    int n = -1;
    std::ifstream("/sys/module/shmq/refcnt") >> n;
    return n;
}

TEST_F(Stress, ProgramsSendersAndHandlersAtOnce) {
    const Module api("", "shmq_test_api");
    const int before = users();
    Dice dice(99);
    for (unsigned round = 0; round < 10 * long_factor(); round++) {
        std::vector<Child> programs;
        for (unsigned i = 0; i < 4; i++)
            programs.emplace_back([seed = dice(1u << 30)] { return program(seed); });
        for (unsigned i = 0; i < 60; i++) {
            static const char* const lines[] = {
                "set 0 test", "set 0 echo",   "set 1 count", "set 1 none", "set 0 none",
                "get 0",      "put",          "get 1",       "try 500 x",  "try 5000 y",
                "set 1 echo", "behave twice", "behave echo", "try 0 z"};
            call(lines[dice(std::size(lines))]);
            usleep(dice(3000));
        }
    }
    // In order again.
    ASSERT_EQ(call("put"), 0);
    ASSERT_EQ(call("behave echo"), 0);
    // The child of a program that was killed uses its file until it is dead too.
    ASSERT_TRUE(eventually([&] { return users() == before; })) << users() << " of " << before;
    for (unsigned n : {0u, 1u}) {
        const Device d(O_RDWR, n);
        ASSERT_EQ(d.reset(), 0);
        ASSERT_EQ(call("set " + std::to_string(n) + " echo"), 0);
        ASSERT_EQ(d.write("in order"), 0);
        std::string m;
        do
            ASSERT_EQ(d.read(m), 0);
        while (m.rfind("tick ", 0) == 0);
        EXPECT_EQ(m, "in order");
    }
}

} // namespace
