// SPDX-License-Identifier: GPL-2.0-only OR MIT
// write(2): one whole message a call, or nothing of it.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <array>
#include <thread>
#include <vector>

#include <sys/uio.h>

namespace {

using namespace test;

struct Write : DriverTest {};

// Without a handler nobody takes what is written.
struct WriteUntaken : DriverTest {
    WriteUntaken() : DriverTest("handler=none") {}
};

TEST_F(WriteUntaken, PutsOneFrameIntoTheQueue) {
    const Device d;
    const View v(d);
    Receiver r(d, v, to_kernel);
    std::string m;
    for (unsigned i = 0; i < 500; i++) {
        const std::string message = pattern(i, 4000);
        ASSERT_EQ(d.write(message), 0);
        ASSERT_EQ(r.try_receive(m), SHMQ_OK);
        ASSERT_EQ(m, message);
        ASSERT_EQ(r.try_receive(m), SHMQ_EMPTY);
    }
}

TEST_F(WriteUntaken, TheBytesOfAFrame) {
    const Device d;
    const View v(d);
    ASSERT_EQ(d.write("hello\n"), 0);
    // Prefix, version 1, size, CRC of these, data, CRC of all.
    const std::array<std::uint8_t, 23> frame = {'S', 'H', 'M', 'Q', 1,   6,   0,    0, 0, 0, 0, 0,
                                                0,   'h', 'e', 'l', 'l', 'o', '\n', 0, 0, 0, 0};
    auto expected = frame;
    shmq_put_le32(&expected[9], shmq_crc32(0, expected.data(), 9));
    shmq_put_le32(&expected[19], shmq_crc32(0, expected.data(), 19));
    EXPECT_EQ(v.position(to_kernel, SHMQ_WRITE_POSITION), frame.size());
    EXPECT_EQ(std::memcmp(v.base(to_kernel) + SHMQ_QUEUE_HEADER, expected.data(), frame.size()), 0);
}

TEST_F(WriteUntaken, MoreThanTheLimitIsTooLong) {
    const Device d;
    const View v(d);
    const std::string tooLong(65537, 'x');
    EXPECT_EQ(d.write(tooLong), EMSGSIZE);
    EXPECT_EQ(v.position(to_kernel, SHMQ_WRITE_POSITION), 0u);
    EXPECT_EQ(d.write(std::string_view(tooLong).substr(1)), 0);
}

TEST_F(WriteUntaken, AHugeLengthIsTooLong) {
    const Device d;
    EXPECT_EQ(d.raw_write("", 0x7ffff000), -EMSGSIZE);
    EXPECT_LT(d.raw_write("", SIZE_MAX / 2), 0);
}

TEST_F(WriteUntaken, AFullQueueIsEagainWhenNonBlocking) {
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    const std::string m(10'000, 'x');
    unsigned count = 0;
    while (d.write(m) == 0)
        count++;
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(count, (v.capacity(0) - 1) / (10'000 + 17));
    const std::uint32_t at = v.position(to_kernel, SHMQ_WRITE_POSITION);
    EXPECT_EQ(d.write(m), EAGAIN);
    EXPECT_EQ(v.position(to_kernel, SHMQ_WRITE_POSITION), at) << "nothing of it";
    EXPECT_EQ(d.write("small"), 0) << "there is room for that";
}

TEST_F(WriteUntaken, FillsTheQueueToTheLastByte) {
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    std::uint32_t left = v.capacity(0) - 1;
    while (left > 65536 + 17 + 17) {
        ASSERT_EQ(d.write(std::string(65536, 'x')), 0);
        left -= 65536 + 17;
    }
    EXPECT_EQ(d.write(std::string(left - 17 + 1, 'y')), EAGAIN);
    EXPECT_EQ(d.write(std::string(left - 17, 'y')), 0);
    EXPECT_EQ(d.write(""), EAGAIN);
}

TEST_F(WriteUntaken, AFaultWritesNothing) {
    const Device d;
    const View v(d);
    const auto page = static_cast<std::size_t>(getpagesize());
    const Mapping two(-1, 2 * page, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    ASSERT_EQ(mprotect(two.data() + page, page, PROT_NONE), 0);
    EXPECT_EQ(d.raw_write(nullptr, 10), -EFAULT);
    EXPECT_EQ(d.raw_write(two.data() + page - 50, 100), -EFAULT);
    EXPECT_EQ(v.position(to_kernel, SHMQ_WRITE_POSITION), 0u);
    EXPECT_EQ(d.raw_write(two.data() + page - 50, 50), 50);
}

TEST_F(WriteUntaken, WritevIsOneMessage) {
    const Device d;
    const View v(d);
    Receiver r(d, v, to_kernel);
    char a[] = "abc", b[] = "", c[] = "defgh";
    const iovec parts[] = {{a, 3}, {b, 0}, {c, 5}};
    ASSERT_EQ(writev(d.fd(), parts, 3), 8);
    std::string m;
    ASSERT_EQ(r.try_receive(m), SHMQ_OK);
    EXPECT_EQ(m, "abcdefgh");
    EXPECT_EQ(r.try_receive(m), SHMQ_EMPTY);
}

TEST_F(WriteUntaken, AFaultInTheSecondPartWritesNothing) {
    const Device d;
    const View v(d);
    char a[] = "abc";
    const iovec parts[] = {{a, 3}, {reinterpret_cast<void*>(16), 5}};
    EXPECT_TRUE(writev(d.fd(), parts, 2) < 0 && errno == EFAULT);
    EXPECT_EQ(v.position(to_kernel, SHMQ_WRITE_POSITION), 0u);
}

TEST_F(WriteUntaken, NeedsADescriptorForWriting) {
    const Device d(O_RDONLY);
    EXPECT_EQ(d.write("x"), EBADF);
}

TEST_F(WriteUntaken, AnotherFileIsBusy) {
    const Device a, b;
    ASSERT_EQ(a.write("x"), 0);
    EXPECT_EQ(b.write("y"), EBUSY);
}

TEST_F(WriteUntaken, AMessageTooLongDoesNotTakeTheEnd) {
    const Device a, b;
    ASSERT_EQ(a.write(std::string(65537, 'x')), EMSGSIZE);
    EXPECT_EQ(b.write("y"), 0);
}

TEST_F(WriteUntaken, SleepsUntilThereIsRoom) {
    const Device d;
    const View v(d);
    Receiver r(d, v, to_kernel);
    const std::string large(60'000, 'x');
    for (int i = 0; i < 2; i++)
        ASSERT_EQ(d.write(large), 0);
    Child writer([&] {
        CHILD_CHECK(d.write(large) == 0);
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(writer.pid()));
    nap(100);
    EXPECT_EQ(Task{writer.pid()}.state(), 'S') << "it did not wait";
    EXPECT_NE(v.sleeping(SHMQ_BELL_ROOM(to_kernel)), 0u) << "nobody would ring for it";
    std::string m;
    ASSERT_EQ(r.try_receive(m), SHMQ_OK);
    EXPECT_EQ(writer.wait(), 0);
}

// Another thread gives the end away, and another file takes it, meanwhile.
TEST_F(WriteUntaken, WhoSleptAsksAgainWhetherTheEndIsStillItsOwn) {
    const Device d, other;
    const View v(d);
    Receiver r(d, v, to_kernel);
    const std::string large(60'000, 'x');
    for (int i = 0; i < 2; i++)
        ASSERT_EQ(d.write(large), 0);
    Child writer([&] {
        CHILD_CHECK(d.write(large) == EBUSY);
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(writer.pid()));
    ASSERT_EQ(d.release(to_kernel, producer), 0);
    ASSERT_EQ(other.claim(to_kernel, producer), 0);
    std::string m;
    ASSERT_EQ(r.try_receive(m), SHMQ_OK);
    EXPECT_EQ(writer.wait(), 0);
    ASSERT_EQ(r.try_receive(m), SHMQ_OK);
    EXPECT_EQ(r.try_receive(m), SHMQ_EMPTY) << "it wrote over the other's end";
}

TEST_F(WriteUntaken, AStoppedQueueIsAnError) {
    const Device d;
    const View v(d);
    v.set_position(to_kernel, SHMQ_READ_POSITION, v.capacity(0));
    EXPECT_EQ(d.write("x"), EIO);
    EXPECT_EQ(v.state(to_kernel).state, unsigned{SHMQ_QUEUE_CORRUPT});
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(d.write("x"), 0);
}

TEST_F(Write, SeveralThreadsOfOneFileDoNotMix) {
    const Device d;
    constexpr unsigned writers = 4, each = 500;
    std::vector<std::thread> threads;
    for (unsigned w = 0; w < writers; w++)
        threads.emplace_back([&, w] {
            for (unsigned i = 0; i < each; i++) {
                const int error =
                    d.write(std::to_string(w) + " " + std::to_string(i) + " " + pattern(i, 2000));
                EXPECT_EQ(error, 0);
            }
        });
    unsigned next[writers] = {};
    std::string m;
    for (unsigned n = 0; n < writers * each; n++) {
        ASSERT_EQ(d.read(m), 0);
        const unsigned w = static_cast<unsigned>(m[0] - '0');
        ASSERT_LT(w, writers);
        ASSERT_EQ(m,
                  std::to_string(w) + " " + std::to_string(next[w]) + " " + pattern(next[w], 2000));
        next[w]++;
    }
    for (auto& t : threads)
        t.join();
}

TEST_F(Write, IsRefusedWithoutQueues) {
    reload("layout=raw");
    EXPECT_EQ(Device().write("x"), EINVAL);
}

TEST_F(Write, ShellsAndPipesWork) {
    ASSERT_EQ(std::system("echo from a shell > /dev/shmq0"), 0);
    const Device d;
    EXPECT_EQ(d.read(), "from a shell\n");
    ASSERT_EQ(std::system("printf '%s' more | dd of=/dev/shmq0 2>/dev/null"), 0);
    EXPECT_EQ(d.read(), "more");
}

} // namespace
