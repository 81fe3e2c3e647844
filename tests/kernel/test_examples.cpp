// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The two example modules, and handlers that come and go under traffic.
#include "support/api.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <thread>

namespace {

using namespace test;

struct Examples : DriverTest {};

std::string capitals(std::string m) {
    std::transform(m.begin(), m.end(), m.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return m;
}

std::string text(unsigned n) {
    return "message " + std::to_string(n) + " " + std::string(n * 37 % 900, 'z');
}

TEST_F(Examples, UpperAnswersInCapitalsUntilItIsUnloaded) {
    const Device d;
    ASSERT_EQ(d.write("echo"), 0);
    EXPECT_EQ(d.read(), "echo");
    std::optional<Module> upper(std::in_place, "", "shmq_upper");
    EXPECT_STREQ(d.info().handler, "upper");
    for (const char* m : {"hello, World 1!", "", "x"}) {
        ASSERT_EQ(d.write(m), 0);
        EXPECT_EQ(d.read(), capitals(m));
    }
    EXPECT_EQ(unload_module(), EWOULDBLOCK) << "a module uses it";
    upper.reset();
    EXPECT_STREQ(d.info().handler, "echo");
    ASSERT_EQ(d.write("echo"), 0);
    EXPECT_EQ(d.read(), "echo");
}

TEST_F(Examples, UpperTakesTheDeviceThatItIsToldOf) {
    reload("devices=2 handler=none");
    const Device a, b(O_RDWR, 1);
    {
        const Module upper("device=1", "shmq_upper");
        EXPECT_STREQ(a.info().handler, "none");
        EXPECT_STREQ(b.info().handler, "upper");
        ASSERT_EQ(b.write("b"), 0);
        EXPECT_EQ(b.read(), "B");
    }
    EXPECT_STREQ(b.info().handler, "none");
    EXPECT_EQ(b.info().areas[0].kernel_ends | b.info().areas[1].kernel_ends, 0u);
    EXPECT_EQ(b.claim(to_kernel, consumer), 0);
    EXPECT_EQ(load_module("device=2", "shmq_upper"), ENODEV);
    EXPECT_EQ(load_module("device=1", "shmq_upper"), EBUSY) << "a program has an end";
    EXPECT_FALSE(module_loaded("shmq_upper"));
}

TEST_F(Examples, HeartbeatSaysHelloBeatsAndSaysGoodbye) {
    reload("handler=none");
    Device d(O_RDWR | O_NONBLOCK);
    {
        const Module heartbeat("", "shmq_heartbeat");
        EXPECT_EQ(d.read(), "heartbeat loaded\n");
        for (int i = 0; i < 2; i++) {
            ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
            EXPECT_EQ(d.read().rfind("heartbeat at jiffy ", 0), 0u);
        }
        EXPECT_EQ(d.claim(from_kernel, producer), EBUSY);
        EXPECT_EQ(d.info().areas[1].kernel_ends, 1u << producer);
    }
    std::string last, m;
    while (d.read(m) == 0)
        last = m;
    EXPECT_EQ(last, "heartbeat gone\n");
    EXPECT_EQ(d.claim(from_kernel, producer), 0) << "it was given back";
    EXPECT_EQ(load_module("", "shmq_heartbeat"), EBUSY);
    EXPECT_EQ(load_module("device=1", "shmq_heartbeat"), ENODEV);
    d.close();
    reload("layout=raw");
    EXPECT_EQ(load_module("", "shmq_heartbeat"), EOPNOTSUPP);
}

// ---- under traffic ----

// Nobody reads, so that the handler holds a message that it could not answer.
TEST_F(Examples, AHandlerThatGoesWithAMessageInHandLeavesItToTheNext) {
    std::optional<Module> other(std::in_place, "", "shmq_upper");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    unsigned sent = 0;
    do {
        while (d.write(text(sent)) == 0)
            sent++;
        nap(50);
    } while (d.write(text(sent)) == 0 && ++sent);
    other.reset();
    EXPECT_STREQ(d.info().handler, "echo");
    std::string m;
    unsigned received = 0;
    while (d.poll(POLLIN, 1000) && d.read(m) == 0) {
        ASSERT_TRUE(m == text(received) || m == capitals(text(received)))
            << "message " << received << " is missing: " << m.substr(0, 20);
        received++;
    }
    EXPECT_EQ(received, sent);
    EXPECT_EQ(v.state(to_kernel).refused, 0u);
}

TEST_F(Examples, HandlersComeAndGoWhileMessagesFlow) {
    const unsigned changes = 30 * long_factor();
    const Device d;
    std::atomic<bool> done{false};
    std::atomic<unsigned> sent{0};
    std::thread writer([&] {
        while (!done) {
            ASSERT_EQ(d.write(text(sent)), 0);
            sent++;
        }
        ASSERT_EQ(d.write("end"), 0);
    });
    std::thread reader([&] {
        std::string m;
        unsigned lower = 0, upper = 0;
        for (unsigned received = 0;; received++) {
            ASSERT_EQ(d.read(m), 0);
            if (capitals(m) == "END") {
                EXPECT_EQ(received, sent);
                break;
            }
            if (m == text(received))
                lower++;
            else if (m == capitals(text(received)))
                upper++;
            else if (!HasFailure()) // the writer still waits for a reader
                ADD_FAILURE() << "message " << received << " is missing: " << m.substr(0, 20);
        }
        EXPECT_GT(lower, 0u);
        EXPECT_GT(upper, 0u);
    });
    for (unsigned i = 0; i < changes; i++) {
        const Module upper("", "shmq_upper");
        nap(static_cast<int>(i % 20));
    }
    done = true;
    writer.join();
    reader.join();
}

TEST_F(Examples, TwoProgramsTalkOverADeviceAsOverASocket) {
    reload("handler=none");
    const auto shell = [](const char* script) { return std::system(script); };
    EXPECT_EQ(shell("echo_server --once dev:/dev/shmq0 & "
                    "[ \"$(seq 2000 | echo_client dev:/dev/shmq0 | sha256sum)\" = "
                    "\"$(seq 2000 | sha256sum)\" ] && wait $!"),
              0);
    EXPECT_EQ(shell("head -c 1000001 /dev/urandom >/tmp/in && "
                    "{ copy_file receive dev:/dev/shmq0 /tmp/out & } && "
                    "copy_file send dev:/dev/shmq0 /tmp/in && wait $! && cmp /tmp/in /tmp/out"),
              0);
}

TEST_F(Examples, TheModuleGoesAtOnceWhileItsThreadIsBusy) {
    for (int i = 0; i < 10; i++) {
        {
            const Device d(O_RDWR | O_NONBLOCK);
            while (d.write(text(static_cast<unsigned>(i))) == 0) {
            }
        }
        ASSERT_EQ(unload_module(), 0);
        ASSERT_EQ(load_module(""), 0);
    }
}

} // namespace
