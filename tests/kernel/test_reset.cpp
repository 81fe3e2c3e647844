// SPDX-License-Identifier: GPL-2.0-only OR MIT
// SHMQ_IOC_RESET: starting over.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <atomic>
#include <thread>

namespace {

using namespace test;

struct Reset : DriverTest {
    Reset() : DriverTest("handler=none") {}
};
struct ResetBesideEcho : DriverTest {};

TEST_F(Reset, RaisesTheEpochEverywhere) {
    const Device a;
    const View v(a);
    for (std::uint32_t expected = 1; expected < 4; expected++) {
        std::uint32_t epoch = 0;
        ASSERT_EQ(a.reset(&epoch), 0);
        EXPECT_EQ(epoch, expected);
        EXPECT_EQ(v.state().epoch, expected);
        EXPECT_EQ(a.info().epoch, expected);
    }
}

TEST_F(Reset, EmptiesBothQueues) {
    const Device a;
    const View v(a);
    Sender there(a, v, 0), back(a, v, 1);
    ASSERT_EQ(there.place("lost"), SHMQ_OK);
    ASSERT_EQ(back.place("lost too"), SHMQ_OK);
    ASSERT_EQ(a.reset(), 0);
    for (unsigned q : {0u, 1u}) {
        EXPECT_EQ(v.position(q, SHMQ_WRITE_POSITION), 0u);
        EXPECT_EQ(v.position(q, SHMQ_READ_POSITION), 0u);
    }
}

TEST_F(Reset, IsRefusedWhileAnotherFileHasAnEnd) {
    const Device a, b;
    const View v(a);
    for (unsigned q : {0u, 1u}) {
        for (std::uint32_t end : {producer, consumer}) {
            ASSERT_EQ(b.claim(q, end), 0);
            EXPECT_EQ(a.reset(), EBUSY);
            EXPECT_EQ(v.state().epoch, 0u);
            ASSERT_EQ(b.release(q, end), 0);
        }
    }
    EXPECT_EQ(a.reset(), 0);
}

TEST_F(ResetBesideEcho, AReaderIsAHolderToo) {
    const Device a, b(O_RDWR | O_NONBLOCK);
    std::string m;
    ASSERT_EQ(b.read(m), EAGAIN);
    EXPECT_EQ(a.reset(), EBUSY);
    EXPECT_EQ(b.reset(), 0);
}

TEST_F(Reset, OnesOwnClaimsDoNotHinderAndStay) {
    const Device a, b;
    ASSERT_EQ(a.claim(0, producer), 0);
    ASSERT_EQ(a.claim(1, consumer), 0);
    EXPECT_EQ(a.reset(), 0);
    EXPECT_EQ(b.claim(0, producer), EBUSY);
}

TEST_F(Reset, NeedsADescriptorForWriting) {
    const Device reading(O_RDONLY), writing(O_WRONLY);
    EXPECT_EQ(reading.reset(), EBADF);
    EXPECT_EQ(writing.reset(), 0);
    EXPECT_EQ(reading.info().epoch, 1u);
}

TEST_F(Reset, RefusesBadArguments) {
    const Device a;
    auto no = [&](auto change) {
        shmq_reset r{};
        r.size = sizeof(r);
        change(r);
        return a.ioctl(SHMQ_IOC_RESET, &r);
    };
    EXPECT_EQ(no([](auto& r) { r.size = 0; }), EINVAL);
    EXPECT_EQ(no([](auto& r) { r.size = 8; }), EINVAL);
    EXPECT_EQ(no([](auto& r) { r.flags = 1; }), EINVAL);
    EXPECT_EQ(no([](auto& r) { r.reserved = 1; }), EINVAL);
    EXPECT_EQ(a.ioctl(SHMQ_IOC_RESET, nullptr), EFAULT);
    EXPECT_EQ(a.info().epoch, 0u);
}

TEST_F(Reset, WorksWithoutQueues) {
    reload("layout=raw");
    const Device a;
    std::uint32_t epoch = 0;
    EXPECT_EQ(a.reset(&epoch), 0);
    EXPECT_EQ(epoch, 1u);
}

// Makes the kernel meet a position that cannot be.
void break_queue(const Device& a, const View& v) {
    v.set_position(to_kernel, SHMQ_WRITE_POSITION, v.capacity(to_kernel));
    ASSERT_EQ(a.kick(), 0);
    ASSERT_TRUE(eventually([&] { return v.state(to_kernel).state != SHMQ_QUEUE_RUNNING; }));
    EXPECT_EQ(v.state(to_kernel).state, unsigned{SHMQ_QUEUE_CORRUPT});
}

TEST_F(ResetBesideEcho, RestartsAStoppedQueue) {
    const Device a(O_RDWR | O_NONBLOCK);
    const View v(a);
    break_queue(a, v);
    EXPECT_EQ(a.write("x"), EIO);
    EXPECT_TRUE(a.poll(POLLIN | POLLOUT, 0) & POLLERR);

    ASSERT_EQ(a.reset(), 0);
    EXPECT_EQ(v.state(to_kernel).state, unsigned{SHMQ_QUEUE_RUNNING});
    EXPECT_FALSE(a.poll(POLLIN | POLLOUT, 0) & POLLERR);
    EXPECT_EQ(a.write("again"), 0);
    ASSERT_TRUE(a.poll(POLLIN) & POLLIN);
    EXPECT_EQ(a.read(), "again");
}

TEST_F(ResetBesideEcho, TheOtherQueueOfAStoppedDeviceRunsOn) {
    const Device a(O_RDWR | O_NONBLOCK);
    const View v(a);
    break_queue(a, v);
    std::string m;
    EXPECT_EQ(v.state(from_kernel).state, unsigned{SHMQ_QUEUE_RUNNING});
    EXPECT_EQ(a.read(m), EAGAIN);
}

TEST_F(ResetBesideEcho, ManyTimesInTheMiddleOfTraffic) {
    const Device a(O_RDWR | O_NONBLOCK);
    std::string m;
    for (unsigned i = 0; i < 300; i++) {
        for (unsigned k = 0; k < i % 7; k++)
            ASSERT_EQ(a.write(pattern(k, 2000)), 0);
        ASSERT_EQ(a.reset(), 0);
        ASSERT_EQ(a.write("round " + std::to_string(i)), 0);
        ASSERT_TRUE(a.poll(POLLIN) & POLLIN);
        ASSERT_EQ(a.read(m), 0);
        ASSERT_EQ(m, "round " + std::to_string(i));
    }
    EXPECT_EQ(a.info().epoch, 300u);
}

// Who saw the broken queue just before must not stop the new one just after.
TEST_F(Reset, WinsOverAStopUnderWay) {
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    std::atomic<unsigned> reads{0};
    std::atomic<bool> done{false};
    std::thread reader([&] {
        std::string m;
        while (!done) {
            d.read(m, 100);
            reads++;
        }
    });
    unsigned late = 0;
    for (unsigned round = 0; round < 800 * long_factor(); round++) {
        v.set_position(from_kernel, SHMQ_WRITE_POSITION, v.capacity(from_kernel));
        for (unsigned i = round % 97; i > 0; i--)
            shmq_compiler_barrier();
        EXPECT_EQ(d.reset(), 0);
        // One whole read(2) later all that was under way has ended.
        const unsigned before = reads;
        while (reads < before + 2)
            std::this_thread::yield();
        late += v.state(from_kernel).state != SHMQ_QUEUE_RUNNING;
    }
    done = true;
    reader.join();
    EXPECT_EQ(late, 0u) << "rounds in which the new queue was stopped";
}

// What the memory says at the moment of a reset is not believed.
TEST_F(ResetBesideEcho, IsNotFooledByAProgramThatStoresMeanwhile) {
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    std::atomic<bool> done{false};
    std::thread vandal([&] {
        while (!done)
            for (unsigned q : {to_kernel, from_kernel})
                for (std::uint32_t word : {SHMQ_WRITE_POSITION, SHMQ_READ_POSITION})
                    v.set_position(q, word, 0x40000000);
    });
    for (unsigned i = 0; i < 1000 * long_factor(); i++) {
        ASSERT_EQ(d.reset(), 0);
        d.kick();
        d.write("is refused, or not");
    }
    done = true;
    vandal.join();
    ASSERT_EQ(d.reset(), 0);
    ASSERT_EQ(d.write("after"), 0);
    ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
    EXPECT_EQ(d.read(), "after");
}

TEST_F(ResetBesideEcho, ManyStopsDoNotFloodTheLog) {
    KernelLog log;
    const Device a(O_RDWR | O_NONBLOCK);
    const View v(a);
    for (int i = 0; i < 200; i++) {
        break_queue(a, v);
        ASSERT_EQ(a.reset(), 0);
    }
    const std::string& text = log.text();
    unsigned lines = 0;
    for (std::size_t at = 0; (at = text.find("queue 0 stopped", at)) != std::string::npos; at++)
        lines++;
    EXPECT_GE(lines, 1u);
    EXPECT_LT(lines, 100u);
}

TEST_F(ResetBesideEcho, AWriterThatSleepsGoesOn) {
    const Device a;
    const std::string large(60'000, 'x');
    // Fill both directions: nobody reads the echoes.
    Child writer([&] {
        for (int i = 0; i < 20; i++)
            CHILD_CHECK(a.write(large) == 0);
        return 0;
    });
    // Each reset makes room for a few.
    const bool ended = eventually([&] {
        nap(20);
        return a.reset() || waitid(P_PID, writer.pid(), nullptr, WEXITED | WNOHANG | WNOWAIT) ||
               Task{writer.pid()}.state() == 'Z';
    });
    EXPECT_TRUE(ended);
    EXPECT_EQ(writer.wait(), 0);
}

} // namespace
