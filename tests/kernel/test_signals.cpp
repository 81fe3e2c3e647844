// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Signals while read(2) and write(2) sleep: they end or go on, and lose nothing.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <atomic>
#include <csignal>
#include <thread>

#include <pthread.h>

namespace {

using namespace test;

struct Signals : DriverTest {};

std::atomic<int> caught;

void catch_usr1(int flags) {
    struct sigaction action = {};
    action.sa_handler = [](int) { caught++; };
    action.sa_flags = flags;
    sigaction(SIGUSR1, &action, nullptr);
    caught = 0;
}

TEST_F(Signals, EndAReadThatSleeps) {
    const Device d;
    Child reader([&] {
        catch_usr1(0);
        std::string m;
        CHILD_CHECK(d.read(m) == EINTR && caught == 1);
        CHILD_CHECK(d.read(m) == 0 && m == "later");
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(reader.pid()));
    nap(50);
    reader.signal(SIGUSR1);
    nap(50);
    ASSERT_TRUE(comes_to_sleep(reader.pid()));
    ASSERT_EQ(d.write("later"), 0);
    EXPECT_EQ(reader.wait(), 0);
}

TEST_F(Signals, RestartAReadIfAskedTo) {
    const Device d;
    Gate once;
    Child reader([&] {
        catch_usr1(SA_RESTART);
        once.open();
        std::string m;
        CHILD_CHECK(d.read(m) == 0 && m == "later" && caught == 1);
        return 0;
    });
    once.pass();
    nap(50);
    ASSERT_TRUE(comes_to_sleep(reader.pid()));
    reader.signal(SIGUSR1);
    nap(50);
    ASSERT_EQ(d.write("later"), 0);
    EXPECT_EQ(reader.wait(), 0);
}

void fill(const Device& d) {
    fcntl(d.fd(), F_SETFL, O_NONBLOCK);
    while (d.write(std::string(20'000, 'x')) == 0) {
    }
    fcntl(d.fd(), F_SETFL, 0);
}

TEST_F(Signals, EndAWriteThatSleepsAndNothingOfItWasWritten) {
    reload("handler=none");
    const Device d;
    const View v(d);
    fill(d);
    const std::uint32_t at = v.position(to_kernel, SHMQ_WRITE_POSITION);
    Gate once;
    Child writer([&] {
        catch_usr1(0);
        once.open();
        CHILD_CHECK(d.write(std::string(20'000, 'y')) == EINTR && caught == 1);
        return 0;
    });
    once.pass();
    nap(50);
    ASSERT_TRUE(comes_to_sleep(writer.pid()));
    writer.signal(SIGUSR1);
    EXPECT_EQ(writer.wait(), 0);
    EXPECT_EQ(v.position(to_kernel, SHMQ_WRITE_POSITION), at);
}

TEST_F(Signals, RestartAWriteIfAskedTo) {
    reload("handler=none");
    const Device d;
    const View v(d);
    Receiver r(d, v, to_kernel);
    fill(d);
    Gate once;
    Child writer([&] {
        catch_usr1(SA_RESTART);
        once.open();
        CHILD_CHECK(d.write(std::string(20'000, 'y')) == 0 && caught == 1);
        return 0;
    });
    once.pass();
    nap(50);
    ASSERT_TRUE(comes_to_sleep(writer.pid()));
    writer.signal(SIGUSR1);
    nap(50);
    std::string m, last;
    ASSERT_EQ(r.try_receive(m), SHMQ_OK);
    EXPECT_EQ(writer.wait(), 0);
    while (r.try_receive(m) == SHMQ_OK)
        last = m;
    EXPECT_EQ(last, std::string(20'000, 'y'));
}

TEST_F(Signals, KillASleeper) {
    for (int number : {SIGKILL, SIGTERM}) {
        const Device d;
        Child reader([&] {
            std::string m;
            d.read(m);
            return 0;
        });
        ASSERT_TRUE(comes_to_sleep(reader.pid()));
        reader.signal(number);
        EXPECT_EQ(reader.wait(), 128 + number);
        ASSERT_EQ(d.write("x"), 0);
        EXPECT_EQ(d.read(), "x");
    }
}

// A hail of signals on a reader and a writer: each message arrives once.
TEST_F(Signals, AHailOfThemLosesNothing) {
    for (int flags : {0, SA_RESTART}) {
        catch_usr1(flags);
        const Device d;
        std::atomic<bool> done{false};
        constexpr unsigned count = 3000;
        std::thread writer([&] {
            for (unsigned i = 0; i < count; i++) {
                int error;
                do
                    error = d.write(std::to_string(i) + pattern(i, 5000));
                while (error == EINTR);
                EXPECT_EQ(error, 0);
            }
        });
        unsigned interrupted = 0;
        std::thread reader([&] {
            std::string m;
            for (unsigned i = 0; i < count; i++) {
                int error;
                while ((error = d.read(m)) == EINTR)
                    interrupted++;
                ASSERT_EQ(error, 0);
                ASSERT_EQ(m, std::to_string(i) + pattern(i, 5000));
            }
            done = true;
        });
        while (!done) {
            pthread_kill(reader.native_handle(), SIGUSR1);
            if (caught % 7 == 0)
                pthread_kill(writer.native_handle(), SIGUSR1);
            usleep(200);
        }
        reader.join();
        writer.join();
        EXPECT_GT(caught, 0);
    }
    std::signal(SIGUSR1, SIG_DFL);
}

} // namespace
