// SPDX-License-Identifier: GPL-2.0-only OR MIT
// read(2): one whole message a call, or an error that loses nothing.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <array>
#include <set>
#include <thread>
#include <vector>

#include <sys/uio.h>

namespace {

using namespace test;

struct Read : DriverTest {};

// Sends messages to and fro, so that they lie there to be read.
void echo(const Device& d, std::initializer_list<std::string_view> messages) {
    const View v(d);
    const std::uint64_t before = v.state(from_kernel).messages;
    for (const auto m : messages)
        ASSERT_EQ(d.write(m), 0);
    ASSERT_TRUE(
        eventually([&] { return v.state(from_kernel).messages == before + messages.size(); }));
}

TEST_F(Read, WholeMessagesInOrder) {
    const Device d;
    echo(d, {"one", "two, longer", "3"});
    EXPECT_EQ(d.read(), "one");
    EXPECT_EQ(d.read(), "two, longer");
    EXPECT_EQ(d.read(), "3");
}

TEST_F(Read, AnEmptyMessageIsOne) {
    const Device d(O_RDWR | O_NONBLOCK);
    echo(d, {"", "after", ""});
    char c;
    EXPECT_EQ(read(d.fd(), &c, 0), 0) << "no room needed";
    EXPECT_EQ(d.read(), "after");
    EXPECT_EQ(d.read(), "");
    std::string m;
    EXPECT_EQ(d.read(m), EAGAIN);
}

TEST_F(Read, TheLargestMessage) {
    const Device d;
    const std::string most = pattern(15, 1) + std::string(65535, 'x');
    const std::string largest = most.substr(0, 65536) + std::string(65536 - most.size(), 'y');
    for (int i = 0; i < 5; i++) { // also where it wraps
        echo(d, {largest});
        std::string m;
        ASSERT_EQ(d.read(m, 65536), 0);
        ASSERT_TRUE(m == largest);
    }
}

TEST_F(Read, ABufferLargerThanAnyMessage) {
    const Device d;
    echo(d, {"small"});
    std::string m;
    ASSERT_EQ(d.read(m, 16u << 20), 0);
    EXPECT_EQ(m, "small");
}

TEST_F(Read, AMessageTooLongForTheBufferStays) {
    const Device d(O_RDWR | O_NONBLOCK);
    echo(d, {"12345", "next"});
    std::string m;
    EXPECT_EQ(d.read(m, 4), EMSGSIZE);
    EXPECT_EQ(d.read(m, 0), EMSGSIZE);
    ASSERT_EQ(d.read(m, 5), 0);
    EXPECT_EQ(m, "12345");
    EXPECT_EQ(d.read(), "next");
}

TEST_F(Read, EmptyIsEagainWhenNonBlocking) {
    const Device d(O_RDWR | O_NONBLOCK);
    std::string m;
    EXPECT_EQ(d.read(m), EAGAIN);
    EXPECT_EQ(d.read(m), EAGAIN);
}

TEST_F(Read, AFaultLosesNothing) {
    const Device d;
    const auto page = static_cast<std::size_t>(getpagesize());
    const Mapping two(-1, 2 * page, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    ASSERT_EQ(mprotect(two.data() + page, page, PROT_NONE), 0);
    const std::string message = std::string(100, 'm');
    echo(d, {message, "next"});
    EXPECT_EQ(d.raw_read(nullptr, 1000), -EFAULT);
    EXPECT_EQ(d.raw_read(reinterpret_cast<void*>(16), 1000), -EFAULT);
    EXPECT_EQ(d.raw_read(two.data() + page - 50, 1000), -EFAULT);
    EXPECT_EQ(d.read(), message);
    EXPECT_EQ(d.read(), "next");
}

TEST_F(Read, ABufferThatEndsWhereTheMessageDoes) {
    const Device d;
    const auto page = static_cast<std::size_t>(getpagesize());
    const Mapping two(-1, 2 * page, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    ASSERT_EQ(mprotect(two.data() + page, page, PROT_NONE), 0);
    echo(d, {"exact"});
    ASSERT_EQ(d.raw_read(two.data() + page - 5, 5), 5);
    EXPECT_EQ(std::memcmp(two.data() + page - 5, "exact", 5), 0);
}

TEST_F(Read, ReadvFillsItsParts) {
    const Device d;
    echo(d, {"abcdefghij", "too long for both"});
    std::array<char, 3> first{};
    std::array<char, 10> second{};
    const iovec parts[] = {{first.data(), first.size()}, {second.data(), second.size()}};
    ASSERT_EQ(readv(d.fd(), parts, 2), 10);
    EXPECT_EQ(std::string(first.data(), 3), "abc");
    EXPECT_EQ(std::string(second.data(), 7), "defghij");
    EXPECT_TRUE(readv(d.fd(), parts, 2) < 0 && errno == EMSGSIZE);
    EXPECT_EQ(d.read(), "too long for both");
}

TEST_F(Read, HasNoPosition) {
    const Device d;
    echo(d, {"x"});
    char c;
    EXPECT_TRUE(pread(d.fd(), &c, 1, 0) < 0 && errno == ESPIPE);
    EXPECT_TRUE(lseek(d.fd(), 0, SEEK_CUR) < 0 && errno == ESPIPE);
    EXPECT_EQ(d.read(), "x");
}

TEST_F(Read, NeedsADescriptorForReading) {
    const Device d(O_WRONLY);
    char c;
    EXPECT_TRUE(read(d.fd(), &c, 1) < 0 && errno == EBADF);
}

TEST_F(Read, IsRefusedWithoutQueues) {
    reload("layout=raw");
    std::string m;
    EXPECT_EQ(Device().read(m), EINVAL);
}

// ---- blocking ----

TEST_F(Read, SleepsUntilAMessageComes) {
    const Device d;
    Child reader([&] {
        std::string m;
        CHILD_CHECK(d.read(m) == 0 && m == "at last");
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(reader.pid()));
    ASSERT_EQ(d.write("at last"), 0);
    EXPECT_EQ(reader.wait(), 0);
}

TEST_F(Read, SleepsAgainAndAgain) {
    const Device d;
    std::string m;
    for (unsigned i = 0; i < 2000; i++) {
        const std::string message = pattern(i, 300);
        ASSERT_EQ(d.write(message), 0);
        ASSERT_EQ(d.read(m), 0);
        ASSERT_EQ(m, message) << i;
    }
}

TEST_F(Read, AnotherFileIsBusy) {
    const Device a(O_RDWR | O_NONBLOCK), b(O_RDWR | O_NONBLOCK);
    std::string m;
    ASSERT_EQ(a.read(m), EAGAIN);
    EXPECT_EQ(b.read(m), EBUSY);
}

TEST_F(Read, AStoppedQueueIsAnError) {
    reload("handler=none");
    const Device d;
    const View v(d);
    v.set_position(from_kernel, SHMQ_WRITE_POSITION, 0xffffffff);
    std::string m;
    EXPECT_EQ(d.read(m), EIO);
    EXPECT_EQ(v.state(from_kernel).state, unsigned{SHMQ_QUEUE_CORRUPT});
    EXPECT_EQ(d.read(m), EIO);
    EXPECT_EQ(v.state(to_kernel).state, unsigned{SHMQ_QUEUE_RUNNING});
}

TEST_F(Read, ADamagedMessageIsToldAndSkipped) {
    reload("handler=none");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    Sender s(d, v, from_kernel);
    ASSERT_EQ(s.place("damaged"), SHMQ_OK);
    ASSERT_EQ(s.place("good"), SHMQ_OK);
    v.base(from_kernel)[SHMQ_QUEUE_HEADER + 14] ^= 1; // in the data
    std::string m;
    EXPECT_EQ(d.read(m), EBADMSG);
    EXPECT_EQ(d.read(), "good");
    EXPECT_EQ(d.read(m), EAGAIN);
}

TEST_F(Read, GarbageBeforeAMessageIsSkippedSilently) {
    reload("handler=none");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    Sender s(d, v, from_kernel);
    const std::string garbage(5000, 'g');
    std::string m;
    for (int round = 0; round < 100; round++) {
        ASSERT_EQ(shmq_producer_reserve(&s.end, 5000), SHMQ_OK);
        shmq_producer_put(&s.end, 0, garbage.data(), 5000);
        shmq_producer_commit(&s.end, 5000);
        ASSERT_EQ(s.place("message"), SHMQ_OK);
        ASSERT_EQ(d.read(m), 0);
        ASSERT_EQ(m, "message");
        ASSERT_EQ(d.read(m), EAGAIN);
    }
}

// Without a prefix each byte of it may be a start: it is told once.
TEST_F(Read, GarbageWithoutAPrefixIsToldOnce) {
    reload("handler=none prefix=");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    Sender s(d, v, from_kernel);
    const std::string garbage(300, 'g');
    std::string m;
    for (int round = 0; round < 3; round++) {
        ASSERT_EQ(shmq_producer_reserve(&s.end, 300), SHMQ_OK);
        shmq_producer_put(&s.end, 0, garbage.data(), 300);
        shmq_producer_commit(&s.end, 300);
        EXPECT_NE(d.poll(POLLIN, 0) & POLLIN, 0);
        EXPECT_EQ(d.read(m), EBADMSG);
        EXPECT_EQ(d.read(m), EAGAIN);
        EXPECT_EQ(d.poll(POLLIN, 0), 0);
        ASSERT_EQ(s.place("message"), SHMQ_OK);
        ASSERT_EQ(d.read(m), 0);
        EXPECT_EQ(m, "message");
    }
}

// A program that publishes byte by byte, as the Rust crate may.
TEST_F(Read, HalfAMessageIsNone) {
    reload("handler=none");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    Sender s(d, v, from_kernel);
    ASSERT_EQ(s.place("whole"), SHMQ_OK);
    const std::uint32_t end = v.position(from_kernel, SHMQ_WRITE_POSITION);
    std::string m;
    for (std::uint32_t at = 0; at < end; at++) {
        v.set_position(from_kernel, SHMQ_WRITE_POSITION, at);
        ASSERT_EQ(d.read(m), EAGAIN) << at;
        ASSERT_EQ(v.position(from_kernel, SHMQ_READ_POSITION), 0u);
        ASSERT_EQ(d.poll(POLLIN, 0), 0) << "no message, but POLLIN, at byte " << at;
    }
    v.set_position(from_kernel, SHMQ_WRITE_POSITION, end);
    EXPECT_EQ(d.read(), "whole");
}

// ---- several threads, one file ----

TEST_F(Read, TwoThreadsGetEachMessageOnce) {
    const Device d;
    constexpr unsigned count = 4000;
    std::vector<std::string> got[2];
    auto reading = [&](std::vector<std::string>& mine) {
        std::string m;
        while (d.read(m, 2000) == 0 && m != "end")
            mine.push_back(m);
    };
    std::thread one(reading, std::ref(got[0])), two(reading, std::ref(got[1]));
    for (unsigned i = 0; i < count; i++) {
        const int error = d.write(std::to_string(i) + " " + pattern(i, 1000));
        if (error)
            ADD_FAILURE() << "write: " << std::strerror(error);
    }
    EXPECT_EQ(d.write("end"), 0);
    EXPECT_EQ(d.write("end"), 0);
    one.join();
    two.join();
    std::set<std::string> all;
    for (const auto& mine : got) {
        unsigned last = 0;
        for (const auto& m : mine) {
            EXPECT_TRUE(all.insert(m).second) << "twice: " << m.substr(0, 8);
            const auto n = static_cast<unsigned>(std::stoul(m));
            EXPECT_EQ(m, std::to_string(n) + " " + pattern(n, 1000));
            EXPECT_TRUE(mine.front() == m || n > last) << "out of order";
            last = n;
        }
    }
    EXPECT_EQ(all.size(), count);
}

} // namespace
